"""The balance sheet of captures: one whose composition is known, packet by
packet, in JSON and as a table, at the end and in between.

That its sums hold is checked wherever helpers/reading.py reads a capture.
"""

import json
import os
import re
import signal

import pytest

from helpers import savefile
from helpers.packets import C, UDP, Talk, data, fragments4, ip4, udp
from helpers.reading import read
from helpers.wait import wait_until

HOSTS = ("10.1.0.1", "10.2.0.2")


def mixture():
    """Frames of every class: 18 of a session, 3 not TCP, 2 fragments of a
    datagram that is never whole, 2 undecodable, 2 strays."""
    talk, stranger = Talk(), Talk("10.9.9.9:1")
    frames = [*talk.open(), *talk.stream(C, data(8000)), talk.ack(1)]
    changed = bytes(255 - byte for byte in talk.said[C][7000:8000])
    frames += [talk.at(C, 5000, bytes(talk.said[C][5000:6000])),
               talk.at(C, 7000, changed)]
    frames += talk.close()
    other = [ip4(*HOSTS, UDP, udp((53, 53), b"x" * n)) for n in range(3)]
    whole = ip4(*HOSTS, UDP, udp((53, 53), bytes(3000)))
    torn = fragments4(whole, 1000)[:2]
    broken = [b"\x45\x00\x00", b"\xf5" + bytes(40)]
    strays = [stranger.ack(C), talk.ack(1)]
    return frames + other + torn + broken + strays


def test_every_packet_is_in_its_class(teeline, tmp_path):
    path = savefile.pcap(tmp_path / "x", mixture())
    got = read(teeline, tmp_path, path)
    packets = got.packets
    assert packets["received"] == 27
    assert packets["sessions"] == 18
    assert packets["not_tcp"] == 3
    assert packets["fragments"] == 2
    assert packets["strays"] == 2
    assert sum(got.undecodable().values()) == 2
    assert packets["filtered"] == packets["bad_checksums"] == 0
    assert got.sheet["kernel"] is None
    count = got.sheet["bytes"]["c2s"]
    assert count["received"] == 10000
    assert count["delivered"] == 8000
    assert count["duplicate"] == 1000
    assert count["differing"] == 1000
    assert got.sheet["conflicts"] == 1


def test_the_table_says_the_same(teeline, tmp_path):
    path = savefile.pcap(tmp_path / "x", mixture())
    done = teeline.run("read", "-f", "summary", path)
    lines = done.err.decode().splitlines()
    assert lines[0] == ("packets   27  in sessions 18  not TCP 3  strays 2"
                        "  fragments 2  undecodable 2")
    assert sum(" undecodable: " in line for line in lines) in (1, 2)
    assert "sessions  1  fin 1" in lines
    assert "c2s       8,000 bytes, 1,000 duplicate, 1,000 differing" in lines
    assert "s2c       0 bytes" in lines
    assert "summary   offered 8,000  written 8,000" in lines


def test_checksums_are_a_remark(teeline, tmp_path):
    """Offloading leaves them wrong: taken, and counted."""
    talk = Talk()
    frames = [*talk.open(), talk.c(b"good"), talk.c(b"bad", bad_checksum=True),
              *talk.close()]
    got = read(teeline, tmp_path, savefile.pcap(tmp_path / "x", frames))
    assert got.session.bytes("c2s") == b"goodbad"
    assert got.packets["bad_checksums"] == 1
    assert b"1 with a checksum that does not fit" in got.run.err


def test_offered_is_written_dropped_or_queued(teeline, tmp_path):
    """Each output by itself, also one that may lose: what it lost stands in
    the sheet and not in the file."""
    talk = Talk()
    frames = [*talk.open(), *talk.stream(C, data(3_000_000), 50_000)]
    path = savefile.pcap(tmp_path / "x", frames)
    ours, theirs = os.pipe()
    done = teeline.start(
        "read", "-q", "-o", "raw:-,on-full=drop,queue=64KiB", "-o",
        f"raw:{tmp_path}/all", "--stats", f"{tmp_path}/sheet", path,
        ready=None, stdout=theirs)
    os.close(theirs)
    wait_until(lambda: os.path.exists(tmp_path / "all") and os.path.getsize(
        tmp_path / "all") == 3_000_000, 10, "the file")
    with open(ours, "rb") as pipe:
        got = pipe.read()
    done.wait()
    with open(tmp_path / "sheet", encoding="utf-8") as file:
        sinks = {sink["name"]: sink for sink in json.load(file)["sinks"]}
    for sink in sinks.values():
        assert sink["offered"] == 3_000_000
        assert sink["offered"] == (
            sink["written"] + sink["queued"]
            + sum(drop["bytes"] for drop in sink["dropped"].values()))
    lossy, whole = sinks["raw"], sinks["raw-2"]
    assert lossy["written"] == len(got) < 3_000_000
    assert lossy["dropped"]["queue_full"]["bytes"] > 0
    assert whole["written"] == 3_000_000


def test_in_between(teeline):
    """SIGUSR1: the figures of this moment, with what waits behind a hole."""
    talk = Talk()
    frames = [*talk.open(), talk.c(b"begin"), talk.at(C, 100, b"later")]
    ours, theirs = os.pipe()
    done = teeline.start("read", "-", ready=None, stdin=ours)
    os.close(ours)
    os.write(theirs, savefile.pcap_bytes(frames))
    wait_until(lambda: b"begin" in done.out, 10, "the first words")
    wait_until(lambda: re.search(
        rb"^c2s +5 bytes, 5 held$", figures(done), re.M), 10, done.describe)
    assert re.search(rb"^packets +5  in sessions 5 ", done.err, re.M)
    assert re.search(rb"^sessions +1  open 1$", done.err, re.M)
    os.close(theirs)
    done.wait()
    assert re.search(rb"^c2s +10 bytes, 95 missing$", done.err, re.M)


def figures(done):
    """What it says, after it was asked for the sheet once more."""
    done.send(signal.SIGUSR1)
    return done.err


@pytest.mark.parametrize("sandbox", ["off", "try"])
def test_folders_are_made(teeline, tmp_path, sandbox):
    teeline.run("read", "-f", "none", "--sandbox", sandbox, "--stats",
                "a/b/sheet", savefile.pcap(tmp_path / "x", mixture()),
                cwd=tmp_path)
    with open(tmp_path / "a/b/sheet", encoding="utf-8") as file:
        assert json.load(file)["packets"]["received"] == 27
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o700


def test_a_proxy_has_no_packets(teeline, server, tmp_path):
    proxy = teeline.proxy(server().target, "--stats", f"{tmp_path}/sheet")
    proxy.stop()
    with open(tmp_path / "sheet", encoding="utf-8") as file:
        sheet = json.load(file)
    assert sheet["packets"] is None and sheet["kernel"] is None
    assert b"packets" not in proxy.err
