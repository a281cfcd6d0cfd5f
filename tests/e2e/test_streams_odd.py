"""`teeline read` over conversations made for it: packets that are cut or
lie, probes, resets, ports that come again, time and limits.
"""

import pytest

from helpers import reading, savefile
from helpers.packets import (ACK, C, FIN, PSH, S, SYN, TCP, Talk, data, ip)
from helpers.reading import check_talk, streams
from helpers.savefile import Frame, at


# --- packets that are cut, padded or lie -------------------------------------

def test_snaplen(teeline, tmp_path):
    """Cut packets: what is missing is a gap of its own kind."""
    talk = Talk()
    frames = talk.open()
    for number in range(4):
        packet = talk.c(data(1000, number))
        frames.append(Frame(packet[:40 + 600], wire=len(packet)))
    frames += [talk.ack(S), *talk.close()]
    got = streams(teeline, tmp_path, frames)
    holes = [(n * 1000 + 600, 400) for n in range(3)]
    check_talk(got.session, talk, gaps=(holes, []), tails=(400, 0))
    assert {gap["why"] for gap in got.session.gaps} == {"snaplen"}


def test_snaplen_filled_by_another_copy(teeline, tmp_path):
    """A whole retransmission of what was cut, while it can still be used."""
    talk = Talk()
    frames = talk.open()
    talk.c(data(100))
    packet = talk.c(data(1000, 1))
    frames += [Frame(packet[:640], wire=len(packet)), packet,
               talk.at(C, 0, data(100)), talk.ack(S), *talk.close()]
    check_talk(streams(teeline, tmp_path, frames).session, talk)


def test_headers_only(teeline, tmp_path):
    """Cut right behind the TCP header: all sizes are still known."""
    talk = Talk()
    frames = talk.open()
    packets = [talk.c(data(1000)), talk.s(data(5000, 1)), talk.ack(C)]
    frames += [Frame(packet[:40], wire=len(packet)) for packet in packets]
    frames += talk.close()
    one = streams(teeline, tmp_path, frames).session
    check_talk(one, talk, tails=(1000, 5000))


def test_zero_length_of_a_super_segment(teeline, tmp_path):
    """Total length 0, as segmentation offload leaves it: what was captured
    counts."""
    talk = Talk()
    said = data(70000)
    frames = talk.open()
    packet = bytearray(talk.c(said[:60000]))
    packet[2:4] = b"\0\0"
    frames += [bytes(packet), talk.c(said[60000:]), talk.ack(S),
               *talk.close()]
    check_talk(streams(teeline, tmp_path, frames).session, talk)


def test_jumbogram_length_zero(teeline, tmp_path):
    """The same for IPv6 (BIG TCP without the option)."""
    talk = Talk("[2001:db8::1]:40000", "[2001:db8::2]:80")
    frames = talk.open()
    packet = bytearray(talk.c(data(60000)))
    packet[4:6] = b"\0\0"
    frames += [bytes(packet), talk.ack(S), *talk.close()]
    check_talk(streams(teeline, tmp_path, frames).session, talk)


def test_bad_checksums_are_taken(teeline, tmp_path):
    """Checksum offload: captured by the sender, before it was made."""
    talk = Talk()
    frames = [*talk.open(), talk.c(data(100), bad_checksum=True),
              talk.s(data(200, 1)), *talk.close()]
    got = streams(teeline, tmp_path, frames)
    check_talk(got.session, talk)


def test_trailing_bytes(teeline, tmp_path):
    """What follows the IP packet in its frame is not payload."""
    talk = Talk()
    frames = [packet + b"\xee" * (number % 9)
              for number, packet in enumerate(talk.whole())]
    check_talk(streams(teeline, tmp_path, frames).session, talk)


def test_ip_options(teeline, tmp_path):
    talk = Talk()
    frames = []
    for packet in talk.whole(data(300), data(30, 1)):
        frames.append(ip("10.1.0.1" if packet[12:16] == b"\x0a\1\0\1"
                         else "10.2.0.2", "10.2.0.2"
                         if packet[12:16] == b"\x0a\1\0\1" else "10.1.0.1",
                         TCP, packet[20:], options=b"\1" * 8))
    check_talk(streams(teeline, tmp_path, frames).session, talk)


def test_tcp_options(teeline, tmp_path):
    """Options of every length up to the most there can be."""
    talk = Talk()
    frames = [*talk.open(options=b"\2\4\5\xb4\3\3\7\4\2")]
    frames += [talk.c(data(10 + size, size), options=b"\1" * size)
               for size in range(0, 41)]
    frames += [talk.ack(S), *talk.close()]
    check_talk(streams(teeline, tmp_path, frames).session, talk)


