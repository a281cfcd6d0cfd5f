"""The capture file of a relayed session, as tshark sees it.

With checksum and sequence analysis on it finds nothing to say; `follow` gives
back the exact bytes; times and ends are the true ones.
"""

import calendar
import hashlib
import os
import struct
import subprocess
import time

import pytest

from helpers import capture, records, talk
from helpers.peers import (Background, closed_port, connect, half_close, pair,
                           pump, recv_all, recv_exactly, reset, reset_at_once,
                           was_reset)
from helpers.real import run, tool
from helpers.wait import wait_until

FLAGS = ("tcp.flags.syn", "tcp.flags.ack", "tcp.flags.fin", "tcp.flags.reset")


def ends(path):
    """[(sender's port, "S", "SA", "F", "R" ...)] of the packets with flags."""
    rows = capture.fields(
        path, "tcp.srcport", *FLAGS,
        show="tcp.flags.syn==1||tcp.flags.fin==1||tcp.flags.reset==1")
    return [(int(row[0]), "".join(letter for letter, bit in
                                  zip("SAFR", row[1:]) if bit == "1"))
            for row in rows]


def exchange(client, there, count=20):
    """Some questions and answers of both small and large size."""
    said = [bytearray(), bytearray()]
    for number in range(count):
        question = os.urandom(1 + number * 37)
        answer = os.urandom(1 + number * number * 300)
        client.sendall(question)
        assert recv_exactly(there, len(question)) == question
        sending = Background(there.sendall, answer)
        assert recv_exactly(client, len(answer)) == answer
        sending.result()
        said[0] += question
        said[1] += answer
    return bytes(said[0]), bytes(said[1])


@pytest.mark.parametrize("kind", ["pcapng", "pcap"])
@pytest.mark.parametrize("listen,target", [
    ("127.0.0.1:0", "127.0.0.1:0"), ("[::1]:0", "[::1]:0"),
    ("127.0.0.1:0", "[::1]:0"), ("[::1]:0", "127.0.0.1:0"),
    ("127.0.0.1:0", "unix:{folder}/s"), ("unix:{folder}/c", "127.0.0.1:0"),
    ("unix:{folder}/c", "unix:{folder}/s")],
    ids=["44", "66", "46", "64", "4u", "u4", "uu"])
def test_nothing_to_say(teeline, server, tmp_path, listen, target, kind):
    """Whatever the families of the two ends."""
    peer = server(address=target.format(folder=tmp_path))
    path = tmp_path / f"talk.{kind}"
    proxy = teeline.proxy(peer.target, "-w", path,
                          listen=listen.format(folder=tmp_path))
    client = connect(proxy.addresses[0])
    there = peer.accept()
    said = exchange(client, there)
    client.close()
    assert recv_all(there) == b""
    there.close()
    proxy.idle().stop()
    capture.check_quiet(path)
    assert capture.follow(path, 0) == [said]


def test_addresses_are_the_true_ones(teeline, server, tmp_path):
    """The client and the server; not the relay's own ends."""
    peer = server()
    proxy = teeline.proxy(peer.target, "-w", tmp_path / "talk.pcapng")
    client, there = pair(proxy, peer)
    port = client.getsockname()[1]
    client.close()
    there.close()
    proxy.idle().stop()
    rows = capture.fields(tmp_path / "talk.pcapng", "tcp.srcport",
                          "tcp.dstport", show="tcp.flags.syn==1")
    assert rows == [[str(port), str(peer.port)], [str(peer.port), str(port)]]


@pytest.mark.parametrize("first", ["client", "server"])
def test_ends_with_fin(teeline, server, tmp_path, first):
    """Each side's FIN, in the order in which they came."""
    peer = server()
    path = tmp_path / "talk.pcapng"
    proxy = teeline.proxy(peer.target, "-w", path)
    client, there = pair(proxy, peer)
    port = client.getsockname()[1]
    said = exchange(client, there, 3)
    one, other = (client, there) if first == "client" else (there, client)
    half_close(one)
    assert recv_all(other) == b""
    other.sendall(b"after the other's end")
    half_close(other)
    assert recv_all(one) == b"after the other's end"
    proxy.idle().stop()
    capture.check_quiet(path)
    ports = (port, peer.port) if first == "client" else (peer.port, port)
    assert ends(path) == [(port, "S"), (peer.port, "SA"),
                          (ports[0], "AF"), (ports[1], "AF")]
    expect = list(said)
    expect[first == "client"] += b"after the other's end"
    assert capture.follow(path, 0) == [tuple(expect)]


