"""`teeline read` over captures that somebody made to hurt: an end, no crash,
bounded memory and time, and a sheet that still adds up (helpers/reading.py
checks that each time)."""

import gzip
import os
import random
import struct

import pytest

from helpers import reading, savefile, wraps
from helpers.packets import (ACK, C, MOD, PSH, SYN, TCP, Talk, UDP, fragments4,
                             fragments6, ip4, tcp, udp)
from helpers.program import is_instrumented
from helpers.reading import streams

MIB = 1 << 20
QUEUES = 2 * 8 * MIB  # of the two outputs that reading.read() asks for
FOUR = ("10.1.0.1:40000", "10.2.0.2:80")
SIX = ("[2001:db8::1]:40000", "[2001:db8::2]:80")


def peak(got):
    """Most memory that it took; nothing where that says nothing."""
    if is_instrumented():
        return 0
    return got.sheet["process"]["max_rss_bytes"]


@pytest.fixture(name="resting")
def fixture_resting(teeline, tmp_path):
    """What it takes for one short conversation."""
    return peak(streams(teeline, tmp_path, Talk().whole()))


def syns(count):
    """A SYN of another connection each, as raw IPv4, built in place."""
    packet = bytearray(Talk().syn(C))
    frames = []
    for number in range(count):
        packet[12:16] = struct.pack("!I", 0x0a000000 + number)
        frames.append(bytes(packet))
    return frames


def test_memory_is_our_own(teeline, tmp_path):
    """The figure that these tests trust has nothing of whoever started it:
    this process alone takes more."""
    ballast = b"x" * (64 * MIB)
    got = streams(teeline, tmp_path, Talk().whole())
    assert peak(got) < len(ballast)


@pytest.mark.deadline(120)
def test_flood_of_syns(teeline, tmp_path, resting):
    """100,000 connections, 1,000 allowed at a time."""
    got = streams(teeline, tmp_path, syns(100_000), "--max-concurrent",
                  "1000", deadline=60)
    assert len(got.sessions) == 100_000
    reasons = [one.reason for one in got.sessions]
    assert reasons.count("evicted") == 99_000
    assert not os.path.exists(f"{got.folder}/flows") or not os.listdir(
        f"{got.folder}/flows"), "an empty file for each"
    assert peak(got) < resting + QUEUES + 16 * MIB


@pytest.mark.deadline(180)
def test_flood_of_midstream_data(teeline, tmp_path, resting):
    """The same with data: each holds a byte behind nothing."""
    frames = []
    packet = bytearray(Talk().begin().segment(C, ACK | PSH, b"x"))
    for number in range(30_000):
        packet[12:16] = struct.pack("!I", 0x0a000000 + number)
        frames.append(bytes(packet))
    got = streams(teeline, tmp_path, frames, "--max-concurrent", "100",
                  deadline=120)
    assert all(one.bytes("c2s") == b"x" for one in got.sessions)
    assert peak(got) < resting + QUEUES + 16 * MIB


def test_sequence_jumps(teeline, tmp_path):
    """Numbers all over the place, and a window that allows it: files are no
    longer than offsets that were reached, and cost no disk."""
    talk, dice = Talk(), random.Random(1)
    frames = talk.open(options=b"\3\3\x0e\1")
    for _ in range(2000):
        frames.append(talk.segment(C, ACK | PSH, b"here and there",
                                   seq=dice.randrange(MOD)))
        frames.append(talk.ack(1, ack=dice.randrange(MOD)))
    got = streams(teeline, tmp_path, frames)
    assert len(got.sessions) == 1
    folder = f"{got.folder}/flows"
    assert sum(os.stat(f"{folder}/{name}").st_blocks * 512
               for name in os.listdir(folder)) < 64 * MIB


