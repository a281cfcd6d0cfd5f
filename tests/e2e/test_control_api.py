"""What the control plane says and does, beside real traffic."""

import json
import os
import signal
import socket
import stat
import subprocess

import pytest

from helpers import capture, packets, records, savefile
from helpers.control import Control
from helpers.peers import (
    connect, echo, half_close, recv_all, recv_exactly, was_reset)
from helpers.wait import wait_until


def start(teeline, peer, *options):
    """A proxy with a control plane; it, and that."""
    proxy = teeline.proxy(peer.target, "-f", "none", "--control", "0",
                          *options)
    return proxy, Control(proxy)


def say(client, there, question, answer):
    """One question, one answer."""
    client.sendall(question)
    assert recv_exactly(there, len(question)) == question
    there.sendall(answer)
    assert recv_exactly(client, len(answer)) == answer


def known(control, number=1, **values):
    """Wait until a session has these values; it."""
    def look():
        answer = control.ask("GET", f"sessions/{number}")
        session = answer.json() if answer.status == 200 else {}
        return session if all(
            session.get(key) == value for key, value in values.items()
        ) and session else None
    return wait_until(look, what=lambda: f"session {number}: {values}")


def test_a_session_from_its_open_to_its_close(teeline, server):
    peer = server()
    proxy, control = start(teeline, peer)
    assert control.get("sessions") == {
        "sessions": [], "next": None, "total": 0, "open": 0}
    client = connect(proxy.port)
    there = peer.accept()
    say(client, there, b"question", b"an answer")
    session = known(control, bytes={"c2s": 8, "s2c": 9})
    host, port = client.getsockname()
    assert session["client"] == f"{host}:{port}"
    assert session["server"] == session["target"] == peer.target
    assert session["listen"] == proxy.addresses[0]
    assert session["state"] == "open" and session["reason"] is None
    assert session["ended"] == {"c2s": None, "s2c": None}
    assert session["packets"] is None and session["input"] == "proxy"
    assert session["history"] == {"c2s": [0, 8], "s2c": [0, 9]}
    half_close(client)
    assert recv_all(there) == b""
    session = known(control, ended={"c2s": "fin", "s2c": None})
    there.close()
    session = known(control, state="closed")
    assert session["reason"] == "fin" and session["first"] == "client"
    assert session["ended"] == {"c2s": "fin", "s2c": "fin"}
    everything = control.get("sessions")
    assert everything["sessions"] == [session] and everything["open"] == 0


def test_pages_and_filters(teeline, server):
    peer = server(echo)
    proxy, control = start(teeline, peer)
    clients = [connect(proxy.port) for _ in range(7)]
    wait_until(lambda: control.get("sessions")["open"] == 7)
    for client in clients[:3]:
        client.close()
    wait_until(lambda: control.get("sessions")["open"] == 4)

    def numbers(query):
        page = control.get(f"sessions?{query}")
        return [one["id"] for one in page["sessions"]], page["next"]

    assert numbers("limit=3") == ([1, 2, 3], 3)
    assert numbers("limit=3&after=3") == ([4, 5, 6], 6)
    assert numbers("limit=3&after=6") == ([7], None)
    assert numbers("limit=2&order=desc") == ([7, 6], 6)
    assert numbers("limit=9&order=desc&after=6") == ([5, 4, 3, 2, 1], None)
    ours = {client.getsockname()[1] for client in clients[3:]}
    page = control.get("sessions?state=open")
    assert {int(one["client"].rpartition(":")[2])
            for one in page["sessions"]} == ours
    assert page["total"] == 4
    assert control.get("sessions?state=closed")["total"] == 3
    port = clients[5].getsockname()[1]
    found = control.get(f"sessions?q=127.0.0.1:{port}")["sessions"]
    assert [one["client"] for one in found] == [f"127.0.0.1:{port}"]
    assert control.get("sessions?q=%232")["total"] == 1
    assert control.get("sessions?q=nowhere.example")["total"] == 0
    assert control.get("sessions?q=%ff%fe")["total"] == 0


