"""Rows of the relay: whole paths with real sockets on loopback, a client, the
relay and a server on the same processors."""

import json
import os
import subprocess
import threading

import machine
import peers
from machine import TOOLS
from peers import Direct, Haproxy, Nginx, Socat, Tcpreen, Teeline, teeline
from table import Row, at_least, at_most

LOAD = os.path.join(TOOLS, "load")
PATIENCE = 120

FLOWS = teeline("flows", "-o", "flows:DIR/flows")
PCAPNG = teeline("pcapng", "-w", "DIR/capture.pcapng")
HEX = teeline("hex", "-o", "hex:DIR/hex")
RAW = teeline("raw", "-o", "raw:DIR/raw")
JSONL = teeline("jsonl", "-o", "jsonl:DIR/jsonl")
COPY = teeline("--copy", "--copy")


class Server:
    """One end of the load: swallows ("sink") or echoes ("echo")."""

    def __init__(self, kind):
        self.proc = subprocess.Popen([LOAD, kind], stdout=subprocess.PIPE,
                                     text=True)
        self.port = int(self.proc.stdout.readline())

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.proc.kill()
        self.proc.wait()


class Client:
    """The other end: connected and warm when it is entered, at work in run().
    Whatever hangs is ended in time."""

    def __init__(self, mode, *args):
        self.proc = subprocess.Popen(
            [LOAD, mode, *map(str, args)], text=True, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.alarm = threading.Timer(PATIENCE, self.proc.kill)

    def line(self):
        line = self.proc.stdout.readline()
        if not line:
            raise RuntimeError("the client ended: "
                               + (self.proc.stderr.read().strip() or "hung"))
        return line

    def __enter__(self):
        self.alarm.start()
        try:
            self.line()
        except RuntimeError:
            self.__exit__()
            raise
        return self

    def run(self):
        self.proc.stdin.write("\n")
        self.proc.stdin.flush()
        return json.loads(self.line())

    def __exit__(self, *exc):
        self.alarm.cancel()
        self.proc.stdin.close()
        self.proc.stdout.close()
        try:
            self.proc.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self.proc.kill()
            self.proc.wait()
        self.proc.stderr.close()


def measured(relay, client):
    """Return: (what the client says, CPU seconds of the relay)"""
    relay.settle()
    machine.give_memory()
    before = relay.cpu()
    got = client.run()
    relay.settle()
    return got, relay.cpu() - before


def bulk(contender, port, streams, mib, seconds, chunk=0):
    """Bytes one way, for so long or so many mebibytes."""
    if contender.records:
        machine.warm_up()
    with contender(port) as relay, Client(
            "bulk", relay.port, streams, mib, seconds, chunk) as client:
        got, cpu = measured(relay, client)
    if relay.records and relay.wrote < got["bytes"]:
        raise RuntimeError(f"of {got['bytes']} bytes only {relay.wrote} were "
                           "recorded")
    gb = got["bytes"] / 1e9
    return {"GB/s": gb / got["seconds"], "CPU s/GB": cpu / gb}


def rate(contender, port, mode, *args):
    with contender(port) as relay, Client(mode, relay.port, *args) as client:
        got, cpu = measured(relay, client)
        n = got.get("requests") or got.get("connections")
        return {"per second": n / got["seconds"], "CPU us each": cpu * 1e6 / n}


def idle(contender, port, conns):
    conns = min(conns, contender.most)
    with contender(port) as relay:
        start = relay.rss()
        with Client("idle", relay.port, conns):
            relay.settle()
            return {"bytes per session": (relay.rss() - start) / conns,
                    "sessions": conns}


# --- formatting alone --------------------------------------------------------

class Formatting:
    """A way to make a hex dump: a line of bench/format_bench."""

    def __init__(self, name):
        self.name = name

    @staticmethod
    def missing():
        return None


def formatting(contender, _port):
    out = subprocess.run([os.path.join(TOOLS, "format_bench"), contender.name],
                         check=True, text=True, stdout=subprocess.PIPE,
                         timeout=PATIENCE).stdout
    for line in out.splitlines():
        if line.startswith(contender.name):
            small, packet, large = map(float, line.split()[-3:])
            return {"GB/s of 64 B": small, "GB/s of 1460 B": packet,
                    "GB/s of 64 KiB": large}
    raise RuntimeError("not on this processor")


# --- rows --------------------------------------------------------------------

def bulk_rows(mib, secs):
    return [
        Row("bulk-1", "bulk relay, 1 stream",
            [Direct, Haproxy, Nginx, Socat, Tcpreen, peers.proto("relay"),
             Teeline, COPY],
            lambda c, port: bulk(c, port, 1, mib, secs),
            [at_most("teeline", "CPU s/GB", 0.5, "haproxy"),
             at_most("teeline", "CPU s/GB", 1, "nginx"),
             at_least("teeline", "GB/s", 1, "nginx")],
            server="sink", base="haproxy"),
        Row("bulk-16", "bulk relay, 16 streams",
            [Haproxy, Nginx, peers.proto("relay"), Teeline],
            lambda c, port: bulk(c, port, 16, mib, secs),
            [at_least("teeline", "GB/s", 1.4, "haproxy")],
            server="sink", base="haproxy"),
    ]


def record_rows(mib, secs):
    return [
        Row("record", "relay + every byte to files",
            [Haproxy, peers.Sslsplit, Tcpreen, peers.proto("record"), FLOWS,
             RAW],
            lambda c, port: bulk(c, port, 1, mib, secs),
            [at_most("teeline flows", "CPU s/GB", 0.8, "haproxy",
                     note="relaying only"),
             at_most("teeline flows", "CPU s/GB", 0.35, "tcpreen raw"),
             at_least("teeline flows", "GB/s", 2, "tcpreen raw"),
             at_least("teeline flows", "GB/s", 1, "haproxy",
                      note="relaying only")],
            server="sink", base="haproxy",
            field="netrecord 0.40 GB/s, 2.31 CPU s/GB, where tcpreen had "
                  "0.60 and 1.46"),
        Row("record-pcapng", "relay + pcapng", [peers.SslsplitPcap, PCAPNG],
            lambda c, port: bulk(c, port, 1, mib, secs),
            [at_most("teeline pcapng", "CPU s/GB", 0.2, "sslsplit pcap")],
            server="sink"),
        Row("record-hex", "relay + hex dump",
            [peers.TcpreenHex, peers.proto("hex"), HEX, JSONL],
            lambda c, port: bulk(c, port, 1, mib, secs),
            [at_least("teeline hex", "GB/s", 0.9, "proto hex")],
            server="sink", base="proto hex",
            field="gotcpspy (no figure was kept)"),
        Row("format-hex", "hex dump, formatting alone",
            [Formatting("hexdump, table"), Formatting("hexdump, vector")],
            formatting,
            [at_least("hexdump, table", "GB/s of 64 KiB", 1),
             at_least("hexdump, vector", "GB/s of 64 KiB", 4,
                      note="SSSE3")]),
    ]


def rate_rows(secs, conns):
    return [
        Row("pingpong-1", "ping-pong 64 B, 1 connection",
            [Direct, Haproxy, Nginx, Socat, Tcpreen, Teeline, FLOWS],
            lambda c, port: rate(c, port, "pingpong", 1, secs, 64),
            [at_least("teeline", "per second", 1.1, "haproxy", "nginx",
                      "socat"),
             at_least("teeline flows", "per second", 1, "haproxy")],
            server="echo", base="haproxy",
            field="netrecord 12.6k, gotcpspy 0.9k, where HAProxy had 12.0k"),
        Row("pingpong-64", "ping-pong 64 B, 64 connections",
            [Direct, Haproxy, Nginx, Tcpreen, Teeline, FLOWS],
            lambda c, port: rate(c, port, "pingpong", 64, secs, 64),
            [at_least("teeline", "per second", 1.4, "haproxy"),
             at_least("teeline flows", "per second", 1.1, "haproxy")],
            server="echo", base="haproxy",
            field="netrecord 40k, gotcpspy 2.6k, where HAProxy had 44k to "
                  "64k"),
        Row("connect", "connections/s, 16 at once",
            [Direct, Haproxy, Nginx, Socat, Tcpreen, Teeline, PCAPNG],
            lambda c, port: rate(c, port, "connect", 16, secs),
            [at_least("teeline", "per second", 1.1, "haproxy"),
             at_least("teeline pcapng", "per second", 0.9, "haproxy",
                      note="one pcapng of all")],
            server="echo", base="haproxy",
            field="gotcpspy 0.4k, where HAProxy had 8.7k to 12.9k"),
        Row("idle", "memory per idle session",
            [Haproxy, Nginx, Socat, Teeline],
            lambda c, port: idle(c, port, conns),
            [at_most("teeline", "bytes per session", 2048)],
            server="echo", base="haproxy"),
    ]


def rows(quick):
    secs = 0.3 if quick else 3
    # What is recorded shall stay in the page cache.
    return (bulk_rows(64 if quick else 16384, secs)
            + record_rows(64 if quick else 2048, secs)
            + rate_rows(secs, 300 if quick else 5000))
