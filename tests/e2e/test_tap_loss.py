"""More traffic than there is room for: every lost byte is declared."""

import signal
import subprocess

from helpers import reading
from helpers.hearing import Tap
from helpers.wait import wait_until
from test_tap import netcat

SIZE = 30 << 20


def check_lossy(session, sent, direction="c2s"):
    """Each byte is the one that was sent there, or is declared missing.

    Returns how many are missing.
    """
    missing = sum(gap["len"] for gap in session.gaps
                  if gap["dir"] == direction)
    for at, data in reading.pieces(session, direction):
        assert data == sent[at:at + len(data)], f"wrong bytes at {at}"
    assert len(session.bytes(direction)) + missing == len(sent)
    return missing


def heard(tap):
    """Bytes that clients said, so far."""
    return sum(len(one.bytes("c2s")) for one in tap.sessions())


def wait_until_ring_is_read(tap, wire):
    """Until then what comes is lost, too: call until a call is heard."""
    wire.server.spawn("nc", "-k", "-l", "7001")
    wire.server.listens(7001)

    def is_heard():
        wire.client.run("nc", "-N", wire.server.ip, "7001", input=b"hello")
        return [one for one in tap.sessions()
                if one.open["server"].endswith(":7001")
                and one.bytes("c2s") == b"hello"]

    wait_until(is_heard, what="the ring is read")


def test_hole_in_the_middle(teeline, wire, tmp_path):
    """A process that is stopped for a while, and a ring that is soon full.

    The hole is declared, as large as it is, and what follows is heard again.
    """
    tap = Tap(teeline, tmp_path, wire.client, "-B", "1024")
    with open(tmp_path / "got", "wb") as file:
        server = wire.server.spawn("nc", "-l", "7000", stdout=file)
    wire.server.listens(7000)
    client = wire.client.spawn("nc", "-N", wire.server.ip, "7000",
                               stdin=subprocess.PIPE)
    parts = [bytes([number]) * size
             for number, size in enumerate((100000, SIZE, 100000), 1)]

    def say(number):
        client.stdin.write(parts[number])
        client.stdin.flush()
        there = sum(map(len, parts[:number + 1]))
        wait_until(lambda: (tmp_path / "got").stat().st_size == there,
                   what=f"{there} bytes have arrived")

    say(0)
    wait_until(lambda: heard(tap) == len(parts[0]), what="the first part")
    tap.run.send(signal.SIGSTOP)
    say(1)
    tap.run.send(signal.SIGCONT)
    wait_until_ring_is_read(tap, wire)
    say(2)
    client.stdin.close()
    assert client.wait(20) == server.wait(20) == 0
    wait_until(lambda: tap.sessions()[0].close, what="it is over")
    got = tap.stop()
    first = got.sessions[0]
    assert first.reason == "fin"
    assert check_lossy(first, b"".join(parts)) > 0
    # Some segments may pass as outside of the window, until an
    # acknowledgement tells how far the stream has come.
    assert first.bytes("c2s").endswith(parts[2][50000:])
    assert {gap["why"] for gap in first.gaps} == {"lost"}
    assert got.sheet["kernel"]["dropped"] > 0


def test_lost_end(teeline, wire, tmp_path):
    """Stopped until all is over: the start was in the ring, the rest is not.

    Nothing is made up, and other sessions are whole.
    """
    tap = Tap(teeline, tmp_path, wire.client, "-B", "1024")
    before = netcat(wire, tmp_path, (1000, 2000), port=7001)
    tap.closed(1).run.send(signal.SIGSTOP)
    sent = netcat(wire, tmp_path, (SIZE, 0), port=7002)
    tap.run.send(signal.SIGCONT)
    got = tap.stop()
    assert got.sheet["kernel"]["dropped"] > 0
    first, second = got.sessions
    assert [first.bytes("c2s"), first.bytes("s2c")] == before
    assert "midstream" not in second.open
    data = second.bytes("c2s")
    assert 0 < len(data) < SIZE
    assert data == sent[0][:len(data)]


def test_strict(teeline, wire, tmp_path):
    """--strict: exit status 3 where something was lost, and only there."""
    tap = Tap(teeline, tmp_path, wire.client, "--strict")
    netcat(wire, tmp_path, (1000, 1000))
    tap.closed(1).stop()
    tap = Tap(teeline, tmp_path, wire.client, "--strict", "-s", "200")
    sent = netcat(wire, tmp_path, (1 << 20, 1000))
    got = tap.closed(1).stop(expect=3)
    assert check_lossy(got.session, sent[0]) > 1 << 19
    assert {gap["why"] for gap in got.session.gaps} == {"snaplen"}