def test_follow_shows_what_is_said(teeline, server):
    peer = server()
    proxy, control = start(teeline, peer)
    client = connect(proxy.port)
    there = peer.accept()
    say(client, there, b"before anybody looked", b"yes")
    known(control, bytes={"c2s": 21, "s2c": 3})
    with control.follow("sessions/1/events") as stream:
        opened = stream.wait("open")
        assert opened["event"] == "open" and opened["session"] == 1
        stream.wait("live")
        assert stream.bytes("c2s") == b"before anybody looked"
        assert stream.bytes("s2c") == b"yes"
        say(client, there, bytes(range(256)), b"now")
        stream.wait("data", lambda data: data["dir"] == "s2c")
        assert stream.bytes("c2s") == (
            b"before anybody looked" + bytes(range(256)))
        assert stream.bytes("s2c") == b"yesnow"
        client.close()
        there.close()
        closed = stream.wait("close")
        assert closed["bytes"] == {"c2s": 277, "s2c": 6}
        stream.wait_end()
        assert [end["dir"] for end in stream.named("end")] == ["c2s", "s2c"]
        assert not stream.named("dropped") and not stream.named("gap")


def test_follow_without_history(teeline, server):
    peer = server()
    proxy, control = start(teeline, peer)
    client = connect(proxy.port)
    there = peer.accept()
    say(client, there, b"old", b"old")
    known(control, bytes={"c2s": 3, "s2c": 3})
    with control.follow("sessions/1/events?history=no") as stream:
        stream.wait("open")

        def told():
            say(client, there, b"new", b"new")
            return True

        # The follower begins a moment after the answer does.
        told()
        data = stream.wait("data")
        assert data["offset"] >= 3
        assert not stream.named("live")


def test_a_closed_session_can_still_be_read(teeline, server):
    peer = server(echo)
    proxy, control = start(teeline, peer)
    client = connect(proxy.port)
    client.sendall(b"hello")
    assert recv_exactly(client, 5) == b"hello"
    client.close()
    known(control, state="closed")
    with control.follow("sessions/1/events") as stream:
        stream.wait_end()
    assert [name for name, _, _ in stream.events][0] == "open"
    assert [name for name, _, _ in stream.events][-1] == "close"
    assert stream.bytes("c2s") == stream.bytes("s2c") == b"hello"


def test_the_history_is_bounded_and_says_so(teeline, server):
    peer = server()
    proxy, control = start(teeline, peer, "--control-history", "4KiB")
    client = connect(proxy.port)
    there = peer.accept()
    for i in range(100):
        say(client, there, bytes([i]) * 1000, b"ok")
    session = known(control, bytes={"c2s": 100_000, "s2c": 200})
    begin, end = session["history"]["c2s"]
    assert end == 100_000 and 95_000 < begin < 100_000
    with control.follow("sessions/1/events") as stream:
        stream.wait("live")
        gap, = [gap for gap in stream.named("gap") if gap["dir"] == "c2s"]
        assert (gap["offset"], gap["len"], gap["why"]) == (0, begin, "queue")
        assert len(stream.bytes("c2s")) == end - begin
        assert not stream.named("dropped")


def test_no_history_follows_all_the_same(teeline, server):
    peer = server()
    proxy, control = start(teeline, peer, "--control-history", "0")
    client = connect(proxy.port)
    there = peer.accept()
    say(client, there, b"unheard", b"unheard")
    known(control, bytes={"c2s": 7, "s2c": 7})
    with control.follow("sessions/1/events") as stream:
        stream.wait("live")
        assert not stream.named("data")
        say(client, there, b"heard", b"too")
        stream.wait("data", lambda data: data["dir"] == "s2c")
        assert stream.bytes("c2s") == b"heard"


