"""`teeline read` finds TCP under every link type and tunnel of its manual.

tshark sees the same conversation in each of these captures: that guards the
frames that are made here, not only what is made of them.
"""

import struct

import pytest

from helpers import capture, reading, savefile, wraps
from helpers.packets import (S, Talk, UDP, fragments4, fragments6, ip4, ip6,
                             udp)
from helpers.reading import check_talk, read, streams

FOUR = ("10.1.0.1:40000", "10.2.0.2:80")
SIX = ("[2001:db8::1]:40000", "[2001:db8::2]:80")
FAMILIES = pytest.mark.parametrize("ends", [FOUR, SIX], ids=["4", "6"])
QUESTION = b"GET /" + b"q" * 700
ANSWER = bytes(range(256)) * 5


@FAMILIES
@pytest.mark.parametrize("name", wraps.WRAPS)
def test_found(teeline, tmp_path, name, ends):
    wrap, talk = wraps.WRAPS[name], Talk(*ends)
    # One byte makes the shortest payload: padding would show.
    frames = [wrap.frame(packet) for packet in [
        *talk.open(), talk.c(QUESTION), talk.ack(S), talk.s(ANSWER),
        talk.c(b"!"), *talk.close()]]
    path = savefile.pcap(tmp_path / "x.pcap", frames, wrap.linktype)
    got = read(teeline, tmp_path, path)
    check_talk(got.session, talk)
    assert got.packets["sessions"] == len(frames)
    assert capture.follow(path, 0) == [tuple(map(bytes, talk.said))]


@pytest.mark.parametrize("name", [
    name for name, wrap in wraps.WRAPS.items() if wrap.tunnels])
def test_depth_is_an_option(teeline, tmp_path, name):
    """--decap N opens N layers: with one less nothing is found, and the
    packets are counted."""
    wrap, talk = wraps.WRAPS[name], Talk()
    frames = [wrap.frame(packet) for packet in talk.whole()]
    path = savefile.pcap(tmp_path / "x.pcap", frames, wrap.linktype)
    got = read(teeline, tmp_path, path, "--decap", wrap.tunnels)
    check_talk(got.session, talk)
    got = read(teeline, tmp_path, path, "--decap", wrap.tunnels - 1)
    assert not got.sessions
    assert got.packets["received"] == len(frames)
    assert got.packets["sessions"] == 0


@pytest.mark.parametrize("name", wraps.EXTENSIONS)
def test_extension_headers(teeline, tmp_path, name):
    talk = Talk(*SIX)
    frames = [wraps.with_extensions(packet, name)
              for packet in talk.whole(QUESTION, ANSWER)]
    check_talk(streams(teeline, tmp_path, frames).session, talk)


def jumbo(packet):
    """RFC 2675: the length stands in a hop-by-hop option, not in the
    header."""
    option = struct.pack("!BBBBI", packet[6], 0, 0xc2, 4,
                         len(packet) - 40 + 8)
    return packet[:4] + b"\0\0\0" + packet[7:40] + option + packet[40:]


def test_jumbogram(teeline, tmp_path):
    """More than 64 KiB in a packet, as BIG TCP sends them."""
    talk = Talk(*SIX)
    frames = [*talk.open(), jumbo(talk.c(ANSWER * 60)), talk.ack(S),
              *talk.close()]
    assert len(frames[3]) > 65576
    check_talk(streams(teeline, tmp_path, frames).session, talk)


# --- fragments ---------------------------------------------------------------

def in_fragments(ends, size, order):
    """A talk whose two long packets come in fragments."""
    talk = Talk(*ends)
    cut = fragments4 if ends is FOUR else fragments6
    frames = talk.open()
    for number, packet in enumerate([talk.c(QUESTION), talk.s(ANSWER)]):
        frames += order(cut(packet, size, ident=500 + number))
    return talk, frames + talk.close()


@FAMILIES
@pytest.mark.parametrize("order", [
    list, lambda parts: parts[::-1], lambda parts: parts[1:] + parts[:1],
    lambda parts: [one for part in parts for one in (part, part)]],
    ids=["in_order", "backwards", "first_last", "each_twice"])
