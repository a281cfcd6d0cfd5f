"""A system that fails when a test says so: disks, descriptors, clocks.

    faults = Faults(tmp_path)
    full = faults.fail("write", errno.ENOSPC, tmp_path / "log", skip=3)
    proxy = teeline.proxy(peer.target, ..., env=faults.env)
    wait_until(lambda: full.failed)
    full.lift()                         # there is room again
    faults.clock(3600)                  # an hour later, to who asks the clock
    with storm(proxy):                  # every call of every thread, EINTR

tests/fault/fault.c stands before the program's calls, and shares a page
with us.  Rules may be made before the program starts and while it runs.
"""

import contextlib
import ctypes
import mmap
import os
import signal
import struct
import threading

from helpers.program import program_path
from helpers.wait import wait_until

CALLS = ("write", "splice", "ftruncate", "open", "link", "rename", "unlink",
         "mkdir", "accept", "socket", "pipe", "recv", "send")
HALF = 0            # in place of an errno: half of the bytes, a byte of socket
FOREVER = -1
RULES = 64
SIZE = 256
PATH_SIZE = 216
STORM = signal.SIGRTMIN + 5
TGKILL = 234 if os.uname().machine == "x86_64" else 131
LIBC = ctypes.CDLL(None, use_errno=True)


def library():
    """What is preloaded; it belongs to the program that is tested."""
    path = os.path.join(os.path.dirname(program_path()), "tests", "fault",
                        "fault.so")
    assert os.path.exists(path), f"{path} is not there: make check builds it"
    return path


class Rule:
    """A call that fails: so many are let through, so many fail then."""

    def __init__(self, page, at):
        self._page = page
        self._at = at

    def _number(self, offset):
        return struct.unpack_from("=q", self._page, self._at + offset)[0]

    @property
    def seen(self):
        """Calls that it was about."""
        return self._number(24)

    @property
    def failed(self):
        """Those of them that failed."""
        return self._number(32)

    def set(self, error, skip, count):
        """Counted from its first call on."""
        struct.pack_into("=i", self._page, self._at + 4, error)
        struct.pack_into("=qq", self._page, self._at + 8, skip, count)

    def lift(self):
        """From now on nothing fails."""
        struct.pack_into("=q", self._page, self._at + 16, 0)

    def begin(self, count=FOREVER):
        """From now on so many fail."""
        struct.pack_into("=qq", self._page, self._at + 8, self.seen, count)


class Faults:
    """The page, and the environment in which a program uses it."""

    def __init__(self, folder):
        path = os.path.join(folder, "faults")
        with open(path, "w+b") as file:
            file.truncate(SIZE * (RULES + 1))
            self._page = mmap.mmap(file.fileno(), 0)
        self._count = 0
        self.env = {"LD_PRELOAD": library(), "TEELINE_FAULT": path}

    def fail(self, call, error, path="", skip=0, count=1):
        """Make a rule: `path` is how the file's name begins."""
        at = SIZE * (self._count + 1)
        name = os.fsencode(path)
        assert self._count < RULES and len(name) < PATH_SIZE
        struct.pack_into("=Iiqqqq", self._page, at, CALLS.index(call), error,
                         skip, count, 0, 0)
        self._page[at + 40:at + 40 + len(name)] = name
        self._count += 1
        struct.pack_into("=I", self._page, 8, self._count)
        return Rule(self._page, at)

    def clock(self, seconds):
        """CLOCK_REALTIME is so far from the true time."""
        struct.pack_into("=q", self._page, 0, int(seconds * 10**9))


@contextlib.contextmanager
def storm(run, per_second=1000):
    """Interrupt all threads of a program that often, as long as it lasts.

    Yields what tells how often that was.
    """
    over, count = threading.Event(), [0]

    def interrupt():
        while not over.wait(1 / per_second):
            with contextlib.suppress(OSError):
                for thread in os.listdir(f"/proc/{run.pid}/task"):
                    LIBC.syscall(TGKILL, run.pid, int(thread), STORM)
                    count[0] += 1

    thread = threading.Thread(target=interrupt, daemon=True)
    thread.start()
    try:
        wait_until(lambda: count[0] > 100, what="the storm begins")
        yield count
    finally:
        over.set()
        thread.join()
