"""Rows of captures: files that are read, and live traffic that is heard.

A contender is a command line; what it cost is asked of the kernel when it has
ended.  What it wrote is compared with what it should be before its time
counts for anything: a fast reader that loses bytes is not faster.
"""

import contextlib
import filecmp
import functools
import json
import os
import pathlib
import re
import select
import shutil
import signal
import subprocess
import time

import machine
import peers
from machine import TEELINE, TOOLS, folder
from table import Row, at_least, at_most


def capture_path(flows, mib, size):
    return machine.scratch() / f"{flows}-{mib}-{size}.pcap"


def make_capture(flows, mib, size=1400):
    """A capture file, made once per run and kept warm."""
    path = capture_path(flows, mib, size)
    if not path.exists():
        subprocess.run([os.path.join(TOOLS, "make_capture"), path, str(flows),
                        str(mib), str(size)], check=True)
    with open(path, "rb") as file:
        while file.read(1 << 22):
            pass
    return path


# Seconds that a reader may take.
PATIENCE = 120


def ended(proc):
    """Wait for it: (status, CPU seconds, bytes resident at most).  It is
    killed when it takes longer than anybody would wait.

    The kernel's own figure of the last begins with what this program takes,
    since that is what was forked; so the peak is looked up while it runs.
    """
    handle = os.pidfd_open(proc.pid)
    waiting = select.poll()
    waiting.register(handle, select.POLLIN)
    peak = 0
    deadline = time.monotonic() + PATIENCE
    while not waiting.poll(10):
        if time.monotonic() > deadline:
            proc.kill()
        text = pathlib.Path(f"/proc/{proc.pid}/status").read_text()
        if found := re.search(r"VmHWM:\s+(\d+) kB", text):
            peak = int(found[1]) * 1024
    os.close(handle)
    _, status, usage = os.wait4(proc.pid, 0)
    proc.returncode = os.waitstatus_to_exitcode(status)
    return proc.returncode, usage.ru_utime + usage.ru_stime, peak


class Contender:
    """name, and command(capture, folder): its argv.  It may be measured with
    `most` flows at once; with more it would take hours."""

    def __init__(self, name, command, most=10**6):
        self.name = name
        self.command = command
        self.most = most

    def missing(self):
        """Its name begins with the program's, which is the package's."""
        program = self.name.split()[0].rstrip(",")
        if program == "teeline" or shutil.which(program):
            return None
        return program


# --- files -------------------------------------------------------------------

def host(text):
    """010.000.000.001 as 10.0.0.1"""
    return ".".join(str(int(part)) for part in text.split("."))


def tcpflow_files(where):
    """{(sender, receiver): path}"""
    name = re.compile(r"([\d.]{15})\.(\d{5})-([\d.]{15})\.(\d{5})$")
    return {(f"{host(m[1])}-{int(m[2])}", f"{host(m[3])}-{int(m[4])}"): path
            for path in where.iterdir() if (m := name.match(path.name))}


def teeline_files(where):
    name = re.compile(r"\d+-(.+-\d+)-(.+-\d+)\.(c2s|s2c)$")
    found = {}
    for path in (where / "flows").iterdir():
        if m := name.match(path.name):
            ends = (m[1], m[2])
            found[ends if m[3] == "c2s" else ends[::-1]] = path
    return found


FILES = {"tcpflow": tcpflow_files, "teeline flows": teeline_files}


def read_file(contender, capture):
    """Time of one reading, with its files on the disk's cache, not synced."""
    machine.warm_up()
    with folder() as into:
        machine.give_memory()
        start = time.monotonic()
        proc = subprocess.Popen(
            contender.command(capture, into), cwd=into,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)
        status, cpu, rss = ended(proc)
        seconds = time.monotonic() - start
        if status == -signal.SIGKILL:
            raise RuntimeError(f"took more than {PATIENCE} s")
        if status != 0:
            raise RuntimeError(f"{contender.name} ended with {status}")
        gb = os.path.getsize(capture) / 1e9
        return {"GB/s": gb / seconds, "CPU s/GB": cpu / gb,
                "MiB resident": rss / 2**20}


