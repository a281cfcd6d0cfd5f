"""`teeline read` and `-w`: every variant of pcap and pcapng files, written by
helpers/savefile.py, which shares nothing with the program."""

import gzip
import os
import struct
import subprocess

import pytest

from helpers import savefile, wraps
from helpers.packets import Talk, data
from helpers.reading import check_talk, read
from helpers.real import run
from helpers.savefile import (ETHERNET, RAW, START_NS, Frame, block, enhanced,
                              interface, option, section)
from helpers.wait import wait_until

START_TEXT = "2023-11-14T22:13:20."


def conversation():
    talk = Talk()
    return talk, talk.whole(data(2000), data(3000, 1))


def opened(got):
    return got.session.open["ts"]


def write(folder, *parts):
    path = folder / "x"
    path.write_bytes(b"".join(parts))
    return path


# --- pcap --------------------------------------------------------------------

@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("nano", [False, True], ids=["us", "ns"])
def test_pcap(teeline, tmp_path, order, nano):
    """Both byte orders, both units of time."""
    talk, frames = conversation()
    frames[0] = Frame(frames[0], START_NS + 123456789)
    path = savefile.pcap(tmp_path / "x", frames, order=order, nano=nano)
    got = read(teeline, tmp_path, path)
    check_talk(got.session, talk)
    assert opened(got) == START_TEXT + (
        "123456789Z" if nano else "123456000Z")


def test_pcap_link_type_with_fcs_bits(teeline, tmp_path):
    """The upper bits of the field say how long a frame check sequence is;
    they are not part of the number."""
    talk, frames = conversation()
    path = savefile.pcap(tmp_path / "x", frames, RAW | 0x24000000)
    check_talk(read(teeline, tmp_path, path).session, talk)


def test_pcap_modified(teeline, tmp_path):
    """Kuznetzov's: record headers of 24 bytes."""
    talk, frames = conversation()
    text = bytearray(savefile.pcap_bytes([]))
    text[:4] = struct.pack("<I", 0xa1b2cd34)
    for number, packet in enumerate(frames):
        text += struct.pack("<IIIIIHBB", 1_700_000_000, number, len(packet),
                            len(packet), 1, 0x0800, 0, 0) + packet
    check_talk(read(teeline, tmp_path, write(tmp_path, text)).session, talk)


def test_pcap_beyond_2038(teeline, tmp_path):
    """Seconds are unsigned: until 2106."""
    talk, frames = conversation()
    frames = [Frame(one, 4_000_000_000 * 10**9) for one in frames]
    got = read(teeline, tmp_path, savefile.pcap(tmp_path / "x", frames))
    check_talk(got.session, talk)
    assert opened(got) == "2096-10-02T07:06:40.000000000Z"


def test_pcap_of_nothing(teeline, tmp_path):
    """A file without packets is a good file."""
    got = read(teeline, tmp_path, savefile.pcap(tmp_path / "x", []))
    assert not got.sessions
    assert got.packets["received"] == 0


# --- pcapng ------------------------------------------------------------------

@pytest.mark.parametrize("order", "<>")
def test_pcapng(teeline, tmp_path, order):
    talk, frames = conversation()
    frames[0] = Frame(frames[0], START_NS + 123456789)
    path = savefile.pcapng(tmp_path / "x", frames, order=order)
    got = read(teeline, tmp_path, path)
    check_talk(got.session, talk)
    assert opened(got) == START_TEXT + "123456789Z"


@pytest.mark.parametrize("value,per_second", [
    (0, 1), (3, 10**3), (6, 10**6), (9, 10**9), (10, 10**10),
    (0x80, 1), (0x8a, 2**10), (0x94, 2**20), (0xa0, 2**32), (None, 10**6)])
def test_resolution_of_time(teeline, tmp_path, value, per_second):
    """if_tsresol: powers of ten and of two; without it microseconds."""
    talk, frames = conversation()
    options = b"" if value is None else option(9, bytes([value]))
    offset = 1_700_000_000 if per_second > 10**9 else 0
    if offset:
        options += option(14, struct.pack("<q", offset))
    ticks = (1_700_000_000 - offset) * per_second + per_second // 4
    parts = [section(), interface(options=options + option(0, b""))]
    parts += [enhanced(Frame(one, wire=len(one)), ticks) for one in frames]
    got = read(teeline, tmp_path, write(tmp_path, *parts))
    check_talk(got.session, talk)
    assert opened(got) == START_TEXT + (
        "000000000Z" if per_second == 1 else "250000000Z")


