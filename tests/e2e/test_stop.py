"""Signals in full flow, and readers of standard output that stop or leave."""

import contextlib
import hashlib
import json
import os
import signal
import subprocess

import pytest

from helpers import capture, records
from helpers.peers import (BULK, Background, connect, echo, half_close, pair,
                           pump, recv_all, recv_exactly, stalled, talk_to,
                           warm, was_reset)
from helpers.real import tool
from helpers.wait import wait_until


def test_reader_of_stdout_that_stops(teeline, server, tmp_path):
    """stdout drops with a gap; the relay and the files do not."""
    peer = server()
    ours, theirs = os.pipe()
    proxy = teeline.proxy(
        peer.target, "-f", "jsonl", "-o", f"flows:{tmp_path}/flows",
        "--drain-time", "0.5", "--strict", "--stats", f"{tmp_path}/stats",
        stdout=theirs)
    os.close(theirs)
    client, there = pair(proxy, peer)
    for _ in range(6):
        warm(client, there)
    client.close()
    there.close()
    # The short drain time is meant for the reader, not for the disk.
    flows = tmp_path / "flows"
    wait_until(lambda: [one.stat().st_size for one in flows.iterdir()]
               == [6 * BULK] * 2, 30, "both directions in the files")
    # --strict: lost, though nothing failed.
    proxy.idle().stop(expect=3)
    os.close(ours)
    dropped = records.sink_of(tmp_path / "stats", "jsonl")["dropped"]
    assert dropped["queue_full"]["bytes"] > 0


def test_reader_of_stdout_that_is_slow(teeline, server):
    """What it gets is whole lines, and says what it lacks: sums hold."""
    peer = server()
    ours, theirs = os.pipe()
    proxy = teeline.proxy(peer.target, "-f", "jsonl", "--drain-time", "60",
                          stdout=theirs)
    os.close(theirs)
    client, there = pair(proxy, peer)
    for _ in range(6):
        warm(client, there)
    client.close()
    assert recv_all(there) == b""
    there.close()
    text = bytearray()
    proxy.send(signal.SIGTERM)
    while part := os.read(ours, 1 << 20):
        text += part
    os.close(ours)
    proxy.wait(0)
    seen = {"c2s": 0, "s2c": 0}
    gaps = 0
    for event in map(json.loads, text.splitlines()):
        if event["event"] in ("data", "gap"):
            assert event["offset"] == seen[event["dir"]], event
            seen[event["dir"]] += event["len"]
            gaps += event["event"] == "gap"
            assert event.get("why", "queue") == "queue"
    assert seen == {"c2s": 6 * BULK, "s2c": 6 * BULK}
    assert gaps > 0


def test_reader_of_stdout_that_leaves(teeline, server):
    """EPIPE, as from `| head`: a quiet end with 0."""
    peer = server(echo)
    with subprocess.Popen([tool("head"), "-n", "1"], stdin=subprocess.PIPE,
                          stdout=subprocess.DEVNULL) as head:
        proxy = teeline.proxy(peer.target, stdout=head.stdin)
        head.stdin.close()

        def ended():
            with contextlib.suppress(ConnectionError):
                client = connect(proxy.port)
                half_close(client)
                recv_all(client)
            return not proxy.alive

        wait_until(ended, what="it ends by itself", every=0.05)
    proxy.wait(0)
    assert not proxy.complaints(rb"[Bb]roken pipe|EPIPE")


def test_reader_of_stdout_that_leaves_in_the_middle(teeline, server):
    """Likewise when there was more to be read: what nobody read is counted,
    and no failure."""
    peer = server()
    ours, theirs = os.pipe()
    proxy = teeline.proxy(peer.target, stdout=theirs)
    os.close(theirs)
    client = connect(proxy.port)
    there = peer.accept()
    client.sendall(b"first\n")
    assert os.read(ours, 4096)
    os.close(ours)

    def ended():
        with contextlib.suppress(ConnectionError):
            client.sendall(b"more\n")
        return not proxy.alive

    wait_until(ended, what="it ends by itself", every=0.05)
    proxy.wait(0)
    assert b" no_consumer " in proxy.err
    there.close()


