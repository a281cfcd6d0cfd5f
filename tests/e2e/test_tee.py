"""tee: a copy of each session to another server, and what may go wrong there.

The rule of every test: the relayed session notices nothing.
"""

import json

import pytest

from helpers.peers import (Background, closed_port, connect, echo, free_ports,
                           half_close, pair, recv_all, recv_exactly, reset,
                           was_reset)


def run(teeline, tmp_path, peer, *sinks, **how):
    stats = ["--stats", tmp_path / "stats"]
    outputs = [word for sink in sinks for word in ("-o", sink)]
    return teeline.proxy(peer.target, "-f", "none", *outputs, *stats, **how)


def sink(tmp_path, name="tee"):
    """The sheet's line of a sink, whose sum must hold."""
    with open(tmp_path / "stats", encoding="utf-8") as file:
        sheet = json.load(file)
    one, = [s for s in sheet["sinks"] if s["name"] == name]
    dropped = sum(drop["bytes"] for drop in one["dropped"].values())
    assert one["offered"] == one["written"] + dropped + one["queued"]
    return one


def reasons(one):
    return {reason: drop["bytes"] for reason, drop in one["dropped"].items()}


def test_copies_what_the_client_says(teeline, server, tmp_path):
    peer, shadow = server(), server()
    proxy = run(teeline, tmp_path, peer, f"tee:{shadow.target}")
    client, there = pair(proxy, peer)
    copy = shadow.accept()
    client.sendall(b"question")
    assert recv_exactly(there, 8) == b"question"
    assert recv_exactly(copy, 8) == b"question"
    # What the other server answers reaches nobody.
    copy.sendall(b"another answer")
    there.sendall(b"answer")
    there.close()
    assert recv_all(client) == b"answer"
    half_close(client)
    assert recv_all(copy) == b""
    copy.close()
    proxy.idle().stop()
    assert sink(tmp_path)["written"] == 8


@pytest.mark.parametrize("what, heard", [
    ("c2s", b"ask"), ("s2c", b"tell"), ("both", b"asktell")])
def test_dir(teeline, server, tmp_path, what, heard):
    peer, shadow = server(), server()
    proxy = run(teeline, tmp_path, peer, f"tee:{shadow.target},dir={what}")
    client, there = pair(proxy, peer)
    copy = shadow.accept()
    client.sendall(b"ask")
    recv_exactly(there, 3)
    there.sendall(b"tell")
    recv_exactly(client, 4)
    client.close()
    there.close()
    assert recv_all(copy) == heard
    copy.close()
    proxy.idle().stop()


def test_reset_is_passed_on_after_what_was_said(teeline, server, tmp_path):
    peer, shadow = server(), server()
    proxy = run(teeline, tmp_path, peer, f"tee:{shadow.target}")
    client, there = pair(proxy, peer)
    copy = shadow.accept()
    client.sendall(b"last words")
    assert recv_exactly(there, 10) == b"last words"
    reset(client)
    assert was_reset(there)
    assert recv_exactly(copy, 10) == b"last words"
    assert was_reset(copy)
    proxy.idle().stop()


def test_session_is_over_before_the_call_is_answered(teeline, server,
                                                     tmp_path):
    """A short session's copy arrives whole."""
    peer = server(echo)
    shadow = server()
    proxy = run(teeline, tmp_path, peer, f"tee:{shadow.target}")
    for word in (b"one", b"two", b"three"):
        client = connect(proxy.port)
        client.sendall(word)
        half_close(client)
        assert recv_all(client) == word
        client.close()
    heard = []
    for _ in range(3):
        copy = shadow.accept()
        heard.append(recv_all(copy))
        copy.close()
    assert sorted(heard) == [b"one", b"three", b"two"]
    proxy.idle().stop()
    assert sink(tmp_path)["written"] == 11


def test_absent(teeline, server, tmp_path):
    """Nobody is there: after so many tries all is counted."""
    peer = server(echo)
    address, holder = closed_port()
    proxy = run(teeline, tmp_path, peer,
                f"tee:{address},tries=2,retry=50ms")
    client = connect(proxy.port)
    client.sendall(b"hello")
    assert recv_exactly(client, 5) == b"hello"
    half_close(client)
    assert recv_all(client) == b""
    proxy.idle().stop()
    holder.close()
    assert reasons(sink(tmp_path)) == {"no_consumer": 5}


def test_resetting(teeline, server, tmp_path):
    """The other server resets: that copy is over, the next one is not."""
    peer, shadow = server(), server()
    proxy = run(teeline, tmp_path, peer, f"tee:{shadow.target}")
    client, there = pair(proxy, peer)
    copy = shadow.accept()
    client.sendall(b"heard")
    assert recv_exactly(copy, 5) == b"heard"
    recv_exactly(there, 5)
    reset(copy)
    sent = 0
    while sent < 100:
        client.sendall(b"unheard")
        assert recv_exactly(there, 7) == b"unheard"
        sent += 1
    client.close()
    there.close()
    client, there = pair(proxy, peer)
    copy = shadow.accept()
    client.sendall(b"again")
    assert recv_exactly(copy, 5) == b"again"
    client.close()
    there.close()
    copy.close()
    proxy.idle().stop()
    one = sink(tmp_path)
    assert one["offered"] == 5 + 700 + 5
    assert set(reasons(one)) == {"gone"}


