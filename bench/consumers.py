"""Rows of live sinks: what a bad consumer costs the relay, and how much of
live traffic reaches a good one."""

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import threading
import time

import captures
import machine
import peers
from machine import TEELINE, TOOLS
from peers import Teeline, free_port, teeline
from relays import LOAD, bulk
from table import Row, at_least

PAYLOAD = "payload:127.0.0.1:PORT,keepalive=yes"


# --- consumers that take nothing ---------------------------------------------

def absent_port():
    """Nobody listens there; (what to keep open, the port)"""
    held = socket.socket()
    held.bind(("127.0.0.1", 0))
    return held, held.getsockname()[1]


def stuck_port():
    """Connections come about, and are never accepted or read."""
    held, port = absent_port()
    held.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    held.listen(128)
    return held, port


class Consumed(Teeline):
    """teeline with a sink; `sink` has PORT where a consumer's stands."""

    sink = ""
    make_port = staticmethod(absent_port)

    def command(self):
        self.held = []
        text = self.sink
        while "PORT" in text:
            held, port = self.make_port()
            self.held.append(held)
            text = text.replace("PORT", str(port), 1)
        return [*peers.UNDER, TEELINE, "proxy", "-v", "-f", "none",
                "--drain-time", "0.1", "-o", text, f"127.0.0.1:{self.port}",
                f"127.0.0.1:{self.target}"]

    def __exit__(self, *exc):
        super().__exit__(*exc)
        for held in self.held:
            held.close()


def consumed(name, text, port=absent_port):
    return type(name, (Consumed,), {"name": name, "sink": text,
                                    "make_port": staticmethod(port)})


class StuckVisitor(Consumed):
    """Its consumer comes to the ports that it tells of, and reads nothing.

    where   a pattern of the ports in what it says
    """

    where = rb"requests at port (\d+), responses at port (\d+)"

    def __enter__(self):
        super().__enter__()
        self.over = threading.Event()
        self.thread = threading.Thread(target=self.visit)
        self.thread.start()
        return self

    def visit(self):
        seen = 0
        while not self.over.wait(0.005):
            told = re.findall(self.where, (self.dir / "log").read_bytes())
            for ports in told[seen:]:
                for port in ports:
                    self.held.append(socket.socket())
                    self.held[-1].setsockopt(socket.SOL_SOCKET,
                                             socket.SO_RCVBUF, 4096)
                    with contextlib.suppress(OSError):
                        self.held[-1].connect(("127.0.0.1", int(port)))
            seen = len(told)

    def __exit__(self, *exc):
        self.over.set()
        self.thread.join()
        super().__exit__(*exc)


def port_range(count):
    """Ports in a row that are free, as FIRST-LAST."""
    while True:
        first = free_port()
        held = []
        try:
            for port in range(first, first + count):
                held.append(socket.socket())
                held[-1].bind(("127.0.0.1", port))
            return f"{first}-{first + count - 1}"
        except (OSError, OverflowError):
            continue
        finally:
            for one in held:
                one.close()


class StuckListen(StuckVisitor):
    name = "listen, stuck"

    def command(self):
        self.sink = f"listen:127.0.0.1:{port_range(8)}"
        return super().command()


class AbsentListen(Consumed):
    name = "listen, absent"

    def command(self):
        self.sink = f"listen:127.0.0.1:{port_range(8)}"
        return super().command()


class AbsentCapture(Consumed):
    name = "pcapng-listen, absent"

    def command(self):
        self.capture = free_port()
        self.sink = f"pcapng-listen:127.0.0.1:{self.capture}"
        return super().command()


class StuckCapture(AbsentCapture):
    name = "pcapng-listen, stuck"

    def __enter__(self):
        super().__enter__()
        self.held.append(socket.socket())
        self.held[-1].setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.held[-1].connect(("127.0.0.1", self.capture))
        return self


HARMLESS = [
    Teeline, teeline("--copy", "--copy"),
    consumed("tee, absent", "tee:127.0.0.1:PORT"),
    consumed("tee, stuck", "tee:127.0.0.1:PORT", stuck_port),
    consumed("connect, absent", "connect:127.0.0.1:PORT/PORT"),
    consumed("connect, stuck", "connect:127.0.0.1:PORT/PORT", stuck_port),
    AbsentListen, StuckListen,
    consumed("payload, absent", PAYLOAD),
    consumed("payload, stuck", PAYLOAD, stuck_port),
    AbsentCapture, StuckCapture,
]


