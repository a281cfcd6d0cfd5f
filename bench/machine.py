"""The machine that measures: how busy it is, what a process has cost, and the
folders that measurements leave behind."""

import contextlib
import functools
import mmap
import os
import pathlib
import platform
import resource
import shutil
import subprocess
import tempfile
import time

TEELINE = os.path.abspath(os.environ.get("TEELINE", "build/teeline"))
TOOLS = os.path.join(os.path.dirname(TEELINE), "bench")
WORK = os.path.abspath(os.environ.get("BENCH_DIR", "build"))
TICKS = os.sysconf("SC_CLK_TCK")
os.environ["PATH"] += ":/usr/sbin:/sbin"

# More of the processors than this may not be busy with other things,
BUSY = 0.10
# ... nor may the host of a virtual machine take more of the time that is used.
STOLEN = 0.03


# --- processes ---------------------------------------------------------------

def children(pid):
    """The process and all below it, parents first."""
    found = [pid]
    for task in pathlib.Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            for child in task.read_text().split():
                found += children(int(child))
    return found


def process_clock(pid):
    """Number of its CPU clock, as clock_getcpuclockid(3) gives it: to the
    nanosecond, with threads that are gone."""
    return (~pid << 3) | 2


def tree_cpu(pid):
    """CPU seconds of a process, its living and its reaped descendants."""
    total = 0.0
    for p in children(pid):
        with contextlib.suppress(OSError):
            total += time.clock_gettime(process_clock(p))
            stat = pathlib.Path(f"/proc/{p}/stat").read_text()
            field = stat.rsplit(")", 1)[1].split()
            total += (int(field[13]) + int(field[14])) / TICKS
    return total


def tree_rss(pid):
    """Resident bytes of a process tree, private and shared."""
    total = 0
    for p in children(pid):
        with contextlib.suppress(OSError):
            text = pathlib.Path(f"/proc/{p}/status").read_text()
            for line in text.splitlines():
                if line.startswith("VmRSS:"):
                    total += int(line.split()[1]) * 1024
    return total


def raise_limits():
    """As many descriptors as may be had. Return: how many"""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE,
                           (max(hard, 65536), max(hard, 65536)))
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


# --- others on the machine ---------------------------------------------------

def jiffies():
    """(busy, all) of all processors; what a host takes away is busy."""
    line = pathlib.Path("/proc/stat").read_text().split("\n", 1)[0]
    field = [int(f) for f in line.split()[1:9]]
    return sum(field) - field[3] - field[4], sum(field)


def busy(seconds):
    """Share of the processors that is taken while we do nothing."""
    busy_then, all_then = jiffies()
    time.sleep(seconds)
    busy_now, all_now = jiffies()
    return (busy_now - busy_then) / max(1, all_now - all_then)


def used_and_stolen():
    """Jiffies of all processors that are not idle, and those of them that the
    host of a virtual machine has taken away."""
    line = pathlib.Path("/proc/stat").read_text().split("\n", 1)[0]
    return jiffies()[0], int(line.split()[8])


def stolen(since):
    """Share of the time used since used_and_stolen() that the host took."""
    used, lost = used_and_stolen()
    return (lost - since[1]) / max(1, used - since[0])


def wait_for_quiet(seconds):
    """Until the machine has nothing else to do, or that long.
    Return: the share that was taken at last"""
    deadline = time.monotonic() + seconds
    while True:
        share = busy(0.5)
        if share <= BUSY or time.monotonic() >= deadline:
            return share


def load():
    return [round(x, 2) for x in os.getloadavg()]


# --- memory ------------------------------------------------------------------

# More than a measurement writes, and at most that share of the memory.
WARM = 3 << 30
SHARE = 6
# Free memory that the host of a virtual machine takes back is in such pieces.
PIECE = 2 << 20

crumbs, whole = [], []


def backed():
    """Memory that the host has backed."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return mmap.mmap(-1, min(WARM, memory // SHARE) // PIECE * PIECE,
                     mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
                     | mmap.MAP_POPULATE)


def let_go(held):
    while held:
        held.pop().close()


def warm_up():
    """Let memory be backed: some is kept until give_memory(), and some is
    free, but for a page of each piece.

    The host of a virtual machine takes back what was free for a second or two,
    in pieces; to have it again costs more than what is measured."""
    let_go(crumbs)
    let_go(whole)
    pages = backed()
    whole.append(backed())
    for at in range(0, len(pages), PIECE):
        pages.madvise(mmap.MADV_DONTNEED, at + mmap.PAGESIZE,
                      PIECE - mmap.PAGESIZE)
    crumbs.append(pages)


def give_memory():
    """The clock is about to start: free what was kept for that."""
    let_go(whole)


# --- what is there -----------------------------------------------------------

def version(*command):
    """The first line it says of itself, or None if it is not installed."""
    try:
        out = subprocess.run(command, text=True, stdin=subprocess.DEVNULL,
                             stdout=subprocess.PIPE, timeout=20,
                             stderr=subprocess.STDOUT).stdout
    except OSError:
        return None
    said = [line.strip() for line in out.splitlines()
            if any(c.isdigit() for c in line)]
    return said[0] if said else "?"


def versions():
    ask = {
        "teeline": (TEELINE, "--version"), "haproxy": ("haproxy", "-v"),
        "nginx": ("nginx", "-v"), "socat": ("socat", "-V"),
        "tcpreen": ("tcpreen", "-V"), "sslsplit": ("sslsplit", "-V"),
        "tcpflow": ("tcpflow", "-V"), "tcpick": ("tcpick", "--version"),
        "tshark": ("tshark", "--version"),
        "tcpdump": ("tcpdump", "--version"),
    }
    return {name: version(*command) for name, command in ask.items()}


def processor():
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.machine()


def file_system(path):
    """Its type: of the longest mount point above the path."""
    best = ("", "?")
    for line in pathlib.Path("/proc/self/mounts").read_text().splitlines():
        _, where, kind = line.split()[:3]
        inside = os.path.commonpath([path, where]) == where
        if inside and len(where) >= len(best[0]):
            best = (where, kind)
    return best[1]


def about():
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "cpus": os.cpu_count(), "processor": processor(),
        "kernel": platform.release(), "memory_bytes": memory,
        "file_system": file_system(WORK),
        "descriptors": raise_limits(), "root": os.geteuid() == 0,
        "versions": versions(),
    }


# --- folders -----------------------------------------------------------------

@functools.lru_cache
def scratch():
    """Where this run leaves all that it writes, until clean()."""
    return pathlib.Path(tempfile.mkdtemp(prefix="bench-", dir=WORK))


def new_folder():
    return pathlib.Path(tempfile.mkdtemp(dir=scratch()))


def empty(path):
    """Drop what a measurement wrote, but for the files' names: ext4 does not
    use inodes again that were freed in the last minutes, and looks at each of
    them for every file that is made meanwhile.  clean() removes them."""
    for file in path.rglob("*"):
        if file.is_file() and not file.is_symlink():
            os.truncate(file, 0)
    os.sync()


@contextlib.contextmanager
def folder():
    path = new_folder()
    try:
        yield path
    finally:
        empty(path)


def clean():
    shutil.rmtree(scratch())
    scratch.cache_clear()
