"""Live sinks with consumers that nobody here wrote, and with hundreds."""

import json
import os
import re

import pytest

from helpers import consumers, records
from helpers.packets import data
from helpers.peers import (Background, half_close, prepare, recv_all,
                           recv_exactly)
from helpers.real import run
from helpers.wait import wait_until

PORTS = re.compile(rb"session (\d+): requests at port (\d+), responses at "
                   rb"port (\d+)")
FULL = rb"no port from \d+ to \d+ is free: sessions are not heard"


def reasons(line):
    return {reason: drop["bytes"]
            for reason, drop in line["dropped"].items() if drop["bytes"]}


# --- a second server, shadowing the first ------------------------------------

def test_nginx_as_a_shadow(teeline, nginx, shadow_nginx, tmp_path):
    """It is asked what the first one is asked, and answers to nobody.

    It does not have the files, so whoever got its answers would know.
    """
    for number in range(8):
        with open(os.path.join(nginx.root, f"f{number}"), "wb") as file:
            file.write(data(100_000 * number, number))
    proxy = teeline.proxy(nginx.target, "-f", "none", "-o",
                          f"tee:{shadow_nginx.target}", "--stats",
                          tmp_path / "sheet")
    urls = [f"http://127.0.0.1:{proxy.port}/f{number % 8}?turn={number}"
            for number in range(60)]
    outputs = [word for number in range(60)
               for word in ("-o", tmp_path / f"got-{number}")]
    run("curl", "-sS", "--fail", "--parallel", "--parallel-max", "10",
        "--parallel-immediate", "-H", "X-Long: " + 4000 * "x", *outputs,
        *urls)
    for number in range(60):
        with open(tmp_path / f"got-{number}", "rb") as file:
            assert file.read() == data(100_000 * (number % 8), number % 8)

    def asked(server):
        """First line and length of each request, without its answer."""
        return sorted(re.sub(r" \d+ (\d+)$", r" \1", line)
                      for line in server.requests())
    assert len(asked(nginx)) == 60
    wait_until(lambda: asked(shadow_nginx) == asked(nginx),
               what="the shadow was asked the same")
    assert all(" 404 " in line for line in shadow_nginx.requests())
    proxy.idle().stop()
    line = records.sink_of(tmp_path / "sheet", "tee")
    assert line["written"] == line["offered"] > 60 * 4000
    assert not reasons(line)


def test_redis_as_a_shadow(teeline, redis, shadow_redis, tmp_path):
    """After 40,000 commands on 50 connections both hold the same."""
    proxy = teeline.proxy(redis.target, "-f", "none", "-o",
                          f"tee:{shadow_redis.target}", "--stats",
                          tmp_path / "sheet")
    run("redis-benchmark", "-h", "127.0.0.1", "-p", proxy.port, "-q", "-n",
        20000, "-c", 50, "-P", 4, "-r", 100, "-t", "incr,lpush")

    def holds(server):
        """Every counter, and how long the list is."""
        script = ("local t = {} for _, k in ipairs(redis.call('keys', '*')) "
                  "do local v = redis.call('type', k).ok == 'list' and "
                  "redis.call('llen', k) or redis.call('get', k) "
                  "t[#t + 1] = k .. '=' .. v end table.sort(t) return t")
        return run("redis-cli", "-p", server.port, "eval", script,
                   0).decode().split()
    # Which of two counters on two connections is first is all the same.
    expect = holds(redis)
    assert len(expect) > 50 and "mylist=20000" in expect, expect
    wait_until(lambda: holds(shadow_redis) == expect, every=0.05,
               what="the shadow holds the same")
    proxy.idle().stop()
    line = records.sink_of(tmp_path / "sheet", "tee")
    assert line["written"] == line["offered"]
    assert not reasons(line)


# --- socat and netcat --------------------------------------------------------

