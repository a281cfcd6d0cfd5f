"""pcapng-listen: a live capture for each client that connects.

The rule of every test: the traffic notices nothing, and neither does another
client.
"""

import json
import os
import re
import socket
import subprocess

import pytest

from helpers import capture, savefile
from helpers.hearing import CAPTURING
from helpers.live import (IDB, ISB, LIVE, SHB, WHERE, Client, Dumpcap,
                          live_port, over)
from helpers.packets import Talk, data
from helpers.peers import (Background, connect, echo, half_close, pair, pump,
                           recv_all, recv_exactly, reset, talk_to)
from helpers.wait import wait_until


def run(teeline, tmp_path, peer, *options):
    return teeline.proxy(peer.target, *LIVE, "--stats", tmp_path / "stats",
                         *options)


def sheet(tmp_path):
    """The sheet's line of the sink, whose sum must hold."""
    with open(tmp_path / "stats", encoding="utf-8") as file:
        one, = [sink for sink in json.load(file)["sinks"]
                if sink["kind"] == "pcapng-listen"]
    dropped = {reason: drop["bytes"]
               for reason, drop in one["dropped"].items()}
    assert one["queued"] == 0
    assert one["offered"] == one["written"] + sum(dropped.values())
    return one, dropped


def say(client, there, text, back=b""):
    """Both sides of a session, in turn."""
    client.sendall(text)
    assert recv_exactly(there, len(text)) == text
    if back:
        there.sendall(back)
        assert recv_exactly(client, len(back)) == back


def close(client, there):
    half_close(client)
    assert recv_all(there) == b""
    there.close()
    assert recv_all(client) == b""
    client.close()


# --- what a client sees ----------------------------------------------------


def test_dumpcap(teeline, server, tmp_path):
    """What dumpcap writes down is what was said; tshark has no remark."""
    peer = server()
    proxy = run(teeline, tmp_path, peer)
    dump = Dumpcap(live_port(proxy), tmp_path / "heard.pcapng")
    said = {}
    for number, (up, down) in enumerate([(1, 0), (70000, 3), (5, 200000)]):
        client, there = pair(proxy, peer)
        name = "%s:%d" % client.getsockname()
        said[name] = [data(up, number), data(down, number + 50)]
        say(client, there, *said[name])
        close(client, there)
    over(proxy, 3)
    proxy.stop()
    path = dump.result()
    capture.check_quiet(path)
    assert capture.payloads(path) == said
    one, dropped = sheet(tmp_path)
    assert one["written"] == sum(len(side) for both in said.values()
                                 for side in both)
    assert not dropped


def test_late_client(teeline, server, tmp_path):
    """In the middle of sessions of all workers: from there on, and quiet."""
    peer = server()
    proxy = run(teeline, tmp_path, peer, "--workers", "3")
    talks = [pair(proxy, peer) for _ in range(6)]
    for number, (client, there) in enumerate(talks):
        say(client, there, data(1000 + number), data(2000, number))
    half_close(talks[0][0])
    assert recv_all(talks[0][1]) == b""
    # A handshake of three for each, and what shows that one is half closed.
    late = Client(live_port(proxy), tmp_path / "late.pcapng").packets(20)
    said = {}
    for number, (client, there) in enumerate(talks):
        name = "%s:%d" % client.getsockname()
        said[name] = [b"", data(90 + number)]
        there.sendall(said[name][1])
        assert recv_exactly(client, 90 + number) == said[name][1]
        if number > 0:
            said[name][0] = data(70, number)
            say(client, there, said[name][0])
            half_close(client)
            assert recv_all(there) == b""
        there.close()
        assert recv_all(client) == b""
        client.close()
    over(proxy, 6)
    proxy.stop()
    late.result()
    capture.check_quiet(late.path)
    assert capture.payloads(late.path) == said
    where = capture.fields(late.path, "frame.comment",
                           show="tcp.flags.syn == 1 && tcp.flags.ack == 0")
    assert sorted(re.sub(r".*from here on: ", "", row[0]) for row in where
                  ) == [f"the client had sent {1000 + number} bytes, the "
                        "server 2000" for number in range(6)]