def test_header_that_lies(teeline, tmp_path):
    """A data offset below 5 words, or beyond the packet: undecodable, and
    counted; the session is as if they had not come."""
    talk = Talk()
    bad = []
    for words in (0, 4, 15):
        packet = bytearray(talk.at(C, 0, b"lies"))
        packet[20 + 12] = words << 4
        bad.append(bytes(packet))
    frames = [*talk.open(), *bad, talk.c(b"truth"), *talk.close()]
    got = streams(teeline, tmp_path, frames)
    check_talk(got.session, talk)
    assert sum(got.undecodable().values()) == 3, got.undecodable()


# --- windows, probes, resets -------------------------------------------------

def test_keep_alive(teeline, tmp_path):
    """A probe repeats the byte before the next, or a garbage byte in its
    place, or none: nothing new."""
    talk = Talk()
    frames = [*talk.open(), talk.c(b"hello")]
    for probe in (b"o", b"\0", b""):
        frames += [talk.segment(C, ACK, probe, seq=talk.next[C] - 1),
                   talk.ack(S)]
    frames += [talk.c(b" again"), talk.ack(S), *talk.close()]
    check_talk(streams(teeline, tmp_path, frames).session, talk)


def test_keep_alive_before_any_data(teeline, tmp_path):
    """The garbage byte then lies at the SYN's place: before the stream."""
    talk = Talk()
    frames = [*talk.open(), talk.segment(C, ACK, b"\0", seq=talk.isn[C]),
              talk.ack(S), talk.c(b"hello"), talk.ack(S), *talk.close()]
    check_talk(streams(teeline, tmp_path, frames).session, talk)


def test_zero_window_probe(teeline, tmp_path):
    """A probe carries one true byte, which comes again when there is room."""
    talk = Talk()
    said = data(2000)
    frames = [*talk.open(), talk.c(said[:1000]), talk.ack(S, window=0),
              talk.at(C, 1000, said[1000:1001]), talk.ack(S, window=0),
              talk.at(C, 1000, said[1000:1001]), talk.ack(S, window=0),
              talk.ack(S), talk.c(said[1000:]), talk.ack(S), *talk.close()]
    check_talk(streams(teeline, tmp_path, frames).session, talk)


@pytest.mark.parametrize("distance", [-1_000_000, 100_000_000, 2**31 - 1])
def test_reset_outside_of_the_window(teeline, tmp_path, distance):
    """Somebody guessed: the session lives on (RFC 5961, section 3)."""
    talk = Talk()
    frames = [*talk.open(), talk.c(b"before"), talk.ack(S),
              talk.rst(C, seq=talk.next[C] + distance), talk.c(b" and after"),
              talk.ack(S), *talk.close()]
    check_talk(streams(teeline, tmp_path, frames).session, talk)


@pytest.mark.parametrize("distance", [-500_000_000, 500_000_000, 2**31])
def test_data_outside_of_the_window(teeline, tmp_path, distance):
    """A wild sequence number makes no hole of half a gigabyte."""
    talk = Talk()
    wild = talk.segment(C, ACK, b"wild", seq=talk.isn[C] + 1 + distance)
    frames = [*talk.open(), talk.c(b"before"), talk.ack(S), wild,
              talk.c(b" and after"), talk.ack(S), *talk.close()]
    got = streams(teeline, tmp_path, frames)
    check_talk(got.session, talk)
    assert got.sheet["bytes"]["c2s"]["strays"] == 4


def test_data_after_fin(teeline, tmp_path):
    """Not delivered, but counted (decision 19)."""
    talk = Talk()
    frames = [*talk.open(), talk.c(b"all of it"), talk.fin(C)]
    frames += [talk.segment(C, ACK | PSH, b"more?"), talk.ack(S),
               talk.fin(S), talk.ack(C)]
    got = streams(teeline, tmp_path, frames)
    check_talk(got.session, talk)
    assert got.sheet["bytes"]["c2s"]["strays"] == 5


def test_data_after_rst(teeline, tmp_path):
    talk = Talk()
    frames = [*talk.open(), talk.c(b"all of it"), talk.ack(S), talk.rst(S)]
    frames += [talk.segment(C, ACK | PSH, b"more?")]
    got = streams(teeline, tmp_path, frames)
    check_talk(got.session, talk, reason="rst")
    assert got.packets["strays"] >= 1


def test_stragglers_make_no_ghosts(teeline, tmp_path):
    """After the close: repeated FINs, ACKs, even old data."""
    talk = Talk()
    frames = talk.whole(data(100), data(100, 1))
    frames += [talk.segment(S, FIN | ACK, seq=talk.next[S] - 1), talk.ack(C),
               talk.at(C, 0, data(100)), talk.ack(S), talk.ack(C)]
    got = streams(teeline, tmp_path, frames)
    check_talk(got.session, talk)


