"""LISTEN and TARGET: every form of them, and what is wrong with some."""

import pytest

from helpers import records
from helpers.peers import (closed_port, connect, echo, half_close, pair,
                           recv_all, reset_at_once, warm)
from helpers.wait import wait_until


def test_name_that_does_not_resolve(teeline):
    """At start: exit 1 with one sentence that names it."""
    done = teeline.run("proxy", "127.0.0.1:0", "no-such-host.invalid:80",
                       expect=1, deadline=60)
    line, = done.err.splitlines()
    assert b"no-such-host.invalid" in line
    assert done.out == b""


def test_port_in_use(teeline, server):
    """Exit 1, and the one who has the port keeps all its connections."""
    peer = server(echo)
    first = teeline.proxy(peer.target)
    second = teeline.run("proxy", f"127.0.0.1:{first.port}", peer.target,
                         expect=1)
    line, = second.err.splitlines()
    assert str(first.port).encode() in line
    for _ in range(20):
        client = connect(first.port)
        half_close(client)
        assert recv_all(client) == b""


def test_reuse_port(teeline, server):
    """With --reuse-port, and only then, two may have the same port."""
    peer = server(echo)
    first = teeline.proxy(peer.target, "--reuse-port")
    second = teeline.proxy(peer.target, "--reuse-port",
                           listen=f"127.0.0.1:{first.port}")
    assert second.port == first.port
    first.stop()
    client = connect(second.port)
    half_close(client)
    assert recv_all(client) == b""


FAMILIES = ["127.0.0.1:0", "[::1]:0", "unix:{folder}/{side}"]


@pytest.mark.parametrize("there", FAMILIES, ids=["tcp4", "tcp6", "unix"])
@pytest.mark.parametrize("here", FAMILIES, ids=["tcp4", "tcp6", "unix"])
def test_families(teeline, server, tmp_path, here, there):
    """Any family on either side, and the record says which."""
    peer = server(echo, there.format(folder=tmp_path, side="s"))
    listen = here.format(folder=tmp_path, side="c")
    proxy = teeline.proxy(peer.target, "-o", f"jsonl:{tmp_path}/log",
                          listen=listen)
    assert proxy.addresses[0].rsplit(":", 1)[0] == listen.rsplit(":", 1)[0]
    client = connect(proxy.addresses[0])
    client.sendall(b"hello")
    half_close(client)
    assert recv_all(client) == b"hello"
    session = records.closed(tmp_path / "log")
    assert session.bytes("c2s") == session.bytes("s2c") == b"hello"
    assert session.open["server"] == peer.address
    if not listen.startswith("unix:"):
        host, port = client.getsockname()[:2]
        assert session.client == (f"[{host}]:{port}" if ":" in host
                                  else f"{host}:{port}")
    proxy.stop()


def test_unix_listener_is_removed_at_the_end(teeline, server, tmp_path):
    peer = server(echo)
    proxy = teeline.proxy(peer.target, listen=f"unix:{tmp_path}/in")
    assert (tmp_path / "in").is_socket()
    proxy.stop()
    assert not (tmp_path / "in").exists()


def test_bare_port_is_loopback_of_both_families(teeline, server):
    peer = server(echo)
    proxy = teeline.proxy(peer.target, listen="0", count=2)
    hosts = {address.rsplit(":", 1)[0] for address in proxy.addresses}
    assert hosts == {"127.0.0.1", "[::1]"}
    for address in proxy.addresses:
        client = connect(address)
        client.sendall(b"hello")
        half_close(client)
        assert recv_all(client) == b"hello"


def test_several_pairs(teeline, server, tmp_path):
    """Each -L has its own target, and one record tells them apart."""
    def saying(word):
        def handler(sock):
            sock.sendall(word)
        return handler

    peers = [server(saying(word)) for word in (b"one", b"two", b"three")]
    proxy = teeline.proxy(
        peers[0].target, "-L", f"127.0.0.1:0={peers[1].target}", "-L",
        f"[::1]:0={peers[2].target}", "-o", f"jsonl:{tmp_path}/log", count=3)
    for peer, word in zip(peers, (b"one", b"two", b"three")):
        client = connect(proxy.relays[peer.target])
        half_close(client)
        assert recv_all(client) == word
    proxy.stop()
    sessions = records.jsonl(tmp_path / "log")
    assert [one.bytes("s2c") for one in sessions] == [b"one", b"two", b"three"]
    assert [one.open["server"] for one in sessions] == [
        peer.address for peer in peers]