IN_THE_FIELD = {
    20: "stethoscope 100 % delivered, teecp 100 %",
    100: "stethoscope 17 % delivered, teecp 85 %",
    400: "stethoscope 0 % delivered, teecp 15 %",
}


# --- live traffic to sockets -------------------------------------------------

@contextlib.contextmanager
def drain(prefix, ports):
    """A consumer that takes everything: (its ports, bytes(): the end)."""
    proc = subprocess.Popen([*prefix, LOAD, "drain", str(ports)], text=True,
                            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        yield ([int(proc.stdout.readline()) for _ in range(ports)],
               lambda: json.loads(proc.communicate(timeout=30)[0])["bytes"])
    finally:
        if proc.poll() is None:
            proc.kill()
        proc.wait()


# Less of the rate than this is another row.
REACHED = 0.97


class Forwarder:
    """name, and sink: what -o takes, with PORT for its consumer's"""

    def __init__(self, name, sink):
        self.name = name
        self.sink = sink

    def command(self, iface, into, ports):
        text = self.sink
        for port in ports:
            text = text.replace("PORT", str(port), 1)
        return [*peers.UNDER, TEELINE, "tap", "-q", "-f", "none", "-i", iface,
                "--stats", f"{into}/sheet", "-o", text]

    @staticmethod
    def missing():
        return None


def kernel_lost(into):
    """Packets that the kernel dropped, in % of those it had."""
    sheet = json.loads((into / "sheet").read_text())
    kernel = sheet["kernel"]
    return 100 * kernel["dropped"] / max(1, kernel["received"])


def forward(contender, mb_per_s, seconds):
    """Conversations pass at a rate: how much of them reaches the consumer."""
    capture = captures.make_capture(200, 64)
    whole = captures.payload(capture)
    rounds = max(1, round(mb_per_s * 1e6 * seconds / whole))
    packets = mb_per_s * 1e6 / whole * captures.packets(capture)
    with machine.folder() as into, captures.wire() as (prefix, near, far), \
            drain(prefix, contender.sink.count("PORT")) as (ports, taken):
        proc = subprocess.Popen(
            [*prefix, *contender.command(far, into, ports)], cwd=into,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        captures.wait_for_socket(prefix, proc)
        sent = json.loads(subprocess.run(
            [*prefix, os.path.join(TOOLS, "blast"), near,
             str(capture), str(round(packets)), str(rounds)], check=True,
            stdout=subprocess.PIPE).stdout)
        time.sleep(1)  # the kernel's last block, and what is queued
        peers.interrupt(proc, signal.SIGINT)
        status, cpu, rss = captures.ended(proc)
        if status != 0:
            raise RuntimeError(f"{contender.name} ended with {status}")
        rate = whole * rounds / 1e6 / sent["seconds"]
        if rate < REACHED * mb_per_s:
            raise RuntimeError(f"only {rate:.0f} of {mb_per_s} MB/s could be "
                               "sent")
        return {"MB/s": rate,
                "% delivered": 100 * taken() / (whole * rounds),
                "% kernel lost": kernel_lost(into),
                "CPU s/GB": cpu / (whole * rounds / 1e9),
                "MiB resident": rss / 2**20}


FORWARDERS = [
    Forwarder("connect", "connect:127.0.0.1:PORT/PORT"),
    Forwarder("tee", "tee:127.0.0.1:PORT,dir=both"),
    Forwarder("payload", PAYLOAD),
]


def rows(quick):
    mib, secs = (64, 0.3) if quick else (16384, 3)
    found = [Row(
        "stuck", "bulk relay, consumers that take nothing", HARMLESS,
        lambda c, port: bulk(c, port, 1, mib, secs), server="sink",
        base="teeline --copy")]
    for speed in (20, 100, 400):
        names = [f.name for f in FORWARDERS]
        found.append(Row(
            f"live-sockets-{speed}", f"live to sockets, {speed} MB/s",
            FORWARDERS, lambda c, _port, speed=speed: forward(
                c, speed, 0.3 if quick else 5),
            [at_least(name, "% delivered", 100) for name in names],
            root=True, field=IN_THE_FIELD[speed]))
    return found
