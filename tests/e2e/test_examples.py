"""The configurations in examples/: each is started and carries something.

They are run as they are, but for what differs from one machine to the next:
ports, folders, the user.  What is put in their place is named below, and each
replacement must be needed, so that the examples cannot drift away from it.
"""

import glob
import json
import os
import re
import socket

import pytest

from helpers import records
from helpers.peers import connect, echo, recv_exactly
from helpers.program import TOP
from helpers.stethoscope import LISTENING, Scope
from helpers.wait import wait_until

EXAMPLES = sorted(os.path.basename(path)
                  for path in glob.glob(f"{TOP}/examples/*.conf"))
WORDS = b"hello\n"
LOGS = "/var/log/teeline"
CAPTURING = re.compile(rb"^teeline: capturing on lo", re.MULTILINE)


@pytest.fixture(name="scope")
def fixture_scope(teeline, wire, tmp_path):
    one = Scope(teeline, tmp_path, wire)
    yield one
    one.finish()


def place(folder, name, *replacements):
    """The example in a folder of its own, with these (old, new) in it."""
    with open(f"{TOP}/examples/{name}", encoding="utf-8") as file:
        text = file.read()
    for old, new in (*replacements, (LOGS, str(folder / "log"))):
        assert old in text or old == LOGS, f"{name} lacks {old}"
        text = text.replace(old, new)
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def say(port, words=WORDS):
    client = connect(port)
    client.sendall(words)
    assert recv_exactly(client, len(words)) == words
    client.close()


def made(folder, pattern):
    """The one file of this name, once it is there."""
    found = wait_until(lambda: glob.glob(f"{folder}/{pattern}"), 10,
                       lambda: f"{pattern} among {os.listdir(folder)}")
    assert len(found) == 1, found
    return found[0]


def test_every_example_has_a_test():
    with open(__file__, encoding="utf-8") as file:
        tests = file.read()
    with open(f"{TOP}/examples/README.md", encoding="utf-8") as file:
        told = file.read()
    assert len(EXAMPLES) >= 5
    for name in EXAMPLES:
        assert f'"{name}"' in tests and f"({name})" in told, name


@pytest.mark.parametrize("name", EXAMPLES)
def test_check(teeline, tmp_path, name):
    """Right as they stand; the user need not exist here."""
    path = place(tmp_path, name)
    text = path.read_text()
    path.write_text(text.replace('user: "teeline"', 'user: "nobody"'))
    checked = teeline.run("check", path)
    assert checked.out.decode() == f"{path}: fine\n"


def test_web(teeline, server, tmp_path):
    peer = server(echo)
    path = place(tmp_path, "web.conf", ('"*:8081"', '"127.0.0.1:0"'),
                 ('"localhost:8080"', f'"{peer.target}"'),
                 ('user: "teeline"', f'user: "{os.getuid()}"'))
    os.mkdir(tmp_path / "log")
    run = teeline.start("run", path)
    say(run.port)
    run.idle().stop()
    session = records.closed(made(tmp_path / "log", "*.jsonl"))
    assert session.bytes("c2s") == session.bytes("s2c") == WORDS
    assert (tmp_path / "log/teeline.log").exists()


def test_copy(teeline, server, tmp_path):
    old, new = server(echo), server(echo)
    path = place(tmp_path, "copy.conf", ("listen: 8081", "listen: 0"),
                 ('"localhost:8080"', f'"{old.target}"'),
                 ('"localhost:8090"', f'"{new.target}"'))
    run = teeline.start("run", "--stats", tmp_path / "stats", path, count=2)
    say(run.port)
    run.idle().stop()
    stats = json.loads((tmp_path / "stats").read_text())
    copy, = stats["sinks"]
    assert (copy["name"], copy["kind"]) == ("candidate", "tee")
    assert copy["written"] == len(WORDS), copy


def test_watch(teeline, server, tmp_path):
    """Heard on loopback, as root."""
    peer = server(echo)
    path = place(tmp_path, "watch.conf", ('"any"', '"lo"'),
                 ("tcp port 5432", f"tcp port {peer.port}"),
                 ("131072", "8192"),
                 ('user: "teeline"', f'user: "{os.getuid()}"'))
    os.mkdir(tmp_path / "log")
    run = teeline.start("run", path, ready=CAPTURING)
    say(peer.port)
    wait_until(lambda: glob.glob(f"{tmp_path}/log/flows/*.s2c"), 10,
               lambda: f"flows of {run.describe()}")
    run.stop()
    with open(made(tmp_path / "log/flows", "*.c2s"), "rb") as file:
        assert file.read() == WORDS
    assert glob.glob(f"{tmp_path}/log/wire*.pcapng")
    stats = json.loads((tmp_path / "log/stats.json").read_text())
    assert stats["sessions"]["total"] == 1


def test_several(teeline, server, tmp_path):
    web, redis = server(echo), server(echo)
    app = f"{tmp_path}/app.sock"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(app)
        listener.listen()
        path = place(tmp_path, "several.conf",
                     ("listen: 8081", 'listen: "127.0.0.1:0"'),
                     ("[::1]:8082", "[::1]:0"), ("listen: 6380", "listen: 0"),
                     ("localhost:8080", web.target),
                     ("/run/app.sock", app), ("localhost:6379", redis.target))
        run = teeline.start("run", path, count=4)
        for target in (web.target, redis.target):
            say(int(run.relays[target].rsplit(":", 1)[1]))
        run.idle().stop()
    lines = [json.loads(line) for line in open(
        tmp_path / "log/all.jsonl", encoding="utf-8")]
    assert sorted(line["input"] for line in lines
                  if line["event"] == "open") == ["redis", "web"]
    text = (tmp_path / "log/redis.hex").read_text()
    assert text.count("|hello.|") == 2  # there and back, once


def test_captures(teeline, server, tmp_path):
    """What two relays recorded, read in one go."""
    peer = server(echo)
    for day in ("monday", "tuesday"):
        proxy = teeline.proxy(peer.target, "-f", "none", "-w",
                              tmp_path / f"{day}.pcapng")
        say(proxy.port, day.encode())
        proxy.idle().stop()
    path = place(tmp_path, "captures.conf")
    run = teeline.run("run", path, cwd=tmp_path)
    assert len(run.out.splitlines()) == 2
    said = {open(file, "rb").read()
            for file in glob.glob(f"{tmp_path}/streams/*.c2s")}
    assert said == {b"monday", b"tuesday"}
    stats = json.loads((tmp_path / "stats.json").read_text())
    assert stats["sessions"]["total"] == 2


def test_stethoscope(scope, tmp_path):
    """As it stands: its addresses are those of the wire."""
    path = place(tmp_path, "stethoscope.conf")
    scope.spawn(path).wait_ready(LISTENING, "out")
    control = scope.control()
    client, there = scope.connect()
    client.sendall(WORDS)
    assert recv_exactly(there, len(WORDS)) == WORDS
    port = control.event("listener_ports")["requests_port"]
    assert recv_exactly(scope.hear(port), len(WORDS)) == WORDS
    client.close()
    there.close()
    control.event("tcp_close")
    made(tmp_path / "log" / "dump", "192.0.2.1_*__192.0.2.2_5000__*__fin.pcapng")
    scope.run.stop()
    assert "session.tcp_close" in (
        tmp_path / "log" / "stethoscope.log").read_text()
