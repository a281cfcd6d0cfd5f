"""Clients of a live capture (pcapng-listen).

    proxy = teeline.proxy(peer.target, *LIVE)
    client = Client(live_port(proxy), tmp_path / "heard.pcapng")
    client.greeted()
    ...
    heard = client.result()             # after its end: a whole capture
"""

import collections
import re
import socket
import struct
import subprocess
import threading

from helpers.peers import prepare, reset
from helpers.real import tool
from helpers.wait import SCALE, wait_until

SHB, IDB, ISB, EPB = 0x0a0d0d0a, 1, 5, 6
WHERE = re.compile(rb"pcapng-listen: clients connect to \S*?:(\d+)[,\n]")
# With one worker a client that has its head hears all that comes from then on.
LIVE = ["-f", "summary", "-o", "pcapng-listen:0", "--workers", "1"]

Stats = collections.namedtuple("Stats", "iface received dropped")


def live_port(running):
    """The port that the program has chosen for clients."""
    return int(wait_until(lambda: WHERE.search(running.err),
                          what="the port is told")[1])


def over(running, count):
    """Wait until so many sessions are over."""
    wait_until(lambda: running.out.count(b"\n") >= count,
               what=lambda: f"{count} sessions over: {running.describe()}")


def blocks(data):
    """[(type, block)] of a capture; what is left of one that was cut."""
    found, at = [], 0
    while len(data) - at >= 12:
        kind, length = struct.unpack_from("<II", data, at)
        assert length >= 12 and length % 4 == 0, f"length {length} at {at}"
        if length > len(data) - at:
            break
        assert struct.unpack_from("<I", data, at + length - 4)[0] == length
        found.append((kind, data[at:at + length]))
        at += length
    return found, data[at:]


def stats(block):
    """The numbers of an interface statistics block."""
    number, = struct.unpack_from("<I", block, 8)
    options, at = {}, 20
    while True:
        code, length = struct.unpack_from("<HH", block, at)
        if code == 0:
            break
        options[code] = block[at + 4:at + 4 + length]
        at += 4 + (length + 3) // 4 * 4
    return Stats(number, *(struct.unpack("<Q", options[code])[0]
                           for code in (4, 5)))


class Heard:
    """A capture that a client got: its blocks, and `rest` of a cut one."""

    def __init__(self, data):
        found, self.rest = blocks(data)
        self.kinds = [kind for kind, _ in found]
        self.stats = [stats(block) for kind, block in found if kind == ISB]

    @property
    def packets(self):
        return self.kinds.count(EPB)


class Client:
    """A socket that is read into a file, on a thread of its own.

    rcvbuf: small, for one that is to be slow; reading=False: it waits until
    read() is called.
    """

    def __init__(self, port, path, *, rcvbuf=None, reading=True,
                 host="127.0.0.1"):
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.path = path
        self.sock = socket.socket(family)
        prepare(self.sock, rcvbuf=rcvbuf)
        self.sock.connect((host, port))
        # To look whether it is to leave: shutting the socket down for reading
        # would keep the other side from knowing of any room.
        self.sock.settimeout(0.1)
        self._leaving = False
        self.data = bytearray()
        self.failure = None
        self._thread = threading.Thread(target=self._read)
        if reading:
            self.read()

    def read(self):
        self._thread.start()

    def _read(self):
        try:
            while not self._leaving:
                try:
                    part = self.sock.recv(1 << 18)
                except TimeoutError:
                    continue
                if not part:
                    break
                self.data += part
        except OSError as failure:
            self.failure = failure

    def heard(self):
        """What it has got so far."""
        return Heard(bytes(self.data))

    def packets(self, count):
        """Wait until it has got so many."""
        wait_until(lambda: self.heard().packets >= count, 30,
                   lambda: f"{count} packets, not {self.heard().packets} "
                   f"in {len(self.data)} bytes; {self.failure!r}")
        return self

    def greeted(self):
        """Wait for its head."""
        wait_until(lambda: IDB in self.heard().kinds, what="the head comes")
        return self

    def _leave(self):
        self._leaving = True
        self._thread.join(60 * SCALE)

    def reset(self):
        """Go away by RST."""
        self._leave()
        reset(self.sock)

    def close(self):
        """Go away as programs do: by FIN, or by RST if bytes were unread."""
        self._leave()
        self.sock.close()

    def result(self):
        """After the other side's FIN: all of it, whole; also in its file."""
        self._thread.join(60 * SCALE)
        assert not self._thread.is_alive(), "no end"
        assert self.failure is None, repr(self.failure)
        self.sock.close()
        heard = self.heard()
        assert not heard.rest, f"{len(heard.rest)} bytes of a block"
        assert heard.kinds[0] == SHB and heard.kinds.count(SHB) == 1
        with open(self.path, "wb") as file:
            file.write(self.data)
        return heard


class Dumpcap:
    """dumpcap as a client; prefix enters a network namespace."""

    def __init__(self, port, path, prefix=(), host="127.0.0.1"):
        self.path = path
        self._err = open(f"{path}.err", "wb")
        self._process = subprocess.Popen(
            [*prefix, tool("dumpcap"), "-q", "-i", f"TCP@{host}:{port}", "-w",
             str(path)], stdin=subprocess.DEVNULL, stderr=self._err)
        # It makes its file when it has read a head.
        wait_until(path.exists, what=lambda: f"dumpcap begins: {self.said()}")

    def said(self):
        with open(self._err.name, "rb") as file:
            return file.read()

    def result(self):
        """Wait for its end, which is that of the capture."""
        try:
            status = self._process.wait(30 * SCALE)
        finally:
            self.finish()
        assert status == 0, self.said()
        return self.path

    def finish(self):
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        self._err.close()