def test_numbers_go_on_from_the_true_place(teeline, server, tmp_path):
    """Two clients that came at different times see the same packets."""
    peer = server()
    proxy = run(teeline, tmp_path, peer)
    first = Client(live_port(proxy), tmp_path / "first.pcapng").greeted()
    client, there = pair(proxy, peer)
    say(client, there, data(100000), data(50000, 1))
    second = Client(live_port(proxy), tmp_path / "second.pcapng").packets(3)
    say(client, there, b"both hear this", b"and that")
    close(client, there)
    over(proxy, 1)
    proxy.stop()
    first.result()
    second.result()

    def tail(path, count):
        rows = capture.tshark(
            path, "-o", "tcp.relative_sequence_numbers:FALSE", "-T", "fields",
            *sum((["-e", name] for name in (
                "tcp.srcport", "tcp.flags", "tcp.seq", "tcp.ack",
                "tcp.payload", "frame.time_epoch")), []))
        return rows.splitlines()[-count:]

    # Two chunks, two FINs, and an acknowledgement of each.
    assert tail(first.path, 8) == tail(second.path, 8)
    assert second.heard().packets == 3 + 8


def test_reset_session(teeline, server, tmp_path):
    peer = server()
    proxy = run(teeline, tmp_path, peer)
    dump = Dumpcap(live_port(proxy), tmp_path / "heard.pcapng")
    client, there = pair(proxy, peer)
    say(client, there, b"last words")
    reset(client)
    over(proxy, 1)
    there.close()
    proxy.stop()
    capture.check_quiet(dump.result(), resets=1)


def test_client_that_talks(teeline, server, tmp_path):
    """What a client says is read and dropped; its FIN is no reason to stop."""
    peer = server(echo)
    proxy = run(teeline, tmp_path, peer)
    client = Client(live_port(proxy), tmp_path / "heard.pcapng").greeted()
    for _ in range(64):
        client.sock.sendall(bytes(1 << 16))
    half_close(client.sock)
    # Only what it is told tells whether it still listens.
    wait_until(lambda: ISB in client.heard().kinds, what="statistics")
    talk_to(proxy, b"after its FIN")
    over(proxy, 1)
    proxy.stop()
    assert client.result().packets > 8
    capture.check_quiet(client.path)


def test_v6_and_any(teeline, server, tmp_path):
    """A port alone is both loopbacks, * is everything."""
    peer = server(echo)
    proxy = run(teeline, tmp_path, peer, "-o", "pcapng-listen:*:0,name=any")
    other = int(wait_until(lambda: re.search(
        rb"any: clients connect to \S*?:(\d+)", proxy.err))[1])
    ports = [live_port(proxy), other]
    clients = [Client(port, tmp_path / f"{number}-{port}.pcapng",
                      host=host).greeted()
               for port in ports
               for number, host in enumerate(["127.0.0.1", "::1"])]
    talk_to(proxy)
    over(proxy, 1)
    proxy.stop()
    for client in clients:
        assert client.result().packets == 11


def test_unix_socket(teeline, server, tmp_path):
    peer = server(echo)
    path = tmp_path / "live.sock"
    proxy = teeline.proxy(peer.target, "-v", "-f", "summary", "--workers",
                          "1", "-o", f"pcapng-listen:unix:{path}")
    assert b"clients connect to unix:" in proxy.err
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))
        client.settimeout(20)
        head = recv_exactly(client, 4)
        talk_to(proxy)
        over(proxy, 1)
        proxy.stop()
        (tmp_path / "heard.pcapng").write_bytes(head + recv_all(client))
    capture.check_quiet(tmp_path / "heard.pcapng")
    assert not path.exists()


# --- clients that fail -----------------------------------------------------


def test_nobody(teeline, server, tmp_path):
    """Nobody to wait for, whatever on-full says."""
    peer = server(echo)
    proxy = teeline.proxy(
        peer.target, "-f", "none", "-o", "pcapng-listen:0,on-full=pause",
        "--stats", tmp_path / "stats", "--max-sessions", "1")
    talk_to(proxy, data(3 << 20))
    proxy.wait()
    one, dropped = sheet(tmp_path)
    assert one["offered"] == 6 << 20
    assert dropped == {"no_consumer": 6 << 20}