def test_a_fast_session_is_thinned_and_says_so(teeline, server):
    peer = server()
    proxy, control = start(teeline, peer)
    client = connect(proxy.port)
    there = peer.accept()
    total = 64 * 1024 * 1024
    known(control, state="open")
    with control.follow("sessions/1/events") as stream:
        stream.wait("live")
        block = bytes(1024 * 1024)
        pid = os.fork()
        if pid == 0:
            for _ in range(total // len(block)):
                client.sendall(block)
            os._exit(0)
        recv_exactly(there, total)
        os.waitpid(pid, 0)
        client.close()
        there.close()
        stream.wait("close")
    seen = sum(data["len"] for data in stream.named("data"))
    missing = sum(gap["len"] for gap in stream.named("gap"))
    assert seen + missing == total and missing > 0
    assert {gap["why"] for gap in stream.named("gap")} == {"queue"}
    assert sum(one["bytes"] for one in stream.named("dropped")) == missing
    offset = 0
    for name, _, data in stream.events:
        if name in ("data", "gap") and data["dir"] == "c2s":
            assert data["offset"] == offset, data
            offset += data["len"]


def test_all_sessions_as_they_come_and_go(teeline, server):
    peer = server(echo)
    proxy, control = start(teeline, peer)
    with control.follow("events") as stream:
        assert stream.wait("rates")["sessions"] == 0
        client = connect(proxy.port)
        client.sendall(b"hello")
        assert recv_exactly(client, 5) == b"hello"
        assert stream.wait("open")["session"] == 1
        rates = stream.wait(
            "rates", lambda rates: rates["bytes"] == {"c2s": 5, "s2c": 5})
        assert rates["sessions"] == 1
        assert any([1, 5, 5, 0, 0, None, None] in rates["changed"]
                   for rates in stream.named("rates"))
        # Silent since: it is not named again.
        assert stream.wait("rates", lambda rates: not rates["changed"])
        client.close()
        closed = stream.wait("close")
        assert closed["session"] == 1 and closed["bytes"] == {
            "c2s": 5, "s2c": 5}


def test_who_hears_all_need_not_ask(teeline, server):
    """An end of a session that goes on; then the close says the rest."""
    peer = server()
    proxy, control = start(teeline, peer)
    with control.follow("events") as stream:
        client = connect(proxy.port)
        there = peer.accept()
        say(client, there, b"the end", b"so soon?")
        half_close(client)
        end = stream.wait("end")
        assert (end["session"], end["dir"], end["offset"], end["how"]) == (
            1, "c2s", 7, "fin")
        assert control.get("sessions/1")["state"] == "open"
        there.sendall(b"yes")
        there.close()
        assert recv_all(client) == b"yes"
        stream.wait("close")
        # What ends with its session is told by the close alone, or before.
        assert [one["dir"] for one in stream.named("end")] in (
            ["c2s"], ["c2s", "s2c"])


def test_more_changes_than_one_event_tells(teeline):
    """Those that found no room are the first ones the next time."""
    talks = [packets.Talk(client=f"10.1.0.1:{number}")
             for number in range(1, 1101)]
    frames = [frame for talk in talks
              for frame in (*talk.open(), talk.c(b"x"), talk.s(b"x"))]
    ours, theirs = os.pipe()
    run = teeline.start("read", "-f", "none", "--control", "0", "-",
                        ready=None, stdin=ours)
    os.close(ours)
    with open(theirs, "wb") as file:
        file.write(savefile.pcap_bytes(frames))
        file.flush()
        control = Control(run)
        wait_until(lambda: sum(
            value for name, value in control.metrics().items()
            if name.startswith("teeline_stream_bytes_total")) == 2200)
        with control.follow("events") as stream:
            first, second = stream.wait("rates"), stream.wait("rates")
    run.wait()
    assert (len(first["changed"]), first["untold"]) == (1000, 100)
    assert (len(second["changed"]), second["untold"]) == (100, 0)
    told = [counts[0] for counts in first["changed"] + second["changed"]]
    assert told == list(range(1100, 0, -1))
    assert {tuple(counts[1:3]) for counts in second["changed"]} == {(1, 1)}


def test_packets_and_gaps_are_told(teeline):
    """What is missing of a capture that is still being read."""
    talk = packets.Talk()
    frames = [*talk.open(), talk.c(b"before")]
    talk.c(b"in the hole")
    frames += [talk.c(b"after"), talk.ack(packets.S)]
    # Somebody else, long after the hole was waited for.
    frames.append(savefile.at(60, packets.Talk(client="10.9.9.9:9").syn()))
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE) as cat:
        run = teeline.start("read", "-f", "none", "--control", "0", "-",
                            ready=None, stdin=cat.stdout)
        with Control(run).follow("events") as stream:
            cat.stdin.write(savefile.pcap_bytes(frames))
            cat.stdin.flush()
            stream.wait("rates", lambda rates: [
                1, 11, 0, 11, 0, 4, 2] in rates["changed"])
        cat.stdin.close()
        run.wait(expect=None)


