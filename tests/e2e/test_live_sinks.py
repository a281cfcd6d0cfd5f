"""What tee, connect and listen have in common: filters, families, the end.

A capture is faked by a log of netrecord: it is read as fast as can be.
"""

import json
import re
import signal
import time

import pytest

from helpers.peers import (Background, closed_port, connect, echo, free_ports,
                           half_close, pair, recv_all, recv_exactly,
                           stalled)
from helpers.wait import SCALE
from test_feeds import ports_of, say
from test_tee import reasons, sink

# More than the system takes for a consumer that has small buffers.
LONG = b"0123456789abcdef" * (256 << 10)


def start(teeline, tmp_path, peer, *outputs, **how):
    words = [word for one in outputs for word in ("-o", one)]
    return teeline.proxy(peer.target, "-f", "none", "-v", *words, "--stats",
                         tmp_path / "stats", **how)


def recorded(tmp_path, data):
    """A capture of a session in which the client says this."""
    log = tmp_path / "said_1"
    log.write_bytes(b"c 0.000000 con\nc 0.100000 %d\n%bc 0.200000 hup\n"
                    % (len(data), data))
    return log


def ends_by_reset(sock):
    """Is what comes a part, and RST after it?"""
    try:
        while sock.recv(1 << 16):
            pass
    except ConnectionResetError:
        return True
    return False


# --- which sessions --------------------------------------------------------


def test_filters(teeline, server, tmp_path):
    """A session that a sink does not watch makes no call."""
    peer = server(echo)
    shadows = {key: server() for key in ("mine", "port", "client", "server")}
    proxy = start(
        teeline, tmp_path, peer,
        f"tee:{shadows['mine'].target},port={peer.port},client=127.0.0.1,"
        "server=127.0.0.1,name=mine",
        f"tee:{shadows['port'].target},port=1,name=port",
        f"tee:{shadows['client'].target},client=192.0.2.1,name=client",
        f"tee:{shadows['server'].target},server=[::1],name=server")
    say(proxy)
    copy = shadows["mine"].accept()
    assert recv_all(copy) == b"hello"
    copy.close()
    proxy.idle().stop()
    assert sink(tmp_path, "mine")["written"] == 5
    for name in ("port", "client", "server"):
        assert not shadows[name].waiting(0)
        assert sink(tmp_path, name)["offered"] == 0


# --- where consumers are ---------------------------------------------------


def test_tee_to_a_unix_socket(teeline, server, tmp_path):
    peer, shadow = server(echo), server(address=f"unix:{tmp_path}/shadow")
    proxy = start(teeline, tmp_path, peer, f"tee:{shadow.target}")
    say(proxy)
    copy = shadow.accept()
    assert recv_all(copy) == b"hello"
    copy.close()
    proxy.idle().stop()
    assert sink(tmp_path)["written"] == 5


def test_consumers_of_ipv6(teeline, server, tmp_path):
    peer, shadow = server(echo), server(address="[::1]:0")
    asked, told = server(address="[::1]:0"), server(address="[::1]:0")
    first, last = free_ports(2, "::1")
    proxy = start(teeline, tmp_path, peer, f"tee:{shadow.target}",
                  f"connect:{asked.target}/{told.port}",
                  f"listen:[::1]:{first}-{last},linger=20")
    say(proxy)
    for one in (shadow, asked, told):
        with one.accept() as consumer:
            assert recv_all(consumer) == b"hello"
    for port in ports_of(proxy, 1):
        with connect(f"[::1]:{port}") as consumer:
            assert recv_all(consumer) == b"hello"
    proxy.idle().stop()
    assert sink(tmp_path)["written"] == 5
    for name in ("connect", "listen"):
        assert sink(tmp_path, name)["written"] == 10


def test_loopback_is_both_families(teeline, server, tmp_path):
    """listen:FIRST-LAST: whichever localhost is, it is heard there."""
    peer = server(echo)
    first, last = free_ports(2, "127.0.0.1", "::1")
    proxy = start(teeline, tmp_path, peer, f"listen:{first}-{last},linger=20")
    say(proxy)
    requests, responses = ports_of(proxy, 1)
    with connect(f"127.0.0.1:{requests}") as consumer:
        assert recv_all(consumer) == b"hello"
    with connect(f"[::1]:{responses}") as consumer:
        assert recv_all(consumer) == b"hello"
    proxy.idle().stop()


def test_nobody_at_the_start_is_no_error(teeline, server, tmp_path):
    """A consumer that refuses is counted, and the run ends with 0."""
    peer = server(echo)
    address, holder = closed_port()
    port = address.rsplit(":", 1)[1]
    proxy = start(teeline, tmp_path, peer,
                  f"tee:{address},tries=1", f"connect:{address}/{port},"
                  "linger=10ms")
    say(proxy)
    proxy.idle().stop(expect=0)
    holder.close()
    assert reasons(sink(tmp_path)) == {"no_consumer": 5}
    assert reasons(sink(tmp_path, "connect")) == {"no_consumer": 10}
    # With -v it is said once of each place.
    assert len(proxy.complaints(rb"(?i)refused|error")) == 3
    assert proxy.err.count(b" does not answer: Connection refused\n") == 3


