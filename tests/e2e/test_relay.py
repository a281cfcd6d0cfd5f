"""The relay is faithful: what one peer does, the other one sees, and no more.

Each of its paths (splice, splice and tee, copying) is walked: the fixture
options.  A session takes the zero-copy paths only once it carries bulk, hence
warm().
"""

import hashlib
import socket

import pytest

from helpers import records
from helpers.peers import (BULK, Background, closed_port, connect, echo,
                           half_close, pair, pump, recv_all, recv_exactly,
                           reset, reset_at_once, stalled, unsent, warm,
                           was_reset)
from helpers.wait import wait_until


@pytest.mark.parametrize("closer", ["client", "server"])
def test_half_close(teeline, server, options, closer):
    """FIN goes through alone; the other direction lives on in bulk."""
    peer = server()
    client, there = pair(teeline.proxy(peer.target, *options), peer)
    one, other = (client, there) if closer == "client" else (there, client)
    warm(one, other)
    one.sendall(b"the last words")
    half_close(one)
    assert recv_all(other) == b"the last words"
    pump(other, one)
    other.sendall(b"an answer")
    half_close(other)
    assert recv_all(one) == b"an answer"


@pytest.mark.parametrize("closer", ["client", "server"])
def test_half_close_is_recorded(teeline, server, tmp_path, closer):
    peer = server()
    proxy = teeline.proxy(peer.target, "-o", f"jsonl:{tmp_path}/log")
    client, there = pair(proxy, peer)
    one, other = (client, there) if closer == "client" else (there, client)
    half_close(one)
    assert recv_all(other) == b""
    other.sendall(b"still here")
    other.close()
    assert recv_all(one) == b"still here"
    session = records.closed(tmp_path / "log")
    assert (session.reason, session.first) == ("fin", closer)
    assert session.ends == {"c2s": "fin", "s2c": "fin"}
    proxy.stop()


@pytest.mark.parametrize("resetter", ["client", "server"])
def test_reset(teeline, server, options, resetter):
    """RST in is RST out, not FIN."""
    peer = server()
    client, there = pair(teeline.proxy(peer.target, *options), peer)
    one, other = (client, there) if resetter == "client" else (there, client)
    warm(one, other)
    reset(one)
    assert was_reset(other)


@pytest.mark.parametrize("resetter", ["client", "server"])
def test_reset_is_recorded_with_who(teeline, server, tmp_path, resetter):
    peer = server()
    proxy = teeline.proxy(peer.target, "-o", f"jsonl:{tmp_path}/log")
    client, there = pair(proxy, peer)
    client.sendall(b"hello")
    recv_exactly(there, 5)
    reset(client if resetter == "client" else there)
    assert was_reset(there if resetter == "client" else client)
    session = records.closed(tmp_path / "log")
    assert (session.reason, session.first) == ("rst", resetter)
    assert session.ends == {"c2s": "rst", "s2c": "rst"}
    assert session.bytes("c2s") == b"hello"
    proxy.stop()


@pytest.mark.parametrize("resetter", ["client", "server"])
def test_reset_after_half_close_is_recorded(teeline, server, tmp_path,
                                            resetter):
    """The direction that ended well keeps its end; the session is rst."""
    peer = server()
    proxy = teeline.proxy(peer.target, "-o", f"jsonl:{tmp_path}/log")
    client, there = pair(proxy, peer)
    one, other = (client, there) if resetter == "client" else (there, client)
    half_close(other)
    assert recv_all(one) == b""
    reset(one)
    assert was_reset(other)
    session = records.closed(tmp_path / "log")
    finished = "s2c" if resetter == "client" else "c2s"
    assert session.reason == "rst"
    assert session.ends[finished] == "fin"
    assert session.first == ("server" if resetter == "client" else "client")
    proxy.stop()


@pytest.mark.parametrize("resetter", ["client", "server"])
def test_reset_comes_after_the_bytes_before_it(teeline, server, options,
                                               resetter):
    """What was sent before RST is delivered before RST.

    Whoever resets its other leg at once throws away what it still holds.
    """
    peer = server(rcvbuf=32768)
    proxy = teeline.proxy(peer.target, *options)
    client = connect(proxy.port, rcvbuf=32768)
    there = peer.accept()
    one, other = (client, there) if resetter == "client" else (there, client)
    # No more than the buffers on the way hold while nobody reads.
    data = hashlib.shake_128(b"reset").digest(128 << 10)
    one.sendall(data)
    wait_until(lambda: unsent(one) == 0, what="the relay's kernel has it")
    reset(one)
    assert recv_exactly(other, len(data)) == data
    assert was_reset(other)


@pytest.mark.parametrize("closer", ["client", "server"])
def test_bytes_in_flight_at_close(teeline, server, options, closer):
    """A sender that closes at once does not cut off what it sent."""
    peer = server(rcvbuf=32768)
    proxy = teeline.proxy(peer.target, *options)
    client = connect(proxy.port, rcvbuf=32768)
    there = peer.accept()
    one, other = (client, there) if closer == "client" else (there, client)
    data = hashlib.shake_128(b"close").digest(BULK)

    def send_and_close():
        one.sendall(data)
        one.close()

    sending = Background(send_and_close)
    assert recv_all(other) == data
    sending.result()