def same_files(capture, flows):
    """Do tcpflow and teeline write the same bytes, for every flow?"""
    with folder() as one, folder() as other:
        found = []
        for contender, into in ((TCPFLOW, one), (FLOWS, other)):
            subprocess.run(contender.command(capture, into), cwd=into,
                           check=True, stdin=subprocess.DEVNULL,
                           stdout=subprocess.DEVNULL,
                           stderr=subprocess.DEVNULL)
            found.append(FILES[contender.name](into))
        if found[0].keys() != found[1].keys() or len(found[0]) != 2 * flows:
            raise RuntimeError(f"{len(found[0])} files of tcpflow, "
                               f"{len(found[1])} of teeline")
        for key, path in found[0].items():
            if not filecmp.cmp(path, found[1][key], shallow=False):
                raise RuntimeError(f"{path.name} differs")


def ours(*args):
    return [*peers.UNDER, TEELINE, *args]


# Two files for each flow.
TCPFLOW = Contender("tcpflow", lambda capture, into: [
    "tcpflow", "-q", "-r", str(capture), "-o", str(into)], most=10_000)
FLOWS = Contender("teeline flows", lambda capture, into: ours(
    "read", "-q", "-f", "none", "-o", f"flows:{into}/flows", str(capture)),
    most=100_000)
SUMMARY = Contender("teeline summary", lambda capture, into: ours(
    "read", "-q", "-f", "summary", str(capture)))
FILE_READERS = [
    TCPFLOW,
    Contender("tcpick", lambda capture, into: [
        "tcpick", "-r", str(capture), "-wRC", "-wRS"]),
    FLOWS,
    Contender("cp", lambda capture, into: [
        "cp", "--reflink=never", str(capture), f"{into}/copy"]),
]
SUMMARIES = [
    Contender("tshark conv", lambda capture, into: [
        "tshark", "-n", "-q", "-r", str(capture), "-z", "conv,tcp"]),
    Contender("tcpdump, to nowhere", lambda capture, into: [
        "tcpdump", "-n", "-r", str(capture), "-w", "/dev/null"]),
    SUMMARY,
    Contender("teeline pcapng", lambda capture, into: ours(
        "read", "-q", "-w", "/dev/null", "-f", "none", str(capture))),
]


# --- live --------------------------------------------------------------------

def ip(*args):
    subprocess.run(["ip", *args], check=True)


@contextlib.contextmanager
def wire():
    """A pair of interfaces in a network of their own: (prefix of commands
    that shall run there, the end to send on, the end to listen on)."""
    name = f"teeline-bench-{os.getpid()}"
    ip("netns", "add", name)
    try:
        ip("-n", name, "link", "add", "near", "mtu", "65535", "type", "veth",
           "peer", "name", "far", "mtu", "65535")
        for end in ("lo", "near", "far"):
            ip("-n", name, "link", "set", end, "up")
        yield ["ip", "netns", "exec", name], "near", "far"
    finally:
        ip("netns", "del", name)


def tcpdump_figures(err, into):
    """Packets that it captured."""
    return int(re.search(rb"(\d+) packets captured", err)[1])


def teeline_figures(err, into):
    sheet = json.loads((into / "sheet").read_text())
    return sheet["packets"]["received"]


def teeline_bytes(err, into):
    """Of the flows: payload bytes that are in the files, without holes."""
    sheet = json.loads((into / "sheet").read_text())
    return sum(sheet["bytes"][d]["delivered"] for d in ("c2s", "s2c"))


def tcpflow_bytes(err, into):
    return sum(path.stat().st_blocks * 512 for path in into.iterdir()
               if path.name != "report.xml")


class Live(Contender):
    """command(interface, folder); heard(stderr, folder): how much it got;
    unit: "packets" or "payload", of what was sent"""

    def __init__(self, name, command, heard, unit="packets"):
        super().__init__(name, command)
        self.heard = heard
        self.unit = unit


def tcpdump(name, *options):
    return Live(name, lambda iface, into: [
        "tcpdump", "-n", "-i", iface, *options, "-w", f"{into}/capture"],
        tcpdump_figures)


def tap(name, *options, heard=teeline_figures, unit="packets"):
    return Live(name, lambda iface, into: ours(
        "tap", "-f", "none", "-i", iface, "--stats", f"{into}/sheet",
        *(option.replace("DIR", str(into)) for option in options)), heard,
        unit)


LIVE = [
    tcpdump("tcpdump"),
    tcpdump("tcpdump -B 65536", "-B", "65536"),
    tap("teeline pcapng", "-w", "DIR/capture.pcapng"),
    tap("teeline flows", "-o", "flows:DIR/flows", heard=teeline_bytes,
        unit="payload"),
    Live("tcpflow", lambda iface, into: [
        "tcpflow", "-q", "-i", iface, "-o", str(into)], tcpflow_bytes,
        "payload"),
]


