"""What real programs say to each other over a real link, overheard.

What `tap` recorded is compared with what was sent, and with what `read` makes
of a file that tcpdump wrote at the same time, beside it.
"""

import hashlib
import json
import os
import re
import subprocess

import pytest

from helpers import hearing, reading, records
from helpers.hearing import WORKERS, Tap
from helpers.real import run
from helpers.wire import Tcpdump


def random_file(path, size):
    """A file of random bytes, and they themselves."""
    data = os.urandom(size)
    with open(path, "wb") as file:
        file.write(data)
    return data


def same_as_tcpdump(teeline, folder, got, dump):
    """What tap heard is what read makes of tcpdump's file."""
    told = reading.read(teeline, folder, dump.stop())
    assert hearing.talks(told) == hearing.talks(got)
    assert not [one.gaps for one in got.sessions if one.gaps]
    assert ([one.reason for one in told.sessions]
            == [one.reason for one in got.sessions])


# --- netcat: every byte is known --------------------------------------------

def netcat(wire, folder, sizes, family="-4", port=7000):
    """A netcat sends a file and gets one back, both end with FIN.

    What both have sent; returns when the connection is over.  The other side
    is socat: a netcat that listens ends as soon as the client has ended.
    """
    sent = [random_file(folder / f"sent-{port}-{side}", size)
            for side, size in enumerate(sizes)]
    host = wire.server.ip if family == "-4" else wire.server.ip6
    with open(folder / f"sent-{port}-0", "rb") as question, \
            open(folder / f"sent-{port}-1", "rb") as answer, \
            open(folder / f"got-{port}", "wb") as got:
        there = wire.server.spawn(
            "socat", "-t", "30", "STDIO",
            f"TCP{family[1]}-LISTEN:{port},reuseaddr", stdin=answer,
            stdout=got)
        wire.server.listens(port)
        assert wire.client.run("nc", family, "-N", host, str(port),
                               stdin=question) == sent[1]
        assert there.wait(20) == 0
    with open(folder / f"got-{port}", "rb") as file:
        assert file.read() == sent[0]
    return sent


@pytest.mark.parametrize("family", ["-4", "-6"])
@pytest.mark.parametrize("where", ["client", "server"])
def test_netcat(teeline, wire, tmp_path, family, where):
    """Both directions, exact; at either end of the link."""
    place = getattr(wire, where)
    dump = Tcpdump(place, tmp_path / "dump")
    tap = Tap(teeline, tmp_path, place)
    sent = netcat(wire, tmp_path, (3 << 20, 1 << 20), family)
    got = tap.closed(1).stop()
    assert [got.session.bytes(d) for d in records.DIRS] == sent
    assert got.session.reason == "fin"
    assert got.session.open["source"] == "tap"
    assert got.session.open["server"].endswith(":7000")
    assert "midstream" not in got.session.open
    assert got.sheet["kernel"]["dropped"] == 0
    same_as_tcpdump(teeline, tmp_path, got, dump)


def test_super_segments(teeline, wire, tmp_path):
    """The link carries segments larger than its MTU (TSO); so do we."""
    tap = Tap(teeline, tmp_path, wire.client, "-w", tmp_path / "w.pcapng")
    sent = netcat(wire, tmp_path, (8 << 20, 100))
    got = tap.closed(1).stop()
    lengths = [int(line) for line in run(
        "tshark", "-n", "-r", tmp_path / "w.pcapng", "-T", "fields", "-e",
        "frame.len").split()]
    assert max(lengths) > 3000, "no super segment: this tests nothing"
    assert [got.session.bytes(d) for d in records.DIRS] == sent