def test_one_byte_segments_behind_a_hole(teeline, tmp_path, resting):
    """60,000 of one byte, every other first and backwards: what it costs to
    hold them counts against the budget, and nothing is quadratic."""
    talk, size = Talk(), 60_000
    said = random.Random(2).randbytes(size)
    order = [*range(size - 1, 0, -2), *range(size - 2, 0, -2)]
    frames = [*talk.open(), *(talk.at(C, at, said[at:at + 1])
                              for at in order)]
    got = streams(teeline, tmp_path, [*frames, talk.at(C, 0, said[:1])],
                  deadline=10)
    one = got.session
    assert reading.with_zeros(one, "c2s").count(b"\0") >= said.count(b"\0")
    for offset, data in reading.pieces(one, "c2s"):
        assert said[offset:offset + len(data)] == data
    assert got.sheet["bytes"]["c2s"]["received"] == size
    assert peak(got) < resting + 24 * MIB
    got = streams(teeline, tmp_path, frames, "--hold", "65536", deadline=10)
    assert {gap["why"] for gap in got.session.gaps} <= {"budget", "lost"}
    assert peak(got) < resting + 8 * MIB


def test_holes_of_many_sessions(teeline, tmp_path, resting):
    """2,000 sessions with 16 KiB behind a hole each: --hold-total holds."""
    piece = bytes(1024)
    frames = []
    for number in range(2000):
        talk = Talk(f"10.1.{number >> 8}.{number & 255}:40000")
        frames += [talk.syn(C), *(talk.at(C, 1 + at * 1024, piece)
                                  for at in range(16))]
    got = streams(teeline, tmp_path, frames, "--hold-total", str(4 * MIB),
                  deadline=30)
    assert len(got.sessions) == 2000
    assert all(len(one.data["c2s"]) == 16384 for one in got.sessions)
    assert peak(got) < resting + QUEUES + 20 * MIB


def test_overlaps_of_every_kind(teeline, tmp_path):
    """20,000 random pieces over one another, with random bytes."""
    talk, dice = Talk(), random.Random(3)
    frames = talk.open()
    for _ in range(20_000):
        frames.append(talk.at(C, dice.randrange(1, 40_000),
                              dice.randbytes(dice.randrange(1, 200))))
    frames.append(talk.at(C, 0, b"!"))
    for rule in ("first", "last", "linux", "windows", "bsd"):
        got = streams(teeline, tmp_path, frames, "--overlap", rule,
                      deadline=30)
        assert got.session.conflicts
        assert got.sheet["bytes"]["c2s"]["differing"] > 0


@pytest.mark.parametrize("family", [4, 6])
def test_fragments_that_are_never_complete(teeline, tmp_path, resting, family):
    """50,000 first fragments, each of another datagram."""
    talk = Talk(*(FOUR if family == 4 else SIX))
    cut = fragments4 if family == 4 else fragments6
    packet = talk.begin().c(bytes(2000))
    frames = [cut(packet, 1000, ident=number)[0] for number in range(50_000)]
    got = streams(teeline, tmp_path, [*frames, *talk.close()], deadline=30)
    assert got.packets["fragments"] == len(frames)
    assert peak(got) < resting + 80 * MIB


def test_tiny_fragments(teeline, tmp_path):
    """Eight bytes each, 8,000 of them for one datagram, backwards."""
    talk = Talk()
    packet = talk.begin().c(random.Random(4).randbytes(60_000))
    frames = fragments4(packet, 8)[::-1]
    got = streams(teeline, tmp_path, frames, deadline=10)
    received = sum(len(one.data["c2s"]) for one in got.sessions)
    assert received in (0, 60_000)
    if not received:
        assert got.packets["fragments"] == len(frames)