@pytest.mark.parametrize("size", [8, 64, 600])
def test_fragments(teeline, tmp_path, ends, size, order):
    """However they come, down to those without a whole TCP header."""
    talk, frames = in_fragments(ends, size, order)
    check_talk(streams(teeline, tmp_path, frames).session, talk)


@FAMILIES
def test_fragments_of_two_datagrams_mixed(teeline, tmp_path, ends):
    talk = Talk(*ends)
    cut = fragments4 if ends is FOUR else fragments6
    frames = talk.open()
    one, two = talk.c(QUESTION), talk.c(ANSWER[:len(QUESTION)])
    for pair in zip(cut(one, 64, ident=1), cut(two, 64, ident=2)):
        frames += pair
    frames += talk.close()
    check_talk(streams(teeline, tmp_path, frames).session, talk)


@FAMILIES
def test_a_fragment_is_missing(teeline, tmp_path, ends):
    """Then the datagram is lost: a gap, and its fragments are counted."""
    talk = Talk(*ends)
    cut = fragments4 if ends is FOUR else fragments6
    frames = [*talk.open(), *cut(talk.c(QUESTION), 64)[:-1],
              talk.c(ANSWER), talk.ack(S), *talk.close()]
    got = streams(teeline, tmp_path, frames)
    assert reading.layout(got.session, "c2s") == ([(0, len(QUESTION))], 0)
    assert got.session.bytes("c2s") == ANSWER
    assert got.packets["fragments"] == len(frames) - 9, got.packets


def test_fragments_in_a_tunnel(teeline, tmp_path):
    """Both the outer and the inner packets come in pieces."""
    talk = Talk()
    frames = []
    for number, packet in enumerate(talk.whole(QUESTION, ANSWER)):
        for part, inner in enumerate(fragments4(packet, 400, ident=number)):
            outer = ip4(*wraps.OUTER4, 4, inner)
            frames += fragments4(outer, 160, ident=number * 16 + part)
    check_talk(streams(teeline, tmp_path, frames).session, talk)


# --- what is not TCP, and what is not known ----------------------------------

def test_other_protocols_are_counted(teeline, tmp_path):
    """UDP, ICMP, ARP: no sessions, no errors."""
    arp = wraps.ether(bytes(28), 0x0806)
    frames = [
        wraps.ethernet(ip4("10.0.0.1", "10.0.0.2", UDP, udp((1, 2), b"x"))),
        wraps.ethernet(ip4("10.0.0.1", "10.0.0.2", 1, b"\x08\0" + bytes(6))),
        wraps.ethernet(ip6("2001:db8::1", "2001:db8::2", 58, bytes(8))), arp]
    got = streams(teeline, tmp_path, frames, linktype=savefile.ETHERNET)
    assert not got.sessions
    assert got.packets["not_tcp"] == len(frames), got.packets


def test_quoted_in_an_icmp_error(teeline, tmp_path):
    """What an error quotes is no conversation."""
    quoted = Talk().whole()[3]
    frame = ip4("10.0.0.9", "10.1.0.1", 1, b"\x03\x01" + bytes(6) + quoted)
    got = streams(teeline, tmp_path, [frame] * 3)
    assert not got.sessions
    assert got.packets["not_tcp"] == 3


def test_unknown_link_type(teeline, tmp_path):
    """Counted by that reason, and nothing is guessed."""
    got = streams(teeline, tmp_path, Talk().whole(), linktype=147)
    assert not got.sessions
    assert got.undecodable() == {"link_type": len(Talk().whole())}


def test_link_types_mixed_in_one_file(teeline, tmp_path):
    """A pcapng file of an interface per link type, packets in turn: one
    conversation, heard here and there."""
    talk = Talk()
    kinds = [wrap for wrap in wraps.WRAPS.values()]
    linktypes = sorted({wrap.linktype for wrap in kinds})
    frames = []
    packets = talk.open()
    for number in range(len(kinds)):
        packets.append(talk.c(b"%04d" % number * 20))
    packets += talk.close()
    for number, packet in enumerate(packets):
        wrap = kinds[number % len(kinds)]
        frames.append(savefile.Frame(
            wrap.frame(packet), iface=linktypes.index(wrap.linktype)))
    path = savefile.pcapng(tmp_path / "x.pcapng", frames, linktypes)
    check_talk(read(teeline, tmp_path, path).session, talk)