def test_small_segments(teeline, wire, tmp_path):
    """And without offloading: thousands of packets as on a wire."""
    for place in (wire.client, wire.server):
        place.run("ip", "link", "set", "eth0", "gso_max_size", "1500",
                  "gso_max_segs", "1")
    tap = Tap(teeline, tmp_path, wire.client)
    sent = netcat(wire, tmp_path, (4 << 20, 1 << 20))
    got = tap.closed(1).stop()
    assert got.packets["sessions"] > (5 << 20) // 1460
    assert [got.session.bytes(d) for d in records.DIRS] == sent


def test_loopback(teeline, wire, tmp_path):
    """The kernel counts each packet twice there; we hear it once."""
    tap = Tap(teeline, tmp_path, wire.server, interface="lo")
    sent = random_file(tmp_path / "file", 1 << 20)
    for family, host in (("-4", "127.0.0.1"), ("-6", "::1")):
        wire.server.spawn("nc", family, "-l", "7000")
        wire.server.listens(7000)
        wire.server.run("nc", family, "-N", host, "7000", input=sent)
    got = tap.closed(2).stop()
    assert [one.bytes("c2s") for one in got.sessions] == [sent, sent]
    # Some may have been sent twice; all of it was not heard twice.
    assert got.sheet["bytes"]["c2s"]["duplicate"] < len(sent)
    assert got.sheet["kernel"]["received"] >= got.packets["received"]


def test_any(teeline, wire, tmp_path):
    """-i any: the link and the loopback in one capture, named in it."""
    tap = Tap(teeline, tmp_path, wire.server, "-w", tmp_path / "w.pcapng",
              interface="any")
    over_the_link = netcat(wire, tmp_path, (1 << 20, 1 << 20))
    wire.server.spawn("nc", "-l", "7001")
    wire.server.listens(7001)
    wire.server.run("nc", "-N", "127.0.0.1", "7001", input=b"loopback")
    got = tap.closed(2).stop()
    first, second = got.sessions
    assert [first.bytes(d) for d in records.DIRS] == over_the_link
    assert second.bytes("c2s") == b"loopback"
    fields = run("tshark", "-n", "-r", tmp_path / "w.pcapng", "-T", "fields",
                 "-e", "sll.ifindex", "-e", "sll.pkttype", "-e",
                 "frame.packet_flags_direction").decode().split("\n")[:-1]
    rows = {tuple(line.split("\t")) for line in fields}
    assert len({row[0] for row in rows}) == 2, rows
    # Sent by us is 4, for us 0 to 2: the file's own flags say so, too.
    assert {row[1] for row in rows} >= {"0", "4"}
    for _, kind, flags in rows:
        assert int(flags, 0) == (2 if kind == "4" else 1)


# --- real programs ----------------------------------------------------------

def bodies(stream):
    """The bodies of the HTTP answers in a stream, which they fill."""
    found = []
    while stream:
        head, stream = stream.split(b"\r\n\r\n", 1)
        size = int(re.search(rb"(?i)content-length: (\d+)", head)[1])
        found.append(stream[:size])
        stream = stream[size:]
    return found


def test_curl(teeline, wire_nginx, wire, tmp_path):
    """A large file, then small ones over one connection that is kept."""
    sizes = [20 << 20, 1, 100, 65536, 0, 300000]
    files = [random_file(os.path.join(wire_nginx.root, f"f{number}"), size)
             for number, size in enumerate(sizes)]
    urls = [f"http://{wire_nginx.target}/f{number}"
            for number in range(len(sizes))]
    dump = Tcpdump(wire.client, tmp_path / "dump")
    tap = Tap(teeline, tmp_path, wire.client)
    wire.client.run("curl", "-sS", "--fail", "-o", "/dev/null", urls[0])
    wire.client.run("curl", "-sS", "--fail",
                    *[word for url in urls[1:]
                      for word in (url, "-o", "/dev/null")])
    got = tap.closed(2).stop()
    large, kept = got.sessions
    assert bodies(large.bytes("s2c")) == files[:1]
    assert bodies(kept.bytes("s2c")) == files[1:]
    assert kept.bytes("c2s").count(b"GET /f") == len(urls) - 1
    same_as_tcpdump(teeline, tmp_path, got, dump)