def test_sections(teeline, tmp_path):
    """Each has its own byte order and its own interfaces, numbered anew:
    one stream of packets."""
    talk, frames = conversation()
    parts = []
    for number, packet in enumerate(frames):
        order = "<>"[number % 2]
        other = number % 3 == 0
        parts += [section(order), *([interface(147, order=order)] * other),
                  interface(ETHERNET, order=order),
                  enhanced(Frame(wraps.ethernet(packet), iface=int(other),
                                 wire=len(packet) + 14), number, order)]
    got = read(teeline, tmp_path, write(tmp_path, *parts))
    check_talk(got.session, talk)
    assert got.packets["received"] == len(frames)


def test_blocks_of_every_kind(teeline, tmp_path):
    """Statistics, names, secrets, comments, unknown ones and those of a
    vendor lie between; the old packet block and the simple one are read."""
    talk, frames = conversation()
    comment = option(1, b"a comment") + option(0, b"")
    between = [
        block(5, struct.pack("<III", 0, 0, 0) + option(4, bytes(8))),
        block(4, struct.pack("<HH", 1, 8) + b"\x0a\1\0\1abc\0" + bytes(4)),
        block(10, struct.pack("<II", 0x544c534b, 4) + b"keys"),
        block(0xbad, struct.pack("<I", 32473) + b"vendor"),
        block(0x7fff1234, b"nobody knows"), block(0x80000001, b"")]
    parts = [section(options=comment),
             interface(options=option(2, b"eth0\0") + comment)]
    for number, packet in enumerate(frames):
        one = Frame(packet, wire=len(packet))
        parts.append(between[number % len(between)])
        if number % 3 == 0:
            parts.append(enhanced(one, number, options=comment))
        elif number % 3 == 1:
            parts.append(block(3, struct.pack("<I", len(packet)) + packet))
        else:
            parts.append(block(2, struct.pack(
                "<HHIIII", 0, 0xffff, 0, number, len(packet), len(packet))
                + packet))
    got = read(teeline, tmp_path, write(tmp_path, *parts))
    check_talk(got.session, talk)
    assert got.packets["received"] == len(frames)


def test_simple_packets_are_cut_by_the_snapshot_length(teeline, tmp_path):
    """Their captured length stands nowhere else."""
    talk = Talk()
    frames = [*talk.open(), talk.c(data(1000)), talk.c(data(10, 1)),
              *talk.close()]
    parts = [section(), interface(snaplen=640)]
    for packet in frames:
        parts.append(block(3, struct.pack("<I", len(packet)) + packet[:640]))
    got = read(teeline, tmp_path, write(tmp_path, *parts))
    check_talk(got.session, talk, gaps=([(600, 400)], []))
    assert [gap["why"] for gap in got.session.gaps] == ["snaplen"]


# --- damage ------------------------------------------------------------------

def damaged(teeline, folder, path, offset):
    """Everything before was read, and one line says where it ended."""
    got = read(teeline, folder, path, expect=1)
    lines = got.run.complaints(os.fsencode(path))
    assert len(lines) == 1, got.run.describe()
    found = [int(word) for word in lines[0].replace(b",", b"").replace(
        b":", b" ").replace(b")", b" ").split() if word.isdigit()]
    assert offset in found, lines
    return got


@pytest.mark.parametrize("kind", ["pcap", "pcapng"])
def test_cut_off(teeline, tmp_path, kind):
    """In the middle of a packet: named by where the torn record begins."""
    talk, frames = conversation()
    make = savefile.pcap_bytes if kind == "pcap" else savefile.pcapng_bytes
    whole, less = make(frames), make(frames[:-1])
    path = write(tmp_path, whole[:-3])
    got = damaged(teeline, tmp_path, path, len(less))
    assert got.packets["received"] == len(frames) - 1
    assert got.session.bytes("c2s") == bytes(talk.said[0])
    assert got.session.bytes("s2c") == bytes(talk.said[1])


