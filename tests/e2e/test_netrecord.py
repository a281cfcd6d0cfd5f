"""netrecord: its command line, what it says, and its log."""

import os
import re
import signal
import time

import pytest

from helpers import records
from helpers.peers import (closed_port, connect, half_close, parse, recv_all,
                           recv_exactly, reset, reset_at_once)
from helpers.wait import wait_until

READY = re.compile(rb"^Listening on port (?P<port>\d+)\.\n", re.MULTILINE)


class Recorder:
    """netrecord as a link or as a subcommand; logs are ROOT_N."""

    def __init__(self, teeline, folder):
        self._teeline = teeline
        self.link = folder / "netrecord"
        self.link.symlink_to(teeline.path)
        self.root = folder / "log"

    def start(self, peer, command=None):
        host, port = parse(peer.target)[1][:2]
        running = self._teeline.spawn([*(command or [self.link]), host,
                                       str(port), "0", self.root])
        return running.wait_ready(READY)

    def run(self, *args, expect):
        running = self._teeline.spawn([self.link, *args])
        running.wait(expect)
        return running

    def log(self, number):
        return self.root.with_name(f"{self.root.name}_{number}").read_bytes()


@pytest.fixture(name="recorder")
def fixture_recorder(teeline, tmp_path):
    return Recorder(teeline, tmp_path)


def port_of(running):
    return int(running.match["port"])


def said(running):
    """What it said on stderr about connections."""
    return READY.sub(b"", running.err).decode()


def talk(running, peer, host="127.0.0.1"):
    """The scripted conversation: the client ends first."""
    address = f"[{host}]" if ":" in host else host
    client = connect(f"{address}:{port_of(running)}")
    there = peer.accept()
    for here, other, data in (
            (there, client, b"220 ready\r\n"),
            (client, there, b"USER anonymous\r\n"),
            (there, client, b"c 0.5 hup\n\x00\xff")):
        here.sendall(data)
        assert recv_exactly(other, len(data)) == data
    half_close(client)
    assert recv_all(there) == b""
    there.sendall(b"bye")
    there.close()
    assert recv_all(client) == b"bye"
    client.close()


LOG = (b"c T con\ns T 11\n220 ready\r\nc T 16\nUSER anonymous\r\n"
       b"s T 12\nc 0.5 hup\n\x00\xffc T hup\ns T 3\nbyes T hup\n")


def masked(log):
    """A LOG as it would be written, times masked; data is left alone."""
    out = bytearray()
    times = []
    at = 0
    while at < len(log):
        newline = log.index(b"\n", at)
        side, stamp, what = log[at:newline].split(b" ")
        assert re.fullmatch(rb"\d+\.\d{6}", stamp), log[at:newline]
        times.append(float(stamp))
        out += side + b" T " + what + b"\n"
        at = newline + 1
        if what.isdigit():
            out += log[at:at + int(what)]
            at += int(what)
    assert times == sorted(times)
    return bytes(out)


@pytest.mark.parametrize("address, host", [
    ("127.0.0.1:0", "127.0.0.1"),
    ("[::1]:0", "127.0.0.1"),
    ("127.0.0.1:0", "::1"),
])
def test_log(recorder, server, address, host):
    """Byte for byte, two connections; every address is listened at."""
    peer = server(None, address)
    running = recorder.start(peer)
    talk(running, peer, host)
    talk(running, peer, host)
    running.idle()
    running.stop(signal.SIGINT)
    assert masked(recorder.log(1)) == masked(recorder.log(2)) == LOG
    assert said(running) == "".join(
        f"Opened connection {n}.\nConnection {n} client hangup.\n"
        f"Connection {n} server hangup.\n" for n in (1, 2)) + (
        "Shutting down.\n")
    assert running.out == b""


def test_by_subcommand(recorder, server, teeline):
    peer = server()
    running = recorder.start(peer, [teeline.path, "netrecord"])
    talk(running, peer)
    running.idle()
    running.stop()
    assert masked(recorder.log(1)) == LOG


def test_times_count_from_the_start(recorder, server):
    """Seconds since the program started, whatever the second's edge."""
    before = time.monotonic()
    peer = server()
    running = recorder.start(peer)
    ready = time.monotonic()
    wait_until(lambda: time.monotonic() - ready > 1.05, what="a second")
    talk(running, peer)
    after = time.monotonic() - before
    running.idle()
    running.stop()
    session = records.netrecord_log(recorder.log(1))
    times = [stamp for _, stamp, _ in session.events]
    assert 1 < times[0] <= times[-1] <= after


@pytest.mark.parametrize("who", ["client", "server"])
def test_error(recorder, server, who):
    """A reset is `err` on the side it came from, and is said."""
    peer = server()
    running = recorder.start(peer)
    client = connect(port_of(running))
    there = peer.accept()
    client.sendall(b"x")
    assert recv_exactly(there, 1) == b"x"
    reset(client if who == "client" else there)
    running.idle()
    running.stop(signal.SIGINT)
    log = masked(recorder.log(1))
    assert log.startswith(b"c T con\nc T 1\nx")
    assert f"{who[0]} T err\n".encode() in log
    assert b"hup" not in log
    assert f"Connection 1 {who} error.\n" in said(running)


def test_refused(recorder):
    """No end record, the client is reset, and it goes on."""
    address, holder = closed_port()

    class Closed:
        target = address

    running = recorder.start(Closed)
    reset_at_once(f"127.0.0.1:{port_of(running)}")
    wait_until(lambda: masked(recorder.log(1)) == b"c T con\n",
               what="the log")
    wait_until(lambda: said(running) == (
        "Opened connection 1.\nConnection 1 could not connect to server: "
        "Connection refused\n"), what=lambda: said(running))
    running.stop()
    holder.close()


def test_old_logs_are_overwritten(recorder, server):
    """With mode 0666 less the umask, as fopen(3) would."""
    old = recorder.root.with_name("log_1")
    old.write_bytes(b"old" * 1000)
    peer = server()
    before = os.umask(0o022)
    try:
        running = recorder.start(peer)
    finally:
        os.umask(before)
    for _ in range(2):
        talk(running, peer)
    running.idle()
    running.stop()
    assert masked(old.read_bytes()) == LOG
    assert recorder.root.with_name("log_2").stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize("args", [
    [], ["h"], ["h", "1", "2"], ["h", "1", "2", "root", "x"]], ids=len)
def test_usage(recorder, args):
    done = recorder.run(*args, expect=1)
    assert done.err == (f"Usage:\n{recorder.link} <server host> <server port> "
                        "<proxy port> <log file root>\n").encode()
    assert done.out == b""


@pytest.mark.parametrize("server_port, proxy_port, wrong", [
    ("x", "1", "x"), ("1", "y", "y"), ("70000", "1", "70000"),
    ("0", "1", "0")])
def test_wrong_port(recorder, server_port, proxy_port, wrong):
    done = recorder.run("h", server_port, proxy_port, "root", expect=1)
    assert done.err == f"Could not parse port '{wrong}'\n".encode()


def test_host_that_does_not_resolve(recorder):
    done = recorder.run("no-such-host.invalid", "1", "0", recorder.root,
                        expect=1)
    assert b"no-such-host.invalid" in done.err


def test_port_in_use(recorder, server):
    peer = server()
    done = recorder.run("127.0.0.1", "7", str(peer.port), recorder.root,
                        expect=1)
    assert str(peer.port).encode() in done.err
