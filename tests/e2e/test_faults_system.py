"""Calls that fail, are interrupted or do half of what they were asked for,
and a clock that jumps: a faulty system under the program, not a faulty peer.
"""

import contextlib
import errno
import os
import time

import pytest

from helpers import records, savefile
from helpers.control import Control
from helpers.faults import FOREVER, HALF, Faults, storm
from helpers.packets import C, S, Talk, data
from helpers.peers import (Background, echo, half_close, pair, pump,
                           recv_all, recv_exactly, reset_at_once, talk_to,
                           warm, was_reset)
from helpers.reading import check_talk, read
from helpers.wait import wait_until


@pytest.fixture(name="faults")
def fixture_faults(tmp_path):
    return Faults(tmp_path)


def talk_at_once(proxy, count=20):
    """So many sessions with an echo server, each from begin to end."""
    talks = [Background(talk_to, proxy, b"word %d" % number)
             for number in range(count)]
    for one in talks:
        one.result()


# --- interrupted -----------------------------------------------------------

def test_storm(teeline, server, faults, options):
    """A thousand signals a second for each thread, on every path."""
    peer = server()
    proxy = teeline.proxy(peer.target, *options, env=faults.env)
    with storm(proxy) as count:
        client, there = pair(proxy, peer)
        warm(client, there)
        wait_until(lambda: count[0] > 200, what="a storm")
        half_close(client)
        assert recv_all(there) == b""
        there.close()
        assert recv_all(client) == b""
        client.close()
        proxy.idle()
        proxy.stop()


def test_storm_with_everything_on(teeline, server, faults, tmp_path):
    """Files of all kinds, a consumer, control: nothing is given up for it."""
    peer, shadow = server(echo), server(echo)
    kinds = ("text", "jsonl", "pcapng", "flows", "netrecord", "gotcpspy")
    proxy = teeline.proxy(
        peer.target, "-f", "none", "--control", "0", "--strict", "-o",
        f"tee:{shadow.target}",
        *sum((["-o", f"{kind}:{tmp_path}/out.{kind}"] for kind in kinds), []),
        env=faults.env)
    with storm(proxy):
        control = Control(proxy)
        with control.follow("events") as stream:
            talk_at_once(proxy, 10)
            stream.wait("close")
        assert len(control.get("sessions?state=all")["sessions"]) == 10
        proxy.idle()
        proxy.stop()
    sessions = records.jsonl(tmp_path / "out.jsonl")
    assert {one.bytes("c2s") for one in sessions} == {
        b"word %d" % number for number in range(10)}
    assert all(one.bytes("c2s") == one.bytes("s2c") for one in sessions)
    assert len(savefile.load(tmp_path / "out.pcapng")) >= 10 * 8


def test_storm_while_reading(teeline, faults, tmp_path):
    """A file as slow as a pipe, and signals all the time."""
    talk = Talk()
    frames = [*talk.open(), *talk.stream(C, data(1 << 20), 1400),
              *talk.stream(S, data(1 << 20, 1), 1400), *talk.close()]
    ours, theirs = os.pipe()
    run = teeline.start("read", "-f", "none", "-o", f"jsonl:{tmp_path}/log",
                        "-", ready=None, stdin=ours, env=faults.env)
    os.close(ours)
    wait_until((tmp_path / "log").exists, what="it is ready for signals")
    with storm(run):
        with os.fdopen(theirs, "wb") as pipe:
            pipe.write(savefile.pcap_bytes(frames))
        run.wait()
    session, = records.jsonl(tmp_path / "log", captured=True)
    check_talk(session, talk)


# --- nothing left ----------------------------------------------------------

@pytest.mark.parametrize("error", [
    errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOBUFS,
    errno.ECONNABORTED, errno.EPERM, errno.EPROTO])
def test_accept(teeline, server, faults, error):
    """Whoever waits is served in the end, and the wait costs nothing."""
    peer = server(echo)
    proxy = teeline.proxy(peer.target, "--workers", "1", env=faults.env)
    rule = faults.fail("accept", error, count=3)
    talk_at_once(proxy)
    assert rule.failed == 3
    proxy.idle().stop()


def test_accept_that_fails_for_long(teeline, server, faults):
    """It is tried again now and then, not in circles."""
    peer = server(echo)
    proxy = teeline.proxy(peer.target, "--workers", "1", env=faults.env)
    rule = faults.fail("accept", errno.ENFILE, count=FOREVER)
    talking = Background(talk_to, proxy)
    wait_until(lambda: rule.failed >= 3, what="tried again")
    begin, before = time.monotonic(), rule.failed
    wait_until(lambda: rule.failed >= before + 3, what="and again")
    assert time.monotonic() - begin > 0.1
    rule.lift()
    talking.result()
    assert len(proxy.complaints(b"accept")) <= 1, proxy.err
    proxy.idle().stop()


