"""stethoscope: configuration, consumers, files, control, its end."""

import glob
import json
import os
import re
import signal
import socket

import pytest

from helpers.capture import fields
from helpers.peers import recv_all, recv_exactly, reset
from helpers.real import tool
from helpers.stethoscope import LISTNER, LISTENING, RANGE, Scope
from helpers.there import Target
from helpers.wait import wait_until

LINE = re.compile(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d (ERROR|WARNING|INFO|DEBUG)"
                  r" (.*)$")


@pytest.fixture(name="scope")
def fixture_scope(teeline, wire, tmp_path):
    one = Scope(teeline, tmp_path, wire)
    yield one
    one.finish()


def events(running):
    """(what, fields) of each event in the log, and each line's shape."""
    found = []
    for line in running.out.decode().splitlines():
        match = LINE.match(line)
        assert match, line
        event = re.match(r"(\w+\.\w+) (\{.*\})$", match[2])
        if event:
            found.append((event[1], json.loads(event[2])))
    return found


def test_listener(scope):
    """Both directions to consumers; the late one gets what was kept."""
    scope.start(output={"listner": LISTNER})
    control = scope.control()
    client, there = scope.connect()
    client.sendall(b"question")
    assert recv_exactly(there, 8) == b"question"
    ports = control.event("listener_ports")
    names = [event["event"] for event in control.seen]
    assert names.index("tcp_open") < names.index("listener_ports")
    assert RANGE[0] <= ports["requests_port"] < ports["responses_port"]
    listed, = control.ask("list_sessions")["sessions"]
    assert listed["flow"] == ports["flow"]
    assert listed["requests_port"] == ports["requests_port"]
    # Nothing more need be said for it.
    requests = scope.hear(ports["requests_port"])
    assert recv_exactly(requests, 8) == b"question"
    came = control.event("listener_connected")
    assert came["stream"] == "requests"
    assert came["peer"] == "{}:{}".format(*requests.getsockname())
    responses = scope.hear(ports["responses_port"])
    there.sendall(b"answer")
    assert recv_exactly(responses, 6) == b"answer"

    client.shutdown(socket.SHUT_WR)
    half = control.event("tcp_half_close")
    assert (half["direction"], half["stream"], half["reason"]) == (
        "c2s", "requests", "fin")
    assert recv_all(requests) == b""
    there.sendall(b" and more")
    there.close()
    assert recv_all(responses) == b" and more"
    summary = control.event("session_summary")
    assert control.event("tcp_close")["reason"] == "fin"
    assert summary["bytes_forwarded"] == 8 + 6 + 9
    assert summary["bytes_dropped"] == 0 and summary["drops"] == {}
    assert control.ask("list_sessions")["sessions"] == []
    scope.run.stop()


def test_connector_and_role(scope):
    """As the server, what the remote end sends are the requests."""
    requests, responses = Target(scope.wire.client), Target(scope.wire.client)
    path = scope.config(output={"remote-host": {
        "enabled": True, "requests_port": requests.port,
        "responses_port": responses.port}})
    value = json.loads(path.read_text())
    value["io"]["mapping"] = {"role": "server"}
    path.write_text(json.dumps(value))
    scope.spawn(path).wait_ready(LISTENING, "out")
    control = scope.control()
    client, there = scope.connect()
    client.sendall(b"said here")
    there.sendall(b"said there")
    recv_exactly(there, 9)
    recv_exactly(client, 10)
    assert {control.event("connector_connected")["stream"]
            for _ in range(2)} == {"requests", "responses"}
    client.close()
    there.close()
    gone = control.event("connector_disconnected")
    assert gone["cause"] == "input_half_close"
    wait_until(lambda: requests.ended and responses.ended,
               what="both consumers were told the end")
    assert requests.heard == [b"said there"]
    assert responses.heard == [b"said here"]
    scope.run.stop()