class Flow:
    """A direction of a session in full flow, and what has arrived of it.

    fin     its end looked like FIN to a receiver that sends nothing itself
            (a sender may be told of the RST instead of it)
    """

    def __init__(self, client, there, direction):
        one, other = ((client, there) if direction == "c2s"
                      else (there, client))
        self.direction = direction
        self.client = "%s:%d" % client.getsockname()
        self.count = 0
        self.hash = hashlib.sha256()
        self.fin = False
        self._threads = (Background(send_forever, one),
                         Background(self._receive, other))

    def _receive(self, sock):
        with contextlib.suppress(ConnectionResetError):
            while part := sock.recv(1 << 18):
                self.hash.update(part)
                self.count += len(part)
            self.fin = True

    def join(self):
        for thread in self._threads:
            thread.result()


def send_forever(sock):
    with contextlib.suppress(OSError):
        while True:
            sock.sendall(os.urandom(65536))


def start_flows(proxy, peer, *sessions):
    """Sessions, each with these directions in full flow."""
    flows = [Flow(*ends, direction)
             for ends, directions in [(pair(proxy, peer), directions)
                                      for directions in sessions]
             for direction in directions]
    for flow in flows:
        wait_until(lambda one=flow: one.count > 1 << 20, what="flow")
    return flows


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_stop_in_full_flow(teeline, server, tmp_path, number):
    """Nothing is lost: what was recorded is what was delivered, and said.

    The peers see RST, so that a stream that was cut never looks whole.
    """
    peer = server()
    proxy = teeline.proxy(peer.target, "-f", "none", "--drain-time", "30",
                          "-o", f"flows:{tmp_path}/flows",
                          "-o", f"jsonl:{tmp_path}/log",
                          "-w", f"{tmp_path}/talk.pcapng")
    flowing = start_flows(proxy, peer, ["c2s"], ["s2c"], ["c2s", "s2c"],
                          ["c2s", "s2c"])
    proxy.stop(number)
    for flow in flowing:
        flow.join()
    assert not [flow for flow in flowing[:2] if flow.fin], (
        "a stream that was cut looks whole")
    sessions = {one.client: one for one in records.jsonl(tmp_path / "log")}
    flows = records.flows(tmp_path / "flows")
    payloads = capture.payloads(tmp_path / "talk.pcapng")
    for flow in flowing:
        one = sessions[flow.client]
        assert (one.reason, one.first) == ("stop", "us")
        recorded = one.bytes(flow.direction)
        lost = one.close.get("lost", {}).get(flow.direction, 0)
        assert len(recorded) - lost == flow.count
        assert hashlib.sha256(recorded[:flow.count]).digest() == (
            flow.hash.digest())
        assert flows[one.id].bytes(flow.direction) == recorded
        assert payloads[flow.client][flow.direction == "s2c"] == recorded


def test_stop_while_idle_connecting_and_stuck(teeline, server):
    """Sessions in every state end, and the program with them, in time."""
    peer = server(rcvbuf=65536)
    proxy = teeline.proxy(peer.target, "--drain-time", "1")
    idle, idle_there = pair(proxy, peer)
    stuck, stuck_there = pair(proxy, peer)
    stalled(stuck, b"s" * (16 << 20))
    half, half_there = pair(proxy, peer)
    half_close(half)
    assert recv_all(half_there) == b""
    proxy.stop(deadline=8)
    # The server of the third has had its FIN: only its client can tell.
    for sock in (idle, idle_there, half):
        assert was_reset(sock)
    half_there.close()
    stuck.close()
    stuck_there.close()


