"""The program under test: started, waited for, stopped, and looked into."""

import contextlib
import ctypes
import glob
import os
import re
import resource
import signal
import socket
import stat
import subprocess

from helpers.wait import SCALE, wait_until

TOP = os.path.abspath(os.path.join(os.path.dirname(__file__), "../../.."))
LISTENING = re.compile(
    rb"^teeline: listening on (?P<address>\S+), "
    rb"(relaying to|for servers of) (?P<target>\S+)$",
    re.MULTILINE)
LIBC = ctypes.CDLL(None, use_errno=True)
PIDFD_GETFD = 438  # the same number on every architecture
VALGRIND = bool(os.environ.get("VALGRIND"))
VALGRIND_NOFILE = 12  # descriptors that it needs besides
REPORT = re.compile(
    rb"(Address|Leak|Thread|UndefinedBehavior|Memory)Sanitizer"
    rb"|runtime error: |Assertion .* failed")
# Valgrind does not know seccomp and Landlock, and answers ENOSYS, as a kernel
# without them does: the sandbox is off then.  Any other call is a finding.
NO_SANDBOX = re.compile(
    rb"^--\d+-- WARNING: unhandled \S+ syscall: (?:317|277|44[456])\n"
    rb"(?:--\d+-- (?:You may|Read the file|Nevertheless|it at http).*\n)*",
    re.MULTILINE)


def program_path():
    """The program's path: env TEELINE, else build/teeline."""
    path = os.environ.get("TEELINE", "build/teeline")
    return os.path.abspath(os.path.join(TOP, path))


# Built without what only Linux has (make PORTABLE=1): one ring for a capture,
# no splice, no sandbox, the library's select() below the control plane.
PORTABLE = os.path.basename(os.path.dirname(program_path())) == "portable"


def is_instrumented():
    """True when memory figures say nothing: sanitizers or valgrind."""
    if VALGRIND:
        return True
    with open(program_path(), "rb") as file:
        data = file.read()
    return b"__asan_init" in data or b"__tsan_init" in data


def port_of(address):
    """The port of "127.0.0.1:80" or "[::1]:80"."""
    return int(address.rsplit(":", 1)[1])


