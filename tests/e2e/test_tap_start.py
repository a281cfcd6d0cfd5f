"""How a tap begins and ends: interfaces, rights, filters, limits."""

import os
import pwd
import re
import shutil
import signal
import stat
import subprocess
import tempfile
import time

import pytest

from helpers import records
from helpers.hearing import CAPTURING, WORKERS, Tap
from helpers.program import PORTABLE
from helpers.wait import wait_until
from helpers.wire import IS_ROOT
from test_tap import netcat


def refused(teeline, place, *options, expect):
    """What it complains about, in one line, before it hears anything."""
    run = teeline.run("tap", "-f", "none", *options, expect=expect,
                      prefix=place.enter)
    lines = run.err.decode().splitlines()
    assert len(lines) == 1, lines
    assert run.out == b""
    return lines[0]


def small_talk(wire, port=7000):
    """A connection that is over when this returns."""
    wire.server.spawn("nc", "-N", "-l", str(port))
    wire.server.listens(port)
    wire.client.run("nc", "-N", wire.server.ip, str(port), input=b"hello")


# --- interfaces -------------------------------------------------------------

def test_unknown_interface(teeline, wire):
    """The sentence names those that there are."""
    said = refused(teeline, wire.client, "-i", "eth9", expect=1)
    assert "'eth9'" in said
    assert re.search(r"there are: .*\beth0\b", said)


def test_no_default_route(teeline, wire, tmp_path):
    if PORTABLE:  # libpcap says which interface is the first
        tap = Tap(teeline, tmp_path, wire.client, interface=None)
        assert tap.run.match[1] == b"eth0"
        return
    said = refused(teeline, wire.client, expect=1)
    assert "-i" in said and "default route" in said


@pytest.mark.parametrize("route", [
    ["default", "via", "192.0.2.2"],
    ["-6", "default", "via", "2001:db8::2"]])
def test_default_route(teeline, wire, tmp_path, route):
    """Without -i: where the default route leads, not the first in a list."""
    wire.link(wire.client, wire.server, "aaa")
    wire.client.run("ip", "addr", "add", "198.51.100.1/24", "dev", "aaa")
    for place in (wire.client, wire.server):
        place.run("ip", "link", "set", "aaa", "up")
    family, words = (["-6"], route[1:]) if route[0] == "-6" else ([], route)
    wire.client.run("ip", *family, "route", "add", *words)
    tap = Tap(teeline, tmp_path, wire.client, interface=None)
    assert tap.run.match[1] == b"eth0"
    small_talk(wire)
    assert tap.closed(1).stop().session.bytes("c2s") == b"hello"


def test_best_default_route(teeline, wire, tmp_path):
    """Of two, the one that the kernel takes: the lower metric."""
    wire.link(wire.client, wire.server, "spare")
    wire.client.run("ip", "addr", "add", "198.51.100.1/24", "dev", "spare")
    wire.client.run("ip", "link", "set", "spare", "up")
    wire.client.run("ip", "route", "add", "default", "via", "198.51.100.2",
                    "metric", "200")
    wire.client.run("ip", "route", "add", "default", "via", "192.0.2.2",
                    "metric", "100")
    tap = Tap(teeline, tmp_path, wire.client, interface=None)
    assert tap.run.match[1] == b"eth0"
    tap.stop()


def test_interface_that_is_down(teeline, wire):
    wire.client.run("ip", "link", "set", "eth0", "down")
    said = refused(teeline, wire.client, "-i", "eth0", expect=1)
    assert "'eth0' is down" in said


def test_interface_goes_down(teeline, wire, tmp_path):
    """Told at once; when it is back, so is the capture."""
    tap = Tap(teeline, tmp_path, wire.client)
    small_talk(wire)
    tap.closed(1)
    wire.client.run("ip", "link", "set", "eth0", "down")
    wait_until(lambda: tap.run.complaints(rb"eth0 went down"), what="told")
    wire.client.run("ip", "link", "set", "eth0", "up")
    small_talk(wire)
    got = tap.closed(2).stop()
    assert [one.bytes("c2s") for one in got.sessions] == [b"hello"] * 2