def bound(place, count):
    """Ports in a place of its own, where nobody takes them meanwhile."""
    socks = [place.socket() for _ in range(count)]
    for sock in socks:
        sock.bind((place.ip, 0))
    ports = [sock.getsockname()[1] for sock in socks]
    for sock in socks:
        sock.close()
    return ports


def talk(place, peer, port, sent):
    """One session that says both, and ends."""
    client = place.socket()
    prepare(client)
    client.connect((place.ip, port))
    there, _ = peer.accept()
    prepare(there)
    with client, there:
        asking = Background(client.sendall, sent["c2s"])
        assert recv_exactly(there, len(sent["c2s"])) == sent["c2s"]
        asking.result()
        half_close(client)
        answering = Background(there.sendall, sent["s2c"])
        assert recv_exactly(client, len(sent["s2c"])) == sent["s2c"]
        answering.result()


@pytest.mark.parametrize("source", consumers.SOURCES)
def test_connect_to_socat(teeline, place, tmp_path, source):
    """Two socats write whatever comes to a file for each connection."""
    peer = listener(place)
    ports = bound(place, 2)
    for port, name in zip(ports, records.DIRS):
        os.mkdir(tmp_path / name)
        place.spawn("socat", "-u", f"TCP-LISTEN:{port},fork,reuseaddr,"
                    f"bind={place.ip}", "SYSTEM:cat >$SOCAT_PEERPORT",
                    cwd=tmp_path / name)
        place.listens(port)
    source = source(place, peer.getsockname())
    running = source.start(
        teeline, "-f", "none", "--stats", tmp_path / "sheet", "-o",
        f"connect:{place.ip}:{ports[0]}/{ports[1]},header=line,"
        "queue=32MiB,startup=8MiB")
    sent = {}
    for number in range(1, 11):
        sent[number] = {direction: data(number * 70_001, 2 * number + seed)
                        for seed, direction in enumerate(records.DIRS)}
        talk(place, peer, source.port(running), sent[number])

    def heard(name):
        """{session: bytes} of the files with a whole header."""
        found = {}
        for path in (tmp_path / name).iterdir():
            head, newline, rest = path.read_bytes().partition(b"\n")
            if newline:
                head = json.loads(head)
                assert (head["dir"], head["offset"]) == (name, 0)
                assert head["session"] not in found
                found[head["session"]] = rest
        return found
    for name in records.DIRS:
        expect = {number: one[name] for number, one in sent.items()}
        wait_until(lambda name=name, expect=expect: heard(name) == expect,
                   what=f"socat has written all of {name}")
    running.stop()
    sheet = json.loads((tmp_path / "sheet").read_text())
    source.check(sheet, len(sent))
    assert not reasons(sheet["sinks"][0])


def listener(place, backlog=1024):
    sock = place.socket()
    prepare(sock)
    sock.bind((place.ip, 0))
    sock.listen(backlog)
    return sock


@pytest.mark.parametrize("options", [["-d"], ["-N"]], ids=["mute", "ended"])
def test_netcat_at_a_listener(teeline, place, tmp_path, options):
    """It never says a word, or ends its own direction at once."""
    peer = listener(place)
    running = consumers.Proxy(place, peer.getsockname()).start(
        teeline, "-f", "none", "-o", "listen:127.0.0.1:5000-5009",
        "--stats", tmp_path / "sheet")
    client = place.socket()
    prepare(client)
    client.connect((place.ip, running.port))
    there, _ = peer.accept()
    prepare(there)
    ports = told(running, 1)[1]
    files, ncs = [], []
    for port, name in zip(ports, records.DIRS):
        files.append(open(tmp_path / name, "wb"))
        ncs.append(place.spawn("nc", *options, place.ip, port,
                               stdout=files[-1]))
    question, answer = data(1_000_000, 1), data(2_000_000, 2)
    for one, other, said, path in (
            (client, there, question, tmp_path / "c2s"),
            (there, client, answer, tmp_path / "s2c")):
        one.sendall(b"!")
        assert recv_exactly(other, 1) == b"!"
        wait_until(lambda path=path: path.read_bytes() == b"!",
                   what="netcat is there")
        for at in range(0, len(said), 100_000):
            part = said[at:at + 100_000]
            one.sendall(part)
            assert recv_exactly(other, len(part)) == part
            # Its queue is 1 MiB: let netcat keep up.
            wait_until(lambda path=path, at=at: os.path.getsize(path)
                       == at + 100_001)
    client.close()
    assert recv_all(there) == b""
    there.close()
    # FIN is told, and they end.
    assert [nc.wait(20) for nc in ncs] == [0, 0]
    for file in files:
        file.close()
    assert (tmp_path / "c2s").read_bytes() == b"!" + question
    assert (tmp_path / "s2c").read_bytes() == b"!" + answer
    running.idle().stop()
    line = records.sink_of(tmp_path / "sheet", "listen")
    assert line["written"] == 3_000_002


