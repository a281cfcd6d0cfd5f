"""Service managers: a scripted one, and systemd itself.

    manager = Manager(tmp_path)
    proxy = teeline.proxy(target, env=manager.env())
    manager.wait_for("READY=1")

    web = socket.create_server(("127.0.0.1", 0))
    teeline.proxy(target, listen="fd:web", **handed([web], "web"))
"""

import contextlib
import ctypes
import os
import shlex
import socket
import subprocess
import sys

from helpers.real import tool
from helpers.wait import SCALE, wait_until

LIBC = ctypes.CDLL(None, use_errno=True)
PTRACE_DETACH, PTRACE_SEIZE, PTRACE_INTERRUPT = 17, 0x4206, 0x4207
WALL = 0x40000000  # a thread is no child of ours until it is traced
HAND_OVER = os.path.join(os.path.dirname(__file__), "hand_over.py")


class Manager:
    """Reads what a program tells its manager.

    said    the datagrams so far, as text
    """

    def __init__(self, folder, abstract=False):
        self._name = f"{folder}/notify"
        self._sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._sock.setblocking(False)
        self._sock.bind(("\0" if abstract else "") + self._name)
        if abstract:
            self._name = "@" + self._name
        self._said = []

    def env(self, watchdog=None):
        """The environment of its services; watchdog in seconds."""
        env = {"NOTIFY_SOCKET": self._name}
        if watchdog is not None:
            env["WATCHDOG_USEC"] = str(int(watchdog * 1e6))
        return env

    @property
    def said(self):
        with contextlib.suppress(BlockingIOError):
            while True:
                self._said.append(self._sock.recv(4096).decode())
        return self._said

    def wait_for(self, start, after=0, deadline=10.0):
        """Wait for a datagram that begins so; return its place."""
        def find():
            for i, text in enumerate(self.said[after:], after):
                if text.startswith(start):
                    return i + 1
            return None

        return wait_until(find, deadline, lambda: f"{start!r} among "
                          f"{self.said[after:]}") - 1

    def close(self):
        self._sock.close()


def handed(listeners, names="-"):
    """How to start a program (Program.start) that gets these listeners."""
    fds = [one.fileno() for one in listeners]
    return {"prefix": [sys.executable, "-B", HAND_OVER, names,
                       ",".join(map(str, fds))], "fds": fds}


def trace(request, thread):
    """ptrace(2); the tracer is this very thread of ours."""
    if LIBC.ptrace(request, thread, None, None) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


@contextlib.contextmanager
def hung(thread):
    """One thread of a program stands still meanwhile, the others go on."""
    trace(PTRACE_SEIZE, thread)
    try:
        trace(PTRACE_INTERRUPT, thread)
        os.waitpid(thread, WALL)
        yield
    finally:
        try:
            trace(PTRACE_DETACH, thread)
        except ProcessLookupError:
            # Killed meanwhile: it is a zombie until its tracer has looked.
            with contextlib.suppress(ChildProcessError):
                os.waitpid(thread, WALL)


def workers(pid):
    """The threads of a program that are not its first."""
    return [int(name) for name in os.listdir(f"/proc/{pid}/task")
            if int(name) != pid]


def status(pid):
    """The fields of /proc/PID/status."""
    with open(f"/proc/{pid}/status", encoding="utf-8") as file:
        return dict(line.rstrip("\n").split(":\t", 1) for line in file
                    if ":\t" in line)


class Systemd:
    """systemd as somebody's manager, in a world of its own.

    It runs as pid 1 of a pid namespace, so that nothing of it is left, and
    believes that the machine was booted with it.

    Needs root, as it makes namespaces.
    """

    def __init__(self, folder):
        self._folder = folder
        self._units = folder / "config/systemd/user"
        self._units.mkdir(parents=True)
        (folder / "run").mkdir(mode=0o700)
        self._env = dict(os.environ, XDG_RUNTIME_DIR=f"{folder}/run",
                         XDG_CONFIG_HOME=f"{folder}/config",
                         HOME=str(folder))
        for name in ("NOTIFY_SOCKET", "JOURNAL_STREAM", "INVOCATION_ID"):
            self._env.pop(name, None)
        self._process = None

    def unit(self, name, text):
        """Write a unit, or a drop-in (name "x.service.d/y.conf")."""
        path = self._units / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)

    def start(self):
        """Boot it."""
        # As pid 1 it would be the system's manager: it is a child of pid 1.
        script = """
            mount -t proc proc /proc &&
            mount -t tmpfs tmpfs /run/systemd &&
            mkdir /run/systemd/system &&
            { /lib/systemd/systemd --user --log-target=console & wait; }
        """
        with open(self._folder / "log", "wb") as log:
            self._process = subprocess.Popen(
                [tool("unshare"), "-m", "-p", "-f", "--kill-child", "sh",
                 "-c", script], env=self._env, stdin=subprocess.DEVNULL,
                stdout=log, stderr=log)
        wait_until(lambda: (self._folder / "run/systemd/private").exists(),
                   20, lambda: f"systemd: {self.log()}")

    def log(self):
        return (self._folder / "log").read_text(errors="replace")

    def control(self, *words, expect=0):
        """systemctl --user WORDS..."""
        spaces = f"/proc/{self._process.pid}/ns"
        got = subprocess.run(
            [tool("nsenter"), f"--mount={spaces}/mnt",
             f"--pid={spaces}/pid_for_children", tool("systemctl"),
             "--user", *words], env=self._env,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, timeout=60 * SCALE, check=False)
        text = got.stdout.decode(errors="replace")
        assert expect is None or got.returncode == expect, (
            f"systemctl {shlex.join(words)}: {got.returncode}\n{text}\n"
            f"{self.log()}")
        return text

    def show(self, unit, what):
        return self.control("show", "-P", what, unit).strip()

    def main_pid(self, unit):
        """The main process of a service, by its number out here; or None."""
        number = self.show(unit, "MainPID")
        world = os.readlink(f"/proc/{self._process.pid}/ns/pid_for_children")
        for name in filter(str.isdigit, os.listdir("/proc")):
            with contextlib.suppress(OSError):
                if (os.readlink(f"/proc/{name}/ns/pid") == world
                        and status(name)["NSpid"].split()[-1] == number):
                    return int(name)
        return None

    def finish(self):
        if self._process is not None:
            self._process.kill()
            self._process.wait()