def test_interface_goes_down_while_it_cannot_look(teeline, wire, tmp_path):
    """A program that is late finds a timer due, too; it is told all the same.
    """
    tap = Tap(teeline, tmp_path, wire.client)
    small_talk(wire)
    tap.closed(1)
    tap.run.send(signal.SIGSTOP)
    wire.client.run("ip", "link", "set", "eth0", "down")
    due = time.monotonic() + 0.3  # three ticks of the ring's
    wait_until(lambda: time.monotonic() > due, what="a tick is due")
    tap.run.send(signal.SIGCONT)
    wait_until(lambda: tap.run.complaints(rb"eth0 went down"), what="told")
    wire.client.run("ip", "link", "set", "eth0", "up")
    tap.stop()


def test_interface_disappears(teeline, wire, tmp_path):
    """It ends, says why, and what was heard is kept: exit status 1."""
    tap = Tap(teeline, tmp_path, wire.client)
    small_talk(wire)
    tap.closed(1)
    wire.client.run("ip", "link", "del", "eth0")
    got = tap.wait(expect=1)
    assert len(tap.run.complaints(rb"capture from eth0 has ended: ")) == 1
    assert got.session.bytes("c2s") == b"hello"


def test_promiscuous(teeline, wire):
    """Unless -p says no."""
    def is_promiscuous():
        return b"promiscuity 1" in wire.client.run(
            "ip", "-d", "link", "show", "eth0")

    for options, expect in (([], True), (["-p"], False)):
        tap = teeline.start("tap", "-i", "eth0", *options, ready=CAPTURING,
                            prefix=wire.client.enter)
        assert is_promiscuous() is expect
        tap.stop()
        assert not is_promiscuous()


# --- filters ----------------------------------------------------------------

def test_bad_filter(teeline, wire):
    """The text is wrong: exit status 2, with libpcap's words."""
    said = refused(teeline, wire.client, "-i", "eth0", "tcp", "prot", "80",
                   expect=2)
    assert "'tcp prot 80'" in said and "syntax error" in said


def test_filter(teeline, wire, tmp_path):
    """Only what passes is heard, and only that is counted."""
    tap = Tap(teeline, tmp_path, wire.client, "tcp", "port", "7002")
    for port in (7001, 7002, 7003):
        small_talk(wire, port)
    got = tap.closed(1).stop()
    assert got.session.open["server"] == f"{wire.server.ip}:7002"
    assert got.packets["not_tcp"] == got.packets["strays"] == 0


# --- rights -----------------------------------------------------------------

@pytest.fixture(name="public")
def fixture_public():
    """A folder that is anybody's, as pytest's are not."""
    folder = tempfile.mkdtemp(dir="/tmp", prefix="tap-")
    os.chmod(folder, 0o777)
    yield folder
    shutil.rmtree(folder)


def test_no_rights(teeline, public):
    """One sentence that says what to do: exit status 1."""
    program = f"{public}/teeline"
    shutil.copy(teeline.path, program)
    prefix = (["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups",
               "--bounding-set=-all", "--inh-caps=-all"] if IS_ROOT else [])
    run = teeline.spawn([program, "tap", "-i", "lo"], prefix=prefix)
    run.wait(expect=1)
    assert run.err.decode().splitlines() == [
        "teeline: capture needs CAP_NET_RAW: run as root, or: "
        f"setcap cap_net_raw+ep {program}"]


def test_user(teeline, wire, public):
    """-Z: opened as root, everything after that as somebody else.

    In a user namespace of an ordinary user there is nobody else to become.
    """
    if not IS_ROOT:
        said = refused(teeline, wire.client, "-i", "eth0", "-Z", "nobody",
                       expect=1)
        assert "cannot become user" in said
        return
    nobody = pwd.getpwnam("nobody")
    tap = Tap(teeline, public, wire.client, "-Z", "nobody", "-w",
              f"{public}/w.pcapng")
    with open(f"/proc/{tap.run.pid}/status", encoding="ascii") as file:
        status = file.read()
    assert re.search(rf"^Uid:(\t{nobody.pw_uid}){{4}}$", status, re.MULTILINE)
    assert re.search(r"^CapEff:\s*0+$", status, re.MULTILINE)
    small_talk(wire)
    got = tap.closed(1).stop()
    assert got.session.bytes("c2s") == b"hello"
    assert got.sheet["kernel"]["received"] > 0
    for path in (f"{public}/w.pcapng", f"{tap.folder}/log"):
        found = os.stat(path)
        assert found.st_uid == nobody.pw_uid
        assert stat.S_IMODE(found.st_mode) == 0o600