def test_delete_ends_a_session_and_no_other(teeline, server, tmp_path):
    peer = server()
    proxy, control = start(teeline, peer, "-o", f"jsonl:{tmp_path}/log")
    client, other = connect(proxy.port), connect(proxy.port)
    there, there_too = peer.accept(), peer.accept()
    for one in (client, other):
        one.sendall(b"x")
    assert recv_exactly(there, 1) + recv_exactly(there_too, 1) == b"xx"
    session, = [one["id"] for one in control.get("sessions")["sessions"]
                if one["client"].endswith(f":{client.getsockname()[1]}")]
    answer = control.ask("DELETE", f"sessions/{session}")
    assert answer.status == 202 and answer.json()["id"] == session
    assert was_reset(client)
    known(control, session, state="closed", reason="stop", first="us")
    assert control.problem(409, "DELETE", f"sessions/{session}")
    assert control.get("sessions")["open"] == 1
    other.close()
    there.close()
    there_too.close()
    proxy.idle().stop()
    by_id = {one.id: one for one in records.jsonl(tmp_path / "log")}
    assert by_id[session].reason == "stop"
    assert by_id[3 - session].reason == "fin"


def test_download(teeline, server, tmp_path):
    peer = server()
    proxy, control = start(teeline, peer)
    client = connect(proxy.port)
    there = peer.accept()
    say(client, there, b"GET / HTTP/1.0\r\n\r\n", b"HTTP/1.0 200 OK\r\n\r\n")
    known(control, bytes={"c2s": 18, "s2c": 19})

    def fetch(query):
        return control.ask("GET", f"sessions/1/bytes{query}")

    raw = fetch("?dir=c2s")
    assert raw.body == b"GET / HTTP/1.0\r\n\r\n"
    assert raw.headers["Content-Type"] == "application/octet-stream"
    assert raw.headers["Content-Disposition"] == (
        'attachment; filename="session-1-c2s.bin"')
    assert fetch("?dir=s2c").body == b"HTTP/1.0 200 OK\r\n\r\n"
    assert fetch("").body == (
        b"GET / HTTP/1.0\r\n\r\nHTTP/1.0 200 OK\r\n\r\n")
    shown = fetch("?format=hex").body.decode().splitlines()
    assert shown[0].endswith(" c2s 18 bytes at 0")
    assert shown[1].startswith("00000000  47 45 54 20")
    there.close()
    client.close()
    known(control, state="closed")
    packets = tmp_path / "one.pcapng"
    answer = fetch("?format=pcapng")
    assert answer.headers["Content-Type"] == "application/x-pcapng"
    packets.write_bytes(answer.body)
    capture.check_quiet(packets)
    assert capture.follow(packets, 0) == [
        (b"GET / HTTP/1.0\r\n\r\n", b"HTTP/1.0 200 OK\r\n\r\n")]
    assert control.problem(
        400, "GET", "sessions/1/bytes?format=pcapng&dir=c2s")
    assert control.problem(404, "GET", "sessions/2/bytes")


