"""Started by somebody who means ill: installed set-uid root, and otherwise.

tcpreen alone may be set-uid, to take a port that only root may take; of all
else it does not do more than its user could.
"""

import os
import socket
import stat

import pytest

from helpers.peers import connect, echo, half_close, recv_all
from helpers.program import is_instrumented
from helpers.tcpreen import LISTENING
from helpers.there import Target, socket_at
from helpers.users import IS_ROOT, NOBODY, OTHER, ids, reachable, set_uid
from helpers.wait import wait_until


@pytest.fixture(name="tcpreen")
def fixture_tcpreen(teeline, tmp_path):
    """Starts it as nobody: tcpreen(*args)."""
    program = set_uid(teeline, tmp_path, "tcpreen")
    return lambda *args, prefix=(), **how: teeline.spawn(
        [program, *args], prefix=[*prefix, *NOBODY], **how)


@pytest.fixture(name="private")
def fixture_private(tmp_path):
    """A folder that everybody may look into, and its owner write to."""
    folder = reachable(tmp_path) / "private"
    folder.mkdir(mode=0o755)
    return folder


def test_a_low_port(tcpreen, place):
    """What set-uid is for: root's port, and then nothing of root is left."""
    target = Target(place)
    ours = tcpreen("-n", "-m", "1", "-a", "127.0.0.1", str(target.port), "7",
                   prefix=place.enter)
    if not IS_ROOT:
        ours.wait(None)
        return
    ours.wait_ready(LISTENING)
    assert ids(ours.pid) == {OTHER.pw_uid}
    # Its memory is not its user's to look at, or to have dumped.
    assert os.stat(f"/proc/{ours.pid}/environ").st_uid == 0
    with socket_at(place, socket.AF_INET, socket.SOCK_STREAM) as client:
        client.connect(("127.0.0.1", 7))
        client.sendall(b"hello")
        half_close(client)
        assert recv_all(client) == b""
    ours.wait()
    assert target.heard == [b"hello"]


def test_a_socket_is_not_made_as_root(tcpreen, server, private):
    """The path of a UNIX socket is made by whoever asks for it, or not."""
    if not IS_ROOT:
        return
    done = tcpreen("-p", "tcp/local", str(server().port), private / "sock")
    done.wait(1)
    assert b"ermission" in done.err
    assert list(private.iterdir()) == []


def test_a_socket_is_not_removed_as_root(tcpreen, server, private):
    """One that its owner has left behind is not somebody else's to remove."""
    if not IS_ROOT:
        return
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(str(private / "sock"))
    done = tcpreen("-p", "tcp/local", str(server().port), private / "sock")
    done.wait(1)
    assert stat.S_ISSOCK((private / "sock").stat().st_mode)


def test_a_socket_of_the_users_own(tcpreen, server, private):
    """Where its user may, it makes one, which is the user's, and removes it."""
    os.chown(private, OTHER.pw_uid, OTHER.pw_gid)
    peer = server(echo)
    ours = tcpreen("-n", "-m", "1", "-p", "tcp/local", str(peer.port),
                   private / "sock")
    ours.wait_ready(LISTENING)
    assert (private / "sock").stat().st_uid == OTHER.pw_uid
    assert ids(ours.pid) == {OTHER.pw_uid}
    with connect(f"unix:{private}/sock") as client:
        client.sendall(b"hello")
        half_close(client)
        assert recv_all(client) == b"hello"
    ours.wait()
    assert list(private.iterdir()) == []


def test_the_environment_of_a_service(tcpreen, server, tmp_path):
    """What a service manager would have said, its user may have made up."""
    if not IS_ROOT:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager, \
            socket.socket() as handed:
        manager.bind(str(tmp_path / "notify"))
        (tmp_path / "notify").chmod(0o777)
        handed.bind(("127.0.0.1", 0))
        handed.listen()
        ours = tcpreen(
            "-n", str(server(echo).port), prefix=[
                "sh", "-c", 'LISTEN_PID=$$ exec "$@"', "sh"],
            env={"LISTEN_FDS": "1", "WATCHDOG_USEC": "1000000",
                 "NOTIFY_SOCKET": str(tmp_path / "notify")},
            fds=[handed.fileno()])
        ours.wait_ready(LISTENING)
        ours.stop()
        manager.setblocking(False)
        with pytest.raises(BlockingIOError):
            manager.recv(1)
    assert b"handed over" not in ours.err


OTHERS = ["proxy", "tap", "read", "run", "check", "list", "completion",
          "gotcpspy", "netrecord", "stethoscope", "teecp", "--help", "-V",
          "tcpreen."]


def test_nothing_else_is_set_uid(teeline, tmp_path):
    """Set-uid or set-gid, whatever is not tcpreen says no."""
    if not IS_ROOT:
        return
    # With set-gid alone a sanitizer cannot read that it is not to trace.
    for mode in (0o4755, 0o6755) + (() if is_instrumented() else (0o2755,)):
        program = set_uid(teeline, tmp_path, f"program-{mode:o}", mode)
        for word in OTHERS:
            done = teeline.spawn([program, word], prefix=NOBODY,
                                 env={"ASAN_OPTIONS": "detect_leaks=0"})
            done.wait(1)
            assert done.out == b""
            assert b"set-uid" in done.err and done.err.count(b"\n") == 1


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_descriptors(teeline, server, tmp_path, closed):
    """Words for standard error go to nobody's connection, and to no record."""
    sock = tmp_path / "sock"
    run = teeline.spawn(
        [teeline.path, "proxy", "-vv", "--stats", "-", "-o",
         f"text:{tmp_path}/out", f"unix:{sock}", server(echo).target],
        prefix=["sh", "-c", f'exec "$@" {closed}', "sh"])
    with wait_until(lambda: connect(f"unix:{sock}")) as client:
        client.sendall(b"hello")
        standard = [os.readlink(f"/proc/{run.pid}/fd/{fd}") for fd in range(3)]
        half_close(client)
        assert recv_all(client) == b"hello"
    run.stop(expect=None)
    assert standard.count("/dev/null") == closed.count("&-") + (
        "<" not in closed)
    assert not [one for one in standard if "socket" in one or "anon" in one]
    assert (tmp_path / "out").read_bytes().count(b"\n") == 4