# --- many ports --------------------------------------------------------------

def told(running, count):
    """{session: (requests port, responses port)}, once so many are told."""
    def found():
        return {int(m[1]): (int(m[2]), int(m[3]))
                for m in PORTS.finditer(running.err)}
    wait_until(lambda: len(found()) >= count,
               what=lambda: f"ports of {count} sessions, not {len(found())}")
    return found()


class Sessions:
    """Sessions that are open at the same time, in a place.

    said    {session: {direction: bytes}}
    """

    def __init__(self, place, peer, port):
        self._place = place
        self._peer = peer
        self._port = port
        self._ends = {}
        self.said = {}

    def open(self, number):
        """Session number `number` of the program begins."""
        client = self._place.socket()
        prepare(client)
        client.connect((self._place.ip, self._port))
        there, _ = self._peer.accept()
        prepare(there)
        self._ends[number] = (client, there)

    def speak(self, number):
        client, there = self._ends[number]
        said = {"c2s": data(5000 + number, 2 * number),
                "s2c": data(7000 + number, 2 * number + 1)}
        self.said[number] = said
        client.sendall(said["c2s"])
        assert recv_exactly(there, len(said["c2s"])) == said["c2s"]
        there.sendall(said["s2c"])
        assert recv_exactly(client, len(said["s2c"])) == said["s2c"]

    def close(self, number):
        client, there = self._ends.pop(number)
        half_close(client)
        assert recv_all(there) == b""
        there.close()
        assert recv_all(client) == b""
        client.close()


def hear(place, port):
    sock = place.socket()
    prepare(sock)
    sock.connect((place.ip, port))
    return sock


@pytest.mark.parametrize("source", consumers.SOURCES)
def test_200_sessions_at_once_at_one_range(teeline, place, tmp_path, source):
    """All of its 400 ports are used, each for what it was told to be for;
    and then all of them again."""
    peer = listener(place)
    source = source(place, peer.getsockname())
    running = source.start(
        teeline, "-f", "none", "--stats", tmp_path / "sheet", "-o",
        "listen:127.0.0.1:20000-20399")
    for first in (1, 201):
        everyone = range(first, first + 200)
        sessions = Sessions(place, peer, source.port(running))
        for number in everyone:
            sessions.open(number)
        ports = {number: pair for number, pair in told(
            running, first + 199).items() if number >= first}
        assert sorted(sum(ports.values(), ())) == list(range(20000, 20400))
        ears = {number: [hear(place, port) for port in ports[number]]
                for number in everyone}
        for number in everyone:
            sessions.speak(number)
        for number in everyone:
            sessions.close(number)
            for ear, direction in zip(ears[number], records.DIRS):
                assert recv_all(ear) == sessions.said[number][direction]
                ear.close()
        wait_until(lambda: not ports_in_use(place), what="the ports are free")
    running.stop()
    sheet = json.loads((tmp_path / "sheet").read_text())
    source.check(sheet, 400)
    line = records.sink_of(tmp_path / "sheet", "listen")
    assert line["written"] == line["offered"] > 400 * 12000