def test_startup_buffers(scope):
    """Each direction keeps its own, the head; the rest has its reason."""
    scope.start(capture={"c2s_buffer_bytes": 4, "s2c_buffer_bytes": 0},
                output={"listner": LISTNER})
    control = scope.control()
    client, there = scope.connect()
    client.sendall(b"0123456789")
    recv_exactly(there, 10)
    there.sendall(b"abc")
    recv_exactly(client, 3)
    number = control.event("tcp_open")["flow"]["session_id"]
    want = {"requests": {"startup_buffer_full": {"count": 1, "bytes": 6}},
            "responses": {"no_targets": {"count": 1, "bytes": 3}}}
    wait_until(lambda: control.ask("get_session", session_id=number)[
        "session"]["drops"] == want, what="the drops")
    port = control.ask("get_session", session_id=str(number))["session"][
        "requests_port"]
    assert recv_exactly(scope.hear(port), 4) == b"0123"
    stats = control.ask("stats")["stats"]
    assert stats["drop_detail"] == {
        "total_drops": {"count": 2, "bytes": 9},
        "drop_by_why": {"startup_buffer_full": {"count": 1, "bytes": 6},
                        "no_targets": {"count": 1, "bytes": 3}},
        "drop_by_stream": {"requests": {"count": 1, "bytes": 6},
                           "responses": {"count": 1, "bytes": 3}}}
    scope.run.stop()