@pytest.mark.parametrize("first", ["client", "server"])
def test_ends_with_rst(teeline, server, tmp_path, first):
    """One RST, from the one who sent it."""
    peer = server()
    path = tmp_path / "talk.pcapng"
    proxy = teeline.proxy(peer.target, "-w", path)
    client, there = pair(proxy, peer)
    port = client.getsockname()[1]
    said = exchange(client, there, 3)
    reset(client if first == "client" else there)
    assert was_reset(there if first == "client" else client)
    proxy.idle().stop()
    capture.check_quiet(path, resets=1)
    assert [(sender, kind.replace("A", "")) for sender, kind in ends(path)
            ][2:] == [(port if first == "client" else peer.port, "R")]
    assert capture.follow(path, 0) == [said]


def test_refused_server(teeline, tmp_path):
    """A SYN that is answered with RST, as it would be without us."""
    target, holder = closed_port()
    path = tmp_path / "talk.pcapng"
    proxy = teeline.proxy(target, "-w", path)
    with holder:
        port = int(reset_at_once(proxy.port).split(":")[1])
        proxy.idle().stop()
    assert ends(path) == [(port, "S"), (int(target.split(":")[1]), "AR")]
    capture.check_quiet(path, resets=1)


def test_times_are_those_of_the_reads(teeline, server, tmp_path):
    """To the nanosecond: the same as in the jsonl record of the same run."""
    peer = server()
    path = tmp_path / "talk.pcapng"
    proxy = teeline.proxy(peer.target, "-w", path, "-o",
                          f"jsonl:{tmp_path}/log")
    client, there = pair(proxy, peer)
    exchange(client, there, 10)
    client.close()
    there.close()
    proxy.idle().stop()
    one, = records.jsonl(tmp_path / "log")
    expect = {stamp(event["ts"]) for event in one.events
              if event["event"] == "data"}
    found = {row[0] for row in capture.fields(
        path, "frame.time_epoch", show="tcp.len > 0")}
    assert found == expect
    assert len({moment[-9:] for moment in found}) > 1
    opened = stamp(one.open["ts"])
    assert capture.fields(path, "frame.time_epoch")[0][0] >= opened


def stamp(text):
    """"2026-11-21T08:30:00.123456789Z" as seconds since the epoch."""
    whole, fraction = text.rstrip("Z").split(".")
    seconds = calendar.timegm(time.strptime(whole, "%Y-%m-%dT%H:%M:%S"))
    return f"{seconds}.{fraction}"


def test_many_sessions_in_one_file(teeline, tmp_path):
    """Interleaved, and still each of them whole, in order of time."""
    path = tmp_path / "talk.pcapng"
    talks = talk.some(60, 300000, seed=60)
    proxies = []

    def start(target):
        proxies.append(teeline.proxy(target, "-f", "none", "-w", path))
        return proxies[0].addresses[0]

    talk.hold(start, talks)
    proxies[0].idle().stop()
    capture.check_quiet(path)
    numbers = capture.streams(path)
    order = [numbers[one.client] for one in talks]
    for one, sides in zip(talks, capture.follow(path, *order)):
        assert sides == (one.sent["c2s"], one.sent["s2c"])
    moments = [float(row[0])
               for row in capture.fields(path, "frame.time_epoch")]
    late = [b - a for a, b in zip(moments, moments[1:]) if b < a]
    # Workers hand over batches of 50 ms; more than that is out of order.
    assert min(late, default=0) > -0.5


def test_a_file_per_session(teeline, server, tmp_path):
    """Fields in the name: each file stands alone."""
    peer = server()
    proxy = teeline.proxy(
        peer.target, "-o", f"pcapng:{tmp_path}/{{id}}-{{client}}.pcapng")
    said = []
    for _ in range(3):
        client, there = pair(proxy, peer)
        said.append((client.getsockname()[1], exchange(client, there, 3)))
        client.close()
        there.close()
    proxy.idle().stop()
    for number, (port, both) in enumerate(said, 1):
        path = tmp_path / f"{number:06}-127.0.0.1-{port}.pcapng"
        capture.check_quiet(path)
        assert capture.follow(path, 0) == [both]
    assert len(list(tmp_path.glob("*.pcapng"))) == 3


def test_read_while_it_grows(teeline, server, tmp_path):
    """Between the flushes it is a whole file: tshark -r works on it."""
    peer = server()
    path = tmp_path / "talk.pcapng"
    proxy = teeline.proxy(peer.target, "-w", path)
    client, there = pair(proxy, peer)
    said = exchange(client, there, 5)

    def readable():
        return capture.follow(path, 0) == [said]

    wait_until(readable, what="the bytes so far", every=0.05)
    capture.check_quiet(path)
    pump(client, there)
    client.close()
    there.close()