def ports_in_use(place):
    return bool(place.run("ss", "-Htln",
                          "sport >= :20000 and sport <= :20399"))


def test_ports_run_out_and_come_back(teeline, place, tmp_path):
    """Half of the range is taken by others: two sessions are heard, two are
    not, which is told once and counted; later ones are heard again."""
    peer = listener(place)
    others = []
    for port in (5001, 5003, 5004, 5006, 5009):
        others.append(place.socket())
        others[-1].bind((place.ip, port))
        others[-1].listen()
    running = consumers.Proxy(place, peer.getsockname()).start(
        teeline, "-f", "none", "--stats", tmp_path / "sheet", "-o",
        "listen:127.0.0.1:5000-5009,linger=1ms")
    sessions = Sessions(place, peer, running.port)
    for number in (1, 2, 3, 4):
        sessions.open(number)
    wait_until(lambda: running.complaints(FULL), what="it is told")
    ports = told(running, 2)
    # Workers share the range, so it need not be the first two.
    one, other = ports
    assert set(ports[one] + ports[other]) < {5000, 5002, 5005, 5007, 5008}
    ears = [hear(place, port) for port in ports[one]]
    for number in (1, 2, 3, 4):
        sessions.speak(number)
    for ear, direction in zip(ears, records.DIRS):
        wanted = sessions.said[one][direction]
        assert recv_exactly(ear, len(wanted)) == wanted
    assert len(running.complaints(FULL)) == 1

    # Others give their ports back: the next session is heard.
    for sock in others:
        sock.close()
    for number in (5, 6, 7):
        sessions.open(number)
    assert set(told(running, 5)) == {one, other, 5, 6, 7}
    for number in (1, 2, 3, 4, 5, 6, 7):
        sessions.close(number)
    for ear in ears:
        assert recv_all(ear) == b""
        ear.close()
    running.idle().stop()
    line = records.sink_of(tmp_path / "sheet", "listen")
    said = {number: sum(map(len, both.values()))
            for number, both in sessions.said.items()}
    assert reasons(line) == {
        "gone": sum(said.values()) - said[one] - said[other],
        "no_consumer": said[other]}


def test_strangers_at_a_port(teeline, place, tmp_path):
    """Whoever knocks and goes away may cost bytes, but never the port.

    FIN alone does not say that nobody listens any more: only what is said
    next finds that out, one stranger after the other.
    """
    peer = listener(place)
    running = consumers.Proxy(place, peer.getsockname()).start(
        teeline, "-f", "none", "--stats", tmp_path / "sheet", "-o",
        "listen:127.0.0.1:5000-5001,header=line")
    client = place.socket()
    prepare(client)
    client.connect((place.ip, running.port))
    there, _ = peer.accept()
    requests, _ = told(running, 1)[1]
    for _ in range(5):
        hear(place, requests).close()
    ear = hear(place, requests)
    ear.setblocking(False)
    got, said = bytearray(), 0

    def heard():
        nonlocal said
        client.sendall(b"%07d\n" % said)
        assert recv_exactly(there, 8) == b"%07d\n" % said
        said += 1
        try:
            got.extend(ear.recv(1 << 16))
        except BlockingIOError:
            return False
        return got.count(b"\n") > 10
    wait_until(heard, what="the last one hears what is said")
    client.close()
    assert recv_all(there) == b""
    there.close()
    ear.settimeout(20)
    got.extend(recv_all(ear))
    ear.close()
    running.idle().stop()
    head, rest = bytes(got).split(b"\n", 1)
    assert rest == b"".join(b"%07d\n" % number for number in range(
        json.loads(head)["offset"] // 8, said))
    line = records.sink_of(tmp_path / "sheet", "listen")
    assert line["offered"] == 8 * said
    assert set(reasons(line)) <= {"gone", "no_consumer"}