def test_second_signal_ends_at_once(teeline, server):
    """A shell's 130 or 143, whatever still has to be drained."""
    for number in (signal.SIGINT, signal.SIGTERM):
        peer = server()
        ours, theirs = os.pipe()
        proxy = teeline.proxy(peer.target, "-f", "jsonl", "--drain-time",
                              "60", stdout=theirs)
        os.close(theirs)
        client, there = pair(proxy, peer)
        pump(client, there)
        proxy.send(number)
        assert was_reset(client)
        proxy.send(number)
        assert proxy.wait(None, deadline=5) in (128 + number, -number)
        os.close(ours)


def test_other_signals_do_not_end_the_draining(teeline, server):
    """SIGHUP and SIGUSR1 have nothing to do any more, and do no harm."""
    peer = server()
    ours, theirs = os.pipe()
    proxy = teeline.proxy(peer.target, "-f", "jsonl", "--drain-time", "2",
                          stdout=theirs)
    os.close(theirs)
    client, there = pair(proxy, peer)
    pump(client, there)
    proxy.send(signal.SIGTERM)
    assert was_reset(client)
    while proxy.process.poll() is None:
        try:
            proxy.process.wait(0.05)
        except subprocess.TimeoutExpired:
            proxy.send(signal.SIGHUP)
            proxy.send(signal.SIGUSR1)
    proxy.wait(0)
    os.close(ours)


def test_sigkill_leaves_readable_records(teeline, server, tmp_path):
    """What is on disk is readable, up to the last flush."""
    peer = server()
    proxy = teeline.proxy(peer.target, "-f", "none", "-o",
                          f"flows:{tmp_path}/flows", "-o",
                          f"jsonl:{tmp_path}/log", "-o",
                          f"netrecord:{tmp_path}/net", "-w",
                          f"{tmp_path}/talk.pcapng")
    client, there = pair(proxy, peer)
    pump(client, there, 4 << 20)
    said = hashlib.shake_128(str(4 << 20).encode()).digest(1 << 20) * 4

    def all_there():
        return (records.jsonl(tmp_path / "log")[0].bytes("c2s") == said
                and records.flows(tmp_path / "flows")[1].bytes("c2s") == said
                and records.netrecord(tmp_path / "net")[1].bytes("c2s") == said
                and capture.follow(tmp_path / "talk.pcapng", 0)[0][0] == said)

    wait_until(all_there, what="flushed without being asked", every=0.05)
    flooding = Background(send_forever, client)
    recv_exactly(there, 4 << 20)
    proxy.send(signal.SIGKILL)
    proxy.wait(-signal.SIGKILL)
    flooding.result()
    session, = records.jsonl(tmp_path / "log")
    assert session.bytes("c2s").startswith(said)
    assert records.flows(tmp_path / "flows")[1].bytes("c2s").startswith(said)
    payload, = capture.payloads(
        tmp_path / "talk.pcapng", cut=True).values()
    assert payload[0].startswith(said)


def test_sigusr1_prints_the_sheet(teeline, server):
    peer = server(echo)
    proxy = teeline.proxy(peer.target)
    talk_to(proxy)
    before = proxy.err
    proxy.send(signal.SIGUSR1)
    wait_until(lambda: b"session" in proxy.err[len(before):].lower(),
               what="a sheet on stderr")
    talk_to(proxy)
    proxy.stop()


def test_sighup_reopens_files(teeline, server, tmp_path):
    """As logrotate wants it: the old file is left, a new one begun."""
    peer = server(echo)
    proxy = teeline.proxy(peer.target, "-o", f"jsonl:{tmp_path}/log")
    talk_to(proxy, b"one")
    records.closed(tmp_path / "log")
    os.rename(tmp_path / "log", tmp_path / "log.1")
    proxy.send(signal.SIGHUP)
    wait_until((tmp_path / "log").exists, what="a new file")
    talk_to(proxy, b"two")
    assert records.closed(tmp_path / "log").bytes("c2s") == b"two"
    assert records.closed(tmp_path / "log.1").bytes("c2s") == b"one"
    proxy.stop()