def wait_for_socket(prefix, proc):
    """Until it listens: a packet socket is in the kernel's table."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        if proc.poll() is not None:
            raise RuntimeError(f"{proc.args} ended with {proc.returncode}")
        table = subprocess.run([*prefix, "cat", "/proc/net/packet"],
                               check=True, stdout=subprocess.PIPE, text=True)
        if len(table.stdout.splitlines()) > 1:
            time.sleep(0.3)  # its ring and its filter come after
            return
        time.sleep(0.05)
    raise RuntimeError(f"{proc.args} opens no packet socket")


def still(into):
    """Until nothing is written any more; the kernel hands a block to tcpdump
    only when it is full or a second old."""
    time.sleep(1.5)
    last = None
    for _ in range(200):
        size = sum(path.stat().st_size for path in into.rglob("*"))
        if size == last:
            return
        last = size
        time.sleep(0.3)


@functools.lru_cache
def packets_and_bytes(capture):
    out = subprocess.run(["capinfos", "-rT", "-c", "-d", str(capture)],
                         check=True, stdout=subprocess.PIPE, text=True).stdout
    return tuple(map(int, out.split()[-2:]))


def packets(capture):
    """Packets in a capture."""
    return packets_and_bytes(capture)[0]


def payload(capture):
    """Bytes of payload in a capture of ours: all but headers and records."""
    count, size = packets_and_bytes(capture)
    return size - 54 * count


def hear(contender, capture, rate, rounds):
    """Send a capture's packets past a contender."""
    with folder() as into, wire() as (prefix, near, far):
        err = open(into / "err", "w+b")
        proc = subprocess.Popen(
            [*prefix, *contender.command(far, into)], cwd=into,
            stdin=subprocess.DEVNULL, stdout=err, stderr=err)
        wait_for_socket(prefix, proc)
        sent = json.loads(subprocess.run(
            [*prefix, os.path.join(TOOLS, "blast"), near, str(capture),
             str(rate), str(rounds)], check=True,
            stdout=subprocess.PIPE).stdout)
        still(into)
        peers.interrupt(proc, signal.SIGINT)
        status, cpu, rss = ended(proc)
        if status != 0:
            raise RuntimeError(f"{contender.name} ended with {status}")
        err.seek(0)
        speed = sent["packets"] / sent["seconds"]
        if speed < 0.97 * rate:
            raise RuntimeError(f"only {speed:.0f} of {rate} packets/s could "
                               "be sent")
        whole = (sent["packets"] if contender.unit == "packets"
                 else payload(capture) * rounds)
        got = contender.heard(err.read(), into)
        err.close()
        return {"1000 packets/s": speed / 1000,
                "% lost": max(0, 100 * (1 - got / whole)),
                "CPU us each": cpu * 1e6 / sent["packets"],
                "MiB resident": rss / 2**20}


def file_rows(flows, mib):
    def read(contender, _port):
        return read_file(contender, make_capture(flows, mib))

    def check():
        if not TCPFLOW.missing():
            same_files(make_capture(flows, mib), flows)

    return [
        Row("read-files", f"file of {flows} flows \u2192 files", FILE_READERS,
            read,
            [at_least("teeline flows", "GB/s", 2, "tcpflow"),
             at_least("teeline flows", "GB/s", 2.08, "tcpflow",
                      note="1.0 of gopacket, in the field at 2.08 of it"),
             at_most("teeline flows", "MiB resident", 32)],
            check=check, base="tcpflow",
            field="gopacket 0.83 GB/s in 58 to 125 MB, libnids 0.5 GB/s, "
                  "where tcpflow had 0.40 in 13 MB"),
        Row("read-summary", f"file of {flows} flows \u2192 summary", SUMMARIES,
            read,
            [at_least("teeline summary", "GB/s", 3),
             at_most("teeline summary", "MiB resident", 32)],
            base="tshark conv",
            field="libnids 2.4 GB/s, where tshark had 0.13 in 651 MB"),
    ]


def rows(quick):
    mib, flows = (32, 60) if quick else (1300, 600)
    rounds = 1 if quick else 4
    rate = 20_000 if quick else 360_000

    def live(contender, _port):
        return hear(contender, make_capture(200, 16 if quick else 256), rate,
                    rounds)

    return [*file_rows(flows, mib), Row(
        "live", f"live, {rate // 1000}k packets/s", LIVE, live,
        [at_most("teeline pcapng", "% lost", 0),
         at_most("teeline flows", "% lost", 0, note="put together")],
        base="tcpdump", root=True)]
