"""stethoscope's control: clients that mean harm, and what it says of a session.

What it says to the letter is also in test_stethoscope.py.
"""

import contextlib
import glob
import json
import os
import random
import re
import signal
import socket
import subprocess
import sys

import pytest

from helpers.capture import fields
from helpers.peers import recv_exactly
from helpers.real import tool
from helpers.stethoscope import CONTROL_PORT, LISTENING, LISTNER, Scope
from helpers.there import Target, socket_at
from helpers.wait import wait_until

ROOM = 64       # clients there is room for at once


@pytest.fixture(name="scope")
def fixture_scope(teeline, wire, tmp_path):
    one = Scope(teeline, tmp_path, wire)
    yield one
    one.finish()


class Traffic:
    """A session with a consumer of its requests, checked byte by byte."""

    def __init__(self, scope):
        self.control = scope.control()
        self.client, self.there = scope.connect()
        port = self.control.event("listener_ports")["requests_port"]
        self.consumer = scope.hear(port)
        self.control.event("listener_connected")
        self.count = 0

    def check(self):
        """It is heard, to the byte, and control still answers."""
        self.count += 1
        words = b"%08d" % self.count * 1000
        self.client.sendall(words)
        assert recv_exactly(self.there, len(words)) == words
        assert recv_exactly(self.consumer, len(words)) == words
        assert self.control.ask("ping")["ok"]


def knock(scope):
    sock = socket_at(scope.wire.client, socket.AF_INET, socket.SOCK_STREAM)
    sock.connect(("127.0.0.1", CONTROL_PORT))
    return sock


def normal(event, flow):
    """An event without what differs from one run to the next."""
    for name in ("ts", "open_ts", "last_ts"):
        if name in event:
            assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ",
                                event.pop(name))
    if "flow" in event:
        assert event.pop("flow") == flow
    for name in ("peer", "local"):
        if name in event:
            assert re.fullmatch(r"127\.0\.0\.1:\d+", event[name])
            event[name] = "ADDR"
    if "requests_port" in event:
        assert event.pop("responses_port") == event.pop("requests_port") + 1
    if "session" in event:
        event["session"] = normal(event["session"], flow)
    event.pop("version", None)
    return event


SESSION = {"session_id": 1, "midstream": False, "bytes_captured": 8,
           "bytes_forwarded": 8, "bytes_dropped": 0, "chunks_forwarded": 1,
           "chunks_dropped": 0, "gap_bytes": 0, "drops": {}}


def of(cat, event, **fields):
    return {"cat": cat, "event": event, **fields}


