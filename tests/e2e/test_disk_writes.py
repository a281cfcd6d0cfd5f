"""A disk that fails at one write, whichever that is, of every kind of file.

Each kind writes two records of the same session, and only one of them meets
the failure; so what it holds must be the other one without some of its lines,
packets or bytes, and those are what the sheet says was lost.
"""

import dataclasses
import errno
import hashlib
import json
import os
import re

import pytest

from helpers import capture, records, savefile
from helpers.control import Control
from helpers.faults import FOREVER, HALF, Faults
from helpers.packets import payload
from helpers.peers import (BULK, connect, echo, half_close, pair, pump,
                           recv_all, recv_exactly, talk_to)
from helpers.program import PORTABLE
from helpers.reading import read
from helpers.wait import wait_until

ROUNDS = 5
LINES = ("text", "hex", "c", "strip", "count", "jsonl", "summary")
CAPTURES = ("pcapng", "pcap")
KINDS = (*LINES, "raw", *CAPTURES, "flows", "gotcpspy", "netrecord")


@dataclasses.dataclass
class Disk:
    """What fails: [(call, errno or HALF, calls let through, how many)]

    loses   is anything lost by it, or is it got over
    sticks  half a record stays where it is
    """
    rules: tuple
    loses: bool = True
    sticks: bool = False


def disks():
    """Each way to fail, at one write after the other."""
    for at in (0, 1, 2, 4):
        yield f"full-{at}", Disk((("write", errno.ENOSPC, at, 1),))
        yield f"short-{at}", Disk((("write", HALF, at, 1),), loses=False)
        # As a disk gets full: a part fits, then nothing does.
        yield f"torn-{at}", Disk((("write", HALF, at, 1),
                                  ("write", errno.EIO, at, 1)))
    # What was torn cannot even be taken back, and is written over.
    yield "stuck-2", Disk((("write", HALF, 2, 1), ("write", errno.EIO, 2, 1),
                           ("ftruncate", errno.EIO, 0, FOREVER)),
                           sticks=True)
    yield "interrupted", Disk((("write", errno.EINTR, 1, 20),
                               ("open", errno.EINTR, 0, 3)), loses=False)
    yield "busy", Disk((("write", errno.EAGAIN, 1, 20),), loses=False)


def word(number, side):
    """What is said in a round: letters that come nowhere else."""
    return side + b" %s and\n" % (b"abcdefgh"[number:number + 1] * 20)


class Twins:
    """A proxy that writes everything twice; the second of each has bad luck.

    rules   {kind: the rules of its disk}
    """

    def __init__(self, teeline, folder, peer, disk):
        self.folder = folder
        self.peer = peer
        faults = Faults(folder)
        words = []
        for kind in KINDS:
            for luck in ("good", "bad"):
                words += ["-o", f"{kind}:{self.path(kind, luck)},"
                          f"name={kind}-{luck}"]
        self.run = teeline.proxy(
            peer.target, "-f", "none", "--stats", f"{folder}/sheet", *words,
            env=faults.env)
        # A failure at the start would be the end: see below.
        self.rules = {kind: [
            faults.fail(call, error, self.path(kind, "bad"), skip, count)
            for call, error, skip, count in disk.rules] for kind in KINDS}

    def path(self, kind, luck):
        return f"{self.folder}/{luck}.{kind}."

    def talk(self):
        """A session whose rounds are written one by one."""
        client, there = pair(self.run, self.peer)
        for number in range(ROUNDS):
            client.sendall(word(number, b"question"))
            recv_exactly(there, len(word(number, b"question")))
            answer = word(number, b"answer")
            there.sendall(answer)
            assert recv_exactly(client, len(answer)) == answer
            wait_until(lambda said=answer: said in self.bytes("raw"),
                       what="it is written")
        half_close(client)
        assert recv_all(there) == b""
        there.close()
        assert recv_all(client) == b""
        client.close()

    def bytes(self, kind, luck="good"):
        with open(self.path(kind, luck), "rb") as file:
            return file.read()

    def failed(self, kind):
        return any(rule.failed for rule in self.rules[kind])


def is_part(part, whole):
    """Is it the whole without some of its pieces, in the same order?"""
    rest = iter(whole)
    return all(piece in rest for piece in part)


