"""teecp: its flags, what it says, and the payloads that it sends."""

import json
import re
import signal
import socket
import struct
import subprocess

import pytest

from helpers.packets import checksum
from helpers.real import tool
from helpers.there import Target, socket_at
from helpers.wait import wait_until

STAMP = r"\d{4}/\d\d/\d\d \d\d:\d\d:\d\d "
CONFIG = re.compile(rf"^{STAMP}config (\{{.*\}})$".encode(), re.MULTILINE)
STATS = re.compile(rf"{STAMP}stats \{{BytesForwarded:(\d+) "
                   r"PacketsForwarded:(\d+) PacketAttemptsFailed:(\d+) "
                   r"PacketsFailed:(\d+)\}")
FLAGS = ("bpf", "device", "health-check", "layers", "output-tcp",
         "prefix-header", "stats", "verbose")
PORT = 7000
# Lets the monotonic clock run ahead by half an hour and more, once asked.
AHEAD = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

int
clock_gettime(clockid_t id, struct timespec *ts)
{
	static int (*real)(clockid_t, struct timespec *);
	int rc;

	if (real == NULL)
		real = (int (*)(clockid_t, struct timespec *))dlsym(
		    RTLD_NEXT, "clock_gettime");
	rc = real(id, ts);
	if ((id == CLOCK_MONOTONIC || id == CLOCK_MONOTONIC_COARSE) &&
	    access(getenv("AHEAD"), F_OK) == 0)
		ts->tv_sec += 1801;
	return rc;
}
"""


class Copier:
    """teecp at a place of a wire, as a link or as a subcommand."""

    def __init__(self, teeline, folder, place):
        self._teeline = teeline
        self._place = place
        self._targets = []
        self.link = folder / "teecp"
        self.link.symlink_to(teeline.path)

    def spawn(self, *flags, command=None, **how):
        return self._teeline.spawn([*(command or [self.link]), *flags],
                                   prefix=self._place.enter, **how)

    def start(self, target, *flags, more="", **how):
        """Listening at eth0, unless a flag says otherwise."""
        return self.spawn("--device=eth0", "--output-tcp",
                          f"localhost:{target.port}{more}", *flags,
                          **how).wait_ready(CONFIG)

    def run(self, *flags, expect, **how):
        running = self.spawn(*flags, **how)
        running.wait(expect)
        return running

    def target(self, host="127.0.0.1"):
        self._targets.append(Target(self._place, host))
        return self._targets[-1]

    def finish(self):
        for target in self._targets:
            target.finish()


@pytest.fixture(name="copier")
def fixture_copier(teeline, wire, tmp_path):
    one = Copier(teeline, tmp_path, wire.client)
    yield one
    one.finish()


def lines(running):
    """What it has said, line by line, without date and time."""
    said = running.err.decode().splitlines()
    assert running.out == b""
    for line in said:
        assert re.match(STAMP, line), line
    return [line[len("2026/11/21 08:30:00 "):] for line in said]


def stats(running):
    """The figures of each stats line."""
    return [tuple(map(int, match.groups()))
            for match in map(STATS.fullmatch,
                             running.err.decode().splitlines()) if match]


def shown(running, pattern):
    """Wait until its balance sheet has this."""
    def found():
        running.send(signal.SIGUSR1)
        return re.search(pattern, running.err)

    wait_until(found, every=0.1,
               what=lambda: f"{pattern!r} in {running.describe()}")


def datagrams(here, there, payloads, *, source=0, port=PORT, six=False):
    """Send them over the wire; the port that they came from."""
    family, ends = ((socket.AF_INET6, (here.ip6, there.ip6)) if six
                    else (socket.AF_INET, (here.ip, there.ip)))
    with socket_at(here, family, socket.SOCK_DGRAM) as sender:
        sender.bind((ends[0], source))
        for payload in payloads:
            sender.sendto(payload, (ends[1], port))
        return sender.getsockname()[1]


def header(payload, src, dst):
    """The 44 bytes before a payload; src and dst are (address, port)."""
    def address(text):
        if ":" in text:
            return socket.inet_pton(socket.AF_INET6, text)
        return bytes(10) + b"\xff\xff" + socket.inet_aton(text)

    return struct.pack(">I16sI16sI", len(payload), address(src[0]), src[1],
                       address(dst[0]), dst[1])


def ping(wire, data):
    """Ask for an echo, and wait until it is there; the request's message."""
    message = struct.pack(">BBHHH", 8, 0, 0, 77, 1) + data
    message = message[:2] + struct.pack(">H", checksum(message)) + message[4:]
    with socket_at(wire.client, socket.AF_INET, socket.SOCK_RAW,
                   socket.IPPROTO_ICMP) as sender:
        sender.sendto(message, (wire.server.ip, 0))
        reply = b""
        while reply[20:21] != b"\0":
            reply = sender.recv(65536)
    return message, reply[20:]


