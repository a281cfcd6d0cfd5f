"""Timeouts and limits: how we end what does not end by itself."""

import socket

import pytest

from helpers import records
from helpers.peers import (Background, connect, echo, half_close, pair, pump,
                           recv_all, recv_exactly, reset, reset_at_once,
                           was_reset)
from helpers.wait import SCALE, wait_until


def full_listener():
    """A listener that answers no SYN any more, and what fills it."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(0)
    held = [listener]
    for _ in range(4):
        sock = socket.socket()
        sock.setblocking(False)
        sock.connect_ex(listener.getsockname())
        held.append(sock)
    return f"127.0.0.1:{listener.getsockname()[1]}", held


def test_connect_timeout(teeline, tmp_path):
    """A server that never answers: RST, and a record that says so."""
    target, held = full_listener()
    proxy = teeline.proxy(target, "--connect-timeout", "0.3", "-o",
                          f"jsonl:{tmp_path}/log")
    reset_at_once(proxy.port)
    session = records.closed(tmp_path / "log")
    assert session.reason == "timeout"
    assert session.bytes("c2s") == session.bytes("s2c") == b""
    # Not the kernel's own patience, which is minutes.
    assert session.close["duration_ns"] < 5e9
    for sock in held:
        sock.close()


def test_client_that_leaves_while_we_connect(teeline, tmp_path):
    """Its session ends at once; nobody waits for the server any more."""
    target, held = full_listener()
    proxy = teeline.proxy(target, "--connect-timeout", "60", "-o",
                          f"jsonl:{tmp_path}/log")
    reset(connect(proxy.port))
    session = records.closed(tmp_path / "log")
    assert (session.reason, session.first) == ("rst", "client")
    for sock in held:
        sock.close()


def test_idle_timeout(teeline, server, tmp_path):
    """Silence ends a session, talk does not, whoever talks."""
    peer = server()
    proxy = teeline.proxy(peer.target, "--idle-timeout", "0.5", "-o",
                          f"jsonl:{tmp_path}/log")
    client, there = pair(proxy, peer)
    idle, idle_there = pair(proxy, peer)

    def ended():
        there.sendall(b".")
        client.recv(100)
        return [one for one in records.jsonl(tmp_path / "log") if one.close]

    quiet, = wait_until(ended, what="the silent one ended", every=0.05)
    assert quiet.id == 2
    assert (quiet.reason, quiet.first) == ("timeout", "us")
    assert quiet.close["duration_ns"] >= 0.5e9
    assert was_reset(idle) and was_reset(idle_there)
    client.sendall(b"alive")
    assert recv_exactly(there, 5) == b"alive"


def test_idle_timeout_counts_bytes_that_are_still_moving(
        teeline, server, tmp_path):
    """A slow reader is not a silent one, however long it takes."""
    peer = server(rcvbuf=8192)
    # Neither this reader nor the program may pause for so long.
    proxy = teeline.proxy(peer.target, "--idle-timeout", f"{0.5 * SCALE:g}",
                          "-o", f"jsonl:{tmp_path}/log")
    client = connect(proxy.port, sndbuf=8192)
    there = peer.accept()
    data = b"y" * (4 << 20)
    sending = Background(lambda: (client.sendall(data), half_close(client)))
    got = bytearray()

    def read_some():
        part = there.recv(16384)
        got.extend(part)
        return not part

    # The kernel holds most of it when the last byte has been relayed.
    wait_until(read_some, 30, "all of it", every=0.01 * SCALE)
    sending.result()
    there.close()
    assert bytes(got) == data
    proxy.idle().stop()
    session, = records.jsonl(tmp_path / "log")
    assert session.reason == "fin"


def test_idle_timeout_of_a_reader_that_has_stopped(teeline, server, tmp_path):
    """What the kernel holds for it does not keep it."""
    peer = server(rcvbuf=8192)
    proxy = teeline.proxy(peer.target, "--idle-timeout", "0.5", "-o",
                          f"jsonl:{tmp_path}/log")
    client, there = pair(proxy, peer)
    client.sendall(b"y" * 200_000)
    proxy.idle().stop()
    session, = records.jsonl(tmp_path / "log")
    assert (session.reason, session.first) == ("timeout", "us")
    assert 0 < session.close["lost"]["c2s"] < 200_000
    there.close()


def test_max_sessions(teeline, server, tmp_path):
    """After N it lets the last one finish, and ends by itself."""
    peer = server(echo)
    proxy = teeline.proxy(peer.target, "--max-sessions", "3", "-o",
                          f"jsonl:{tmp_path}/log")
    port = proxy.port
    clients = [connect(port) for _ in range(3)]
    for client in clients[:2]:
        half_close(client)
        assert recv_all(client) == b""
    wait_until(lambda: peer.accepted == 3, what="three at the server")

    def refused():
        try:
            connect(port).close()
        except ConnectionError:
            return True
        return False

    wait_until(refused, what="a fourth is refused")
    clients[2].sendall(b"still served")
    half_close(clients[2])
    assert recv_all(clients[2]) == b"still served"
    proxy.wait(0)
    assert len(records.jsonl(tmp_path / "log")) == 3


def test_max_concurrent(teeline, server):
    """The third waits, unharmed, until one of two has gone."""
    peer = server()
    proxy = teeline.proxy(peer.target, "--max-concurrent", "2")
    first, there = pair(proxy, peer)
    second, second_there = pair(proxy, peer)
    third = connect(proxy.port)
    third.sendall(b"patience")
    # A round trip through a live session gives it its chance to misbehave.
    pump(second, second_there)
    assert not peer.waiting(0.3)
    first.close()
    there.close()
    assert recv_exactly(peer.accept(), 8) == b"patience"


def test_max_bytes(teeline, server, tmp_path):
    """The session ends at the limit; record and delivery agree."""
    peer = server()
    proxy = teeline.proxy(peer.target, "--max-bytes", "1000", "-o",
                          f"jsonl:{tmp_path}/log")
    client, there = pair(proxy, peer)
    client.sendall(b"a" * 600)
    assert recv_exactly(there, 600) == b"a" * 600
    there.sendall(b"b" * 600)
    got = bytearray()
    with pytest.raises(ConnectionResetError):
        while part := client.recv(4096):
            got += part
        raise AssertionError("FIN, as if the stream were whole")
    session = records.closed(tmp_path / "log")
    assert (session.reason, session.first) == ("limit", "us")
    assert session.bytes("c2s") == b"a" * 600
    assert session.bytes("s2c") == bytes(got)
    assert 400 <= len(got) <= 600
    assert was_reset(there)
