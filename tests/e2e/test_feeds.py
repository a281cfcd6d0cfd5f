"""connect and listen: the two directions of each session to consumers.

The rule of every test: the relayed session notices nothing.
"""

import json
import random
import re
import socket

import pytest

from helpers.peers import (Server, closed_port, connect, echo, free_ports,
                           half_close, pair, recv_all, recv_exactly, reset)
from helpers.wait import wait_until

PORTS = re.compile(rb"session (\d+): requests at port (\d+), responses at "
                   rb"port (\d+)")


def run(teeline, tmp_path, peer, sink, *more):
    return teeline.proxy(peer.target, "-f", "none", "-v", "-o", sink,
                         "--stats", tmp_path / "stats", *more)


def sheet(tmp_path):
    """The sheet's line of the sink, whose sum must hold."""
    with open(tmp_path / "stats", encoding="utf-8") as file:
        one, = json.load(file)["sinks"]
    dropped = {reason: drop["bytes"]
               for reason, drop in one["dropped"].items()}
    assert one["offered"] == (one["written"] + sum(dropped.values())
                              + one["queued"])
    return one, dropped


def say(proxy, word=b"hello"):
    """A session with an echo server, from beginning to end."""
    client = connect(proxy.port)
    client.sendall(word)
    half_close(client)
    assert recv_all(client) == word
    client.close()


def ports_of(proxy, session):
    """Where a session can be heard, as -v tells."""
    def told():
        return {int(m[1]): (int(m[2]), int(m[3]))
                for m in PORTS.finditer(proxy.err)}
    wait_until(lambda: session in told(), what="the ports are told")
    return told()[session]


# --- connect ---------------------------------------------------------------


def test_connect(teeline, server, tmp_path):
    peer = server()
    requests, responses = server(), server()
    proxy = run(teeline, tmp_path, peer,
                f"connect:{requests.target}/{responses.port}")
    client, there = pair(proxy, peer)
    asked, told = requests.accept(), responses.accept()
    client.sendall(b"question")
    assert recv_exactly(there, 8) == b"question"
    there.sendall(b"answer")
    assert recv_exactly(client, 6) == b"answer"
    half_close(client)
    assert recv_all(asked) == b"question"
    there.close()
    assert recv_all(told) == b"answer"
    asked.close()
    told.close()
    proxy.idle().stop()
    assert sheet(tmp_path)[0]["written"] == 14


def test_connect_swapped(teeline, server, tmp_path):
    peer = server(echo)
    requests, responses = server(), server()
    proxy = run(teeline, tmp_path, peer,
                f"connect:{requests.target}/{responses.port},role=server,"
                "header=line")
    say(proxy)
    asked, told = requests.accept(), responses.accept()
    head = json.loads(recv_all(asked).split(b"\n")[0])
    assert (head["dir"], head["offset"], head["session"]) == ("s2c", 0, 1)
    head = json.loads(recv_all(told).split(b"\n")[0])
    assert head["dir"] == "c2s"
    asked.close()
    told.close()
    proxy.idle().stop()


def test_connect_to_a_late_consumer(teeline, server, tmp_path):
    """What fits into the startup buffer is there when it comes."""
    peer = server()
    address, holder = closed_port()
    late = int(address.rsplit(":", 1)[1])
    responses = server()
    proxy = run(teeline, tmp_path, peer,
                f"connect:{address}/{responses.port},retry=50ms,startup=8")
    client, there = pair(proxy, peer)
    for word in (b"12345678", b"lost"):
        client.sendall(word)
        assert recv_exactly(there, len(word)) == word
    holder.close()
    requests = Server(address=f"127.0.0.1:{late}")
    asked = requests.accept()
    assert recv_exactly(asked, 8) == b"12345678"
    client.sendall(b"live")
    assert recv_exactly(asked, 4) == b"live"
    client.close()
    there.close()
    assert recv_all(asked) == b""
    asked.close()
    responses.accept().close()
    requests.finish()
    proxy.idle().stop()
    assert sheet(tmp_path)[1] == {"startup_full": 4}