@pytest.mark.deadline(120)
def test_stopped_client(teeline, server, tmp_path):
    """One does not read; the session does not wait, the other is exact.

    When it reads again, it has whole blocks, and is told what is missing.
    """
    peer = server()
    proxy = teeline.proxy(
        peer.target, "-f", "summary", "--workers", "2", "-o",
        "pcapng-listen:0,name=a,port=1", "-o",
        "pcapng-listen:0,queue=256KiB,name=small", "-o",
        "pcapng-listen:0,queue=256MiB,name=large", "--stats",
        tmp_path / "stats")
    ports = {match[1]: int(match[2]) for match in re.finditer(
        rb"(small|large): clients connect to \S*?:(\d+)", proxy.err)}
    slow = Client(ports[b"small"], tmp_path / "slow.pcapng", rcvbuf=1 << 16,
                  reading=False)
    quick = Client(ports[b"large"], tmp_path / "quick.pcapng").greeted()
    client, there = pair(proxy, peer)
    quick.packets(3)
    for _ in range(3):
        pump(client, there)
    slow.read()
    wait_until(lambda: len(slow.data) > 1 << 16, what="it reads again")
    say(client, there, b"the end")
    close(client, there)
    over(proxy, 1)
    proxy.stop()
    assert quick.result().stats[-1].dropped == 0
    (up, _), = capture.payloads(quick.path).values()
    assert len(up) == (48 << 20) + 7
    heard = slow.result()
    last = heard.stats[-1]
    assert last.dropped > 0
    assert heard.packets == last.received - last.dropped
    with open(tmp_path / "stats", encoding="utf-8") as file:
        sinks = {sink["name"]: sink for sink in json.load(file)["sinks"]}
    for one in sinks.values():
        assert one["offered"] == one["written"] + one["queued"] + sum(
            drop["bytes"] for drop in one["dropped"].values())
    assert sinks["large"]["written"] == (48 << 20) + 7
    assert set(sinks["small"]["dropped"]) == {"queue_full"}
    assert sinks["a"]["offered"] == 0


@pytest.mark.deadline(120)
def test_stopped_client_beside_another(teeline, server, tmp_path):
    """Of one sink: with two clients each byte is offered twice."""
    peer = server()
    proxy = teeline.proxy(peer.target, "-f", "summary", "--workers", "1",
                          "-o", "pcapng-listen:0,queue=64MiB", "--stats",
                          tmp_path / "stats")
    quick = Client(live_port(proxy), tmp_path / "quick.pcapng").greeted()
    slow = Client(live_port(proxy), tmp_path / "slow.pcapng",
                  rcvbuf=1 << 16, reading=False)
    client, there = pair(proxy, peer)
    # The sinks were told of the session by then.
    quick.packets(3)
    pump(client, there)
    close(client, there)
    over(proxy, 1)
    slow.read()
    proxy.stop()
    for one in (quick, slow):
        assert one.result().stats[-1].dropped == 0
        (up, _), = capture.payloads(one.path).values()
        assert len(up) == 16 << 20
    one, dropped = sheet(tmp_path)
    assert (one["offered"], dropped) == (32 << 20, {})


def test_close_ends_the_stopped_client(teeline, server, tmp_path):
    peer = server()
    proxy = teeline.proxy(
        peer.target, "-f", "summary", "--workers", "1", "-o",
        "pcapng-listen:0,queue=64KiB,on-full=close", "--stats",
        tmp_path / "stats")
    slow = Client(live_port(proxy), tmp_path / "slow.pcapng", rcvbuf=1 << 16,
                  reading=False)
    client, there = pair(proxy, peer)
    pump(client, there)
    slow.read()
    wait_until(lambda: slow.failure is not None, what="it is reset")
    assert isinstance(slow.failure, ConnectionResetError)
    slow.sock.close()
    close(client, there)
    over(proxy, 1)
    proxy.stop()
    assert set(sheet(tmp_path)[1]) == {"queue_full", "gone", "no_consumer"}


def test_pause_waits_for_the_slow_client(teeline, server, tmp_path):
    """on-full=pause: nothing is lost, and the session waits."""
    peer = server()
    proxy = teeline.proxy(
        peer.target, "-f", "summary", "--workers", "2", "-o",
        "pcapng-listen:0,queue=64KiB,on-full=pause", "--stats",
        tmp_path / "stats")
    slow = Client(live_port(proxy), tmp_path / "slow.pcapng", rcvbuf=1 << 16,
                  reading=False)
    client, there = pair(proxy, peer)
    pumping = Background(pump, client, there, 32 << 20)
    slow.read()
    pumping.result()
    close(client, there)
    over(proxy, 1)
    proxy.stop()
    assert slow.result().stats[-1].dropped == 0
    (up, _), = capture.payloads(slow.path).values()
    one, dropped = sheet(tmp_path)
    assert len(up) == one["written"]
    assert set(dropped) <= {"no_consumer"}