def test_a_long_session_as_packets_begins_where_the_history_does(
        teeline, server, tmp_path):
    peer = server()
    proxy, control = start(teeline, peer, "--control-history", "4KiB")
    client = connect(proxy.port)
    there = peer.accept()
    for _ in range(50):
        say(client, there, b"q" * 500, b"a" * 300)
    known(control, bytes={"c2s": 25_000, "s2c": 15_000})
    packets = tmp_path / "late.pcapng"
    packets.write_bytes(
        control.ask("GET", "sessions/1/bytes?format=pcapng").body)
    capture.check_quiet(packets)
    both, = capture.follow(packets, 0)
    assert both[0] and set(both[0]) == {ord("q")}
    assert both[1] and set(both[1]) == {ord("a")}


def test_outputs_come_and_go_under_traffic(teeline, server, tmp_path):
    peer = server()
    proxy, control = start(teeline, peer, "--writable", tmp_path)
    early = connect(proxy.port)
    early_there = peer.accept()
    say(early, early_there, b"early", b"early")
    answer = control.ask(
        "POST", "outputs", {"output": f"jsonl:{tmp_path}/log,name=mine"})
    assert answer.status == 201 and answer.json() == {"name": "mine"}
    assert answer.headers["Location"] == "/api/v1/outputs/mine"
    output = control.get("outputs/mine")
    assert control.get("outputs") == {"outputs": [output]}
    assert output["kind"] == "jsonl" and output["state"] == "running"
    assert output["text"] == f"jsonl:{tmp_path}/log,name=mine"
    assert output["inputs"] == ["proxy"]
    late = connect(proxy.port)
    late_there = peer.accept()
    say(late, late_there, b"late", b"yes, late")
    say(early, early_there, b"more", b"more")
    late.close()
    late_there.close()
    known(control, 2, state="closed")
    wait_until(lambda: control.get("outputs/mine")["written"] == 13)
    answer = control.ask("DELETE", "outputs/mine")
    assert answer.status == 200 and answer.json() == {"name": "mine"}
    assert control.get("outputs") == {"outputs": []}
    session, = records.jsonl(tmp_path / "log")
    assert session.id == 2 and session.reason == "fin"
    say(early, early_there, b"still", b"here")


def test_rotate_opens_the_file_anew(teeline, server, tmp_path):
    peer = server(echo)
    proxy, control = start(
        teeline, peer, "-o", f"jsonl:{tmp_path}/log,name=log")
    for path in ("one", "two"):
        client = connect(proxy.port)
        client.sendall(b"x")
        assert recv_exactly(client, 1) == b"x"
        client.close()
        wait_until(lambda: b'"close"' in (tmp_path / "log").read_bytes())
        os.rename(tmp_path / "log", tmp_path / path)
        answer = control.ask("POST", "outputs/log/rotate")
        assert answer.status == 200 and answer.json() == {"name": "log"}
        wait_until((tmp_path / "log").exists)
    proxy.stop()
    assert [records.jsonl(tmp_path / path)[0].id
            for path in ("one", "two")] == [1, 2]


def test_the_program_itself(teeline, server):
    peer = server(echo)
    proxy, control = start(teeline, peer)
    version = control.get("version")
    assert version["name"] == "teeline" and version["pid"] == proxy.pid
    assert version["version"] in teeline.run("-V").out.decode()
    one, = control.get("inputs")["inputs"]
    assert one["listening"] == proxy.addresses
    assert one["targets"] == [peer.target] and one["state"] == "running"
    sheet = control.get("stats")
    assert sheet["packets"] is None and sheet["sessions"]["total"] == 0


def test_the_log_says_more_when_asked(teeline, server):
    peer = server(echo)
    proxy, control = start(teeline, peer)
    assert control.get("log") == {"level": "warn"}
    before = len(proxy.err)
    answer = control.ask("PUT", "log", {"level": "info"})
    assert answer.json() == {"level": "info"}
    wait_until(lambda: b"/api/v1/log: 200" in proxy.err[before:])
    assert control.ask("PUT", "log", {"level": "error"}).status == 200
    assert control.get("log") == {"level": "error"}
    assert "loud" in control.problem(422, "PUT", "log",
                                     body={"level": "loud"})
    assert control.get("log") == {"level": "error"}