def with_hosts(tmp_path, text):
    """A command prefix under which /etc/hosts says something else."""
    hosts = tmp_path / "hosts"
    hosts.write_text(text, encoding="ascii")
    return ["unshare", "-rm", "sh", "-c",
            f"mount --bind '{hosts}' /etc/hosts && exec \"$@\"", "sh"]


@pytest.mark.parametrize("address", ["127.0.0.1", "127.0.0.3", "::1"])
def test_name_with_several_addresses(teeline, server, tmp_path, address):
    """They are tried in order until one answers."""
    where = f"[{address}]:0" if ":" in address else f"{address}:0"
    peer = server(echo, where)
    names = "".join(f"{one} many.test\n" for one in
                    ("127.0.0.1", "127.0.0.2", "127.0.0.3", "::1"))
    proxy = teeline.proxy(f"many.test:{peer.port}", "-o",
                          f"jsonl:{tmp_path}/log",
                          prefix=with_hosts(tmp_path, names))
    client = connect(proxy.port)
    client.sendall(b"hello")
    half_close(client)
    assert recv_all(client) == b"hello"
    session = records.closed(tmp_path / "log")
    assert session.open["server"] == peer.address
    assert session.open["target"] == f"many.test:{peer.port}"


def test_name_whose_addresses_all_refuse(teeline, tmp_path):
    target, holder = closed_port()
    port = target.rsplit(":", 1)[1]
    with holder:
        proxy = teeline.proxy(
            f"many.test:{port}", "-o", f"jsonl:{tmp_path}/log",
            prefix=with_hosts(
                tmp_path, "127.0.0.1 many.test\n127.0.0.2 many.test\n"))
        reset_at_once(proxy.port)
        assert records.closed(tmp_path / "log").reason == "refused"


def test_source_address(teeline, server, tmp_path):
    peer = server()
    proxy = teeline.proxy(peer.target, "--source", "127.0.0.5", "-o",
                          f"jsonl:{tmp_path}/log")
    client, there = pair(proxy, peer)
    assert there.getpeername()[0] == "127.0.0.5"
    client.close()
    assert recv_all(there) == b""
    there.close()
    session = records.closed(tmp_path / "log")
    assert session.open["local"].startswith("127.0.0.5:")


def test_dialled_client(teeline, server):
    """dial: in LISTEN's place: we call both sides."""
    caller, peer = server(), server()
    proxy = teeline.start(
        "proxy", "--max-sessions", "1", f"dial:{caller.address}", peer.target,
        ready=None)
    client, there = caller.accept(), peer.accept()
    warm(client, there)
    client.sendall(b"done")
    client.close()
    assert recv_all(there) == b"done"
    there.close()
    proxy.wait(0)


def test_listened_for_server(teeline, tmp_path):
    """listen: in TARGET's place: both sides call us."""
    path = f"unix:{tmp_path}/s"
    proxy = teeline.start(
        "proxy", "--max-sessions", "1", "127.0.0.1:0", f"listen:{path}")
    client = connect(proxy.port)
    there = wait_until(lambda: connect(path), what="our end for the server")
    warm(client, there)
    there.close()
    assert recv_all(client) == b""
    client.close()
    proxy.wait(0)


def test_listened_for_server_over_tcp(teeline):
    """Both ports are printed, or nobody could call the second one."""
    proxy = teeline.start("proxy", "--max-sessions", "1", "127.0.0.1:0",
                          "listen:127.0.0.1:0", count=2)
    client, there = (connect(address) for address in proxy.addresses)
    warm(client, there)
    there.close()
    assert recv_all(client) == b""
    client.close()
    proxy.wait(0)


def test_open_names_all_four_ends(teeline, server, tmp_path):
    peer = server()
    proxy = teeline.proxy(peer.target, "-o", f"jsonl:{tmp_path}/log")
    client, there = pair(proxy, peer)
    expect = {
        "client": "%s:%d" % client.getsockname(),
        "listen": "%s:%d" % client.getpeername(),
        "local": "%s:%d" % there.getpeername(),
        "server": "%s:%d" % there.getsockname(),
        "target": peer.target,
        "source": "proxy",
    }
    opened, = wait_until(lambda: records.events(tmp_path / "log"),
                         what="an open event")
    assert {key: opened[key] for key in expect} == expect
    assert opened["community_id"].startswith("1:")
