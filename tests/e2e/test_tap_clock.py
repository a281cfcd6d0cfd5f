"""A clock that is set while packets are captured: they bear its time."""

import socket

import pytest

from helpers.faults import Faults
from helpers.hearing import Tap
from helpers.peers import recv_exactly
from helpers.there import socket_at
from helpers.wait import wait_until


def pair(wire, listener):
    """A connection over the link; both ends."""
    client = socket_at(wire.client, socket.AF_INET, socket.SOCK_STREAM)
    client.connect((wire.server.ip, listener.getsockname()[1]))
    return client, listener.accept()[0]


def say(one, other, text):
    one.sendall(text)
    assert recv_exactly(other, len(text)) == text


def seconds(event):
    """Of the day, as its time says."""
    hours, minutes, rest = event["ts"][11:-1].split(":")
    return 3600 * int(hours) + 60 * int(minutes) + float(rest)


@pytest.mark.parametrize("jump", [7200, -7200])
def test_clock_is_set(teeline, wire, tmp_path, jump):
    """Two hours are no silence of one if nobody waited for them; and times
    in the record are those of the packets."""
    faults = Faults(tmp_path)
    tap = Tap(teeline, tmp_path, wire.server, "--idle-timeout", "3600",
              env=faults.env)
    listener = socket_at(wire.server, socket.AF_INET, socket.SOCK_STREAM)
    listener.bind((wire.server.ip, 0))
    listener.listen()
    silent = pair(wire, listener)
    say(*silent, b"before")
    wait_until(lambda: sum(len(one.bytes("c2s")) for one in tap.sessions())
               == 6, what="it is heard")
    faults.clock(jump)
    other = pair(wire, listener)
    say(*other, b"much later")
    wait_until(lambda: len(tap.sessions()) == 2, what="it is heard")
    say(*reversed(silent), b"and after")
    for one in (*silent, *other, listener):
        one.close()
    got = tap.closed(2).stop()
    first, second = got.sessions
    assert [first.bytes("c2s"), first.bytes("s2c")] == [b"before",
                                                        b"and after"]
    assert second.bytes("c2s") == b"much later"
    assert [one.reason for one in got.sessions] == ["fin", "fin"]
    begin, end = seconds(first.events[0]), seconds(first.events[-1])
    assert (end - begin - jump) % 86400 < 60