def test_close_with_unread_bytes_is_passed_on(teeline, server, tmp_path):
    """A peer that closes while bytes wait for it resets: so do we."""
    peer = server()
    proxy = teeline.proxy(peer.target, "-o", f"jsonl:{tmp_path}/log")
    client, there = pair(proxy, peer)
    client.sendall(b"x" * 1000)
    wait_until(lambda: there.recv(1, socket.MSG_PEEK), what="bytes there")
    there.close()
    assert was_reset(client)
    assert records.closed(tmp_path / "log").reason == "rst"


def test_refused_server_resets_the_client(teeline, tmp_path):
    """RST before the first byte, and a record of that."""
    target, holder = closed_port()
    proxy = teeline.proxy(target, "-o", f"jsonl:{tmp_path}/log")
    with holder:
        client = reset_at_once(proxy.port)
        session = records.closed(tmp_path / "log")
    assert [event["event"] for event in session.events] == ["open", "close"]
    assert session.reason == "refused"
    assert (session.client, session.open["server"]) == (client, target)
    proxy.stop()


def test_refused_server_closes_a_unix_client(teeline, tmp_path):
    """UNIX sockets know no RST: a plain close, nothing before it."""
    target, holder = closed_port()
    path = f"unix:{tmp_path}/in"
    teeline.proxy(target, listen=path)
    with holder:
        assert recv_all(connect(path)) == b""


def test_refused_unix_server(teeline, tmp_path):
    """A path without a server is refused like a port without one."""
    proxy = teeline.proxy(f"unix:{tmp_path}/nobody", "-o",
                          f"jsonl:{tmp_path}/log")
    reset_at_once(proxy.port)
    assert records.closed(tmp_path / "log").reason in ("refused", "error")


def test_bytes_sent_before_the_server_answers(teeline, server, tmp_path):
    """A client that speaks and half-closes early is served in full."""
    peer = server(echo)
    proxy = teeline.proxy(peer.target, "-o", f"jsonl:{tmp_path}/log")
    for number in range(50):
        client = connect(proxy.port)
        client.sendall(b"early %d" % number)
        half_close(client)
        assert recv_all(client) == b"early %d" % number


@pytest.mark.parametrize("slow", ["client", "server"])
def test_back_pressure(teeline, server, options, slow):
    """A receiver that stops holds the sender; memory stays where it was."""
    peer = server(rcvbuf=65536)
    proxy = teeline.proxy(peer.target, *options)
    client = connect(proxy.port, rcvbuf=65536)
    there = peer.accept()
    one, other = (there, client) if slow == "client" else (client, there)
    before = proxy.memory()
    chunk = b"z" * 65536
    # One send per look would be slow: fill in strides of 16 MiB at most.
    sent = stalled(one, chunk * 256)
    assert sent < 64 << 20
    assert proxy.memory() - before < 16 << 20
    one.settimeout(20)
    half_close(one)
    digest = hashlib.sha256()
    count = 0
    while part := other.recv(1 << 20):
        digest.update(part)
        count += len(part)
    assert count == sent
    assert digest.digest() == hashlib.sha256(b"z" * sent).digest()


def test_stalled_session_does_not_hold_up_others(teeline, server, options):
    """On one worker, too."""
    peer = server(rcvbuf=65536)
    proxy = teeline.proxy(peer.target, "--workers", "1", *options)
    stuck = connect(proxy.port)
    peer.accept()
    stalled(stuck, b"z" * (16 << 20))
    client, there = pair(proxy, peer)
    warm(client, there)
    stuck.close()


def test_urgent_byte_stays_in_its_place(teeline, server, tmp_path):
    peer = server()
    proxy = teeline.proxy(peer.target, "-o", f"jsonl:{tmp_path}/log")
    client, there = pair(proxy, peer)
    there.setsockopt(socket.SOL_SOCKET, socket.SO_OOBINLINE, 1)
    client.sendall(b"before")
    client.send(b"!", socket.MSG_OOB)
    client.sendall(b"after")
    client.close()
    assert recv_all(there) == b"before!after"
    there.close()
    assert records.closed(tmp_path / "log").bytes("c2s") == b"before!after"


def test_socket_options_of_both_legs(teeline, server):
    """No Nagle, and dead peers are noticed in the end: a second later."""
    peer = server()
    proxy = teeline.proxy(peer.target)
    client, there = pair(proxy, peer)
    pump(client, there, 1 << 20)
    ends = {client.getsockname(), there.getsockname()}
    legs = [sock for sock in proxy.sockets()
            if sock.type == socket.SOCK_STREAM and peer_of(sock) in ends]
    assert len(legs) == 2
    for leg in legs:
        with leg:
            assert leg.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
            wait_until(lambda leg=leg: leg.getsockopt(
                socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) > 0,
                       what="the options of a long life")
            assert leg.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)


def peer_of(sock):
    try:
        return sock.getpeername()
    except OSError:
        return None