def test_connect_again(teeline, server, tmp_path):
    """A consumer that is lost is called again and told where it is."""
    peer = server()
    requests, responses = server(), server()
    proxy = run(teeline, tmp_path, peer,
                f"connect:{requests.target}/{responses.port},retry=50ms,"
                "header=line")
    client, there = pair(proxy, peer)
    told = responses.accept()
    asked = requests.accept()
    client.sendall(b"first")
    assert recv_exactly(there, 5) == b"first"
    reset(asked)
    asked = requests.accept()
    client.sendall(b"second")
    assert recv_exactly(there, 6) == b"second"
    client.close()
    there.close()
    line, rest = recv_all(asked).split(b"\n", 1)
    assert json.loads(line)["offset"] == 5
    assert rest == b"second"
    asked.close()
    told.close()
    proxy.idle().stop()


# --- listen ----------------------------------------------------------------


def test_listen(teeline, server, tmp_path):
    peer = server()
    first, last = free_ports(4)
    proxy = run(teeline, tmp_path, peer, f"listen:127.0.0.1:{first}-{last}")
    client, there = pair(proxy, peer)
    client.sendall(b"early ")
    assert recv_exactly(there, 6) == b"early "
    requests, responses = ports_of(proxy, 1)
    assert (requests, responses) == (first, first + 1)
    asked, told = connect(requests), connect(responses)
    assert recv_exactly(asked, 6) == b"early "
    client.sendall(b"late")
    half_close(client)
    assert recv_all(there) == b"late"
    there.sendall(b"answer")
    there.close()
    assert recv_all(client) == b"answer"
    assert recv_all(asked) == b"late"
    assert recv_all(told) == b"answer"
    asked.close()
    told.close()
    proxy.idle().stop()
    assert sheet(tmp_path)[0]["written"] == 16


def test_listen_for_who_comes_after_the_session(teeline, server, tmp_path):
    peer = server(echo)
    first, last = free_ports(4)
    proxy = run(teeline, tmp_path, peer,
                f"listen:127.0.0.1:{first}-{last},linger=20")
    say(proxy, b"it is over")
    requests, responses = ports_of(proxy, 1)
    for port in (requests, responses):
        with connect(port) as consumer:
            assert recv_all(consumer) == b"it is over"
    # The ports are free again, and nobody is let in any more.
    for port in (requests, responses):
        with pytest.raises(ConnectionRefusedError):
            connect(port)
    proxy.idle().stop()


@pytest.mark.parametrize("keep, offset", [("head", 0), ("tail", 500000)])
def test_more_is_kept_than_the_queue_holds(teeline, server, tmp_path, keep,
                                           offset):
    """What waits for a first consumer has a bound of its own."""
    said = random.Random(1).randbytes(1500000)
    peer = server()
    first, last = free_ports(4)
    proxy = run(teeline, tmp_path, peer,
                f"listen:127.0.0.1:{first}-{last},startup=1000000,"
                f"queue=64KiB,keep={keep},header=line")
    client, there = pair(proxy, peer)
    client.sendall(said)
    assert recv_exactly(there, len(said)) == said
    requests, _ = ports_of(proxy, 1)
    with connect(requests) as consumer:
        line = b""
        while not line.endswith(b"\n"):
            line += recv_exactly(consumer, 1)
        assert json.loads(line)["offset"] == offset
        assert recv_exactly(consumer, 1000000) == said[offset:][:1000000]
    client.close()
    there.close()
    proxy.idle().stop()
    assert sheet(tmp_path)[1] == {"startup_full": 500000}