def parts_of(path, kind):
    """A record as [(piece, bytes of payload in it)]; fails if it is torn."""
    if kind in CAPTURES:
        return [((packet.data, packet.ts_ns), len(payload(packet.data)))
                for packet in savefile.load(path)]
    if kind == "raw":
        with open(path, "rb") as file:
            return whole_lines(file.read(), lambda line: len(line) + 1)
    if kind == "netrecord":
        with open(path + "_1", "rb") as file:
            return whole_records(file.read())
    with open(path, "rb") as file:
        return whole_lines(file.read(), SIZES[kind])


def said(line):
    """The bytes that a line of a text format shows."""
    for side in (b"question", b"answer"):
        if side + b" " in line:
            return len(word(0, side))
    return 0


def bytes_at(line):
    """Those that the head of a chunk tells of."""
    found = re.search(rb" (\d+) bytes at ", line)
    return int(found[1]) if found else 0


SIZES = {"text": said, "c": said, "strip": said, "count": bytes_at,
         "hex": bytes_at, "jsonl": lambda line: json.loads(line).get("len", 0),
         "summary": lambda line: 0}


def whole_lines(text, size):
    assert text.endswith(b"\n") or not text, "cut in the middle of a line"
    return [(line, size(line)) for line in text.split(b"\n")[:-1]]


def whole_records(text):
    """Those of a log of netrecord, whose first may be missing."""
    found = []
    while text:
        head, _, text = text.partition(b"\n")
        assert re.fullmatch(rb"[cs] \d+\.\d{6} (con|hup|\d+)", head), head
        what = head.split(b" ")[2]
        size = int(what) if what.isdigit() else 0
        assert len(text) >= size, "cut in the middle of a record"
        found.append(((head, text[:size]), size))
        text = text[size:]
    return found


def check_lines(twins, kind):
    """The bad one is a part of the good one; how much of it is missing."""
    good, bad = (parts_of(twins.path(kind, luck), kind)
                 for luck in ("good", "bad"))
    assert is_part([piece for piece, _ in bad], [piece for piece, _ in good])
    return sum(size for _, size in good) - sum(size for _, size in bad)


def check_folders(twins, kind):
    """Files whose offsets mean something, and others."""
    missing = 0
    good, bad = (twins.path(kind, luck) for luck in ("good", "bad"))
    for name in sorted(os.listdir(good)):
        with open(f"{good}/{name}", "rb") as file:
            want = file.read()
        try:
            with open(f"{bad}/{name}", "rb") as file:
                got = file.read()
        except FileNotFoundError:
            got = b""
        if kind == "flows":
            assert len(got) <= len(want)
            got += bytes(len(want) - len(got))
            assert all(one in (0, other) for one, other in zip(got, want))
            missing += got.count(0)
        else:
            assert is_part(got.split(b"\n"), want.split(b"\n"))
    return missing


def check(twins, kind, disk):
    missing = (check_folders if kind in ("flows", "gotcpspy")
               else check_lines)(twins, kind)
    good, bad = (records.sink_of(f"{twins.folder}/sheet", f"{kind}-{luck}")
                 for luck in ("good", "bad"))
    assert good["written"] == good["offered"] == bad["offered"]
    lost = bad["dropped"].get("write_error", {"bytes": 0})["bytes"]
    assert sum(drop["bytes"] for drop in bad["dropped"].values()) == lost
    told = twins.run.complaints(rb"%s-bad: cannot write" % kind.encode())
    if not disk.loses or not twins.failed(kind):
        assert lost == missing == 0 and not told, kind
        return
    assert len(told) == 1, twins.run.err
    # Two hold no bytes of the stream, and one holds them in two files.
    if kind not in ("count", "summary", "gotcpspy"):
        # A half that cannot be taken back is there, though it counts as lost.
        assert lost == missing or disk.sticks and lost > missing, kind


@pytest.mark.parametrize("name,disk", [
    pytest.param(name, disk, id=name) for name, disk in disks()])