def test_compare_without_an_answer(teeline, server, tmp_path):
    """What could not be compared is neither equal nor different."""
    peer = server(echo)
    address, holder = closed_port()
    proxy = start(teeline, tmp_path, peer,
                  f"tee:{address},tries=1,compare=yes")
    say(proxy)
    proxy.idle().stop()
    holder.close()
    assert sink(tmp_path)["compared"] == {
        "equal": 0, "different": 0, "unknown": 1}
    assert re.search(rb"tee +offered 5 .*answers equal 0  different 0  "
                     rb"unknown 1", proxy.err)


# --- the end ---------------------------------------------------------------


def begin_long(teeline, tmp_path, server, *options):
    """A session whose copy waits for a consumer: (proxy, copy)."""
    peer, shadow = server(), server(rcvbuf=4096)
    proxy = teeline.proxy(
        peer.target, "-f", "none", "-o", f"tee:{shadow.target}", "--stats",
        tmp_path / "stats", *options)
    client, there = pair(proxy, peer)
    copy = shadow.accept()
    sending = Background(client.sendall, LONG)
    assert recv_exactly(there, len(LONG)) == LONG
    sending.result()
    half_close(client)
    assert recv_all(there) == b""
    there.close()
    assert recv_all(client) == b""
    client.close()
    return proxy, copy


def test_told_to_end_it_delivers_what_is_queued(teeline, server, tmp_path):
    proxy, copy = begin_long(teeline, tmp_path, server, "--drain-time", "60")
    proxy.send(signal.SIGTERM)
    assert recv_all(copy) == LONG
    copy.close()
    proxy.wait()
    one = sink(tmp_path)
    assert (one["written"], one["dropped"]) == (len(LONG), {})


def test_told_to_end_it_waits_no_longer(teeline, server, tmp_path):
    """Who takes nothing is cut off, and does not take a part for all."""
    proxy, copy = begin_long(teeline, tmp_path, server, "--drain-time", "0.3")
    began = time.monotonic()
    proxy.stop()
    assert time.monotonic() - began < 5 * SCALE
    one = sink(tmp_path)
    assert set(reasons(one)) == {"closing"}
    assert 0 < one["written"] < len(LONG)
    assert ends_by_reset(copy)


# --- what is read from files -----------------------------------------------


@pytest.mark.parametrize("queue", ["16MiB", "100KiB"])
@pytest.mark.parametrize("kind", ["tee", "connect"])
def test_a_file_waits_for_its_consumer(teeline, server, tmp_path, kind, queue):
    """on-full=pause: all of it, though the file is at its end long before."""
    consumer, other = server(rcvbuf=4096), server()
    spec = {"tee": f"tee:{consumer.target}",
            "connect": f"connect:{consumer.target}/{other.port}"}
    reading = teeline.start(
        "read", "-f", "none", "-q", "--drain-time", "0", "--stats",
        tmp_path / "stats", "-o", spec[kind] + f",on-full=pause,queue={queue}",
        recorded(tmp_path, LONG), ready=None)
    copy = consumer.accept()
    assert recv_all(copy) == LONG
    copy.close()
    if kind == "connect":
        other.accept().close()
    reading.wait()
    one = sink(tmp_path, kind)
    assert (one["written"], one["dropped"]) == (len(LONG), {})


def test_a_file_waits_for_nobody(teeline, server, tmp_path):
    """Without pause a stopped consumer costs its own copy alone."""
    shadow = server(rcvbuf=4096)
    reading = teeline.start(
        "read", "-f", "none", "-q", "--drain-time", "0", "--stats",
        tmp_path / "stats", "-o", f"tee:{shadow.target},queue=64KiB",
        recorded(tmp_path, LONG), ready=None)
    copy = shadow.accept()
    reading.wait()
    with open(tmp_path / "stats", encoding="utf-8") as file:
        assert json.load(file)["bytes"]["c2s"]["delivered"] == len(LONG)
    assert "queue_full" in reasons(sink(tmp_path))
    assert ends_by_reset(copy)


# --- who waits -------------------------------------------------------------


def test_traffic_that_waited_for_a_first_consumer_goes_on(
        teeline, server, tmp_path):
    """on-full=pause: what was kept filled the queue before anybody came."""
    peer = server()
    first, last = free_ports(2, "127.0.0.1")
    proxy = start(teeline, tmp_path, peer,
                  f"listen:127.0.0.1:{first}-{last},startup=16MiB,"
                  "queue=64KiB,on-full=pause,linger=20")
    client, end = pair(proxy, peer)
    data = b"0123456789abcdef" * 4096
    sent = stalled(client, data)
    with connect(f"127.0.0.1:{ports_of(proxy, 1)[0]}") as consumer:
        hearing = Background(recv_exactly, consumer, sent)
        arriving = Background(recv_exactly, end, sent)
        assert hearing.result() == arriving.result()
    client.close()
    end.close()
    proxy.idle().stop()