def test_stopped(teeline, server, tmp_path):
    """It takes nothing: the copy is reset, the relay never waits."""
    peer = server()
    shadow = server(rcvbuf=4096)
    proxy = run(teeline, tmp_path, peer, f"tee:{shadow.target},queue=64KiB")
    client, there = pair(proxy, peer)
    copy = shadow.accept()
    data = b"0123456789abcdef" * 65536
    sending = Background(
        lambda: [client.sendall(data) for _ in range(16)])
    for _ in range(16):
        assert recv_exactly(there, len(data)) == data
    sending.result()
    client.close()
    there.close()
    got = 0
    with pytest.raises(ConnectionResetError):
        while part := copy.recv(1 << 16):
            assert part == (data + data)[got % 16:][:len(part)]
            got += len(part)
    proxy.idle().stop()
    one = sink(tmp_path)
    assert one["offered"] == 16 << 20
    assert sum(reasons(one).values()) > 8 << 20
    assert "no_consumer" not in reasons(one)


def test_compare(teeline, server, tmp_path):
    def upper(sock):
        while part := sock.recv(1 << 16):
            sock.sendall(part.upper())

    peer, same, other = server(echo), server(echo), server(upper)
    proxy = run(teeline, tmp_path, peer,
                f"tee:{same.target},compare=yes,name=same",
                f"tee:{other.target},compare=yes,name=other")
    for word in (b"small", b"LARGE"):
        client = connect(proxy.port)
        client.sendall(word)
        half_close(client)
        assert recv_all(client) == word
        client.close()
    proxy.idle().stop()
    assert sink(tmp_path, "same")["compared"] == {
        "equal": 2, "different": 0, "unknown": 0}
    assert sink(tmp_path, "other")["compared"] == {
        "equal": 1, "different": 1, "unknown": 0}


def test_compare_with_an_answer_that_was_cut(teeline, server, tmp_path):
    """The client does not wait for all of it: nothing can be said."""
    peer, shadow = server(), server(echo)
    proxy = run(teeline, tmp_path, peer, f"tee:{shadow.target},compare=yes")
    client, there = pair(proxy, peer)
    client.sendall(b"question")
    half_close(client)
    assert recv_all(there) == b"question"
    there.sendall(b"quest")
    assert recv_exactly(client, 5) == b"quest"
    reset(client)
    proxy.idle().stop()
    assert sink(tmp_path)["compared"] == {
        "equal": 0, "different": 0, "unknown": 1}


def test_to_the_proxy_itself(teeline, server, tmp_path):
    """Its copies would be copied, and those again: it says so once."""
    peer = server(echo)
    port = free_ports(1)[0]
    proxy = teeline.proxy(peer.target, "-f", "none", "-o",
                          f"tee:127.0.0.1:{port}", "--stats",
                          tmp_path / "stats", listen=f"127.0.0.1:{port}")
    for _ in range(2):
        with connect(port) as client:
            client.sendall(b"hello")
            half_close(client)
            assert recv_all(client) == b"hello"
    proxy.idle().stop()
    assert proxy.err.count(b"is where the proxy itself listens") == 1
    one = sink(tmp_path)
    assert (reasons(one), one["missed_sessions"]) == ({"gone": 10}, 2)


def test_many_sessions_beside_a_stopped_server(teeline, server, tmp_path):
    """Copies of sessions that are over leave descriptors to those to come."""
    peer, shadow = server(echo), server()
    proxy = run(teeline, tmp_path, peer, f"tee:{shadow.target}", nofile=200)
    for _ in range(300):
        with connect(proxy.port) as client:
            client.sendall(b"x")
            half_close(client)
            assert recv_all(client) == b"x"
    assert proxy.descriptors() < 100
    clients = [connect(proxy.port) for _ in range(20)]
    for client in clients:
        client.sendall(b"y")
        assert recv_exactly(client, 1) == b"y"
        client.close()
    proxy.stop()
    assert sink(tmp_path)["offered"] == 320


@pytest.mark.parametrize("text, words", [
    ("tee:127.0.0.1:9,on-full=drop", b"a copy never has a hole"),
    ("tee:127.0.0.1:9,tries=0", b"tries: 0 is out of range: 1 to 1000000"),
    ("tee:127.0.0.1:9,compare=1", b"compare=1: yes or no is wanted"),
    ("tee:127.0.0.1:9,midstream=x", b"midstream=x: yes or no is wanted"),
    ("tee:127.0.0.1:9,connect-timeout=0", b"connect-timeout: 0 is out of"),
    ("tee:127.0.0.1:9,dir=up", b"dir=up: c2s, s2c or both is wanted"),
    ("tee:127.0.0.1:9,retry=soon", b"retry: \"soon\" is no time"),
    ("tee:listen:9", b"HOST:PORT is wanted"),
    ("tee:127.0.0.1:9,dir=s2c,compare=yes", b"compare=yes"),
    ("tee:nowhere", b"nowhere"),
])
def test_bad_text(teeline, text, words):
    done = teeline.run("proxy", "0", "127.0.0.1:9", "-o", text, expect=2)
    assert words in done.err