@pytest.mark.parametrize("workers", WORKERS)
def test_parallel(teeline, wire_nginx, wire, tmp_path, workers):
    """60 transfers over 20 connections, also on two rings."""
    digests = {}
    for number in range(60):
        data = random_file(os.path.join(wire_nginx.root, f"p{number}"),
                           1000 * (number + 1) ** 2 % 700001)
        digests[hashlib.sha256(data).digest()] = number
    dump = Tcpdump(wire.client, tmp_path / "dump")
    tap = Tap(teeline, tmp_path, wire.client, "--workers", workers)
    wire.client.run(
        "curl", "-sS", "--fail", "--parallel", "--parallel-max", "20",
        "--parallel-immediate", *[
            word for number in range(60) for word in
            (f"http://{wire_nginx.target}/p{number}", "-o", "/dev/null")])
    tap.closed(20)
    got = tap.stop()
    heard = {hashlib.sha256(body).digest() for one in got.sessions
             for body in bodies(one.bytes("s2c"))}
    assert heard == set(digests)
    told = reading.read(teeline, tmp_path, dump.stop())
    assert hearing.talks(told) == hearing.talks(got)


def test_redis(teeline, wire_redis, wire, tmp_path):
    """Pipelined requests on many connections, both ways without a pause."""
    dump = Tcpdump(wire.server, tmp_path / "dump")
    tap = Tap(teeline, tmp_path, wire.server, "port", wire_redis.port)
    where = ["-h", wire_redis.host, "-p", str(wire_redis.port)]
    wire.client.run("redis-benchmark", *where, "-n", "20000", "-c", "20",
                    "-P", "16", "-d", "100", "-q", "-t", "set,get")
    before = counters(wire, where)
    # Two tests of 20 connections, one to ask for the configuration, ours.
    tap.closed(42)
    got = tap.stop()
    same_as_tcpdump(teeline, tmp_path, got, dump)
    answers = [one for one in got.sessions if b"INFO" not in one.bytes("c2s")]
    asked = [one for one in got.sessions if b"INFO" in one.bytes("c2s")]
    assert len(asked) == 1
    # The server had read the question, and not answered it, when it counted.
    assert before["total_net_input_bytes"] == sum(
        len(one.bytes("c2s")) for one in got.sessions)
    assert before["total_net_output_bytes"] == sum(
        len(one.bytes("s2c")) for one in answers)


def counters(wire, where):
    """What the server itself counted."""
    text = wire.client.run("redis-cli", *where, "INFO", "stats").decode()
    return {key: int(value) for key, value in
            re.findall(r"^(total_net_\w+):(\d+)\r?$", text, re.MULTILINE)}


def test_iperf3(teeline, wire, tmp_path):
    """As fast as the machine goes, and nothing is missing."""
    wire.server.spawn("iperf3", "-s", "-1", "-p", "5201",
                      stdout=subprocess.DEVNULL)
    wire.server.listens(5201)
    dump = Tcpdump(wire.client, tmp_path / "dump")
    tap = Tap(teeline, tmp_path, wire.client, "port", "5201")
    told = json.loads(wire.client.run("iperf3", "-J", "-c", wire.server.ip,
                                      "-n", "50M"))["end"]
    got = tap.closed(2).stop()
    control, data = got.sessions
    cookie = control.bytes("c2s")[:37]
    assert data.bytes("c2s").startswith(cookie)
    # It closes while the last bytes, sent and heard, are still unread.
    heard = len(data.bytes("c2s")) - len(cookie)
    assert told["sum_received"]["bytes"] <= heard
    assert heard <= told["sum_sent"]["bytes"]
    assert data.bytes("s2c") == b""
    assert got.sheet["kernel"]["dropped"] == 0
    same_as_tcpdump(teeline, tmp_path, got, dump)