def test_drain_ends_the_run_as_a_signal_does(teeline, server, tmp_path):
    peer = server()
    proxy, control = start(teeline, peer, "-o", f"jsonl:{tmp_path}/log")
    client = connect(proxy.port)
    there = peer.accept()
    say(client, there, b"hello", b"hello")
    known(control, state="open")
    with control.follow("sessions/1/events") as stream:
        stream.wait("live")
        answer = control.ask("POST", "drain")
        assert answer.status == 202
        assert answer.json() == {"state": "draining"}
        proxy.wait(0)
    session, = records.jsonl(tmp_path / "log")
    assert session.reason == "stop"


def test_it_serves_while_it_reads(teeline):
    """Standard input is open: there may be more to read."""
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE) as cat:
        run = teeline.start("read", "-f", "none", "--control", "0", "-",
                            ready=None, stdin=cat.stdout)
        control = Control(run)
        one, = control.get("inputs")["inputs"]
        assert one["kind"] == "read" and one["files"] == ["-"]
        cat.stdin.close()
        run.wait(expect=None)


def test_a_unix_socket_needs_no_token(teeline, server, tmp_path):
    peer = server(echo)
    path = tmp_path / "control"
    proxy = teeline.proxy(peer.target, "-f", "none",
                          "--control", f"unix:{path}")
    control = Control(proxy)
    assert control.token is None and control.path == str(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert control.get("version")["name"] == "teeline"
    shown = json.loads(control.curl(path="/api/v1/sessions"))
    assert shown["sessions"] == []
    proxy.stop()
    assert not path.exists()


def test_a_token_of_ones_own(teeline, server, tmp_path):
    peer = server(echo)
    file = tmp_path / "token"
    file.write_text("  correct-horse-battery  \nsecond line\n")
    file.chmod(0o600)
    proxy, control = start(teeline, peer, "--control-token-file", file)
    assert control.token is None
    control.problem(401, "GET", "version")
    control.token = "correct-horse-battery"
    assert control.get("version")
    assert not proxy.complaints(rb"others")
    control.problem(401, "GET", "version", token="correct-horse-batter")
    file.chmod(0o644)
    proxy, control = start(teeline, peer, "--control-token-file", file)
    assert proxy.complaints(rb"others than its owner")


@pytest.mark.parametrize("options", [[], ["-vv"]])
def test_a_token_from_a_file_is_printed_nowhere(teeline, server, tmp_path,
                                                options):
    """What is printed stays in logs, and the file outlives the run."""
    file, token = tmp_path / "token", "correct-horse-battery"
    file.write_text(token)
    file.chmod(0o600)
    proxy, control = start(teeline, server(echo), "--control-token-file",
                           file, *options)
    control.token = token
    assert control.get("version")
    proxy.stop()
    assert token.encode() not in proxy.err + proxy.out


@pytest.mark.parametrize("content", ["", "short", "no blanks in-it please"])
def test_a_token_that_is_none(teeline, tmp_path, content):
    file = tmp_path / "token"
    file.write_text(content)
    run = teeline.run("proxy", "--control", "0", "--control-token-file",
                      file, "0", "127.0.0.1:1", expect=2)
    assert run.complaints(rb"^teeline: --control: .*a token")


def test_no_token_is_a_choice_with_a_warning(teeline, server):
    peer = server(echo)
    proxy, control = start(teeline, peer, "--control-no-token")
    assert control.token is None
    assert control.ask("GET", "version", token=None).status == 200
    assert proxy.complaints(rb"no token is asked for")
    # The address of a stranger's page is still none of ours.
    control.problem(403, "GET", "version",
                    headers={"Origin": "http://evil.example"})


def test_every_address_is_worth_a_warning(teeline, server):
    peer = server(echo)
    proxy = teeline.proxy(peer.target, "-f", "none", "--control", "*:0")
    control = Control(proxy)
    assert proxy.complaints(rb"reached from other machines")
    assert control.host == "localhost"
    assert control.get("version")
    with socket.create_connection(("127.0.0.2", control.port)) as sock:
        sock.sendall(b"GET /api/v1/version HTTP/1.1\r\nHost: 192.0.2.1\r\n"
                     b"Authorization: Bearer %s\r\n\r\n"
                     % control.token.encode())
        assert sock.recv(100).startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize("words, said", [
    (["--control-no-token"], rb"--control LISTEN is needed"),
    (["--control-token-file", "x"], rb"--control LISTEN is needed"),
    (["--control-history", "1"], rb"--control LISTEN is needed"),
    (["--control", "0", "--control-no-token", "--control-token-file", "x"],
     rb"contradict each other"),
    (["--control", "dial:a:1"], rb"--control.*calls nobody"),
    (["--control", "nonsense:x:y"], rb"--control"),
])
def test_options_that_make_no_sense(teeline, words, said):
    run = teeline.run("proxy", *words, "0", "127.0.0.1:1", expect=2)
    assert run.complaints(said)


def test_a_port_in_use(teeline, server):
    peer = server(echo)
    _, control = start(teeline, peer)
    run = teeline.run("proxy", "--control", f"127.0.0.1:{control.port}",
                      "0", peer.target, expect=1)
    assert run.complaints(rb"--control: .*in use")


def two_inputs(teeline, server, tmp_path):
    """A run that relays at two places; it, and its control plane."""
    peer = server(echo)
    path = tmp_path / "conf"
    path.write_text(json.dumps({
        "inputs": [
            {"name": "one", "type": "proxy", "listen": "127.0.0.1:0",
             "target": peer.target},
            {"name": "two", "type": "proxy", "listen": "127.0.0.1:0",
             "target": peer.target}],
        "outputs": ["null:"],
        "runtime": {"writable": str(tmp_path)},
        "control": {"listen": "0", "history": 0}}))
    run = teeline.start("run", path, count=2)
    return run, Control(run)


def talk_to_all(run):
    """A client of each input, which has said something."""
    clients = [connect(address) for address in run.addresses]
    for client in clients:
        client.sendall(b"x")
        assert recv_exactly(client, 1) == b"x"
    return clients


def test_two_inputs_one_control_plane(teeline, server, tmp_path):
    run, control = two_inputs(teeline, server, tmp_path)
    assert [one["name"] for one in control.get("inputs")["inputs"]] == [
        "one", "two"]
    clients = talk_to_all(run)
    found = control.get("sessions")["sessions"]
    assert sorted(one["input"] for one in found) == ["one", "two"]
    assert control.get("sessions?q=two")["total"] == 1
    run.send(signal.SIGHUP)
    assert control.get("sessions")["open"] == len(clients)


def test_an_output_of_some_inputs(teeline, server, tmp_path):
    """It hears those that input= names, which must be there."""
    run, control = two_inputs(teeline, server, tmp_path)

    def add(text, status=201):
        answer = control.ask("POST", "outputs", {"output": text})
        assert answer.status == status, answer.body
        return answer.json()

    for name, inputs in (("some", ["two"]), ("both", ["two", "one"]),
                         ("all", [])):
        add(f"jsonl:{tmp_path}/{name},name={name}"
            + "".join(f",input={one}" for one in inputs))
    assert control.get("outputs/some")["inputs"] == ["two"]
    assert control.get("outputs/both")["inputs"] == ["one", "two"]
    assert control.get("outputs/all")["inputs"] == ["one", "two"]
    assert add(f"jsonl:{tmp_path}/x,name=x,input=two,input=tow", 422)[
        "detail"] == 'x: input: "tow" is no input (did you mean two?)'
    assert not (tmp_path / "x").exists()
    assert add("null,name=x,input=wire", 422)["detail"] == (
        'x: input: "wire" is no input: one, two')
    for client in talk_to_all(run):
        client.close()
    run.idle().stop()
    heard = {name: sorted(session.open["input"] for session
                          in records.jsonl(tmp_path / name))
             for name in ("some", "both", "all")}
    assert heard == {"some": ["two"], "both": ["one", "two"],
                     "all": ["one", "two"]}