@pytest.mark.deadline(120)
def test_clients_come_and_go(teeline, server, tmp_path):
    """Ten at a time during a bulk transfer, half of them by RST."""
    peer = server()
    proxy = run(teeline, tmp_path, peer, "--workers", "2")
    port = live_port(proxy)
    stays = Client(port, tmp_path / "stays.pcapng").greeted()
    before = proxy.descriptors()
    client, there = pair(proxy, peer)
    pumping = Background(pump, client, there, 64 << 20)
    for turn in range(4):
        crowd = [Client(port, tmp_path / f"{turn}-{number}.pcapng").packets(3)
                 for number in range(10)]
        for number, one in enumerate(crowd):
            heard = one.heard()
            assert heard.kinds[:2] == [SHB, IDB]
            if number % 2:
                one.reset()
            else:
                one.close()
    pumping.result()
    close(client, there)
    over(proxy, 1)
    # Nothing of those who have gone is left.
    talk = pair(proxy, peer)
    wait_until(lambda: proxy.descriptors() <= before + 2, 30,
               lambda: f"clients are let go: {proxy.descriptors()} "
               f"descriptors, {before} before\n{proxy.describe()}")
    close(*talk)
    over(proxy, 2)
    proxy.stop()
    heard = stays.result()
    last = heard.stats[-1]
    assert heard.packets == last.received - last.dropped
    sheet(tmp_path)


# --- from captures ---------------------------------------------------------


def test_tap_on_loopback(teeline, place, tmp_path):
    """It does not hear its own clients, so it does not feed on itself."""
    tap = teeline.start(
        "tap", "-f", "summary", "-i", "lo", "-o", "pcapng-listen:0", "--stats",
        tmp_path / "stats", prefix=place.enter, ready=CAPTURING)
    dump = Dumpcap(live_port(tap), tmp_path / "heard.pcapng", place.enter)
    place.spawn("socat", "TCP-LISTEN:80,fork,reuseaddr", "EXEC:cat")
    place.listens(80)
    question = data(300000)
    answer = place.run("socat", "-t", "20", "-", "TCP:127.0.0.1:80",
                       input=question)
    assert answer == question
    over(tap, 1)
    tap.stop()
    path = dump.result()
    rows = capture.fields(path, "tcp.srcport", "tcp.dstport", show="tcp")
    assert all("80" in row for row in rows)
    assert capture.follow(path, 0) == [(question, question)]
    with open(tmp_path / "stats", encoding="utf-8") as file:
        got = json.load(file)
    assert got["sessions"]["total"] == 1
    assert got["kernel"]["dropped"] == 0


def test_tap_on_a_wire(teeline, wire, tmp_path):
    tap = teeline.start(
        "tap", "-f", "summary", "-i", "eth0", "-o", "pcapng-listen:9999",
        "tcp", "port", "80", prefix=wire.client.enter, ready=CAPTURING)
    dump = Dumpcap(9999, tmp_path / "heard.pcapng", wire.client.enter)
    wire.server.spawn("socat", "TCP-LISTEN:80,fork,reuseaddr", "EXEC:cat")
    wire.server.listens(80)
    question = data(500000)
    assert wire.client.run("socat", "-t", "20", "-",
                           f"TCP:{wire.server.ip}:80",
                           input=question) == question
    over(tap, 1)
    tap.stop()
    assert capture.follow(dump.result(), 0) == [(question, question)]


class Fed:
    """`teeline read -` that gets its file when there is somebody to hear."""

    def __init__(self, teeline, *options):
        self.run = teeline.start(
            "read", "-f", "none", "-o", "pcapng-listen:0,on-full=pause",
            *options, "-", stdin=subprocess.PIPE, ready=WHERE)
        self.port = live_port(self.run)

    def feed(self, text):
        with self.run.process.stdin as pipe:
            pipe.write(text)
        self.run.wait()