def test_one_write(teeline, server, tmp_path, name, disk):
    """Whoever talks notices nothing; what is not lost is readable."""
    twins = Twins(teeline, tmp_path, server(), disk)
    twins.talk()
    twins.run.idle().stop(expect=1 if disk.loses else 0)
    unlucky = [kind for kind in KINDS if twins.failed(kind)]
    # Only at a session's end something is written of these.
    assert set(KINDS) - set(unlucky) <= {"summary"}
    for kind in KINDS:
        check(twins, kind, disk)
    for kind in CAPTURES:
        path = twins.path(kind, "bad")
        got = read(teeline, tmp_path, path)
        assert sum(len(one.bytes(side)) for one in got.sessions
                   for side in records.DIRS) == sum(
            size for _, size in parts_of(path, kind))
        if name.endswith("2"):
            capture.tshark(path)


@pytest.mark.parametrize("kind", CAPTURES)
@pytest.mark.parametrize("call", ["open", "write"])
def test_first_write_of_all(teeline, server, tmp_path, call, kind):
    """A record that cannot even begin is a failure to start."""
    faults = Faults(tmp_path)
    faults.fail(call, errno.ENOSPC, tmp_path / "log")
    done = teeline.run("proxy", "-f", "none", "-o", f"{kind}:{tmp_path}/log",
                       "127.0.0.1:0", server().target, env=faults.env,
                       expect=1)
    assert done.complaints(rb"cannot write .*/log: No space left on device")


@pytest.mark.parametrize("kind", [*LINES, *CAPTURES, "gotcpspy", "netrecord",
                                  "flows"])
def test_records_without_bytes(teeline, server, tmp_path, kind):
    """Nothing was said, so no byte is lost; yet that is missing in the record
    which was to say so, and whoever asks for the exit status is told."""
    faults = Faults(tmp_path)
    path = tmp_path / "out/log"
    peer = server()
    proxy = teeline.proxy(
        peer.target, "-f", "none", "-o", f"{kind}:{path},name=bad",
        "--stats", f"{tmp_path}/sheet", "--control", "0", env=faults.env)
    rules = [faults.fail(call, errno.ENOSPC, path, count=FOREVER)
             for call in ("write", "open")]
    client, there = pair(proxy, peer)
    client.close()
    assert recv_all(there) == b""
    there.close()
    proxy.idle()
    control = Control(proxy)
    wait_until(lambda: "write_error" in control.get("outputs/bad")["dropped"],
               what="it is seen at once")
    proxy.stop(expect=1)
    assert any(rule.failed for rule in rules)
    assert len(proxy.complaints(rb"bad: cannot write .*/out/log.*: "
                                rb"No space left on device")) == 1
    lost, = records.sink_of(tmp_path / "sheet", "bad")["dropped"].items()
    assert lost[0] == "write_error" and lost[1]["records"] > 0
    assert lost[1]["bytes"] == lost[1]["chunks"] == 0


def test_the_last_record_alone(teeline, server, tmp_path):
    """All bytes are there, and the line that says how it ended is not."""
    faults = Faults(tmp_path)
    path = tmp_path / "log"
    peer = server(echo)
    proxy = teeline.proxy(
        peer.target, "-f", "none", "-o", f"jsonl:{path}", "--strict",
        "--stats", f"{tmp_path}/sheet", env=faults.env)
    client = connect(proxy.port)
    client.sendall(b"all of it")
    assert recv_exactly(client, 9) == b"all of it"
    wait_until(lambda: path.read_bytes().count(b'"data"') == 4,
               what="both chunks")
    faults.fail("write", errno.EIO, path, count=FOREVER)
    client.close()
    proxy.idle().stop(expect=1)
    sink = records.sink_of(tmp_path / "sheet", "jsonl")
    assert sink["written"] == sink["offered"] == 18
    assert sink["dropped"] == {
        "write_error": {"chunks": 0, "bytes": 0, "records": 3}}
    line = next(line for line in proxy.err.split(b"\n")
                if line.startswith(b"jsonl "))
    assert b"written 18" in line and b"write_error 0 (3 records)" in line