@pytest.mark.parametrize("error", [errno.EMFILE, errno.ENFILE, errno.ENOMEM,
                                   errno.ENOBUFS, errno.EACCES])
def test_socket(teeline, server, faults, tmp_path, error):
    """The one that it was for is refused, and the record says why."""
    peer = server(echo)
    proxy = teeline.proxy(peer.target, "-f", "none", "-o",
                          f"jsonl:{tmp_path}/log", env=faults.env)
    rule = faults.fail("socket", error)
    reset_at_once(proxy.port)
    talk_at_once(proxy, 5)
    assert rule.failed == 1
    proxy.idle().stop()
    first, *others = records.jsonl(tmp_path / "log")
    assert first.reason in ("error", "refused") and first.close["error"]
    assert {one.reason for one in others} == {"fin"}


@pytest.mark.parametrize("error", [errno.EMFILE, errno.EPERM])
def test_pipe(teeline, server, faults, options, error):
    """Without pipes bytes are copied."""
    peer = server()
    proxy = teeline.proxy(peer.target, *options, env=faults.env)
    faults.fail("pipe", error, count=FOREVER)
    client, there = pair(proxy, peer)
    warm(client, there)
    client.close()
    there.close()
    proxy.idle().stop()


# --- by halves -------------------------------------------------------------

@pytest.mark.parametrize("call", ["recv", "send"])
@pytest.mark.parametrize("error", [HALF, errno.EINTR, errno.EAGAIN])
def test_calls_that_do_little(teeline, server, faults, tmp_path, call, error):
    """A byte at a time, or none: what arrives is the same."""
    peer = server()
    proxy = teeline.proxy(peer.target, "-f", "none", "-o",
                          f"jsonl:{tmp_path}/log", env=faults.env)
    rule = faults.fail(call, error, skip=2, count=1000)
    client, there = pair(proxy, peer)
    said = data(2000)
    for one, other in ((client, there), (there, client)):
        for at in range(0, len(said), 100):
            one.sendall(said[at:at + 100])
            assert recv_exactly(other, 100) == said[at:at + 100]
    client.close()
    there.close()
    proxy.idle().stop()
    session, = records.jsonl(tmp_path / "log")
    assert session.bytes("c2s") == session.bytes("s2c") == said
    assert rule.failed


@pytest.mark.parametrize("call", ["recv", "send"])
@pytest.mark.parametrize("error", [errno.ENOMEM, errno.ENOBUFS, errno.EIO])
def test_calls_that_fail(teeline, server, faults, tmp_path, call, error):
    """One session ends in an error, for both, and nobody else's."""
    peer = server()
    proxy = teeline.proxy(peer.target, "-f", "none", "-o",
                          f"jsonl:{tmp_path}/log", env=faults.env)
    client, there = pair(proxy, peer)
    pump(client, there, 1 << 20)
    other, other_there = pair(proxy, peer)
    rule = faults.fail(call, error)
    with contextlib.suppress(ConnectionError):
        client.sendall(b"last words")
    assert was_reset(client)
    # What can still be read is delivered, and no end that looks whole.
    with pytest.raises(ConnectionResetError):
        assert recv_all(there) in (b"", b"last words")
        raise AssertionError("FIN")
    assert rule.failed == 1
    warm(other, other_there)
    other.close()
    other_there.close()
    proxy.idle().stop()
    one, two = records.jsonl(tmp_path / "log")
    assert (one.reason, two.reason) == ("error", "fin")


# --- the clock -------------------------------------------------------------

@pytest.mark.parametrize("jump", [3600, -3600, 20 * 365 * 86400])
def test_clock(teeline, server, faults, tmp_path, jump):
    """Who set the clock changed neither times said nor what is awaited."""
    peer = server()
    proxy = teeline.proxy(
        peer.target, "-f", "none", "--idle-timeout", "600", "-o",
        f"jsonl:{tmp_path}/log", "-G", "1", "-w",
        f"{tmp_path}/talk-%Y%m%d.pcapng", "--control", "0", env=faults.env)
    client, there = pair(proxy, peer)
    client.sendall(b"before")
    recv_exactly(there, 6)
    faults.clock(jump)
    begin = time.monotonic()
    there.sendall(b"after")
    recv_exactly(client, 5)
    # Files are still as long as they were to be, by the clock on the wall.
    wait_until(lambda: len(list(tmp_path.glob("talk-*.pcapng"))) >= 2, 10)
    assert time.monotonic() - begin > 0.5
    session, = Control(proxy).get("sessions")["sessions"]
    assert session["state"] == "open"
    client.close()
    there.close()
    proxy.idle().stop()
    session = records.closed(tmp_path / "log")
    assert session.close["duration_ns"] < 60e9
    times = {event["ts"][:10] for event in session.events}
    assert len(times) <= 2, times
    paths = sorted(tmp_path.glob("talk-*.pcapng"))
    got = [read(teeline, tmp_path, path) for path in paths]
    assert sum(one.packets["received"] for one in got) >= 9
