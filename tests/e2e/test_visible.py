"""What was said is seen at once: on standard output and with tail -f.

The promise is 100 ms, or at once when the traffic pauses.  Each test waits
for the line with a deadline that a loaded machine keeps, too; a program that
holds lines back until a buffer is full, or the session ends, never shows it.
"""

import base64
import os
import re
import subprocess

import pytest

from helpers import records
from helpers.peers import (Background, connect, echo, half_close, pair,
                           recv_all, recv_exactly)
from helpers.real import tool
from helpers.wait import wait_until

SOON = 2.0


def say(client, there, word):
    client.sendall(word)
    assert recv_exactly(there, len(word)) == word


@pytest.mark.parametrize("sink", ["text", "hex", "c", "strip", "raw",
                                  "jsonl"])
def test_a_line_is_in_the_file(teeline, server, tmp_path, sink):
    """While the session lives and is silent."""
    peer = server()
    path = tmp_path / "record"
    proxy = teeline.proxy(peer.target, "-f", "none", "-o", f"{sink}:{path}")
    client, there = pair(proxy, peer)
    for number in range(5):
        word = b"visible line %d\r\n" % number
        say(client, there, word)
        needle = {"hex": b"visible line %d" % number,
                  "jsonl": base64.b64encode(word)}.get(
                      sink, b"visible line %d" % number)
        wait_until(lambda n=needle: n in path.read_bytes(), SOON,
                   f"{needle} in {path}")


def test_tail_f(teeline, server, tmp_path):
    """A real tail -f prints each line while the talk goes on."""
    peer = server()
    path = tmp_path / "log.txt"
    proxy = teeline.proxy(peer.target, "-f", "none", "-o", f"text:{path}")
    client, there = pair(proxy, peer)
    wait_until(path.exists, SOON, "the file")
    with subprocess.Popen(
            [tool("tail"), "-n", "+1", "-f", "-s", "0.01", path],
            stdout=subprocess.PIPE, stdin=subprocess.DEVNULL) as tail:
        try:
            os.set_blocking(tail.stdout.fileno(), False)
            seen = bytearray()
            for number in range(5):
                say(client, there, b"line %d of it\r\n" % number)

                def shown(needle=b"line %d of it" % number):
                    seen.extend(tail.stdout.read() or b"")
                    return needle in seen

                wait_until(shown, SOON, f"line {number} in {bytes(seen)}")
        finally:
            tail.kill()


def test_flows_and_gotcpspy_files(teeline, server, tmp_path):
    """Files per session, too."""
    peer = server()
    proxy = teeline.proxy(peer.target, "-f", "none", "-o",
                          f"flows:{tmp_path}/flows", "-o",
                          f"gotcpspy:{tmp_path}/logs", "-o",
                          f"netrecord:{tmp_path}/net")
    client, there = pair(proxy, peer)
    say(client, there, b"hello")

    def holds(sessions):
        return 1 in sessions and sessions[1].bytes("c2s") == b"hello"

    wait_until(lambda: holds(records.flows(tmp_path / "flows")), SOON,
               "the flow")

    def in_netrecord():
        """Being written at this moment, it may have half a record."""
        try:
            return holds(records.netrecord(tmp_path / "net"))
        except (AssertionError, IndexError, ValueError):
            return False

    wait_until(in_netrecord, SOON, "the netrecord log")

    def in_log():
        texts = [path.read_bytes() for path in
                 (tmp_path / "logs").glob("log-[0-9]*.log")]
        return len(texts) == 1 and b"68 65 6c 6c 6f" in texts[0]

    wait_until(in_log, SOON, "the hex log")


def test_while_traffic_never_pauses(teeline, server, tmp_path):
    """Not only when the traffic pauses: bulk beside it changes nothing."""
    peer = server(echo)
    path = tmp_path / "log"
    proxy = teeline.proxy(peer.target, "-f", "none", "--workers", "1", "-o",
                          f"jsonl:{path}", "-o", f"count:{tmp_path}/count")
    flood = connect(proxy.port)

    def pump_round():
        for _ in range(100000):
            flood.sendall(b"z" * 1000)
            recv_exactly(flood, 1000)
            if stop:
                return

    stop = []
    pumping = Background(pump_round)
    for number in range(5):
        client = connect(proxy.port)
        word = b"beside the flood %d" % number
        client.sendall(word)
        needle = base64.b64encode(word)
        wait_until(lambda n=needle: n in path.read_bytes(), SOON,
                   f"session {number}")
        client.close()
    stop.append(True)
    pumping.result()


def test_text_on_stdout_as_a_person_sees_it(teeline, server):
    """The default: open, each line with its direction, close, in order."""
    peer = server()
    proxy = teeline.proxy(peer.target)
    client, there = pair(proxy, peer)
    wait_until(lambda: b"#1" in proxy.out, SOON, "the open line")
    there.sendall(b"220 ready\r\n")
    wait_until(lambda: b"220 ready" in proxy.out, SOON, "the greeting")
    say(client, there, b"USER x\r\n")
    wait_until(lambda: b"USER x" in proxy.out, SOON, "the answer")
    recv_exactly(client, len(b"220 ready\r\n"))
    there.sendall(b"\x1b[2J\x07 no control\r\n")
    recv_exactly(client, len(b"\x1b[2J\x07 no control\r\n"))
    wait_until(lambda: b"no control" in proxy.out, SOON, "the third line")
    client.close()
    assert recv_all(there) == b""
    there.close()
    proxy.idle().stop()
    lines = proxy.out.decode().splitlines()
    assert all(re.match(r"\d\d:\d\d:\d\d\.\d{3}  #1  ", line)
               for line in lines if "#1" in line), lines
    assert "\x1b" not in proxy.out.decode()
    order = [next(number for number, line in enumerate(lines)
                  if word in line) for word in
             (peer.target, "220 ready", "USER x", "no control", "closed by")]
    assert order == sorted(order)


def test_partial_line_is_shown_after_a_while(teeline, server):
    """A prompt has no newline, and must be seen all the same."""
    peer = server()
    proxy = teeline.proxy(peer.target)
    client, there = pair(proxy, peer)
    there.sendall(b"password: ")
    wait_until(lambda: b"password: " in proxy.out, SOON, "the prompt")
    half_close(client)


def test_every_format_at_once(teeline, server, tmp_path):
    """Several sinks see the same; each file gets its part of it."""
    peer = server(echo)
    kinds = ("text", "hex", "c", "strip", "raw", "count", "jsonl", "summary",
             "flows", "gotcpspy", "netrecord", "pcapng", "pcap")
    proxy = teeline.proxy(peer.target, *sum(
        (["-o", f"{kind}:{tmp_path}/{kind}.d"] for kind in kinds), []),
        "-o", "null")
    client = connect(proxy.port)
    client.sendall(b"one word\r\n")
    half_close(client)
    assert recv_all(client) == b"one word\r\n"
    proxy.idle().stop()
    assert (tmp_path / "raw.d").read_bytes() == b"one word\r\n" * 2
    for kind in kinds:
        path = tmp_path / f"{kind}.d"
        if kind == "netrecord":
            path = tmp_path / "netrecord.d_1"
        if path.is_dir():
            assert any(one.stat().st_size for one in path.iterdir()), kind
        else:
            assert path.stat().st_size > 0, kind
            assert path.stat().st_mode & 0o777 == 0o600, kind
