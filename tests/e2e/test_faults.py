"""What goes wrong around the program must not go wrong inside it.

Peers that die, and descriptors that run out; disks are test_disk.py's,
signals and readers of standard output test_stop.py's.
"""

import contextlib
import hashlib
import os
import socket
import sys

import pytest

from helpers import records
from helpers.peers import (BULK, Background, connect, echo, pair, pump,
                           recv_all, recv_exactly, reset, reset_at_once,
                           talk_to, warm, was_reset)
from helpers.program import TOP
from helpers.real import run


def test_server_killed(teeline, redis, tmp_path):
    """kill -9: its kernel ends the connection, and the client is told."""
    proxy = teeline.proxy(redis.target, "-o", f"jsonl:{tmp_path}/log")
    client = connect(proxy.port)
    client.sendall(b"PING\r\n")
    assert recv_exactly(client, 7) == b"+PONG\r\n"
    redis.kill()
    try:
        assert recv_all(client) == b""
    except ConnectionResetError:
        pass
    client.close()
    reset_at_once(proxy.port)
    first, second = records.closed(tmp_path / "log", 2)
    assert first.first == "server" and first.reason in ("fin", "rst")
    assert second.reason == "refused"
    proxy.stop()


def test_server_killed_in_mid_transfer(teeline, nginx, tmp_path):
    """What came is delivered and recorded, byte for byte; then the end."""
    with open(os.path.join(nginx.root, "big"), "wb") as file:
        file.truncate(4 << 30)
    proxy = teeline.proxy(nginx.target, "-f", "none", "--drain-time", "30",
                          "-o", f"flows:{tmp_path}/flows")
    client = connect(proxy.port, rcvbuf=65536)
    client.sendall(b"GET /big HTTP/1.0\r\n\r\n")
    got = bytearray(recv_exactly(client, BULK))
    nginx.kill()
    with contextlib.suppress(ConnectionResetError):
        while part := client.recv(1 << 20):
            got += part
    client.close()
    proxy.stop()
    flow, = records.flows(tmp_path / "flows").values()
    assert hashlib.sha256(flow.bytes("s2c")).digest() == (
        hashlib.sha256(got).digest())


@pytest.mark.parametrize("resetter", ["client", "server"])
def test_reset_in_mid_transfer(teeline, server, options, resetter):
    """While bulk flows both ways: nobody hangs, the other one is told."""
    peer = server()
    proxy = teeline.proxy(peer.target, *options)
    client, there = pair(proxy, peer)
    one, other = (client, there) if resetter == "client" else (there, client)
    warm(one, other)

    def flood():
        with contextlib.suppress(ConnectionError):
            while True:
                other.sendall(b"f" * (1 << 20))

    flooding = Background(flood)
    recv_exactly(one, BULK)
    reset(one)
    flooding.result()
    talk = pair(proxy, peer)
    warm(*talk)


def test_half_open(request, teeline, server, tmp_path):
    """A side that is gone without a word is noticed when it is spoken to.

    The kernel of a crashed machine answers with RST; here the client's end
    is made to forget the connection without telling (TCP_REPAIR), which
    needs privileges: an ordinary user gets them in a network of its own.
    """
    if os.getuid() != 0:
        in_own_network(request.node.nodeid, tmp_path)
        return
    peer = server()
    proxy = teeline.proxy(peer.target, "-o", f"jsonl:{tmp_path}/log")
    client, there = pair(proxy, peer)
    pump(client, there, 1 << 20)
    client.setsockopt(socket.IPPROTO_TCP, 19, 1)  # TCP_REPAIR
    client.close()
    there.sendall(b"are you there?")
    assert was_reset(there)
    session = records.closed(tmp_path / "log")
    assert (session.reason, session.first) == ("rst", "client")
    proxy.stop()


def in_own_network(nodeid, folder):
    """Run a test as root of new user and network namespaces."""
    run("unshare", "-rn", "sh", "-c", "ip link set lo up && exec \"$@\"",
        "sh", sys.executable, "-B", "-m", "pytest", "-q", "-p",
        "no:cacheprovider", f"--basetemp={folder}/own", nodeid, cwd=TOP)


def test_client_that_vanishes_before_it_is_accepted(teeline, server):
    """Accepting it fails, or gives a dead socket: life goes on."""
    peer = server(echo)
    proxy = teeline.proxy(peer.target)
    for _ in range(200):
        reset(connect(proxy.port))
    talk_to(proxy)
    proxy.stop()


def test_20_descriptors(teeline, server, tmp_path):
    """Accepting pauses and resumes; whoever waits is served in the end."""
    peer = server()
    proxy = teeline.proxy(peer.target, "--workers", "1", "-f", "none", "-o",
                          f"jsonl:{tmp_path}/log", nofile=20)
    clients = [connect(proxy.port) for _ in range(40)]
    for number, client in enumerate(clients):
        client.sendall(b"%02d" % number)
    served = {}
    while len(served) < len(clients):
        there = peer.accept()
        number = int(recv_exactly(there, 2))
        assert number not in served
        served[number] = there
        there.sendall(b"done %02d" % number)
        assert recv_exactly(clients[number], 7) == b"done %02d" % number
        there.close()
        clients[number].close()
    proxy.stop()
    assert sorted(served) == list(range(40))
    assert len(records.jsonl(tmp_path / "log")) == 40


def test_many_outputs_leave_descriptors_for_sessions(
        teeline, server, tmp_path):
    """Twenty with a file for each session: sessions have their part."""
    peer = server()
    outputs = [word for n in range(20)
               for word in ("-o", f"count:{tmp_path}/{n}/{{id}}")]
    proxy = teeline.proxy(peer.target, "--workers", "1", "-f", "none",
                          *outputs, nofile=512)
    held = [pair(proxy, peer) for _ in range(20)]
    for client, end in held:
        client.sendall(b"all at once")
        assert recv_exactly(end, 11) == b"all at once"
    for client, end in held:
        client.close()
        end.close()
    proxy.idle().stop()
    assert len(list((tmp_path / "19").iterdir())) == 20


def test_20_descriptors_all_in_use(teeline, server):
    """Sessions that stay open: those that fit work, none is harmed."""
    peer = server()
    proxy = teeline.proxy(peer.target, "--workers", "1", nofile=20)
    clients = [connect(proxy.port) for _ in range(40)]
    first = peer.accept()
    clients[0].sendall(b"in the crowd")
    assert recv_exactly(first, 12) == b"in the crowd"
    live = [first]
    while peer.waiting(0.3):
        live.append(peer.accept())
    assert 1 <= len(live) < 10
    busy = cpu_time(proxy)
    assert not peer.waiting(1.0)
    # Out of descriptors is waited out, not polled in circles.
    assert cpu_time(proxy) - busy < 0.5
    for sock in live + clients[:len(live)]:
        sock.close()
    assert peer.waiting(10)
    proxy.stop()


def cpu_time(proxy):
    """Seconds of CPU that it has used so far."""
    with open(f"/proc/{proxy.pid}/stat", encoding="ascii") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