def test_fragments_that_overlap(teeline, tmp_path):
    """Teardrops and rewritten headers: no crash, every packet counted."""
    dice, frames = random.Random(5), []
    talk = Talk().begin()
    packet = talk.c(bytes(3000))
    for number in range(2000):
        offset = dice.randrange(0, 3000, 8)
        frames.append(ip4(
            "10.1.0.1", "10.2.0.2", TCP,
            packet[20 + offset:20 + offset + dice.randrange(1, 800)],
            ident=number // 20, offset=offset, more=dice.random() < 0.8))
    got = streams(teeline, tmp_path, frames)
    assert got.packets["received"] == len(frames)


def test_fragments_beyond_a_datagram(teeline, tmp_path):
    """The ping of death: an end beyond 65,535."""
    frames = [ip4("10.1.0.1", "10.2.0.2", TCP, bytes(800), ident=1,
                  offset=65528, more=False),
              ip4("10.1.0.1", "10.2.0.2", TCP, bytes(65528), ident=1,
                  offset=0, more=True, length=65535)]
    got = streams(teeline, tmp_path, frames)
    assert not got.sessions


def test_headers_within_headers(teeline, tmp_path):
    """A tunnel in a tunnel, as deep as a packet is long; extension headers
    and tags without end."""
    deep = b"no end"
    while len(deep) < 60_000:
        deep = ip4("10.1.0.1", "10.2.0.2", 4, deep)
    six = bytes(40)
    headers = struct.pack("!IHBB", 6 << 28, 60_000, 60, 64) + bytes(32) + (
        bytes([60, 0]) + b"\1\4\0\0\0\0") * 7500
    gre = b"\0\0\x08\0"
    nested = udp((1, 4789), six)
    frames = [deep, headers,
              ip4("10.1.0.1", "10.2.0.2", 47, gre * 1000),
              ip4("10.1.0.1", "10.2.0.2", UDP, nested)]
    got = streams(teeline, tmp_path, frames, "--decap", "16")
    assert got.packets["received"] == 4
    tags = wraps.MACS + b"\x81\0\0\5" * 10_000
    labels = wraps.MACS + b"\x88\x47" + b"\0\6\x40\xff" * 10_000
    got = streams(teeline, tmp_path, [tags, labels],
                  linktype=savefile.ETHERNET)
    assert sum(got.undecodable().values()) + got.packets["not_tcp"] == 2


def noise(dice, size):
    """Random bytes, of which many begin like a header."""
    data = bytearray(dice.randbytes(size))
    start = dice.choice((b"", b"\x45\0", b"\x60\0\0\0", b"\2\0\0\0", b"\x08\2",
                         b"\0\0\x20\0", wraps.MACS + b"\x08\0\x45\0",
                         wraps.MACS + b"\x81\0", wraps.MACS + b"\x86\xdd"))
    data[:len(start)] = start[:size]
    return bytes(data)


@pytest.mark.parametrize("first", range(0, 300, 60))
def test_noise_of_every_link_type(teeline, tmp_path, first):
    """Random packets, link types 0 to 300 in a file of 60 interfaces."""
    dice = random.Random(first)
    linktypes = list(range(first, first + 61))
    frames = [savefile.Frame(noise(dice, dice.randrange(0, 200)),
                             iface=dice.randrange(len(linktypes)))
              for _ in range(20_000)]
    path = savefile.pcapng(tmp_path / "x.pcapng", frames, linktypes)
    got = reading.read(teeline, tmp_path, path, deadline=30)
    assert got.packets["received"] == len(frames)


@pytest.mark.parametrize("name", wraps.WRAPS)
def test_bits_that_fell_over(teeline, tmp_path, name):
    """Good frames of each encapsulation, with some bytes changed, and cut."""
    wrap, dice = wraps.WRAPS[name], random.Random(name)
    frames = []
    for number in range(60):
        talk = Talk(f"10.1.0.{number + 1}:4000")
        for packet in talk.whole(bytes(50), bytes(90)):
            frame = bytearray(wrap.frame(packet))
            for _ in range(dice.randrange(3)):
                at = dice.randrange(min(len(frame), 90))
                frame[at] = dice.randrange(256)
            kept = dice.choice((len(frame), dice.randrange(len(frame))))
            frames.append(savefile.Frame(bytes(frame[:kept]),
                                         wire=len(frame)))
    got = streams(teeline, tmp_path, frames, linktype=wrap.linktype)
    assert got.packets["received"] == len(frames)


@pytest.mark.parametrize("kind", ["pcap", "pcapng"])
def test_files_that_lie(teeline, tmp_path, kind):
    """A good capture file with some of its own bytes changed: exit status 0,
    or 1 with one sentence of where; never more."""
    frames = [*Talk().whole(), *Talk("10.1.0.3:5").whole()]
    good = (savefile.pcap_bytes(frames) if kind == "pcap"
            else savefile.pcapng_bytes(frames))
    dice = random.Random(kind)
    for number in range(150):
        bad = bytearray(good)
        for _ in range(dice.randrange(1, 4)):
            at = dice.randrange(len(bad))
            bad[at] = dice.choice((0, 1, 0x7f, 0x80, 0xff, bad[at] ^ 1))
        path = tmp_path / f"bad-{number}"
        path.write_bytes(bad)
        run = teeline.run("read", "-q", "-f", "summary", path, expect=None)
        status = run.process.returncode
        assert status in (0, 1), run.describe()
        if status:
            assert run.complaints(str(path).encode()), run.describe()


@pytest.mark.parametrize("size", [0x7fffffff, 0xffffffff, 0x10000000])
def test_lengths_beyond_everything(teeline, tmp_path, resting, size):
    """A length is believed only when the bytes are there."""
    record = struct.pack("<IIII", 0, 0, size, size)
    block = struct.pack("<II", 6, size & ~3) + bytes(64)
    for kind, data in (("pcap", savefile.pcap_bytes([]) + record + bytes(99)),
                       ("pcapng", savefile.pcapng_bytes([]) + block)):
        path = tmp_path / f"x.{kind}"
        path.write_bytes(data)
        got = reading.read(teeline, tmp_path, path, expect=1)
        assert got.packets["received"] == 0
        assert peak(got) < resting + 24 * MIB


def test_bomb(teeline, tmp_path, resting):
    """256 MiB of zeros in a quarter of a megabyte is damage, not memory."""
    path = tmp_path / "x.gz"
    with gzip.open(path, "wb", 9) as file:
        file.write(savefile.pcap_bytes([]))
        for _ in range(256):
            file.write(bytes(MIB))
    got = reading.read(teeline, tmp_path, path, expect=None, deadline=60)
    assert got.run.process.returncode in (0, 1)
    assert peak(got) < resting + 40 * MIB


def test_many_interfaces(teeline, tmp_path, resting):
    """100,000 interface descriptions, and one packet."""
    frames = [savefile.Frame(packet, iface=99_999)
              for packet in Talk().whole()]
    path = savefile.pcapng(tmp_path / "x", frames, (savefile.RAW,) * 100_000)
    got = reading.read(teeline, tmp_path, path, expect=None)
    assert got.run.process.returncode in (0, 1)
    assert peak(got) < resting + 100 * MIB


def test_syn_cookies_and_resets_of_a_scan(teeline, tmp_path):
    """A port scan: a session each, refused or reset, no bytes."""
    frames = []
    for port in range(1, 3001):
        talk = Talk(server=f"10.2.0.2:{port}")
        frames += [talk.syn(C), talk.segment(1, 0x14, seq=0)]
    got = streams(teeline, tmp_path, frames)
    assert len(got.sessions) == 3000
    assert {one.reason for one in got.sessions} <= {"rst", "refused"}
    assert got.packets["sessions"] == len(frames)


def test_any_flags_on_few_ports(teeline, tmp_path):
    """SYNs that carry data, on live and on dead four-tuples, in any order."""
    dice, frames = random.Random(6), []
    for _ in range(20_000):
        frames.append(ip4(
            "10.1.0.1", "10.2.0.2", TCP, tcp(
                "10.1.0.1", "10.2.0.2", (dice.randrange(1, 20), 80),
                dice.randrange(MOD), dice.randrange(MOD),
                dice.choice((SYN, SYN | ACK, ACK, ACK | PSH, 1 | ACK, 4, 20)),
                dice.randbytes(dice.randrange(30)))))
    got = streams(teeline, tmp_path, frames, deadline=30)
    assert got.packets["received"] == len(frames)
