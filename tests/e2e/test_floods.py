"""Floods of packets on a wire, beside a conversation of ordinary people.

What is heard of these is exact, what is kept of a flood is bounded, and each
packet of it is in the sheet.  Floods in files: test_hostile_captures.py.
"""

import json
import random
import re
import struct
import subprocess
import sys

import pytest

from helpers import flood, savefile
from helpers.hearing import Tap
from helpers.packets import (C, MOD, RST, TCP, Talk, fragments4,
                             ip4, tcp)
from helpers.peers import Background
from helpers.program import is_instrumented
from helpers.wait import wait_until

MIB = 1 << 20
COUNT = 10_000
ETHERNET = b"\2\0\0\0\0\1" + b"\2\0\0\0\0\2" + b"\x08\0"
# Nobody has these addresses: what a flood is about is not answered.
NOBODY = "198.18.0.1"
LIMITS = ("--max-concurrent", "1000", "--hold", "64KiB", "--hold-total",
          "4MiB", "-B", "131072", "--drain-time", "60")
ROOM = 48 * MIB     # queues of two outputs, and what the limits allow


def numbered(packet):
    """The same packet from COUNT addresses."""
    packet = bytearray(packet)
    for number in range(COUNT):
        packet[12:16] = struct.pack("!I", 0x0b000000 + number)
        yield bytes(packet)


def talk():
    return Talk(server=f"{NOBODY}:80")


def syns():
    """Each opens a session."""
    return numbered(talk().syn(C))


def resets():
    """Of connections that there are not, and of one that there is, always
    out of its window."""
    one, dice = talk(), random.Random(1)
    yield from one.open()
    yield from numbered(talk().begin().rst(C))
    for _ in range(COUNT // 4):
        yield one.segment(C, RST, seq=dice.randrange(MOD))


def overlaps():
    """Over one another, all of them, behind a hole that stays, and never
    the same bytes."""
    one, dice = talk(), random.Random(2)
    yield from one.open()
    for _ in range(COUNT // 2):
        yield one.at(C, dice.randrange(1, 30_000),
                     dice.randbytes(dice.randrange(1, 300)))


def fragments():
    """Eight bytes each, of datagrams that never become whole."""
    packet = talk().begin().c(bytes(64))
    for number in range(COUNT // 8):
        yield from fragments4(packet, 8, ident=number)[:-1]


def anything():
    """Any flags and numbers on a few ports."""
    dice = random.Random(3)
    for _ in range(COUNT // 2):
        yield ip4("11.1.0.1", NOBODY, TCP, tcp(
            "11.1.0.1", NOBODY, (dice.randrange(1, 2000), 80),
            dice.randrange(MOD), dice.randrange(MOD), dice.randrange(64),
            dice.randbytes(dice.randrange(30))))


class Chat:
    """Two people who talk on a wire: lines there and back."""

    def __init__(self, wire):
        self.said = bytearray()
        wire.server.spawn("socat", "TCP-LISTEN:7000", "EXEC:cat")
        wire.server.listens(7000)
        self._nc = wire.client.spawn(
            "nc", "-N", wire.server.ip, "7000", stdin=subprocess.PIPE,
            stdout=subprocess.PIPE)

    def say(self):
        line = b"%d: still here\n" % len(self.said)
        self._nc.stdin.write(line)
        self._nc.stdin.flush()
        assert self._nc.stdout.readline() == line
        self.said += line

    def close(self):
        self._nc.stdin.close()
        assert self._nc.stdout.read() == b""
        assert self._nc.wait() == 0


def is_over(tap):
    """Has their session been closed?  There may be 100,000 others."""
    with open(f"{tap.folder}/log", "rb") as file:
        text = file.read()
    number = re.search(rb'"open","session":(\d+),[^\n]*:7000"', text)
    return number and b'"close","session":%s,' % number[1] in text


@pytest.mark.deadline(120)
@pytest.mark.parametrize("kind", [syns, resets, overlaps, fragments,
                                  anything])
def test_flood(teeline, wire, tmp_path, kind):
    path = savefile.pcap(tmp_path / "flood", [
        ETHERNET + packet for packet in kind()], savefile.ETHERNET)
    tap = Tap(teeline, tmp_path, wire.server, *LIMITS)
    chat = Chat(wire)
    chat.say()
    before = tap.run.memory("RssAnon")
    flooding = Background(wire.client.run, sys.executable, flood.__file__,
                          "eth0", path)
    # Whoever is silent longest makes room for the others, so they go on.
    while flooding.runs:
        chat.say()
    flooding.result()
    chat.close()
    wait_until(lambda: is_over(tap), 60, "the talk is over", every=0.1)
    grown = tap.run.memory("RssAnon") - before
    got = tap.stop()
    one, = [one for one in got.sessions
            if one.open["server"].endswith(":7000")]
    assert one.bytes("c2s") == one.bytes("s2c") == bytes(chat.said)
    assert got.sheet["kernel"]["dropped"] == 0
    assert got.packets["received"] >= len(savefile.load(path))
    assert is_instrumented() or grown < ROOM, f"{grown >> 20} MiB"


def flows(count):
    """A capture file of so many connections, a SYN with three bytes each,
    made in place: as objects they would take minutes."""
    packet = Talk().syn(C, b"hey")
    record = struct.pack("<IIII", 1_700_000_000, 0, len(packet),
                         len(packet)) + packet
    data = bytearray(record * count)
    for place in range(3):
        step = 256 ** place
        pattern = b"".join(bytes([value]) * step for value in range(256))
        data[16 + 15 - place::len(record)] = (
            pattern * (count // len(pattern) + 1))[:count]
    return savefile.pcap_bytes([]) + bytes(data)


@pytest.mark.deadline(180)
def test_a_million_flows(teeline, tmp_path):
    """As many as are open at a time cost memory, and no more."""
    count = 1_000_000
    path = tmp_path / "flows"
    path.write_bytes(flows(count))
    done = teeline.run("read", "-f", "none", "-o", "null:", "--stats",
                       f"{tmp_path}/sheet", "--max-concurrent", "10000",
                       path, deadline=120)
    with open(tmp_path / "sheet", encoding="ascii") as file:
        sheet = json.load(file)
    assert sheet["sessions"]["total"] == sheet["packets"]["sessions"] == count
    assert sheet["sessions"]["ends"]["evicted"] == count - 10_000
    assert sheet["bytes"]["c2s"]["delivered"] == 3 * count
    assert is_instrumented() or (
        sheet["process"]["max_rss_bytes"] < 64 * MIB), done.err