def test_a_session_as_nc_and_jq_see_it(scope):
    """Greeting, events, replies and the end of a session, to the letter."""
    scope.start(output={"listner": LISTNER})
    script = f"nc 127.0.0.1 {CONTROL_PORT} | {tool('jq')} --unbuffered -c ."
    with subprocess.Popen(
            [*scope.wire.client.enter, "sh", "-c", script],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as nc:
        said = []

        def until(event):
            while not said or said[-1]["event"] != event:
                said.append(json.loads(nc.stdout.readline()))
            return said[-1]

        def ask(line):
            nc.stdin.write(line + "\n")
            nc.stdin.flush()
            until("control_reply")

        until("control_connected")
        client, there = scope.connect()
        ports = until("listener_ports")
        client.sendall(b"question")
        recv_exactly(there, 8)
        consumer = scope.hear(ports["requests_port"])
        assert recv_exactly(consumer, 8) == b"question"
        until("listener_connected")
        ask('{"cmd":"get_session","session_id":1,"id":"x"}')
        ask('{"cmd":"close_session","session_id":1}')
        until("tcp_close")
        nc.terminate()
    flow = {"local_ip": scope.wire.client.ip, "session_id": 1,
            "local_port": client.getsockname()[1],
            "remote_ip": scope.wire.server.ip, "remote_port": 5000}
    assert [normal(event, flow) for event in said
            # Whether the consumer hears first is a matter of threads.
            if event["event"] != "listener_disconnected"] == [
        of("control", "control_connected", peer="ADDR", sessions=[],
           sessions_open=0),
        of("session", "tcp_open"),
        of("ports", "listener_ports"),
        of("output", "listener_connected", stream="requests", peer="ADDR",
           local="ADDR"),
        of("control", "control_reply", reply_to="get_session", ok=True,
           id="x", session_id=1, session=SESSION),
        of("control", "control_reply", reply_to="close_session", ok=True,
           session_id=1),
        of("session", "tcp_half_close", direction="c2s", stream="requests",
           reason="stop"),
        of("session", "tcp_half_close", direction="s2c", stream="responses",
           reason="stop"),
        of("session", "session_summary", reason="stop", **SESSION),
        of("session", "tcp_close", reason="stop"),
    ]
    scope.run.stop()


# In the place of the program, since each socket there costs a process.
FLOOD = """
import socket, sys
socks = [socket.create_connection(("127.0.0.1", int(sys.argv[1])))
         for _ in range(1000)]
print(socks[-1].makefile().read(), end="", flush=True)
sys.stdin.read()
"""


def test_a_thousand_connections(scope):
    """They get no room, no line in the log each, and disturb nobody."""
    scope.start(output={"listner": LISTNER})
    traffic = Traffic(scope)
    traffic.check()
    before = scope.run.descriptors()
    with subprocess.Popen(
            [*scope.wire.client.enter, sys.executable, "-c", FLOOD,
             str(CONTROL_PORT)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE) as flood:
        said = json.loads(flood.stdout.readline())
        assert said["error"] == "too_many_clients"
        traffic.check()
        assert scope.run.descriptors() <= before + ROOM
        assert traffic.control.ask("stats")["stats"][
            "control_clients_refused"] == 1000 - (ROOM - 1)
    wait_until(lambda: scope.run.descriptors() <= before,
               what="their descriptors are closed")
    assert scope.control().ask("ping")["ok"]
    traffic.check()
    scope.run.stop()
    assert scope.run.out.count(b"no room for") == 1


BAD = {
    "endless": b"x" * 70000,
    "half": b'{"cmd":"' + b"x" * 70000,
    "deep": b"[" * 65535 + b"\n",
    "deep id": b'{"cmd":"ping","id":' + b"[" * 30000 + b"]" * 30000 + b"}\n",
    "nul": b"\0" * 1000 + b"\n" * 1000,
    "utf-16": b"\xff\xfe" * 1000 + b"\n",
    "http": b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    "random": random.Random(5).randbytes(60000) + b"\n",
}


def hear_out(sock):
    """All that is said until the end, however that comes."""
    said = b""
    try:
        while more := sock.recv(65536):
            said += more
    except ConnectionResetError:
        pass
    return said.decode().splitlines()


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_command(scope, name):
    """An error comes back, or the end; the rest goes on."""
    scope.start(output={"listner": LISTNER})
    traffic = Traffic(scope)
    before = scope.run.descriptors()
    sock = knock(scope)
    sock.sendall(BAD[name])
    with contextlib.suppress(OSError):      # it may have been thrown out
        sock.shutdown(socket.SHUT_WR)
    said = [json.loads(line)["event"] for line in hear_out(sock)]
    assert said[0] == "control_connected" and said[-1] == "control_error"
    sock.close()
    wait_until(lambda: scope.run.descriptors() <= before,
               what="its descriptor is closed")
    traffic.check()
    scope.run.stop()


def test_who_comes_from_elsewhere_leaves_room(scope):
    """One address there can take 16 places, and never all of them."""
    path = scope.config()
    value = json.loads(path.read_text())
    value["control"] = {"bind_ip": "0.0.0.0"}
    path.write_text(json.dumps(value))
    scope.spawn(path).wait_ready(LISTENING, "out")
    far = []
    for _ in range(20):
        sock = socket_at(scope.wire.server, socket.AF_INET,
                         socket.SOCK_STREAM)
        sock.connect((scope.wire.client.ip, CONTROL_PORT))
        far.append(sock)
    files = [sock.makefile("rb") for sock in far]
    said = [json.loads(file.readline())["event"] for file in files]
    assert said.count("control_connected") == 16
    assert said[-1] == "control_error"
    assert scope.control().ask("stats")["stats"]["control_clients"] == 17
    for one in files + far:
        one.close()
    scope.run.stop()


def peek(sock, end):
    """What has come, once it ends so."""
    def said():
        text = sock.recv(4096, socket.MSG_PEEK)
        return text if text.endswith(end) else None

    return wait_until(said, what=f"{end}")


def test_consumers_know_what_they_hear(scope):
    """A line first; and control tells the two ends of the connection."""
    requests, responses = Target(scope.wire.client), Target(scope.wire.client)
    scope.start(capture={"buffer_keep": "tail", "buffer_bytes": 4},
                output={
        "remote-host": {"enabled": True, "header": True,
                        "requests_port": requests.port,
                        "responses_port": responses.port},
        "listner": {**LISTNER, "header": True}})
    control = scope.control()
    client, there = scope.connect()
    port = control.event("listener_ports")["requests_port"]
    client.sendall(b"0123456789")
    recv_exactly(there, 10)
    control.event("connector_connected", stream="requests")
    wait_until(lambda: control.ask("get_session", session_id=1)["session"][
        "bytes_captured"] == 10, what="it is heard")
    late = scope.hear(port)
    head, rest = peek(late, b"6789").split(b"\n", 1)
    assert json.loads(head)["offset"] == 6 and rest == b"6789"
    came = control.event("listener_connected")
    assert came["local"] == f"127.0.0.1:{port}"
    assert came["peer"] == "{}:{}".format(*late.getsockname())
    client.close()
    there.close()
    wait_until(lambda: requests.ended and responses.ended, what="the end")
    head, rest = requests.heard[0].split(b"\n", 1)
    assert json.loads(head)["session"] == 1
    assert rest == b"0123456789"
    scope.run.stop()


def test_both_control_planes(scope, teeline):
    """teeline run takes the same file; pages and lines see the same."""
    scope.run = teeline.spawn(
        [teeline.path, "run", "--control", "0", "-v",
         scope.config(output={"listner": LISTNER})],
        prefix=scope.wire.client.enter, cwd=scope.folder)
    scope.run.wait_ready(re.compile(rb"service_started"))
    lines = scope.control()
    scope.connect()
    number = lines.event("tcp_open")["flow"]["session_id"]
    url = re.search(rb"http://127\.0\.0\.1:(\d+)/#token=(\S+)",
                    scope.run.err)
    assert url, scope.run.err
    scope.wire.client.run(
        tool("curl"), "-sf", "-X", "DELETE", "-H",
        f"Authorization: Bearer {url[2].decode()}",
        f"http://127.0.0.1:{url[1].decode()}/api/v1/sessions/{number}")
    assert lines.event("tcp_close")["reason"] == "stop"
    scope.run.stop()


def test_an_end_that_does_not_acknowledge(scope):
    """What was said is told, once nobody has answered for so long."""
    scope.start(output={"listner": {
        **LISTNER, "timeouts": {"ack_stall_sec": 0.3}}})
    control = scope.control()
    assert control.ask("subscribe", cats=["flow"])["ok"]
    assert control.ask("tcp_flow_enable")["flow_global"]
    client, there = scope.connect()
    client.sendall(b"heard")
    assert recv_exactly(there, 5) == b"heard"
    wait_until(lambda: [one["bytes_captured"] for one in control.ask(
        "list_sessions")["sessions"]] == [5], what="it is heard")
    # Nothing that the server says reaches the client any more.
    scope.wire.server.run("ip", "route", "add", "blackhole",
                          scope.wire.client.ip)
    client.sendall(b"lost")
    note = control.event("tcp_note", note="ack_stall")
    assert (note["direction"], note["last_ack"]) == ("s2c", 5)
    assert note["stall_sec"] >= 0.3
    scope.run.stop()


def test_captures_that_rotate(scope):
    """Each is a capture of its own; the oldest go."""
    dump = scope.folder / "dump"
    scope.start(output={"pcap": {
        "enabled": True, "dir": str(dump), "rotate_bytes": 1000000,
        "rotate_keep": 2}})
    client, there = scope.connect()
    piece = bytes(1 << 16)
    for _ in range(64):
        client.sendall(piece)
        assert recv_exactly(there, len(piece)) == piece
    wait_until(lambda: len(glob.glob(f"{dump}/*.pcapng")) == 2,
               what="two finished files")
    scope.run.stop()
    kept = glob.glob(f"{dump}/*")
    assert len(kept) == 2, kept
    for path in kept:
        assert re.search(r"/capture__\d{13}[^/]*\.pcapng$", path)
        assert os.path.getsize(path) <= 1000000
        assert fields(path, "tcp.len")


def test_hangup(scope):
    """Outputs come, the log begins anew, and what cannot change is named."""
    log = scope.folder / "x.log"
    logging = {"file": {"enabled": True, "path": str(log)}}
    scope.start(logging=logging)
    control = scope.control()
    os.rename(log, f"{log}.1")
    path = scope.config(logging=logging, output={"listner": LISTNER})
    value = json.loads(path.read_text())
    value["control"]["token"] = "new"
    value["io"]["mapping"] = {"role": "server"}
    path.write_text(json.dumps(value))
    os.kill(scope.run.pid, signal.SIGHUP)
    wait_until(lambda: b"1 outputs added, 0 removed" in scope.run.out,
               what="it was read again")
    assert b"control: token cannot change" in scope.run.out
    assert b"io.mapping: role cannot change" in scope.run.out
    scope.connect()
    assert control.event("listener_ports")["requests_port"]
    wait_until(lambda: log.exists() and "tcp_open" in log.read_text(),
               what="a new log")
    path.write_text("{io: 5}")
    os.kill(scope.run.pid, signal.SIGHUP)
    wait_until(lambda: b"is needed, this is a number" in scope.run.out,
               what="the file is refused")
    assert control.ask("ping")["ok"]
    scope.run.stop()
