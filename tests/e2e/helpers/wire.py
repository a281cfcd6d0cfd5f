"""Networks of our own: places with a wire between them, and programs there.

    wire = Wire()
    wire.server.spawn("nc", "-l", "80")
    wire.server.listens(80)
    wire.client.run("nc", wire.server.ip, "80")

A place is a network namespace.  Nobody else is in it, so ports there may be
fixed: they cannot be taken.  An ordinary user makes them in a user namespace
in which he is root; whoever may do neither cannot run these tests.
"""

import os
import signal
import socket
import subprocess
import sys

from helpers.real import run, tool
from helpers.wait import SCALE, wait_until

IS_ROOT = os.geteuid() == 0
# Makes a socket for each byte it gets, and hands it over.
MAKER = """
import socket
us = socket.socket(fileno=0)
while us.recv(1):
    with socket.socket() as one:
        socket.send_fds(us, [b"!"], [one.fileno()])
"""


class Place:
    """A network namespace; lives until finish().

    enter   what to put before a command to run it there
    ip, ip6 its addresses on the wire, once there is one
    peer    the address of the other end
    """

    ip = peer = "127.0.0.1"
    ip6 = "::1"

    def __init__(self, beside=None):
        self._children = []
        self._maker = None
        share = [] if IS_ROOT else ["-r"]
        into = [] if beside is None or IS_ROOT else [
            tool("nsenter"), "-t", str(beside.pid), "-U",
            "--preserve-credentials"]
        # It ends when we do: its input is a pipe from us.
        self._holder = subprocess.Popen(
            [*into, tool("unshare"), *([] if into else share), "-n", "sh",
             "-c", "ip link set lo up && echo ready && exec cat"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.pid = self._holder.pid
        assert self._holder.stdout.readline() == b"ready\n", (
            "no network namespace: root or user namespaces are needed")
        self.enter = [tool("nsenter"), "-t", str(self.pid), "-n",
                      *([] if IS_ROOT else ["-U", "--preserve-credentials"])]

    def run(self, *argv, **how):
        """As helpers.real.run(), here."""
        tool(argv[0])
        return run(*self.enter, *argv, **how)

    def spawn(self, *argv, **how):
        """Start a program here; it is ended with the place."""
        tool(argv[0])
        how.setdefault("stdin", subprocess.DEVNULL)
        child = subprocess.Popen([*self.enter, *map(str, argv)], **how)
        self._children.append(child)
        return child

    def socket(self):
        """A TCP socket of this network, for the test itself to use.

        It stays in the network that it was made in, wherever its user is.
        """
        if self._maker is None:
            self._maker, there = socket.socketpair()
            self.spawn(sys.executable, "-c", MAKER, stdin=there)
            there.close()
        self._maker.sendall(b"?")
        _, fds, _, _ = socket.recv_fds(self._maker, 1, 1)
        return socket.socket(fileno=fds[0])

    def has_listener(self, port):
        """Does somebody here listen at a TCP port?"""
        return bool(self.run("ss", "-Htln", f"sport = :{port}"))

    def listens(self, port):
        """Wait until somebody does."""
        wait_until(lambda: self.has_listener(port),
                   what=f"somebody listens at {port}")

    def set_up(self, interface, ip, ip6, peer):
        """Give an interface its addresses, and use it."""
        self.ip, self.ip6, self.peer = ip, ip6, peer
        self.run("ip", "addr", "add", f"{ip}/24", "dev", interface)
        self.run("ip", "addr", "add", f"{ip6}/64", "dev", interface, "nodad")
        self.run("ip", "link", "set", interface, "up")

    def finish(self):
        if self._maker is not None:
            self._maker.close()
        for child in self._children:
            if child.poll() is None:
                child.kill()
            child.wait()
        self._holder.stdin.close()
        self._holder.stdout.close()
        self._holder.wait()


class Wire:
    """A client and a server with a link between them: eth0 in both."""

    def __init__(self):
        self.client = Place()
        self.server = Place(beside=self.client)
        self.link(self.client, self.server, "eth0")
        one, two = "192.0.2.1", "192.0.2.2"
        self.client.set_up("eth0", one, "2001:db8::1", peer=two)
        self.server.set_up("eth0", two, "2001:db8::2", peer=one)
        self._places = [self.client, self.server]

    @staticmethod
    def link(here, there, name):
        """Both ends of a cable, of the same name."""
        here.run("ip", "link", "add", name, "type", "veth", "peer", "name",
                 name, "netns", there.pid)

    def add_place(self):
        self._places.append(Place(beside=self.client))
        return self._places[-1]

    def finish(self):
        for place in self._places:
            place.finish()


class Tcpdump:
    """tcpdump -w at a place, for whose packets there is room enough.

    It insists on becoming another user, which in an ordinary user's namespace
    nobody can: there dumpcap does the same.
    """

    def __init__(self, place, path, interface="eth0"):
        self.path = str(path)
        self._place = place
        self._err = open(f"{path}.err", "wb")
        command = (["tcpdump", "-B", "65536", "-U", "-Z", "root"] if IS_ROOT
                   else ["dumpcap", "-q", "-P", "-B", "64"])
        self._process = place.spawn(*command, "-i", interface, "-w",
                                    self.path, stderr=self._err)
        # Both have opened the interface when there is a file.
        wait_until(lambda: os.path.getsize(self.path),
                   what=lambda: self.said())

    def said(self):
        with open(self._err.name, "rb") as file:
            return file.read()

    def stop(self):
        """Its file, in which nothing is missing.

        Both forget what is still in its ring, so they are stopped
        when they have written down a last packet of ours.
        """
        mark = os.urandom(16).hex()
        self._place.run("bash", "-c",
                        f"echo {mark} >/dev/udp/{self._place.peer}/9")
        wait_until(lambda: self._has(mark.encode()), what="the last packet")
        self._process.send_signal(signal.SIGINT)
        self._process.wait(20 * SCALE)
        self._err.close()
        nothing = (b"\n0 packets dropped by kernel" if IS_ROOT
                   else b"/0 (pcap:0/dumpcap:0/")
        assert nothing in self.said(), self.said()
        return self.path

    def _has(self, mark):
        with open(self.path, "rb") as file:
            file.seek(max(0, os.path.getsize(self.path) - 65536))
            return mark in file.read()