def test_read(teeline, tmp_path):
    """Packets as they are in the file, strays and all."""
    talk = Talk()
    frames = [*talk.open(), *talk.stream(0, data(300000)),
              *talk.stream(1, data(100000, 1)), *talk.close(),
              b"\x45 no packet"]
    fed = Fed(teeline)
    client = Client(fed.port, tmp_path / "heard.pcapng")
    wait_until(lambda: SHB in client.heard().kinds, what="a head")
    fed.feed(savefile.pcap_bytes(frames, nano=True))
    heard = client.result()
    assert heard.packets == len(frames)
    assert heard.stats == [(0, len(frames), 0)]
    path = savefile.pcap(tmp_path / "in.pcap", frames, nano=True)
    names = ("frame.time_epoch", "frame.len", "ip.src", "tcp.seq_raw",
             "tcp.payload")
    assert (capture.fields(client.path, *names)
            == capture.fields(path, *names))


def test_read_several_interfaces(teeline, tmp_path):
    """Each is described before its first packet, whoever comes when."""
    talk = Talk()
    frames = [savefile.Frame(frame, iface=number % 2) for number, frame in
              enumerate([*talk.open(), talk.c(b"hi"), *talk.close()])]
    path = savefile.pcapng(tmp_path / "in.pcapng", frames,
                           linktypes=[savefile.RAW, savefile.RAW])
    fed = Fed(teeline)
    dump = Client(fed.port, tmp_path / "heard.pcapng")
    wait_until(lambda: SHB in dump.heard().kinds, what="a head")
    with open(path, "rb") as file:
        fed.feed(file.read())
    heard = dump.result()
    assert heard.kinds.count(IDB) == 2
    rows = capture.fields(dump.path, "frame.interface_id")
    assert [row[0] for row in rows] == [str(n % 2)
                                        for n in range(len(frames))]


def test_read_netrecord(teeline, server, tmp_path):
    """A log without packets: they are made."""
    peer = server(echo)
    proxy = teeline.proxy(peer.target, "-f", "none", "-o",
                          f"netrecord:{tmp_path}/log", "--max-sessions", "1")
    talk_to(proxy, data(5000))
    proxy.wait()
    fed = Fed(teeline)
    client = Client(fed.port, tmp_path / "heard.pcapng")
    wait_until(lambda: SHB in client.heard().kinds, what="a head")
    log, = (name for name in os.listdir(tmp_path) if name.startswith("log"))
    fed.feed((tmp_path / log).read_bytes())
    client.result()
    capture.check_quiet(client.path)
    assert list(capture.payloads(client.path).values()) == [
        [data(5000), data(5000)]]


def test_read_without_a_client(teeline, tmp_path):
    """It does not wait for one to come."""
    talk = Talk()
    path = savefile.pcap(tmp_path / "in.pcap",
                         [*talk.open(), talk.c(b"hello"), *talk.close()])
    teeline.run("read", "-f", "none", "-o", "pcapng-listen:0,on-full=pause",
                "--stats", tmp_path / "stats", path)
    one, dropped = sheet(tmp_path)
    assert dropped == {"no_consumer": one["offered"]}


# --- the command line ------------------------------------------------------


@pytest.mark.parametrize("place, status, words", [
    ("dial:127.0.0.1:9", 2, b"an address of ours is wanted"),
    ("nonsense", 2, b"nonsense"),
    ("", 2, b"pcapng-listen"),
    ("203.0.113.1:0", 1, b"203.0.113.1"),
])
def test_wrong_places(teeline, place, status, words):
    run_ = teeline.run("proxy", "-o", f"pcapng-listen:{place}", "127.0.0.1:0",
                       "127.0.0.1:9", expect=status)
    assert words in run_.err


def test_port_in_use(teeline, server):
    taken = server().target
    run_ = teeline.run("proxy", "-o", f"pcapng-listen:{taken}", "127.0.0.1:0",
                       "127.0.0.1:9", expect=1)
    assert taken.encode() in run_.err


def test_few_descriptors(teeline, server, tmp_path):
    """More clients than there are descriptors for: some wait, none is lost,
    and sessions still find room."""
    peer = server(echo)
    proxy = teeline.proxy(peer.target, *LIVE, "--stats", tmp_path / "stats",
                          nofile=64)
    port = live_port(proxy)
    first = Client(port, tmp_path / "first.pcapng").greeted()
    crowd = [connect(f"127.0.0.1:{port}") for _ in range(20)]
    for _ in range(3):
        talk_to(proxy)
    for one in crowd:
        one.close()
    over(proxy, 3)
    again = Client(port, tmp_path / "again.pcapng").greeted()
    proxy.stop()
    first.result()
    again.result()