def test_listen_one_after_the_other(teeline, server, tmp_path):
    """A second consumer waits until the first has gone."""
    peer = server()
    first, last = free_ports(2)
    proxy = run(teeline, tmp_path, peer, f"listen:127.0.0.1:{first}-{last}")
    client, there = pair(proxy, peer)
    requests, _ = ports_of(proxy, 1)
    one, two = connect(requests), connect(requests)
    client.sendall(b"for one")
    assert recv_exactly(there, 7) == b"for one"
    assert recv_exactly(one, 7) == b"for one"
    reset(one)

    def heard():
        client.sendall(b"x")
        recv_exactly(there, 1)
        two.setblocking(False)
        try:
            return two.recv(100)
        except BlockingIOError:
            return b""
    wait_until(heard, what="the second one hears")
    client.close()
    there.close()
    two.close()
    proxy.idle().stop()


def test_listen_out_of_ports(teeline, server, tmp_path):
    """A session without ports is relayed all the same; ports come back."""
    peer = server()
    first, last = free_ports(3)
    with socket.create_server(("127.0.0.1", first)):
        proxy = run(teeline, tmp_path, peer,
                    f"listen:127.0.0.1:{first}-{last},linger=1ms")
        client, there = pair(proxy, peer)
        assert ports_of(proxy, 1) == (first + 1, first + 2)
        unheard, other = pair(proxy, peer)
        unheard.sendall(b"unheard")
        assert recv_exactly(other, 7) == b"unheard"
        wait_until(lambda: b"is free: sessions are not heard" in proxy.err)
        for sock in (client, there, unheard, other):
            sock.close()
        proxy.idle()
        client, there = pair(proxy, peer)
        assert set(ports_of(proxy, 3)) == {first + 1, first + 2}
        client.close()
        there.close()
        proxy.idle().stop()
    one, dropped = sheet(tmp_path)
    assert (one["missed_sessions"], dropped) == (1, {"gone": 7})


@pytest.mark.parametrize("place, why", [
    ("192.0.2.1", b"this machine has no such address"),
    ("no-name.invalid", b"the name does not resolve")])
def test_listen_at_no_address_of_ours(teeline, place, why):
    """That it cannot listen is said at the start, not with each session."""
    done = teeline.run("proxy", "0", "127.0.0.1:9", "-o",
                       f"listen:{place}:5000-5001", expect=1)
    assert done.err.startswith(
        b"teeline: listen: cannot listen on %s: %s" % (place.encode(), why))


@pytest.mark.parametrize("text, words", [
    ("connect:127.0.0.1:5001", b"HOST:REQUESTS_PORT/RESPONSES_PORT"),
    ("connect:127.0.0.1:5001/none", b"\"none\" is no port"),
    ("connect:127.0.0.1:1/2,keep=all", b"keep=all: head or tail is wanted"),
    ("listen:127.0.0.1:5000", b"ADDR:FIRST-LAST is wanted"),
    ("listen:127.0.0.1:5000-5000", b"two ports at least"),
    ("listen:127.0.0.1:5000-5001,first=7", b"first=7"),
    ("listen:127.0.0.1:5000-5001,startup=1T", b"startup: 1T is out of"),
    ("connect:listen:1/2", b"HOST:PORT is wanted"),
    ("connect:h:1/2,header=yes", b"header=yes: none or line is wanted"),
    ("connect:h:1/2,role=x", b"role=x: client or server is wanted"),
    ("connect:h:1/2,linger=0", b"linger: 0 is out of range: 1ms to 1d"),
    ("connect:h:1/2,tries=3", b"\"tries\" is no key of connect"),
    ("connect:h:1/2,keep=tail,on-full=pause", b"keep=tail: on-full=drop or"),
    ("listen:127.0.0.1:1-2,first=7/7", b"two different ports are wanted"),
    ("listen:unix:1-2", b"an address and two ports are wanted"),
    ("listen:fd:1-2", b"an address and two ports are wanted"),
    ("listen:dial:h:1-2", b"an address of ours is wanted"),
    ("listen:127.0.0.1:5000-5001,linger=0", b"linger: 0 is out of range"),
])
def test_bad_text(teeline, text, words):
    done = teeline.run("proxy", "0", "127.0.0.1:9", "-o", text, expect=2)
    assert words in done.err
