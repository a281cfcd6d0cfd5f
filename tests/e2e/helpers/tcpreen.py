"""tcpreen, ours and Debian's, and the conversations both are run on.

Root has to name a user to ours (-u), so root is named; -u has its own test.
"""

import contextlib
import os
import re
import socket

from helpers.peers import connect, half_close, recv_exactly, reset
from helpers.wait import wait_until

THEIRS = "/usr/bin/tcpreen"
IS_ROOT = os.geteuid() == 0
LISTENING = re.compile(rb"^Listening on: (?P<host>\S*) port (?P<port>\S+)$",
                       re.MULTILINE)


class Pair:
    """Starts one of the two programs, by the name tcpreen."""

    def __init__(self, teeline, folder):
        self._teeline = teeline
        self._link = folder / "tcpreen"
        self._link.symlink_to(teeline.path)
        assert os.path.exists(THEIRS), f"{THEIRS}: install the package tcpreen"

    def ours(self, *args, **how):
        as_root = ["-u", "root"] if IS_ROOT and "-u" not in args else []
        return self._start([self._link, *as_root, *args], **how)

    def theirs(self, *args, **how):
        return self._start([THEIRS, *args], **how)

    def _start(self, argv, ready=1, **how):
        running = self._teeline.spawn(argv, **how)
        if ready:
            running.wait_ready(LISTENING, count=ready)
        return running

    def run(self, *args, expect=0, program=None):
        """Run ours (or another) to its end."""
        running = (program or self.ours)(*args, ready=0)
        running.wait(expect)
        return running


def ports(running):
    """Where it listens: [(host, port)] in the order told."""
    return [(m["host"].decode(), int(m["port"]))
            for m in LISTENING.finditer(running.err)]


def port_free(text):
    """What a program printed, without the ports of that run."""
    return re.sub(rb"port \d+\b", b"port N", text)


def has_children(pid):
    """Does a child of it still run?  Zombies do not."""
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
        return not all(map(is_gone, file.read().split()))


def is_gone(pid):
    """Is there no such process, or only its zombie?"""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        with open(f"/proc/{pid}/stat", encoding="ascii") as file:
            return file.read().rsplit(")", 1)[1].split()[0] == "Z"
    return True


def finished(running):
    """Wait for the end after the last session; (stdout, stderr).

    A process of Debian's program carries each session, and the one that waits
    for them may miss the end of the last one, and hang: it is ended then.
    """
    if running.argv[0] != THEIRS:
        running.wait(expect=0)
        return port_free(running.out), port_free(running.err)
    wait_until(lambda: not running.alive or not has_children(running.pid),
               what=running.describe)
    running.process.terminate()  # nothing happens if it has ended
    running.wait(expect=None)
    said = re.sub(rb"^(Child \d+ .*|Caught signal: .*)\n", b"", running.err,
                  flags=re.MULTILINE)
    return port_free(running.out), port_free(said)


# --- scripts: who does what, step by step -----------------------------------

# The example of the specification.
EXAMPLE = [
    ("server", b'220 hi "there" \\ \x00\x01\x80\xff tab\t bell\x07\r\n'),
    ("client", b'USER x\r\nPASS "y"\x00\r\n'),
    ("client", None), ("server", None),
]
# Reads without a line's end, singular, every byte, carriage returns.
PIECES = [
    ("server", b"abc"), ("server", b"def\n"),
    ("client", b"one\r\ntwo\r\nthree"), ("server", b"xyz"),
    ("client", b"Z"), ("server", bytes(range(256))),
    ("client", b"a\rb\r\r\nc\r"), ("client", b"\nd\t"),
    ("client", b"0123456789abcdef"),
    ("client", None), ("server", b"after\n"), ("server", None),
]
SERVER_FIRST = [
    ("client", b"x"), ("server", b"y"), ("server", None), ("client", None),
]
SILENT = [("client", None), ("server", None)]
CLIENT_RESETS = [("client", b"xyz"), ("client", reset)]
SERVER_RESETS = [("client", b"xyz"), ("server", reset)]


def play(script, client, there):
    """Carry a script out; each step has arrived before the next begins."""
    ends = {"client": (client, there), "server": (there, client)}
    for who, what in script:
        here, other = ends[who]
        if callable(what):
            what(here)
            with contextlib.suppress(ConnectionResetError):
                assert other.recv(1) == b""
        elif what is None:
            half_close(here)
            assert other.recv(1) == b""
        else:
            here.sendall(what)
            assert recv_exactly(other, len(what)) == what
    client.close()
    there.close()


def converse(running, peer, script, host="127.0.0.1"):
    """One client of a program that listens; returns when it is over."""
    _, port = ports(running)[-1]
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    client = connect(f"[{host}]:{port}" if family == socket.AF_INET6
                     else f"{host}:{port}")
    play(script, client, peer.accept())


def both(tcpreen, peer, args, script=tuple(EXAMPLE), sessions=1, **how):
    """Run a conversation through both: (stdout, stderr) of theirs, of ours."""
    args = ["-m", str(sessions), *args, peer.target.rsplit(":", 1)[1]]
    done = []
    for start in (tcpreen.theirs, tcpreen.ours):
        running = start(*args)
        for _ in range(sessions):
            converse(running, peer, script, **how)
        done.append(finished(running))
    return done


def same(tcpreen, peer, args, *script, **how):
    """Both print the same; returns what."""
    theirs, ours = both(tcpreen, peer, args, *script, **how)
    assert ours == theirs
    return ours