def netcat(wire, question, answer):
    """A talk over TCP, with one segment each way."""
    there = wire.server.spawn("nc", "-N", "-l", str(PORT),
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    wire.server.listens(PORT)
    here = wire.client.spawn("nc", "-N", wire.server.ip, str(PORT),
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    here.stdin.write(question)
    here.stdin.flush()
    assert there.stdout.read(len(question)) == question
    there.stdin.write(answer)
    there.stdin.close()
    assert here.stdout.read(len(answer)) == answer
    here.stdin.close()
    here.wait()


# --- what is sent -----------------------------------------------------------

@pytest.mark.parametrize("subcommand", [False, True])
def test_tcp(copier, wire, teeline, subcommand):
    """Each payload on a connection of its own; none for bare segments."""
    target = copier.target()
    running = copier.start(
        target, f"--bpf=tcp port {PORT}",
        command=[teeline.path, "teecp"] if subcommand else None)
    netcat(wire, b"a question\n", b"an answer\n")
    assert target.payloads(2) == [b"a question\n", b"an answer\n"]
    running.stop()
    assert stats(running) == [(21, 2, 0, 0)]
    assert target.ended == 2


def test_keepalive(copier, wire):
    """One connection, and with headers one knows what is what."""
    target = copier.target()
    running = copier.start(target, f"--bpf=tcp port {PORT}",
                           "--prefix-header", more="|keepalive")
    netcat(wire, b"a question\n", b"an answer\n")
    got = target.stream(2 * 44 + 21)
    port, = struct.unpack(">I", got[20:24])
    ends = (wire.client.ip, port), (wire.server.ip, PORT)
    assert got == (header(b"a question\n", *ends) + b"a question\n"
                   + header(b"an answer\n", *ends[::-1]) + b"an answer\n")
    running.stop()
    assert stats(running) == [(2 * 44 + 21, 2, 0, 0)]


@pytest.mark.parametrize("six", [False, True], ids=["ip4", "ip6"])
def test_udp_header(copier, wire, six):
    """As short as a question to a name server: Ethernet pads these."""
    target = copier.target()
    running = copier.start(target, f"--bpf=udp port {PORT}",
                           "--prefix-header")
    reply = bytes(range(256))
    datagrams(wire.client, wire.server, [b"q", b""], source=5353, six=six)
    datagrams(wire.server, wire.client, [reply], source=PORT, port=5353,
              six=six)
    here, there = ((place.ip6 if six else place.ip)
                   for place in (wire.client, wire.server))
    ends = (here, 5353), (there, PORT)
    assert target.payloads(2) == [header(b"q", *ends) + b"q",
                                  header(reply, *ends[::-1]) + reply]
    running.stop()
    assert target.ended == 2


def test_icmp(copier, wire):
    """The default filter with a layer that such packets have: IPv4."""
    target = copier.target()
    running = copier.start(target, "--layers=20")
    request, reply = ping(wire, b"are you there?")
    assert target.payloads(2) == [request, reply]
    running.stop()


def test_default_is_of_no_use(copier, wire):
    """icmp, and the layers of TCP and UDP: nothing is sent."""
    target = copier.target()
    running = copier.start(target)
    ping(wire, b"are you there?")
    shown(running, rb"not TCP 2\b")
    running.stop()
    assert stats(running) == [(0, 0, 0, 0)]
    assert not target.heard


@pytest.mark.parametrize("layers", ["", "17"])
def test_whole_packet(copier, wire, layers):
    """With no layer from the Ethernet header on; else what is behind it."""
    target = copier.target()
    running = copier.start(target, f"--bpf=udp port {PORT}",
                           f"--layers={layers}")
    port = datagrams(wire.client, wire.server, [b"x" * 100])
    packet, = target.payloads(1)
    if not layers:
        assert packet[12:14] == b"\x08\x00"
        packet = packet[14:]
    assert packet[0] == 0x45 and len(packet) == 20 + 8 + 100
    assert struct.unpack(">HH", packet[20:24]) == (port, PORT)
    assert packet[28:] == b"x" * 100
    running.stop()


@pytest.mark.parametrize("more", ["", "|keepalive"])
def test_order(copier, wire, more):
    """They leave in the order of the capture."""
    target = copier.target()
    running = copier.start(target, f"--bpf=udp port {PORT}", more=more)
    sent = [b"%05d." % number for number in range(2000)]
    for first in range(0, len(sent), 200):
        datagrams(wire.client, wire.server, sent[first:first + 200])
    if more:
        assert target.stream(6 * len(sent)) == b"".join(sent)
    else:
        assert target.payloads(len(sent)) == sent
    running.stop()
    assert stats(running)[-1] == (6 * len(sent), len(sent), 0, 0)


def test_own_connections_are_left_out(copier, wire):
    """Or each payload that is sent would be another one to send."""
    target = copier.target()
    running = copier.start(target, "--device=lo", "--bpf=tcp",
                           more="|keepalive")
    wire.client.spawn("nc", "-N", "-l", "7001")
    wire.client.listens(7001)
    wire.client.run("nc", "-N", "127.0.0.1", "7001", input=b"once")
    assert target.stream(4) == b"once"
    running.stop()
    assert stats(running)[-1] == (4, 1, 0, 0)
    assert target.heard == [b"once"]


def test_target_of_ip6(copier, wire):
    target = copier.target("::1")
    running = copier.spawn("--device=eth0", f"--bpf=udp port {PORT}",
                           f"--output-tcp=[::1]:{target.port}")
    running.wait_ready(CONFIG)
    datagrams(wire.client, wire.server, [b"hello"])
    assert target.payloads(1) == [b"hello"]
    running.stop()


# --- what it says -----------------------------------------------------------

def test_config_and_stats(copier, wire):
    """The line of figures comes by itself, every ten seconds."""
    target = copier.target()
    running = copier.start(target, f"--bpf=udp port {PORT}")
    config = json.loads(running.match[1])
    assert config == {
        "Device": "eth0", "BpfFilter": f"udp port {PORT}",
        "Output": f"localhost:{target.port}", "Layers": "44,45",
        "MaxPacketSize": 262144, "StatsPrinter": True,
        "StatsHealthCheck": True, "Verbose": False, "PrefixHeader": False}
    datagrams(wire.client, wire.server, [b"seven b", b"three"])
    target.payloads(2)
    wait_until(lambda: stats(running), deadline=15, what=running.describe)
    assert stats(running) == [(12, 2, 0, 0)]
    running.stop()
    assert [line.split()[0] for line in lines(running)] == [
        "config", "stats", "stats"]


def test_no_stats(copier, wire):
    """Not even when it ends; nor anything else."""
    target = copier.target()
    running = copier.start(target, f"--bpf=udp port {PORT}", "-stats=false")
    datagrams(wire.client, wire.server, [b"hello"])
    target.payloads(1)
    running.stop()
    assert [line.split()[0] for line in lines(running)] == ["config"]


def test_verbose(copier, wire):
    """A line for each payload heard, and for each sent."""
    target = copier.target()
    running = copier.start(target, f"--bpf=udp port {PORT}", "--verbose",
                           "--prefix-header", "--stats=false")
    datagrams(wire.client, wire.server,
              [b"GET /\r\n", b"\x1b[2J" + bytes(1200)])
    target.payloads(2)
    running.stop()
    config, listening, *said = lines(running)
    assert json.loads(config.partition(" ")[2])["Verbose"] is True
    assert listening == "start listening at eth0"
    heard = [line for line in said if line.startswith("queued ")]
    sent = [line for line in said if line.startswith("sent ")]
    assert len(heard) + len(sent) == len(said)
    assert heard[0] == "queued 474554202f0d0a GET /"
    assert heard[1].startswith("queued 1b5b324a0000")
    assert " \\x1b[2J\\x00" in heard[1] and heard[1].endswith(" ...")
    where = f"127.0.0.1:{target.port}"
    assert sent == [f"sent {44 + 7} bytes to {where}",
                    f"sent {44 + 1204} bytes to {where}"]


def test_absent_target(copier, wire):
    """Three tries, then it is dropped, counted, and said by reason."""
    with socket_at(wire.client, socket.AF_INET,
                   socket.SOCK_STREAM) as closed:
        closed.bind(("127.0.0.1", 0))
        running = copier.spawn(
            "--device=eth0", f"--bpf=udp port {PORT}",
            f"--output-tcp=127.0.0.1:{closed.getsockname()[1]}")
        running.wait_ready(CONFIG)
        datagrams(wire.client, wire.server, [b"hello"])
        shown(running, rb"gone 5\b")
        running.stop()
    assert stats(running) == [(0, 0, 3, 1)]
    assert running.err.count(b" does not answer: Connection refused\n") == 1
    assert running.err.endswith(b" lost {gone:1}\n")


# --- how it ends ------------------------------------------------------------

def test_health_check(copier, tmp_path):
    """After half an hour in which nothing was sent: exit status 1."""
    (tmp_path / "ahead.c").write_text(AHEAD)
    shim = tmp_path / "ahead.so"
    subprocess.run([tool("cc"), "-shared", "-fPIC", "-o", shim,
                    tmp_path / "ahead.c", "-ldl"], check=True)
    env = {"LD_PRELOAD": str(shim), "AHEAD": str(tmp_path / "now"),
           "ASAN_OPTIONS": "verify_asan_link_order=0"}
    target = copier.target()
    healthy = copier.start(target, f"--bpf=udp port {PORT}",
                           "--health-check=false", env=env)
    ill = copier.start(target, f"--bpf=udp port {PORT}", env=env)
    (tmp_path / "now").touch()
    ill.wait(1)
    words = "time since last forward is "
    said, = [line for line in lines(ill) if line.startswith(words)]
    seconds = int(said[len(words):].split()[0])
    assert said == f"{words}{seconds} seconds ago, exiting"
    assert 1801 <= seconds < 1861
    # The other one has seen the same clock.
    wait_until(lambda: stats(healthy), what=healthy.describe)
    healthy.stop()
    assert not any(line.startswith(words) for line in lines(healthy))


# --- the command line -------------------------------------------------------

def flags_of(text):
    """The flags in a text as Go's package flag prints it."""
    found = re.findall(r"^  -(\S+)(?: string)?\n    \t(.+)$", text,
                       re.MULTILINE)
    assert len(text.splitlines()) == 2 * len(found)
    return dict(found)


def test_help(copier):
    done = copier.run("-h", expect=0)
    first, _, rest = done.err.decode().partition("\n")
    assert first == f"Usage of {copier.link}:"
    flags = flags_of(rest)
    assert tuple(flags) == FLAGS
    defaults = {name: match[1] for name, text in flags.items()
                if (match := re.search(r"\(default (.*)\)$", text))}
    assert defaults == {"bpf": '"icmp"', "health-check": "true",
                        "layers": '"44,45"', "stats": "true"}
    assert done.out == b""


def test_unknown_flag(copier):
    done = copier.run("--devise=lo", expect=2)
    first, second, *rest = done.err.decode().splitlines()
    assert first == ("flag provided but not defined: -devise "
                     "(did you mean -device?)")
    assert second == f"Usage of {copier.link}:"
    assert tuple(flags_of("\n".join(rest))) == FLAGS


@pytest.mark.parametrize("flags, words", [
    ([], ["--output-tcp", "HOST:PORT"]),
    (["--output-tcp=localhost"], ["localhost", "PORT"]),
    (["--output-tcp=localhost:1|alive"], ["alive", "keepalive"]),
    (["--output-tcp=:1", "--layers=44,999"], ["999"]),
    (["--output-tcp=:1", "--device=lo0"], ["lo0", "did you mean lo?"]),
    (["--output-tcp=:1", "--device=nowhere"], ["nowhere", "eth0"]),
    (["--output-tcp=:1", "--bpf=tcp prot 1"], ["tcp prot 1"]),
], ids=" ".join)
def test_cannot_start(copier, flags, words):
    """In one line that says what is wrong; exit status 1."""
    done = copier.run(*flags, expect=1)
    said, = lines(done)
    assert said.startswith("failed to start: ")
    for word in words:
        assert word in said


def test_words_are_ignored(copier, wire):
    """As the original does, but it says so: "--verbose false"."""
    target = copier.target()
    running = copier.spawn(
        f"--output-tcp=:{target.port}", f"--bpf=udp port {PORT}",
        "--device=eth0", "--verbose", "false", "--prefix-header")
    running.wait_ready(CONFIG)
    config = json.loads(running.match[1])
    assert config["Verbose"] and not config["PrefixHeader"]
    assert '"false" and what follows it is ignored' in lines(running)[0]
    datagrams(wire.client, wire.server, [b"hello"])
    assert target.payloads(1) == [b"hello"]
    running.stop()


def test_first_interface(copier, wire):
    """Without --device: what libpcap lists first, not the default route's."""
    listed = wire.client.run("tcpdump", "-D").decode().splitlines()
    first = re.match(r"1\.(\S+)", listed[0])[1]
    assert first != "lo"
    wire.link(wire.client, wire.server, "spare")
    wire.client.run("ip", "addr", "add", "198.51.100.1/24", "dev", "spare")
    wire.client.run("ip", "link", "set", "spare", "up")
    wire.client.run("ip", "route", "add", "default", "via", "198.51.100.2")
    listed = wire.client.run("tcpdump", "-D").decode().splitlines()
    first = re.match(r"1\.(\S+)", listed[0])[1]
    target = copier.target()
    running = copier.spawn(f"--output-tcp=:{target.port}")
    running.wait_ready(CONFIG)
    assert json.loads(running.match[1])["Device"] == first
    running.stop()