@pytest.mark.parametrize("error", [errno.ENOSPC, HALF])
@pytest.mark.parametrize("at", [0, 3])
def test_bulk(teeline, server, tmp_path, at, error):
    """Nobody reads what goes to a file: a hole is where it failed."""
    faults = Faults(tmp_path)
    rule = faults.fail("write" if PORTABLE else "splice", error, tmp_path / "flows", at)
    peer = server()
    proxy = teeline.proxy(
        peer.target, "-f", "none", "-o", f"flows:{tmp_path}/flows",
        "--stats", f"{tmp_path}/sheet", env=faults.env)
    client, there = pair(proxy, peer)
    pump(client, there)
    client.close()
    there.close()
    proxy.idle().stop(expect=1 if error else 0)
    assert rule.failed == 1
    sink = records.sink_of(tmp_path / "sheet", "flows")
    lost = BULK - sink["written"]
    assert (lost > 0) == (error != 0)
    with open(tmp_path / "data", "wb") as file:
        file.write(hashlib.shake_128(str(BULK).encode()).digest(1 << 20)
                   * (BULK >> 20))
    got = records.flows(tmp_path / "flows")[1].bytes("c2s")
    want = (tmp_path / "data").read_bytes()
    assert len(got) == len(want)
    begin = next((at for at in range(BULK) if got[at] != want[at]), BULK)
    hole = got[begin:begin + lost].count(0)
    assert lost - 1 <= hole + lost // 256 or not lost
    assert got[begin + lost:] == want[begin + lost:]


@pytest.mark.parametrize("kind", ["flows", "gotcpspy", "netrecord", "raw"])
@pytest.mark.parametrize("error", [errno.EMFILE, errno.ENFILE, errno.ENOMEM,
                                   errno.ENOSPC, errno.EACCES])
def test_file_of_a_session_cannot_be_made(teeline, server, tmp_path, kind,
                                          error):
    """It is tried again with what comes next; that session and those after
    it are served, and recorded once there is room."""
    faults = Faults(tmp_path)
    peer = server(echo)
    name = "{id}" if kind == "raw" else "log"
    proxy = teeline.proxy(
        peer.target, "-f", "none", "-o", f"{kind}:{tmp_path}/out/{name}",
        "--stats", f"{tmp_path}/sheet", "--control", "0", env=faults.env)
    control = Control(proxy)
    rule = faults.fail("open", error, tmp_path / "out", count=FOREVER)
    talk_to(proxy, b"nobody wrote this")
    wait_until(lambda: proxy.complaints(b"cannot write"), what="told")
    lost = 2 * len(b"nobody wrote this")
    wait_until(lambda: control.get(f"outputs/{kind}")["dropped"].get(
        "write_error", {}).get("bytes") == lost, what="all of it is lost")
    assert rule.seen > 1  # for each file
    rule.lift()
    talk_to(proxy, b"but this")
    proxy.idle().stop(expect=1)
    text = b"".join(path.read_bytes() for path in tmp_path.glob("out/**/*")
                    if path.is_file())
    assert b"but this" in text and b"nobody" not in text
    sink = records.sink_of(tmp_path / "sheet", kind)
    assert sink["dropped"]["write_error"]["bytes"] == lost
    assert sink["written"] == 2 * len(b"but this")


def test_names_cannot_be_given(teeline, server, tmp_path):
    """A file of many that cannot get its name goes on growing."""
    faults = Faults(tmp_path)
    rules = [faults.fail(call, errno.EIO, tmp_path / "out", count=FOREVER)
             for call in ("link", "rename")]
    peer = server()
    proxy = teeline.proxy(
        peer.target, "-f", "none", "-C", "1", "-W", "1000", "-w",
        f"{tmp_path}/out/log.pcapng", env=faults.env)
    client, there = pair(proxy, peer)
    pump(client, there, 4 << 20)
    wait_until(lambda: proxy.complaints(b"cannot rename"), what="told")
    assert len(proxy.complaints(b"cannot rename")) == 1
    assert not [path for path in os.listdir(tmp_path / "out")
                if path != "log.pcapng.tmp"]
    for rule in rules:
        rule.lift()
    pump(there, client, 4 << 20)
    client.close()
    there.close()
    proxy.idle().stop()
    paths = sorted(tmp_path.glob("out/*"))
    assert [path.name for path in paths][0] == "log-00001.pcapng"
    assert sum(len(payload(packet.data)) for path in paths
               for packet in savefile.load(path)) == 8 << 20