@pytest.mark.parametrize("tool", ["gzip", "zstd"])
def test_damage_in_a_packed_file(teeline, tmp_path, tool):
    """The offset is that of the unpacked data."""
    _, frames = conversation()
    good = savefile.pcap_bytes(frames[:-1])
    path = tmp_path / "x.packed"
    path.write_bytes(run(tool, "-c", input=savefile.pcap_bytes(frames)[:-3]))
    got = damaged(teeline, tmp_path, path, len(good))
    assert got.packets["received"] == len(frames) - 1


@pytest.mark.parametrize("tool", ["gzip", "zstd"])
def test_packed_file_that_is_cut(teeline, tmp_path, tool):
    """What could be unpacked is delivered."""
    talk = Talk()
    frames = [*talk.open(), *talk.stream(0, data(600_000))]
    packed = run(tool, "-c", input=savefile.pcap_bytes(frames))
    path = write(tmp_path, packed[:len(packed) * 2 // 3])
    got = read(teeline, tmp_path, path, expect=1)
    assert len(got.run.complaints(os.fsencode(path))) == 1
    assert 100_000 < len(got.session.bytes("c2s")) < 600_000
    assert bytes(talk.said[0]).startswith(got.session.bytes("c2s"))


@pytest.mark.parametrize("text", [
    b"", b"\x7fELF" + bytes(100), b"just some text\n" * 20, b"\xd4\xc3",
    bytes(1000)], ids=["empty", "program", "text", "two_bytes", "zeros"])
def test_not_a_capture_file(teeline, tmp_path, text):
    path = write(tmp_path, text)
    done = teeline.run("read", path, expect=1)
    assert len(done.complaints(os.fsencode(path))) == 1, done.describe()
    assert done.out == b""


def test_the_other_files_are_read(teeline, tmp_path):
    """Damage ends the reading of its own file only."""
    talk, frames = conversation()
    one = tmp_path / "one"
    one.write_bytes(savefile.pcap_bytes(frames[:4]) + b"torn")
    two = savefile.pcap(tmp_path / "two", frames[4:])
    got = read(teeline, tmp_path, [one, two], expect=1)
    check_talk(got.session, talk)


# --- several, and packed -----------------------------------------------------

def test_files_are_one_stream(teeline, tmp_path):
    """Conversations go on from file to file, whatever kind each is."""
    talk, frames = conversation()
    paths = []
    for number, packet in enumerate(frames):
        path = tmp_path / f"part-{number}"
        kind = number % 4
        if kind == 0:
            savefile.pcap(path, [packet])
        elif kind == 1:
            savefile.pcapng(path, [wraps.sll2(packet)], (wraps.SLL2,))
        elif kind == 2:
            path.write_bytes(gzip.compress(savefile.pcap_bytes(
                [wraps.ethernet(packet)], ETHERNET)))
        else:
            path.write_bytes(run("zstd", "-c", input=savefile.pcapng_bytes(
                [packet], order=">")))
        paths.append(path)
    got = read(teeline, tmp_path, paths)
    check_talk(got.session, talk)
    with open(paths[1], "rb") as file:
        got = read(teeline, tmp_path, [paths[0], "-", *paths[2:]], stdin=file)
    check_talk(got.session, talk)


@pytest.mark.parametrize("tool", ["gzip", "zstd"])
def test_packed_parts_one_after_the_other(teeline, tmp_path, tool):
    """Members and frames: as `cat a.gz b.gz` makes them."""
    talk, frames = conversation()
    whole = savefile.pcap_bytes(frames)
    parts = [run(tool, "-c", input=whole[at:at + 1000])
             for at in range(0, len(whole), 1000)]
    check_talk(read(teeline, tmp_path, write(tmp_path, *parts)).session, talk)


def test_pipe_that_trickles(teeline, tmp_path):
    """What has come is told at once, not when a block is full."""
    talk, frames = conversation()
    whole = savefile.pcap_bytes(frames)
    end = len(savefile.pcap_bytes(frames[:4]))
    ours, theirs = os.pipe()
    done = teeline.start("read", "-f", "raw", "-", ready=None, stdin=ours)
    os.close(ours)
    os.write(theirs, whole[:end])
    wait_until(lambda: done.out == bytes(talk.said[0]), 10, "the question")
    for at in range(end, len(whole)):
        os.write(theirs, whole[at:at + 1])
    os.close(theirs)
    done.wait()
    assert done.out == bytes(talk.said[0] + talk.said[1])


def test_reader_that_takes_its_time(teeline, tmp_path):
    """A pager at the end of a file is no reason to drop what it has not
    shown yet, however long that takes."""
    talk = Talk()
    frames = [*talk.open(), *talk.stream(0, data(400_000)), *talk.close()]
    path = savefile.pcap(tmp_path / "x", frames)
    ours, theirs = os.pipe()
    done = teeline.start("read", "-q", "-f", "raw", "--drain-time", "0.1",
                         "--stats", tmp_path / "sheet", path, ready=None,
                         stdout=theirs)
    os.close(theirs)
    text = os.read(ours, 1)
    with pytest.raises(subprocess.TimeoutExpired):  # the reader's pause
        done.process.wait(1)
    while part := os.read(ours, 65536):
        text += part
    os.close(ours)
    done.wait()
    assert text == bytes(talk.said[0])


# --- out again ---------------------------------------------------------------

def packets_of(path):
    return [(one.linktype, one.ts_ns, one.wire, one.data)
            for one in savefile.load(path)]


def test_written_as_captured(teeline, tmp_path):
    """-w keeps link types, nanoseconds, true lengths and order, also of
    packets that are of no session; Wireshark reads it."""
    talk, frames = conversation()
    mixed = []
    for number, packet in enumerate(frames):
        frame = wraps.ethernet(packet) if number % 2 else wraps.sll2(packet)
        mixed.append(Frame(frame[:300], START_NS + number * 7, len(frame),
                           number % 2))
    mixed.append(Frame(b"nothing that anybody knows", START_NS + 99, 2000, 1))
    path = savefile.pcapng(tmp_path / "x", mixed, (wraps.SLL2, ETHERNET))
    again = tmp_path / "again.pcapng"
    read(teeline, tmp_path, path, "-w", again)
    assert packets_of(again) == packets_of(path)
    rows = run("tshark", "-n", "-r", again, "-T", "fields", "-e", "frame.len",
               "-e", "frame.cap_len", "-e", "frame.time_epoch").decode()
    assert [row.split("\t") for row in rows.splitlines()] == [
        [str(one.wire), str(len(one.data)),
         f"{one.ts_ns // 10**9}.{one.ts_ns % 10**9:09}"] for one in mixed]


def test_written_as_pcap(teeline, tmp_path):
    """By its ending, with nanoseconds where there are some."""
    _, frames = conversation()
    frames[0] = Frame(frames[0], START_NS + 123456789)
    path = savefile.pcapng(tmp_path / "x", frames)
    read(teeline, tmp_path, path, "-w", tmp_path / "again.pcap")
    assert packets_of(tmp_path / "again.pcap") == packets_of(path)


def test_written_what_passes_the_filter(teeline, tmp_path):
    one, two = Talk("10.1.0.1:1111"), Talk("10.1.0.2:2222")
    frames = [packet for pair in zip(one.whole(), two.whole())
              for packet in pair]
    path = savefile.pcap(tmp_path / "x", frames)
    again = tmp_path / "again.pcapng"
    read(teeline, tmp_path, [path, "--", "tcp", "port", "2222"], "-w", again)
    assert [packet[3] for packet in packets_of(again)] == frames[1::2]


def test_written_to_stdout(teeline, tmp_path):
    """-w - feeds another program, and nothing else is printed."""
    talk, frames = conversation()
    path = savefile.pcap(tmp_path / "x", frames)
    done = teeline.run("read", "-w", "-", path)
    (tmp_path / "again").write_bytes(done.out)
    assert packets_of(tmp_path / "again") == packets_of(path)
    again = subprocess.run([teeline.path, "read", "-f", "raw", "-"],
                           input=done.out, stdout=subprocess.PIPE,
                           check=True, timeout=20).stdout
    assert again == bytes(talk.said[0] + talk.said[1])