def test_backpressure(scope):
    """A consumer that does not read loses its own bytes alone."""
    scope.start(output={"listner": LISTNER},
                runtime={"max_output_buffer_bytes": 10000})
    control = scope.control()
    client, there = scope.connect()
    ports = control.event("listener_ports")
    slow = scope.hear(ports["requests_port"])
    control.event("listener_connected")
    assert slow.fileno() >= 0
    size = 40 << 20
    quick = scope.hear(ports["responses_port"])
    control.event("listener_connected")
    piece = bytes(1 << 16)
    for _ in range(size // len(piece)):
        client.sendall(piece)
        recv_exactly(there, len(piece))
    there.sendall(b"still heard")
    assert recv_exactly(quick, 11) == b"still heard"

    def drops():
        session, = control.ask("list_sessions")["sessions"]
        return control.ask("get_session", session_id=session["session_id"])[
            "session"]["drops"].get("requests", {})

    wait_until(lambda: drops().get("backpressure", {}).get("bytes", 0) > 0,
               what=lambda: f"backpressure in {drops()}")
    scope.run.stop()


@pytest.mark.parametrize("each", [True, False])
def test_pcap(scope, each):
    dump = scope.folder / "deep" / "dump"
    scope.start(output={"pcap": {"enabled": True, "dir": str(dump),
                                 "per_session": each}})
    control = scope.control()
    client, there = scope.connect()
    client.sendall(b"x" * 100)
    recv_exactly(there, 100)
    name = ("*_{}__*_5000__*__open.pcapng".format(client.getsockname()[1])
            if each else "capture__*__open.pcapng")
    wait_until(lambda: glob.glob(f"{dump}/{name}"), what=f"{name}")
    client.close()
    there.close()
    control.event("tcp_close")
    if not each:
        scope.run.stop()
    name = name.replace("open", "*__" + ("fin" if each else "stop"))
    found, = wait_until(lambda: glob.glob(f"{dump}/{name}"), what=f"{name}")
    assert re.search(r"__(\d{13})__(\d{13})__", found)
    flags = [int(row[0], 16) for row in fields(found, "tcp.flags")]
    assert flags[0] == 0x02 and len(flags) >= 7      # from the SYN on
    assert len(os.listdir(dump)) == 1
    if each:
        stats = control.ask("stats")["stats"]["pcap"]
        assert stats["pkts_written"] == len(flags)
        assert (stats["files_opened"], stats["files_closed"]) == (1, 1)
        scope.run.stop()


def test_pcap_dir_that_cannot_be(scope):
    """A warning, no files, and everything else goes on."""
    (scope.folder / "file").write_text("")
    scope.start(output={"listner": LISTNER, "pcap": {
        "enabled": True, "dir": str(scope.folder / "file" / "x")}})
    assert b" WARNING pcapng: " in scope.run.out
    assert scope.control().ask("stats")["stats"]["pcap"] == {
        "enabled": False, "files_opened": 0, "files_closed": 0}
    scope.run.stop()


def test_several_flows_and_ipv6(scope):
    """Lists and networks; each connection is a session of its own."""
    scope.start(capture={"local_ip": ["192.0.2.0/25", "2001:db8::/64"],
                         "remote_ip": [scope.wire.server.ip,
                                       scope.wire.server.ip6]},
                output={"listener": LISTNER})
    control = scope.control()
    pairs = [scope.connect(), scope.connect(), scope.connect(six=True)]
    for i, (client, there) in enumerate(pairs):
        client.sendall(b"%d" % i)
        recv_exactly(there, 1)
    flows = {}
    while len(flows) < len(pairs):
        ports = control.event("listener_ports")
        flow = ports["flow"]
        flows[flow["local_port"]] = ports
    assert sorted(one["flow"]["session_id"] for one in flows.values()) == [
        1, 2, 3]
    for i, (client, _) in enumerate(pairs):
        one = flows[client.getsockname()[1]]
        assert one["flow"]["local_ip"] == client.getsockname()[0]
        assert one["flow"]["remote_port"] == 5000
        assert recv_exactly(scope.hear(one["requests_port"]), 1) == b"%d" % i
    scope.run.stop()


def test_reset_and_idle(scope):
    scope.start(capture={"session_idle_sec": 0.5})
    control = scope.control()
    client, _ = scope.connect()
    reset(client)
    assert control.event("tcp_close")["reason"] == "rst"
    scope.connect()
    assert control.event("tcp_close")["reason"] == "idle_timeout_0.5s"
    scope.run.stop()


def test_close_session_sticks(scope):
    scope.start(output={"listner": LISTNER})
    control = scope.control()
    client, there = scope.connect()
    ports = control.event("listener_ports")
    consumer = scope.hear(ports["requests_port"])
    control.event("listener_connected")
    number = ports["flow"]["session_id"]
    assert control.ask("close_session", session_id=number)["ok"]
    assert control.event("tcp_close")["reason"] == "stop"
    with pytest.raises(ConnectionResetError):
        recv_all(consumer)
    client.sendall(b"unheard")
    assert recv_exactly(there, 7) == b"unheard"
    reply = control.ask("close_session", session_id=number)
    assert (reply["ok"], reply["error"]) == (False, "not_found")
    # A new connection is a new session, and the only one.
    scope.connect()
    assert control.event("tcp_open")["flow"]["session_id"] == number + 1
    assert len(control.ask("list_sessions")["sessions"]) == 1
    scope.run.stop()


def test_stop(scope):
    """SIGTERM: sessions are summed up, consumers get what is theirs."""
    scope.start(output={"listner": LISTNER})
    control = scope.control()
    client, there = scope.connect()
    ports = control.event("listener_ports")
    consumer = scope.hear(ports["requests_port"])
    control.event("listener_connected")
    client.sendall(b"last words")
    recv_exactly(there, 10)
    assert recv_exactly(consumer, 10) == b"last words"
    scope.run.stop(signal.SIGTERM)
    control.event("service_stopping")
    assert control.event("session_summary")["reason"] == "stop"
    assert control.event("tcp_close")["reason"] == "stop"
    said = dict(events(scope.run))
    assert said["session.session_summary"]["reason"] == "stop"
    assert said["session.session_summary"]["bytes_forwarded"] == 10


def test_log(scope):
    """Console and file, each with a level; figures as often as asked."""
    log = scope.folder / "not" / "yet" / "x.log"
    path = scope.config(logging={
        "console": {"verbosity": "DEBUG"},
        "file": {"enabled": True, "path": str(log), "verbosity": "info"},
        "stats": {"report_interval": 0.05}})
    scope.spawn(path, "--log-level=WARNING")
    wait_until(lambda: log.exists() and
               log.read_text().count(" INFO stats.stats {") >= 3,
               what="figures in the file")
    assert scope.run.out == b""
    text = log.read_text()
    assert "control.service_started" in text and " DEBUG " not in text
    for line in text.splitlines():
        assert LINE.match(line), line
    scope.run.stop()


@pytest.mark.parametrize("change, status, says", [
    ({"capture": {"iface": "nosuch0"}}, 1, b"nosuch0"),
    ({"capture": {"bpf-filter": "tcp or or"}}, 1, b"tcp or or"),
    ({"capture": {"remote_port": None}}, 1, b"needs the key remote_port"),
    ({"output": {"remote-host": {"enabled": True}}}, 1, b"requests_port"),
    ({"output": {"listner": {"enabled": True}}}, 1, b"port_range_start"),
    ({"output": {"listner": {**LISTNER, "port_range_end": 33530}}}, 1,
     b"greater than"),
    ({"capture": {"ifcae": "eth0"}}, 1, b"did you mean iface"),
    ({"capture": {"local_ip": "myhost"}}, 1, b'"myhost" is no address'),
])
def test_what_cannot_start(scope, change, status, says):
    """One sentence, with the place where the text is wrong."""
    running = scope.spawn(scope.config(**change))
    running.wait(status)
    said = running.out + running.err
    assert says in said, said


def test_control_port_in_use(scope):
    taken = scope.wire.client.socket()
    taken.bind(("127.0.0.1", 50005))
    taken.listen()
    running = scope.spawn(scope.config())
    running.wait(1)
    assert b"50005" in running.out
    taken.close()


def test_command_line(teeline, tmp_path):
    for flags in ([], ["--nosuch"], ["--config", ""],
                  ["--config=x", "--log-level=LOUD"]):
        teeline.run("stethoscope", *flags, expect=2)
    ran = teeline.run("stethoscope", "--config", tmp_path / "none", expect=1)
    assert b"none" in ran.err
    assert b"-config" in teeline.run("stethoscope", "-h").err


def test_conversation_with_nc_and_jq(scope):
    """As its users talk to it: every reply, to the letter."""
    scope.start()
    ask = "\n".join([
        '{"cmd":"ping","id":"a"}', '{"cmd":"HELLO","id":7}', "", "nonsense",
        "[1]", '{"cmd":"subscribe","cats":["session","Flow","nosuch"]}',
        '{"cmd":"subscribe","cats":"session"}', '{"cmd":"subscribe_default"}',
        '{"cmd":"tcp_flow_enable","session_id":5}', '{"cmd":"tcp_flow_enable"}',
        '{"cmd":"tcp_flow_disable","session_id":5}',
        '{"cmd":"tcp_flow_disable"}', '{"cmd":"get_session"}',
        '{"cmd":"get_session","session_id":99}', '{"cmd":"list_sessions"}',
        '{"cmd":"close","session_id":99}', '{"cmd":"auth","token":"x"}',
        '{"cmd":"nosuch"}', "{}", ""])
    script = (f"nc -N 127.0.0.1 50005 | "
              f"{tool('jq')} -c 'del(.ts, .cat, .peer, .version)'")
    said = scope.wire.client.run("sh", "-c", script, input=ask.encode())
    want = [
        {"event": "control_connected", "sessions": [], "sessions_open": 0},
        {"event": "control_reply", "id": "a", "ok": True, "reply_to": "ping"},
        {"event": "control_reply", "id": 7, "ok": True, "reply_to": "HELLO"},
        {"error": "bad_json", "event": "control_error"},
        {"error": "bad_json", "event": "control_error"},
        {"cats": ["flow", "session"], "event": "control_reply", "ok": True,
         "reply_to": "subscribe", "unknown_cats": ["nosuch"]},
        {"error": "cats must be list", "event": "control_reply", "ok": False,
         "reply_to": "subscribe"},
        {"cats": ["control", "output", "ports", "session"],
         "event": "control_reply", "ok": True,
         "reply_to": "subscribe_default"},
        {"event": "control_reply", "flow_global": False, "flow_sessions": [5],
         "ok": True, "reply_to": "tcp_flow_enable"},
        {"event": "control_reply", "flow_global": True, "flow_sessions": [5],
         "ok": True, "reply_to": "tcp_flow_enable"},
        {"event": "control_reply", "flow_global": True, "flow_sessions": [],
         "ok": True, "reply_to": "tcp_flow_disable"},
        {"event": "control_reply", "flow_global": False, "flow_sessions": [],
         "ok": True, "reply_to": "tcp_flow_disable"},
        {"error": "missing_session_id", "event": "control_reply", "ok": False,
         "reply_to": "get_session"},
        {"error": "not_found", "event": "control_reply", "ok": False,
         "reply_to": "get_session", "session_id": 99},
        {"event": "control_reply", "ok": True, "reply_to": "list_sessions",
         "sessions": []},
        {"error": "not_found", "event": "control_reply", "ok": False,
         "reply_to": "close", "session_id": 99},
        {"error": "no_token_is_set", "event": "control_reply", "ok": False,
         "reply_to": "auth"},
        {"error": "unknown_cmd", "event": "control_reply", "ok": False,
         "reply_to": "nosuch"},
        {"error": "unknown_cmd", "event": "control_reply", "ok": False,
         "reply_to": ""},
    ]
    assert [json.loads(line) for line in said.splitlines()] == want
    scope.run.stop()


def test_clients_of_control(scope):
    """Each has its own subscriptions; who sends too much is dropped."""
    scope.start()
    one, two = scope.control(), scope.control()
    assert one.ask("subscribe", cats=[])["cats"] == []
    scope.connect()
    two.event("tcp_open")
    assert one.ask("ping")["ok"]
    assert not any(event["event"] == "tcp_open" for event in one.seen)
    two.sock.sendall(b"x" * 65536)
    assert two.event("control_error")["error"] == "line_too_long"
    assert recv_all(two.sock) == b""
    assert one.ask("ping")["ok"]
    scope.run.stop()


def test_client_that_does_not_read(scope):
    """It is dropped, and nobody waits for it."""
    scope.start()
    deaf, other = scope.control(), scope.control()
    ask = b'{"cmd":"stats","id":"' + b"x" * 60000 + b'"}\n'
    deaf.sock.settimeout(1)
    with pytest.raises(OSError):
        for _ in range(2000):
            deaf.sock.sendall(ask)
    assert other.ask("ping")["ok"]
    if not any(event["event"] == "control_disconnected"
               for event in other.seen):
        other.event("control_disconnected")
    scope.run.stop()


def test_changes_from_elsewhere_need_the_token(scope):
    path = scope.config()
    value = json.loads(path.read_text())
    value["control"] = {"bind_ip": "0.0.0.0", "token": "secret"}
    path.write_text(json.dumps(value))
    scope.spawn(path).wait_ready(LISTENING, "out")
    assert b"control: whoever reaches 0.0.0.0" in scope.run.err
    near = scope.control()
    scope.connect()
    number = near.event("tcp_open")["flow"]["session_id"]
    # The other end of the wire is a stranger.
    scope.wire.client, home = scope.wire.server, scope.wire.client
    far = scope.control(host=home.ip)
    scope.wire.client = home
    assert len(far.ask("list_sessions")["sessions"]) == 1
    ask = {"cmd": "close_session", "session_id": number}
    assert far.ask(**ask)["error"] == "not_allowed"
    assert far.ask("auth", token="secreT")["error"] == "wrong_token"
    assert far.ask("auth", token="")["error"] == "wrong_token"
    assert far.ask(**ask)["error"] == "not_allowed"
    assert far.ask("auth", token="secret")["ok"]
    assert far.ask(**ask)["ok"]
    near.event("tcp_close")
    scope.run.stop()