def test_piped_into_tshark(teeline, server, tmp_path):
    """-w - : nothing but the capture file on standard output."""
    peer = server()
    with subprocess.Popen(
            [tool("tshark"), "-n", "-l", "-r", "-", "-T", "fields", "-e",
             "tcp.payload", "-Y", "tcp.len > 0"], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as reader:
        proxy = teeline.proxy(peer.target, "-w", "-", stdout=reader.stdin)
        reader.stdin.close()
        client, there = pair(proxy, peer)
        client.sendall(b"hello")
        recv_exactly(there, 5)
        client.close()
        there.close()
        proxy.idle().stop()
        said = reader.stdout.read()
    assert bytes.fromhex(said.decode().strip()) == b"hello"


def pour(sock, count):
    """Send so many zeros, then FIN."""
    zeros = memoryview(bytes(1 << 20))
    while count:
        count -= sock.send(zeros[:min(count, len(zeros))])
    half_close(sock)


def drain(sock):
    """Read to the end; how many bytes that were."""
    buffer = bytearray(1 << 20)
    count = 0
    while part := sock.recv_into(buffer):
        count += part
    return count


@pytest.mark.long
@pytest.mark.deadline(240)
def test_more_than_4_gib(teeline, server, tmp_path):
    """Sequence numbers wrap, and tshark still finds nothing to say.

    The file goes through a pipe to editcap, which keeps the headers only:
    the checksums of bulk are checked elsewhere, this is about numbers.
    """
    count = (1 << 32) + (100 << 20)
    peer = server()
    short = tmp_path / "short.pcapng"
    with subprocess.Popen([tool("editcap"), "-s", "96", "-", short],
                          stdin=subprocess.PIPE) as cutter:
        proxy = teeline.proxy(
            peer.target, "-f", "none", "-o",
            "pcapng:-,on-full=pause", "-o", f"count:{tmp_path}/count",
            stdout=cutter.stdin)
        cutter.stdin.close()
        client, there = pair(proxy, peer)
        sending = Background(pour, client, count)
        assert drain(there) == count
        sending.result()
        there.sendall(b"got it all")
        there.close()
        assert recv_all(client) == b"got it all"
        proxy.idle().stop()
    rows = capture.fields(short, "tcp.seq", "tcp.ack", "tcp.len",
                          "tcp.flags.fin")
    moved = sum(int(row[2]) for row in rows)
    assert moved == count + len(b"got it all")
    # tshark's relative numbers have 32 bits, too: 1 + count, wrapped.
    assert [int(row[0]) for row in rows if row[3] == "1"][0] == (
        1 + count) % 2**32
    found = run("tshark", "-n", "-r", short, *capture.PLAIN, "-o",
                "tcp.analyze_sequence_numbers:TRUE", "-Y",
                "tcp.analysis.flags && !tcp.analysis.reused_ports",
                deadline=120)
    assert found == b""


def test_zero_copy_of_bytes_that_change_later(teeline, server, tmp_path):
    """--copy: the record keeps what was sent, though the file changes.

    The sender uses sendfile and then overwrites its file; without --copy the
    manual says that the pages may be shared.
    """
    size = 8 << 20
    (tmp_path / "source").write_bytes(b"a" * size)
    peer = server()
    proxy = teeline.proxy(peer.target, "--copy", "-f", "none", "-o",
                          f"flows:{tmp_path}/flows")
    client, there = pair(proxy, peer)

    def send():
        with open(tmp_path / "source", "r+b") as file:
            client.sendfile(file)
            half_close(client)

    sending = Background(send)
    got = recv_all(there)
    sending.result()
    (tmp_path / "source").write_bytes(b"b" * size)
    there.close()
    proxy.idle().stop()
    flow, = records.flows(tmp_path / "flows").values()
    assert hashlib.sha256(flow.bytes("c2s")).digest() == (
        hashlib.sha256(got).digest())


def test_file_head(teeline, server, tmp_path):
    """pcapng: section and interface with nanoseconds, link type RAW."""
    peer = server()
    proxy = teeline.proxy(peer.target, "-w", tmp_path / "a.pcapng")
    proxy.idle().stop()
    head = (tmp_path / "a.pcapng").read_bytes()
    magic, length, order = struct.unpack("=III", head[:12])
    assert (magic, order) == (0x0A0D0D0A, 0x1A2B3C4D)
    block, _, link = struct.unpack("=IIH", head[length:length + 10])
    assert (block, link) == (1, 101)
    said = run("capinfos", "-t", "-E", "-I", tmp_path / "a.pcapng").decode()
    assert "nanoseconds" in said and "Raw IP" in said
