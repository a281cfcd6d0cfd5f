"""tcpreen with privileges to lose (-u, set-uid root), and as a daemon (-d)."""

import contextlib
import os
import pwd
import re
import shutil
import signal
import subprocess
import tempfile

import pytest

from helpers.peers import connect, reset_at_once
from helpers.tcpreen import (EXAMPLE, IS_ROOT, LISTENING, SILENT, Pair,
                             converse, is_gone, play)
from helpers.wait import wait_until


@pytest.fixture(name="tcpreen")
def fixture_tcpreen(teeline, tmp_path):
    return Pair(teeline, tmp_path)


# --- privileges -------------------------------------------------------------

@pytest.fixture(name="public")
def fixture_public():
    """A folder where every user may write."""
    folder = tempfile.mkdtemp(dir="/tmp", prefix="tcpreen-")
    os.chmod(folder, 0o777)
    yield folder
    shutil.rmtree(folder)


def uids(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        line, = [line for line in file if line.startswith("Uid:")]
    return {int(word) for word in line.split()[1:]}


def test_user(tcpreen, server, public):
    """-u: that user, for good, before any log is opened.  Root's to say."""
    if not IS_ROOT:
        done = tcpreen.run("-u", "nobody", "21", expect=1)
        assert b"nobody: only root can select an user.\n" in done.err
        return
    peer = server()
    ours = tcpreen.ours("-u", "nobody", "-n", "-m", "1", "-o",
                        f"{public}/log", str(peer.port))
    nobody = pwd.getpwnam("nobody")
    assert uids(ours.pid) == {nobody.pw_uid}
    with open(f"/proc/{ours.pid}/status", encoding="ascii") as file:
        assert re.search(r"^CapEff:\s*0+$", file.read(), re.MULTILINE)
    converse(ours, peer, EXAMPLE)
    ours.wait()
    assert os.stat(f"{public}/log").st_uid == nobody.pw_uid


def test_root_without_user(teeline, server):
    """Root is refused; anybody else is not asked."""
    if IS_ROOT:
        done = teeline.run("tcpreen", str(server().port), expect=1)
        assert b"-u USER" in done.err
        assert done.out == b""
    else:
        ours = teeline.start("tcpreen", str(server().port), ready=LISTENING)
        assert uids(ours.pid) == {os.getuid()}
        ours.stop()


def test_set_uid_root(teeline, server, public):
    """Installed set-uid root: back to the real user once it listens."""
    program = f"{public}/tcpreen"
    shutil.copy(teeline.path, program)
    os.chmod(program, 0o4755)
    user = pwd.getpwnam("nobody").pw_uid if IS_ROOT else os.getuid()
    prefix = (["setpriv", f"--reuid={user}", "--regid=65534", "--clear-groups"]
              if IS_ROOT else [])
    peer = server()
    ours = teeline.spawn([program, "-n", "-m", "1", "-o", f"{public}/log",
                          str(peer.port)], prefix=prefix)
    ours.wait_ready(LISTENING)
    assert uids(ours.pid) == {user}
    converse(ours, peer, EXAMPLE)
    ours.wait()
    assert os.stat(f"{public}/log").st_uid == user


# --- in the background ------------------------------------------------------

# A /dev of its own, with a log socket of its own: nobody else's is touched.
NAMESPACE = """
mount -t tmpfs tmpfs "$0" || exit
for name in null zero random urandom tty; do
	: >"$0/$name" && mount --bind "/dev/$name" "$0/$name" || exit
done
mkdir "$0/shm" && mount --rbind "$0" /dev || exit
busybox syslogd -n -O "$1" &
logger=$!
trap 'kill $logger' EXIT
echo $logger
cat
"""


class Logger:
    """A real syslogd, and tcpreen in the same surroundings."""

    def __init__(self, folder):
        self._path = folder / "messages"
        (folder / "dev").mkdir()
        may = [] if IS_ROOT else ["--map-root-user"]
        self._shell = subprocess.Popen(
            ["unshare", *may, "--mount", "sh", "-c", NAMESPACE,
             folder / "dev", self._path],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        pid = self._shell.stdout.readline().strip()
        assert pid, "no syslogd: is busybox-syslogd installed?"
        self.enter = ["nsenter", f"--target={pid.decode()}", "--mount"]
        if not IS_ROOT:
            self.enter += ["--user", "--preserve-credentials"]
        wait_until(lambda: b"syslogd started" in self.text, what="syslogd")
        self._daemons = []

    @property
    def text(self):
        return self._path.read_bytes()

    @property
    def messages(self):
        """[(level, pid, text)] of tcpreen."""
        return [(m[1].decode(), int(m[2]), m[3].decode()) for m in re.finditer(
            rb"(daemon\.\w+) tcpreen\[(\d+)\]: (.*)", self.text)]

    def daemon(self):
        """(pid, port) of the daemon, once it has said where it listens."""
        def listening():
            for _, pid, text in self.messages:
                match = LISTENING.match(text.encode())
                if match and pid not in self._daemons:
                    self._daemons.append(pid)
                    return pid, int(match["port"])
            return None
        return wait_until(listening, what=lambda: f"a daemon in {self.text!r}")

    def wait_end(self, pid):
        """Wait until a daemon is gone and the logger has read all of it.

        What a daemon says of its own end comes after all that it says of
        sessions, however late that is.
        """
        wait_until(lambda: is_gone(pid), what=f"the end of daemon {pid}")
        wait_until(lambda: "stopping" in [text for _, by, text in self.messages
                                          if by == pid],
                   what=lambda: f"the end of daemon {pid} in {self.text!r}")
        assert self.messages[-1] == ("daemon.notice", pid, "stopping")

    def finish(self):
        for pid in self._daemons:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._shell.communicate(timeout=20)


@pytest.fixture(name="logger")
def fixture_logger(tmp_path):
    logger = Logger(tmp_path)
    yield logger
    logger.finish()


def start_daemon(tcpreen, logger, *args):
    ours = tcpreen.ours("-d", *args, ready=0, prefix=logger.enter)
    ours.wait(expect=0)
    assert ours.out == ours.err == b""
    return logger.daemon()


def test_daemon(tcpreen, server, logger, tmp_path):
    """-d: detached, in /, many clients, and syslog has it all."""
    peer = server()
    log = tmp_path / "log"
    pid, port = start_daemon(tcpreen, logger, "-n", "-f", "count", "-o", log,
                             str(peer.port))
    assert os.readlink(f"/proc/{pid}/cwd") == "/"
    assert os.getsid(pid) != os.getsid(0)
    pairs = [(connect(port), peer.accept()) for _ in range(3)]
    names = [client.getsockname()[1] for client, _ in pairs]
    for client, there in pairs:
        play(EXAMPLE, client, there)
    peer.close()
    reset_at_once(f"127.0.0.1:{port}")
    wait_until(lambda: "refused" in logger.text.decode(),
               what=lambda: f"the refusal in {logger.text!r}")
    os.kill(pid, signal.SIGTERM)
    logger.wait_end(pid)
    said = [(level, text) for level, by, text in logger.messages]
    assert {by for _, by, _ in logger.messages} == {pid}
    assert said[:2] == [("daemon.notice", "starting"),
                        ("daemon.notice",
                         f"Listening on: 0.0.0.0 port {port}")]
    for name in names:
        assert ("daemon.info",
                f"Connection from: 127.0.0.1 port {name}") in said
    assert ("daemon.info",
            f"Connection to: 127.0.0.1 port {peer.port}") in said
    assert ("daemon.err", f"port {peer.port}: Connection refused") in said
    assert ("daemon.notice", "Caught signal: Terminated") in said
    assert log.read_bytes().count(b">>> 34 bytes\n") == 3


def test_daemon_with_a_limit(tcpreen, server, logger):
    """-d -F 1 -m 2: one at a time, and it ends by itself."""
    peer = server()
    pid, port = start_daemon(tcpreen, logger, "-n", "-F", "1", "-m", "2",
                             str(peer.port))
    first, second = connect(port), connect(port)
    there = peer.accept()
    assert not peer.waiting(0.3), "the second was not made to wait"
    play(SILENT, first, there)
    play(SILENT, second, peer.accept())
    logger.wait_end(pid)


def test_daemon_that_cannot_listen(tcpreen, server):
    """A port in use is told by the command, before it goes away."""
    peer = server()
    done = tcpreen.run("-d", "7", str(peer.port), expect=1)
    assert str(peer.port).encode() in done.err