def test_stragglers_after_a_reset(teeline, tmp_path):
    talk = Talk()
    frames = [*talk.open(), talk.c(b"question"), talk.rst(C),
              talk.s(data(1000)), talk.s(data(1000, 1)), talk.rst(C)]
    got = streams(teeline, tmp_path, frames)
    one = got.session
    assert one.bytes("c2s") == b"question"
    assert one.reason == "rst"


@pytest.mark.parametrize("pause", [0.001, 30, 3600])
def test_port_reuse_after_the_end(teeline, tmp_path, pause):
    """The same four numbers again: another session, whatever the pause."""
    first, second = Talk(), Talk(isn=(9_000_000, 8_000_000))
    frames = [at(n / 1000, packet) for n, packet in enumerate(
        first.whole(data(200), data(300, 1)))]
    frames += [at(1 + pause + n / 1000, packet) for n, packet in enumerate(
        second.whole(data(400, 2), data(500, 3)))]
    got = streams(teeline, tmp_path, frames)
    assert len(got.sessions) == 2
    check_talk(got.sessions[0], first)
    check_talk(got.sessions[1], second)


def test_port_reuse_of_a_live_one(teeline, tmp_path):
    """The old one never ended: a new handshake that is answered ends it."""
    first, second = Talk(), Talk(isn=(900_000_000, 8_000_000))
    frames = [*first.open(), first.c(data(100)), first.s(data(100, 1)),
              *second.whole(data(200, 2), data(200, 3))]
    got = streams(teeline, tmp_path, frames)
    assert len(got.sessions) == 2
    check_talk(got.sessions[0], first, reason=got.sessions[0].reason)
    check_talk(got.sessions[1], second)


def test_syn_that_nobody_answered_changes_nothing(teeline, tmp_path):
    """A forged SYN on a live connection: the session goes on."""
    talk = Talk()
    forged = talk.segment(C, SYN, seq=123456)
    frames = [*talk.open(), talk.c(data(100)), forged, talk.ack(S),
              talk.s(data(100, 1)), talk.c(data(100, 2)), *talk.close()]
    check_talk(streams(teeline, tmp_path, frames).session, talk)


def test_to_itself(teeline, tmp_path):
    """Both ends have the same address: the ports tell the directions."""
    talk = Talk("127.0.0.1:40000", "127.0.0.1:80")
    check_talk(streams(teeline, tmp_path, talk.whole()).session, talk)


# --- time and limits ---------------------------------------------------------

def test_time_goes_back(teeline, tmp_path):
    """Stamps in no order are what the capture says: order is the file's."""
    talk = Talk()
    frames = [at(100 - number, packet) for number, packet
              in enumerate(talk.whole(data(100), data(100, 1)))]
    check_talk(streams(teeline, tmp_path, frames).session, talk)


def test_years_of_silence(teeline, tmp_path):
    """A file may hold them: no idle timeout unless asked (decision 39)."""
    talk = Talk()
    frames = [at(number * 365 * 86400, packet) for number, packet
              in enumerate(talk.whole(data(100), data(100, 1)))]
    check_talk(streams(teeline, tmp_path, frames).session, talk)


def test_idle_timeout(teeline, tmp_path):
    talk, other = Talk(), Talk("10.1.0.9:40000")
    frames = [at(0, packet) for packet in [*talk.open(), talk.c(data(100))]]
    frames += [at(30, packet) for packet in other.whole()]
    got = streams(teeline, tmp_path, frames, "--idle-timeout", "10")
    found = {one.client: one for one in got.sessions}
    check_talk(found[talk.client], talk, reason="timeout")
    check_talk(found[other.client], other)


def test_max_concurrent(teeline, tmp_path):
    """The one that was silent longest makes room."""
    talks = [Talk(f"10.1.0.{n}:40000") for n in range(1, 6)]
    frames = [packet for talk in talks
              for packet in [*talk.open(), talk.c(data(50))]]
    got = streams(teeline, tmp_path, frames, "--max-concurrent", "3")
    reasons = [one.reason for one in got.sessions]
    assert reasons == ["evicted", "evicted", "stop", "stop", "stop"]
    for one, talk in zip(got.sessions, talks):
        check_talk(one, talk, reason=one.reason)


def test_packet_limit(teeline, tmp_path):
    """-c N reads so many packets and no more."""
    talk = Talk()
    got = streams(teeline, tmp_path, talk.whole(data(10), data(10)), "-c", "4")
    assert got.packets["received"] == 4
    assert got.session.bytes("c2s") == data(10)
    assert got.session.bytes("s2c") == b""


def test_filter(teeline, tmp_path):
    """pcap-filter(7) after --, over addresses and ports."""
    one, two = Talk("10.1.0.1:1111"), Talk("10.1.0.2:2222")
    path = savefile.pcap(tmp_path / "x.pcap", [*one.whole(), *two.whole()])
    got = reading.read(teeline, tmp_path, [path, "--", "port", "2222"])
    check_talk(got.session, two)
    assert got.packets["received"] == len(two.whole())
