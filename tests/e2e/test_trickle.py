"""Peers and consumers that are there, but hardly: a byte now and then, or
not even a FIN when they go."""

import os
import socket
import time

import pytest

from helpers import records
from helpers.packets import data
from helpers.peers import (Background, connect, echo, half_close, pair, pump,
                           recv_all, recv_exactly, reset, talk_to)
from helpers.program import is_instrumented
from helpers.wait import wait_until

MIB = 1 << 20


@pytest.mark.parametrize("slow", ["client", "server"])
def test_a_byte_at_a_time(teeline, server, tmp_path, slow):
    """What is sent so slowly gets through as slowly, and costs nothing."""
    peer = server()
    proxy = teeline.proxy(peer.target, "-f", "none", "--idle-timeout", "1",
                          "-o", f"jsonl:{tmp_path}/log")
    client, there = pair(proxy, peer)
    one, other = (client, there) if slow == "client" else (there, client)
    said = data(16)
    begin = time.monotonic()
    for at in range(len(said)):
        one.sendall(said[at:at + 1])
        assert recv_exactly(other, 1) == said[at:at + 1]
        time.sleep(0.1)
    # Longer than the idle timeout, yet never idle.
    assert time.monotonic() - begin > 1
    client.close()
    there.close()
    proxy.idle().stop()
    session, = records.jsonl(tmp_path / "log")
    assert session.reason == "fin"
    assert session.bytes("c2s" if slow == "client" else "s2c") == said


def test_readers_that_take_a_byte_at_a_time(teeline, server, options):
    """Forty of them hold forty senders back, and nobody else; what is kept
    for them is a little for each."""
    peer = server(rcvbuf=4096)
    proxy = teeline.proxy(peer.target, *options)
    stuck = [pair(proxy, peer) for _ in range(40)]
    before = proxy.memory("RssAnon")
    for client, _ in stuck:
        client.setblocking(False)
    wait_until(lambda: not sum([push(one) for one, _ in stuck]), 30,
               "all senders are held", every=0.2)
    for _ in range(10):
        for _, there in stuck:
            assert len(there.recv(1)) == 1
    grown = proxy.memory("RssAnon") - before
    # At most one read of each is held, 128 KiB, and what the disk has to do.
    assert is_instrumented() or grown < 32 * MIB, f"{grown >> 20} MiB"
    client, there = pair(proxy, peer)
    pump(client, there, 4 << 20)
    for one, other in [*stuck, (client, there)]:
        reset(one)
        reset(other)
    proxy.idle().stop()


def push(sock):
    """Send what goes; did anything?"""
    try:
        return sock.send(bytes(1 << 20)) > 0
    except BlockingIOError:
        return False


def test_consumer_that_is_gone_without_a_word(request, teeline, server,
                                              tmp_path):
    """Its kernel knows nothing of the connection any more (TCP_REPAIR, which
    needs privileges): the copy is over, counted, and the next one whole."""
    if os.getuid() != 0:
        from test_faults import in_own_network
        in_own_network(request.node.nodeid, tmp_path)
        return
    peer, shadow = server(echo), server()
    proxy = teeline.proxy(peer.target, "-f", "none", "-o",
                          f"tee:{shadow.target}", "--stats",
                          f"{tmp_path}/sheet")
    client = connect(proxy.port)
    client.sendall(b"first")
    ear = shadow.accept()
    assert recv_exactly(ear, 5) == b"first"
    ear.setsockopt(socket.IPPROTO_TCP, 19, 1)  # TCP_REPAIR
    ear.close()
    recv_exactly(client, 5)
    for _ in range(3):
        client.sendall(b"and more")
        assert recv_exactly(client, 8) == b"and more"
    half_close(client)
    assert recv_all(client) == b""
    client.close()
    talking = Background(talk_to, proxy, b"second")
    with shadow.accept() as ear:
        assert recv_all(ear) == b"second"
    talking.result()
    proxy.idle().stop()
    sink = records.sink_of(tmp_path / "sheet", "tee")
    assert sum(drop["bytes"] for drop in sink["dropped"].values()) > 0
