"""kill -9 in each phase: what is on disk is readable, and nearly all.

A batch leaves for the disk when it is 50 ms old, and what the kernel has been
given it keeps when we are gone.  So what was said a second before is there,
in a file of every kind, on the slowest machine; and where the last write was
cut short, what is before it can be read.
"""

import base64
import glob
import os
import re
import signal
import time

import pytest

from helpers import capture, records, savefile
from helpers.packets import FIN, payload
from helpers.peers import (Background, connect, echo, half_close, pair,
                           recv_all, recv_exactly, talk_to)
from helpers.real import run
from helpers.wait import SCALE, wait_until

KINDS = ("text", "hex", "c", "strip", "raw", "jsonl", "pcapng", "pcap",
         "flows", "gotcpspy", "netrecord")
LATEST = 1.0 * SCALE    # seconds; the promise is 50 ms and a write


CAPTURES = ("pcapng", "pcap")


def fins(path):
    """FINs in a capture file of TCP over IPv4."""
    return sum(packet.data[33] & FIN for packet in savefile.load(path))


def line(number):
    return b"%07d: this is what was said in one go, and heard\n" % number


SIZE = len(line(0))


class Recorder:
    """A proxy that writes a file of each kind."""

    def __init__(self, teeline, folder, target, *options, **how):
        self.teeline = teeline
        self.folder = folder
        outputs = sum((["-o", f"{kind}:{folder}/out.{kind}"]
                       for kind in KINDS), [])
        words = ("proxy", "-f", "none", *outputs, *options, "127.0.0.1:0",
                 target)
        self.run = teeline.start(*words, **how)

    def kill(self):
        self.run.send(signal.SIGKILL)
        self.run.wait(-signal.SIGKILL)

    def path(self, kind):
        return f"{self.folder}/out.{kind}"

    def bytes(self, kind):
        try:
            with open(self.path(kind), "rb") as file:
                return file.read()
        except FileNotFoundError:
            return b""

    def heard(self, kind):
        """What a record of the only session says was said by its client."""
        if kind == "jsonl":
            return b"".join(base64.b64decode(event["data"])
                            for event in records.events(self.path(kind))
                            if event["event"] == "data"
                            and event["dir"] == "c2s")
        if kind in ("pcapng", "pcap", "netrecord"):
            return self.read_again(kind).get(1, b"")
        name = {"flows": "/*.c2s", "gotcpspy": "/log-binary-*"}.get(kind, "")
        paths = glob.glob(self.path(kind) + name)
        if kind == "gotcpspy":
            # The server echoes: both directions are the same text.
            paths = sorted(paths, key=os.path.getsize)[:1]
        text = b"".join(open(path, "rb").read() for path in paths)
        if kind in ("flows", "gotcpspy"):
            return text
        return self.from_text(kind, text)

    def from_text(self, kind, text):
        """Of a text for people, the lines of the client that are whole."""
        if kind == "hex":
            found, side = bytearray(), None
            for one in text.split(b"\n")[:-1]:
                head = re.search(rb" (->|<-)  \d+ bytes at ", one)
                side = head[1] if head else side
                if side == b"->" and re.match(rb"[0-9a-f]{8}  ", one):
                    found += bytes.fromhex(one[10:59].decode())
            return bytes(found)
        if kind == "raw":
            # Each line is said, and echoed.
            whole = text[:len(text) // (2 * SIZE) * 2 * SIZE]
            return b"".join(whole[at:at + SIZE]
                            for at in range(0, len(whole), 2 * SIZE))
        numbers = [int(one) for one in re.findall(
            rb" ->  \"?(\d{7}): .* heard", text)]
        return b"".join(map(line, numbers))

    def read_again(self, kind):
        """{session: bytes of c2s} by `teeline read`; damage is named."""
        path = self.path(kind) + ("_1" if kind == "netrecord" else "")
        if not os.path.exists(path) or not os.path.getsize(path):
            return {}
        done = self.teeline.run("read", "-f", "none", "-o",
                                f"jsonl:{path}.again", path, "--overwrite",
                                expect=None)
        status = done.process.returncode
        assert status == 0 or (
            status == 1 and done.complaints(rb"(cut|end|short|torn)")), (
            done.describe())
        return {one.id: one.bytes("c2s") for one in records.jsonl(
            f"{path}.again", captured=True)}

    def check(self, said, least):
        """Each record is the beginning of what was said, at least so much."""
        for kind in KINDS:
            got = self.heard(kind)
            assert said.startswith(got), kind
            assert len(got) >= least, (kind, len(got), least)


class Talker:
    """Says a line, hears it, and notes when; until the connection is gone."""

    def __init__(self, port):
        self.times = []
        self._client = connect(port)
        self._talk = Background(self._say)

    def _say(self):
        try:
            while True:
                self._client.sendall(line(len(self.times)))
                recv_exactly(self._client, SIZE)
                self.times.append(time.monotonic())
        except (ConnectionError, AssertionError):
            self._client.close()

    def join(self):
        self._talk.result()

    def said(self):
        """All, with the line that may have been on its way."""
        return b"".join(map(line, range(len(self.times) + 1)))

    def before(self, when):
        """Bytes that had come back by then."""
        return SIZE * sum(one <= when for one in self.times)


def test_in_full_flow(teeline, server, tmp_path):
    """What was said before the last moment is in every file."""
    recorder = Recorder(teeline, tmp_path, server(echo).target)
    talker = Talker(recorder.run.port)
    wait_until(lambda: talker.times
               and talker.times[-1] - talker.times[0] > 1.5 * LATEST, 30,
               "a while of talk", every=0.05)
    when = time.monotonic()
    recorder.kill()
    talker.join()
    least = talker.before(when - LATEST)
    assert least > 10 * SIZE
    recorder.check(talker.said(), least)
    capture.tshark(recorder.path("pcap"))


@pytest.mark.parametrize("after", ["text", "jsonl", "pcapng", "pcap"])
def test_while_it_starts(teeline, server, tmp_path, after):
    """When this file is there the others are not, or are empty."""
    starting = teeline.spawn(
        [teeline.path, "proxy", "-f", "none", *sum(
            (["-o", f"{kind}:{tmp_path}/out.{kind}"] for kind in KINDS), []),
         "127.0.0.1:0", server().target])
    wait_until(lambda: os.path.exists(tmp_path / f"out.{after}"), every=0)
    starting.send(signal.SIGKILL)
    starting.wait(-signal.SIGKILL)
    for kind in CAPTURES:
        path = tmp_path / f"out.{kind}"
        if path.exists() and path.stat().st_size:
            assert savefile.load(path) == []
            teeline.run("read", path)
    assert all(not path.stat().st_size for path in tmp_path.glob("out.*")
               if not path.is_dir() and "pcap" not in path.name)


@pytest.mark.parametrize("kind", CAPTURES)
def test_while_files_are_changed(teeline, server, tmp_path, kind):
    """Files that have their name are whole; the last one has its beginning."""
    peer = server()
    proxy = teeline.proxy(peer.target, "-f", "none", "-C", "1", "-w",
                          f"{tmp_path}/talk.{kind}")
    client, there = pair(proxy, peer)
    data = b"".join(map(line, range((1 << 20) // SIZE)))

    def flood():
        try:
            while True:
                client.sendall(data)
        except OSError:
            client.close()

    def drain():
        try:
            while there.recv(1 << 20):
                pass
        except ConnectionResetError:
            pass

    both = [Background(flood), Background(drain)]
    wait_until(lambda: len(list(tmp_path.glob("talk-*"))) >= 5, every=0)
    proxy.send(signal.SIGKILL)
    proxy.wait(-signal.SIGKILL)
    for one in both:
        one.result()
    finished = sorted(map(str, tmp_path.glob("talk-*")))
    last = tmp_path / f"talk.{kind}.tmp"
    run("capinfos", *finished)
    text = b""
    # For a moment a file has both names.
    begun = last.exists() and last.stat().st_size > 0 and (
        last.stat().st_nlink == 1)
    for path in [*finished, *([last] if begun else [])]:
        text += b"".join(payload(packet.data)
                         for packet in savefile.load(path))
        status = teeline.run("read", "-f", "none", path,
                             expect=None).process.returncode
        assert status == 0 or (path == last and status == 1)
    assert len(text) > 3_000_000
    whole = data * (len(text) // len(data) + 2)
    assert whole.startswith(text)


def test_while_it_drains(teeline, server, tmp_path):
    """A consumer holds up the end; the files do not wait for that."""
    ours, theirs = os.pipe()
    recorder = Recorder(
        teeline, tmp_path, server(echo).target, "-o", "jsonl:-,queue=64MiB",
        "--drain-time", "60", stdout=theirs)
    os.close(theirs)
    talker = Talker(recorder.run.port)
    wait_until(lambda: len(talker.times) > 800, 30, "more than a pipe holds")
    recorder.run.send(signal.SIGTERM)
    talker.join()
    said = talker.before(time.monotonic())
    wait_until(lambda: all(len(recorder.heard(kind)) >= said
                           for kind in KINDS), 20, "the files are done",
               every=0.1)
    recorder.kill()
    os.close(ours)
    recorder.check(talker.said(), said)


def test_while_sessions_end(teeline, server, tmp_path):
    """Those that were over stay whole; of the others there is a part."""
    recorder = Recorder(teeline, tmp_path, server(echo).target)
    for number in range(10):
        talk_to(recorder.run, b"whole %d" % number)
    records.closed(tmp_path / "out.jsonl", 10)

    def are_written():
        logs = [path.read_bytes() for path in tmp_path.glob(
            "out.netrecord_*")]
        return len(logs) == 10 and all(
            log.count(b" hup\n") == 2 for log in logs) and all(
            fins(recorder.path(kind)) == 20 for kind in CAPTURES) and {
            number: flow.bytes("c2s") for number, flow in records.flows(
                recorder.path("flows")).items()} == {
            number + 1: b"whole %d" % number for number in range(10)}

    wait_until(are_written, what="the logs are whole")
    clients = [connect(recorder.run.port) for _ in range(10)]
    for client in clients:
        client.sendall(b"part")
        half_close(client)
    assert recv_exactly(clients[0], 4) == b"part"
    recorder.kill()
    for client in clients:
        try:
            recv_all(client)
        except ConnectionResetError:
            pass
        client.close()
    for kind in CAPTURES:
        found = recorder.read_again(kind)
        assert [found[number + 1] for number in range(10)] == [
            b"whole %d" % number for number in range(10)]
        assert set(found.values()) <= {
            b"", b"part", *(b"whole %d" % number for number in range(10))}
    flows = records.flows(recorder.path("flows"))
    assert [flows[number + 1].bytes("c2s") for number in range(10)] == [
        b"whole %d" % number for number in range(10)]
