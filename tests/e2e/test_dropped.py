"""An output that is full and may drop: each kind says what it lacks, at its
place, and the balance sheet how much that is."""

import errno
import json
import re

import pytest

from helpers import records
from helpers.control import Control
from helpers.faults import FOREVER, Faults
from helpers.peers import pair, recv_exactly
from helpers.reading import read
from helpers.wait import wait_until

PIECE = b"x" * 4095 + b"\n"
LAST = b"and after\n"
LINES = ("text", "hex", "c", "strip")
CAPTURES = ("pcapng", "pcap")
FOLDERS = ("flows", "gotcpspy", "netrecord")


def say(client, there, text):
    client.sendall(text)
    assert recv_exactly(there, len(text)) == text


def told(teeline, folder, kind):
    """[(offset, bytes)] that a record lacks, as it says itself."""
    path = folder / "out/log"
    if kind in LINES:
        return [tuple(int(number.replace(b",", b"")) for number in found)[::-1]
                for found in re.findall(
                    rb"\.\.\. ([\d,]+) bytes lost at ([\d,]+) \(queue\)",
                    path.read_bytes())]
    if kind in CAPTURES:
        events = read(teeline, folder, path).session.events
    elif kind in FOLDERS:
        side, = (folder / "out").rglob("*gaps*")
        events = [json.loads(line) for line in side.open()]
    else:
        events = records.events(path)
    return [(event["offset"], event["len"]) for event in events
            if event["event"] == "gap" and event["dir"] == "c2s"]


def overflow(teeline, peer, folder, output, *options, expect):
    """A disk that takes nothing for a while; (offset, bytes) of what is lost.

    The relay goes on meanwhile, and there is room again for the last words.
    """
    faults = Faults(folder)
    proxy = teeline.proxy(
        peer.target, "-f", "none", "--copy", "--control", "0", "-o",
        f"{output},name=full,on-full=drop,queue=64KiB", "--stats",
        folder / "sheet", *options, env=faults.env)
    control = Control(proxy)
    busy = faults.fail("write", errno.EAGAIN, folder / "out", count=FOREVER)
    client, there = pair(proxy, peer)
    said = 0

    def dropped():
        nonlocal said
        say(client, there, PIECE)
        said += len(PIECE)
        # It is passed on before it is recorded.
        wait_until(lambda: control.get("outputs/full")["offered"] == said)
        return control.get("outputs/full")["dropped"]
    wait_until(dropped, 20, what="it is full")
    assert dropped()
    busy.lift()
    wait_until(lambda: control.get("outputs/full")["queued"] == 0)
    say(client, there, LAST)
    client.close()
    there.close()
    proxy.idle().stop(expect=expect)
    sink = records.sink_of(folder / "sheet", "full")
    (why, lost), = sink["dropped"].items()
    assert why == "queue_full" and sink["queued"] == 0
    assert lost["bytes"] == len(PIECE) * lost["chunks"] > 0
    return sink["written"] - len(LAST), lost["bytes"]


@pytest.mark.parametrize("kind", [*LINES, "jsonl", *CAPTURES, *FOLDERS])
def test_what_is_dropped_is_told(teeline, server, tmp_path, kind):
    path = tmp_path / "out/log"
    begin, lost = overflow(teeline, server(), tmp_path, f"{kind}:{path}",
                           "--strict", expect=3)
    assert told(teeline, tmp_path, kind) == [(begin, lost)]
    if kind == "flows":
        flow, = (one for one in path.iterdir() if one.suffix == ".c2s")
        assert flow.read_bytes() == (
            PIECE * (begin // len(PIECE)) + bytes(lost) + LAST)


def test_raw_lacks_what_is_dropped(teeline, server, tmp_path):
    """It has no words of its own: the sheet alone says it.  Nothing failed,
    and nobody was strict about it."""
    begin, _ = overflow(teeline, server(), tmp_path,
                        f"raw:{tmp_path}/out/log", expect=0)
    assert (tmp_path / "out/log").read_bytes() == (
        PIECE * (begin // len(PIECE)) + LAST)