class Running:
    """A started program.

    out, err    what it has printed so far, as bytes
    pid         its process id
    addresses   what its "listening on" lines name, in order
    port        the port of the first of them
    """

    def __init__(self, argv, folder, *, cwd=None, env=None, stdout=None,
                 stderr=None, stdin=None, nofile=None, fsize=None,
                 prefix=(), fds=()):
        self.argv = [str(arg) for arg in argv]
        self._folder = folder
        self._err_path = os.path.join(folder, "stderr")
        self._out_path = os.path.join(folder, "stdout")
        self._checked = False
        self._quiet = 0
        self.match = None
        with open(self._err_path, "wb") as err, \
                open(self._out_path, "wb") as out, \
                open(f"{folder}/report", "ab") as report:
            wrapper = self._wrapper(self.argv[0], report.fileno())
            self.process = subprocess.Popen(
                [*prefix, *wrapper, *self.argv],
                stdin=subprocess.DEVNULL if stdin is None else stdin,
                stdout=out if stdout is None else stdout,
                stderr=err if stderr is None else stderr,
                cwd=cwd, env=self._environment(env),
                pass_fds=(*fds, report.fileno()) if wrapper else fds,
                preexec_fn=lambda: self._limit(nofile, fsize))
        self.pid = self.process.pid

    @staticmethod
    def _wrapper(path, report):
        """valgrind, if asked for; it may be a user who can open nothing.

        Ours is given by its path, a peer by its name.  Valgrind runs nothing
        that is set-uid.
        """
        if not VALGRIND or os.sep not in path:
            return []
        if os.path.exists(path) and os.stat(path).st_mode & stat.S_ISUID:
            return []
        return ["valgrind", "-q", "--error-exitcode=99", "--leak-check=full",
                "--show-leak-kinds=definite",
                "--errors-for-leak-kinds=definite", "--track-fds=no",
                "--vgdb=no", f"--log-fd={report}"]

    def _environment(self, env):
        all_env = dict(os.environ, TZ="UTC", LC_ALL="C.UTF-8")
        report = f"log_path={self._folder}/report"
        for name in ("ASAN", "UBSAN", "TSAN", "LSAN"):
            given = os.environ.get(f"{name}_OPTIONS")
            more = (":quarantine_size_mb=8:verify_asan_link_order=0"
                    if name == "ASAN" else "")
            all_env[f"{name}_OPTIONS"] = (
                report + more + (f":{given}" if given else ""))
        all_env.update(env or {})
        return all_env

    @staticmethod
    def _limit(nofile, fsize):
        signal.pthread_sigmask(signal.SIG_SETMASK, [])
        if nofile:
            most = nofile + (VALGRIND_NOFILE if VALGRIND else 0)
            resource.setrlimit(resource.RLIMIT_NOFILE, (nofile, most))
        if fsize:
            resource.setrlimit(resource.RLIMIT_FSIZE, (fsize, fsize))

    @staticmethod
    def _read(path):
        with open(path, "rb") as file:
            return file.read()

    @property
    def out(self):
        return self._read(self._out_path)

    @property
    def err(self):
        return self._read(self._err_path)

    @property
    def alive(self):
        return self.process.poll() is None

    @property
    def addresses(self):
        return [match["address"].decode()
                for match in LISTENING.finditer(self.err)]

    @property
    def relays(self):
        """{target: listening address} of the "listening on" lines."""
        return {match["target"].decode(): match["address"].decode()
                for match in LISTENING.finditer(self.err)}

    @property
    def port(self):
        return port_of(self.addresses[0])

    def describe(self):
        return (f"{' '.join(self.argv)}\n"
                f"stdout: {self.out[-2000:]!r}\nstderr: {self.err[-4000:]!r}")

    def complaints(self, pattern):
        """The lines on stderr in which a bytes pattern is found."""
        return [line for line in self.err.splitlines()
                if re.search(pattern, line)]

    def wait_ready(self, pattern=LISTENING, stream="err", count=1,
                   deadline=10.0):
        """Wait until pattern stands count times in stream ("out", "err").

        A program that ends before is a failure that shows what it said.
        The last match is kept as self.match.
        """
        def ready():
            found = list(pattern.finditer(getattr(self, stream)))
            if len(found) >= count:
                return found
            assert self.alive, (f"ended with {self.process.returncode} "
                                f"before it was ready:\n{self.describe()}")
            return None

        found = wait_until(ready, deadline, lambda: f"{pattern.pattern!r} "
                           f"from {self.describe()}")
        self.match = found[-1]
        self._quiet = self._sockets_open()
        return self

    def _sockets_open(self):
        folder = f"/proc/{self.pid}/fd"
        count = 0
        for name in os.listdir(folder):
            # One may be closed while they are looked at.
            with contextlib.suppress(FileNotFoundError):
                link = os.readlink(f"{folder}/{name}")
                count += link.startswith("socket:")
        return count

    def idle(self, deadline=10.0):
        """Wait until no session is left: no more sockets than at start.

        To be asked before stop() where the record of the end matters: a FIN
        that has not been read yet would lose against the signal.
        """
        wait_until(lambda: self._sockets_open() <= self._quiet, deadline,
                   lambda: f"all sessions over: {self._sockets_open()} "
                   f"sockets, {self._quiet} at start\n{self.describe()}")
        return self

    def send(self, number):
        os.kill(self.pid, number)

    def wait(self, expect=0, deadline=20.0):
        """Wait for the end; its status must be expect (None: whatever)."""
        try:
            status = self.process.wait(deadline * SCALE)
        except subprocess.TimeoutExpired:
            raise AssertionError(
                f"still running after {deadline * SCALE:g} s:\n"
                f"{self.describe()}") from None
        self.check_reports()
        assert expect is None or status == expect, (
            f"ended with {status}, not {expect}:\n{self.describe()}")
        return status

    def stop(self, number=signal.SIGTERM, expect=0, deadline=20.0):
        """End it as an operator would, and expect a clean exit status."""
        assert self.alive, f"ended by itself:\n{self.describe()}"
        self.send(number)
        return self.wait(expect, deadline)

    def check_reports(self):
        """Fail on a report of a sanitizer or of valgrind."""
        self._checked = True
        reports = b"".join(
            self._read(path)
            for path in glob.glob(f"{self._folder}/report*"))
        reports = NO_SANDBOX.sub(b"", reports)
        assert not reports, f"{reports.decode(errors='replace')}"
        assert not REPORT.search(self.err), self.describe()

    def finish(self):
        """End of the test: nothing of it may be left running."""
        if self.alive:
            self.process.terminate()
            try:
                self.process.wait(10 * SCALE)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                raise AssertionError("SIGTERM did not end it:\n"
                                     + self.describe()) from None
        if not self._checked:
            self.check_reports()

    def descriptors(self):
        """Number of descriptors that it has open."""
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def memory(self, field="VmRSS"):
        """A field of /proc/PID/status in bytes: VmRSS, VmHWM ..."""
        with open(f"/proc/{self.pid}/status", encoding="ascii") as file:
            for line in file:
                if line.startswith(field + ":"):
                    return int(line.split()[1]) * 1024
        raise AssertionError(f"no {field}")

    def sockets(self):
        """Duplicates of its sockets, to look at their options."""
        found = []
        handle = os.pidfd_open(self.pid)
        for name in os.listdir(f"/proc/{self.pid}/fd"):
            link = os.readlink(f"/proc/{self.pid}/fd/{name}")
            if link.startswith("socket:"):
                number = LIBC.syscall(PIDFD_GETFD, handle, int(name), 0)
                assert number >= 0, os.strerror(ctypes.get_errno())
                found.append(socket.socket(fileno=number))
        os.close(handle)
        return found

    def threads(self):
        return len(os.listdir(f"/proc/{self.pid}/task"))


class Program:
    """The fixture `teeline`: starts the program as often as a test wants.

    path    the program
    """

    def __init__(self, folder):
        self.path = program_path()
        self._folder = str(folder)
        self._running = []

    def spawn(self, argv, **how):
        """Start any command line (for links, personalities, wrappers)."""
        folder = os.path.join(self._folder, str(len(self._running) + 1))
        os.makedirs(folder)
        self._running.append(Running(argv, folder, **how))
        return self._running[-1]

    def start(self, *args, ready=LISTENING, stream="err", count=1, **how):
        """Start `teeline ARGS...` and wait until it is ready.

        ready: a compiled bytes pattern that stands count times in stream
        ("out" or "err"); None does not wait.
        """
        running = self.spawn([self.path, *args], **how)
        if ready is not None:
            running.wait_ready(ready, stream, count)
        return running

    def proxy(self, target, *options, listen="127.0.0.1:0", count=1, **how):
        """Start `teeline proxy OPTIONS... LISTEN TARGET`, ready to use."""
        return self.start("proxy", *options, listen, target, count=count,
                          **how)

    def run(self, *args, expect=0, deadline=20.0, **how):
        """Run `teeline ARGS...` to its end; see out, err of the result."""
        running = self.start(*args, ready=None, **how)
        running.wait(expect, deadline)
        return running

    def finish(self):
        failures = []
        for running in self._running:
            try:
                running.finish()
            except AssertionError as failure:
                failures.append(str(failure))
        assert not failures, "\n".join(failures)