# --- names ----------------------------------------------------------------

def test_names(teeline, wire):
    """Packets do not wait for names: who comes later has them."""
    place = wire.server
    name = place.run("getent", "hosts", "127.0.0.1").split()[1]
    tap = teeline.start("tap", "-i", "lo", "-f", "text", "--names",
                        ready=CAPTURING, prefix=place.enter)
    place.spawn("nc", "-k", "-l", "7000")
    place.listens(7000)

    def is_named():
        place.run("nc", "-N", "127.0.0.1", "7000", input=b"hello")
        return re.search(
            rb"-> " + re.escape(name) + rb":\S+ \(127\.0\.0\.1\)", tap.out)

    wait_until(is_named, what=tap.describe)
    first = [line for line in tap.out.splitlines() if b" #1 " in line][0]
    assert b"-> 127.0.0.1:7000" in first
    tap.stop()


# --- limits -----------------------------------------------------------------

@pytest.mark.parametrize("workers", WORKERS)
def test_packets(teeline, wire, tmp_path, workers):
    """-c: exactly so many packets, then it ends by itself."""
    tap = Tap(teeline, tmp_path, wire.client, "-c", "100", "--workers",
              workers, "tcp")
    sent = netcat(wire, tmp_path, (20 << 20, 1 << 20))
    got = tap.wait()
    assert got.packets["received"] == 100
    assert got.session.bytes("c2s") == sent[0][:len(got.session.bytes("c2s"))]


def test_sessions(teeline, wire, tmp_path):
    """--max-sessions: ends when so many are over; no other is recorded."""
    tap = Tap(teeline, tmp_path, wire.client, "--max-sessions", "2")
    small_talk(wire, 7001)
    small_talk(wire, 7002)
    got = tap.wait()
    assert [one.open["server"][-4:] for one in got.sessions] == [
        "7001", "7002"]
    assert [one.reason for one in got.sessions] == ["fin", "fin"]


def test_stop_in_the_middle(teeline, wire, tmp_path):
    """SIGTERM while they talk: what was said last is heard, too.

    The session ends as `stop`, and the exit status is 0.
    """
    wire.server.spawn("nc", "-l", "7000")
    wire.server.listens(7000)
    tap = Tap(teeline, tmp_path, wire.client)
    with subprocess.Popen(
            [*wire.client.enter, "nc", wire.server.ip, "7000"],
            stdin=subprocess.PIPE) as client:
        client.stdin.write(b"hello")
        client.stdin.flush()
        wait_until(lambda: tap.sessions()[0].bytes("c2s") if tap.sessions()
                   else None, what="the first word")
        client.stdin.write(b" world")
        client.stdin.flush()
        wait_until(lambda: wire.server.run(
            "ss", "-Htni", "sport = :7000").count(b"bytes_received:11"),
            what="the second word has arrived")
        got = tap.stop()
        client.kill()
    assert got.session.reason == "stop"
    assert got.session.bytes("c2s") == b"hello world"


# --- beside others ----------------------------------------------------------

def test_mirrored_packets(teeline, wire, tmp_path):
    """What iptables' TEE sends to a third machine is heard there, whole."""
    monitor = wire.add_place()
    wire.link(wire.server, monitor, "mirror")
    for place, ip in ((wire.server, "198.51.100.1"),
                      (monitor, "198.51.100.2")):
        place.run("ip", "addr", "add", f"{ip}/24", "dev", "mirror")
        place.run("ip", "link", "set", "mirror", "up")
    for chain, way in (("PREROUTING", "-i"), ("POSTROUTING", "-o")):
        wire.server.run("iptables", "-t", "mangle", "-A", chain, way,
                        "eth0", "-p", "tcp", "-j", "TEE", "--gateway",
                        "198.51.100.2")
    tap = Tap(teeline, tmp_path, monitor, interface="mirror")
    sent = netcat(wire, tmp_path, (2 << 20, 1 << 20))
    got = tap.closed(1).stop()
    assert [got.session.bytes(d) for d in records.DIRS] == sent
    assert got.session.open["client"].startswith(wire.client.ip)
