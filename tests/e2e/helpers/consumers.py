"""Consumers of live sinks: how each kind is consumed, and what it promises.

    kind = Tee(place, "bad")            # at a port of that network
    kind.sink(queue="64KiB")            # what -o takes
    kind.open()                         # from now on somebody is there
    ear, = kind.come(run)               # a connection for each stream
    ear.follow()                        # read on, in the background
    ...
    kind.check(ear, said)               # by the promises of the sink

To add a sink is to add a class here.  What a consumer does with it (slowly,
not at all, again and again) is the test's affair.

    source = Tap(place, target)         # ("127.0.0.1", 80), in that network
    run = source.start(teeline, ...)    # connect to source.port(run)
"""

import json
import re
import socket

from helpers import hearing, records
from helpers.peers import Background, prepare, reset
from helpers.wait import wait_until


class Ear:
    """A connection by which a consumer hears something.

    hears   what it is about, as in Kind.streams
    got     what has come so far
    how     how it ended: "fin", "rst", "left" (by us), None: not yet
    """

    def __init__(self, sock, hears):
        self.hears = hears
        self.got = bytearray()
        self.how = None
        self._sock = sock
        self._following = None
        self._leaving = False

    def read(self, count):
        """Once, that many bytes at most; False when it is over."""
        try:
            part = self._sock.recv(count)
        except ConnectionResetError:
            self.how = "rst"
            return False
        if not part:
            self.how = "left" if self._leaving else "fin"
            return False
        self.got += part
        return True

    def rest(self):
        """Read to its end, and close."""
        if self._following is not None:
            self._following.result()
        while self.how is None:
            self.read(1 << 18)
        self._sock.close()

    def follow(self):
        """Read to its end in the background."""
        def until_over():
            while self.read(1 << 18):
                pass
        self._following = Background(until_over)

    def leave(self):
        """Reset the connection, also in the middle of follow()."""
        self._leaving = True
        if self._following is not None:
            self._sock.shutdown(socket.SHUT_RD)
            self._following.result()
        self.how = "left"
        reset(self._sock)


def pieces(got, whole, at=0):
    """[(offset, length)] of what was heard of a stream, in its order.

    Fails on a byte that is not of the stream, or comes twice or too early.
    """
    found, done = [], 0
    while done < len(got):
        size = _common(got, done, whole, at)
        if size:
            found.append((at, size))
            done, at = done + size, at + size
        if done < len(got):
            behind = whole.find(got[done:done + 16], at)
            assert behind >= 0, f"after {found[-3:]}: not of the stream"
            at = behind
    return found


def _common(one, at, other, there):
    """How many bytes are the same from these places on."""
    most = min(len(one) - at, len(other) - there)
    size, step = 0, 1 << 16
    while step and size < most:
        step = min(step, most - size)
        if (one[at + size:at + size + step]
                == other[there + size:there + size + step]):
            size += step
        else:
            step //= 2
    return size


class Kind:
    """A live sink named `name` in a network, and its consumer's side.

    streams     what is heard, a connection for each
    calls       the sink calls its consumer, which has to open() first
    resumes     whoever was lost may hear the rest of the session
    startup     bytes kept for who comes late; None: all of them
    keys        of the sink, for tests that cannot wait
    """

    kind = None
    streams = ("c2s", "s2c")
    calls = True
    resumes = True
    startup = 64 << 10
    keys = "retry=20ms,linger=300ms"

    def __init__(self, place, name):
        self.place = place
        self.name = name
        self._socks = []

    def sink(self, **keys):
        """The words of -o; to be asked once."""
        more = "".join(f",{key}={value}" for key, value in keys.items())
        return (f"{self.kind}:{self.where()},name={self.name},{self.keys}"
                f"{more}")

    def where(self):
        """What stands behind the colon."""
        raise NotImplementedError

    def open(self, rcvbuf=None):
        """Be there for who calls."""
        for sock in self._socks:
            prepare(sock, rcvbuf)
            sock.listen()

    def come(self, run, rcvbuf=None):
        """The next connections: one for each stream."""
        del run, rcvbuf
        ears = []
        for sock, hears in zip(self._socks, self.streams):
            one, _ = sock.accept()
            prepare(one)
            ears.append(Ear(one, hears))
        return ears

    def nobody_calls(self):
        """Is there no connection that we did not take?"""
        for sock in self._socks:
            sock.setblocking(False)
            try:
                sock.accept()[0].close()
                return False
            except BlockingIOError:
                pass
        return True

    def close(self):
        for sock in self._socks:
            sock.close()

    def whole(self, hears, said):
        """What there is to be heard of what was said ({dir: bytes})."""
        return said[hears]

    def payload(self, ear):
        """The part of what came that was said by somebody."""
        return bytes(ear.got)

    def check(self, ear, said):
        """[(offset, length)] of what it heard, if it may be so."""
        return pieces(self.payload(ear), self.whole(ear.hears, said))

    def _ports(self):
        """A bound socket for each stream: calls are refused until open()."""
        for _ in self.streams:
            self._socks.append(self.place.socket())
            self._socks[-1].bind((self.place.ip, 0))
        return [sock.getsockname()[1] for sock in self._socks]


class Tee(Kind):
    """A copy never has a hole: it is whole, or ends with RST."""

    kind = "tee"
    streams = ("c2s",)
    resumes = False
    startup = None
    keys = "retry=20ms,tries=1000"

    def where(self):
        port, = self._ports()
        return f"{self.place.ip}:{port}"

    def check(self, ear, said):
        whole = self.whole(ear.hears, said)
        assert whole.startswith(ear.got), "a copy with a hole"
        assert ear.how != "fin" or len(ear.got) == len(whole), (
            "a part that ends as if it were the whole")
        return [(0, len(ear.got))] if ear.got else []


class Headed(Kind):
    """Both directions on connections of their own, a line at their start."""

    def sink(self, **keys):
        return super().sink(header="line", **keys)

    def payload(self, ear):
        return bytes(ear.got).partition(b"\n")[2]

    def check(self, ear, said):
        line, newline, _ = bytes(ear.got).partition(b"\n")
        if not newline:
            # It was reset, or left, before it had all of the line.
            assert ear.how != "fin"
            return []
        head = json.loads(line)
        assert head["dir"] == ear.hears
        heard = pieces(self.payload(ear), self.whole(ear.hears, said),
                       head["offset"])
        assert not heard or heard[0][0] == head["offset"], (head, heard)
        return heard


class Connect(Headed):
    """The sink calls, and calls again; what came meanwhile is missing."""

    kind = "connect"

    def where(self):
        requests, responses = self._ports()
        return f"{self.place.ip}:{requests}/{responses}"


class Listen(Headed):
    """The consumer comes to two ports of each session, told with -v."""

    kind = "listen"
    calls = False
    keys = "linger=300ms"
    PORTS = 100
    first = 5000

    def where(self):
        Listen.first += self.PORTS
        return f"{self.place.ip}:{self.first}-{self.first + self.PORTS - 1}"

    def ports(self, run, session=1):
        """Where a session is heard: {stream: port}."""
        told = re.compile(
            rf"{self.name}: session {session}: requests at port (\d+), "
            r"responses at port (\d+)".encode())
        match = wait_until(lambda: told.search(run.err),
                           what="the ports are told")
        return dict(zip(self.streams, map(int, match.groups())))

    def come(self, run, rcvbuf=None):
        ears = []
        for hears, port in self.ports(run).items():
            sock = self.place.socket()
            prepare(sock, rcvbuf)
            sock.connect((self.place.ip, port))
            ears.append(Ear(sock, hears))
        return ears


KINDS = (Tee, Connect, Listen)


# --- what feeds them ----------------------------------------------------------

class Proxy:
    """The client's connection goes through the program."""

    def __init__(self, place, target):
        self._place = place
        self._target = "{}:{}".format(*target)

    def start(self, teeline, *options):
        return teeline.proxy(self._target, "-v", *options,
                             prefix=self._place.enter)

    def port(self, run):
        return run.port

    def check(self, sheet, sessions=1):
        assert sheet["sessions"]["total"] == sessions


class Tap(Proxy):
    """The program hears them on the loopback interface."""

    def __init__(self, place, target):
        super().__init__(place, target)
        self._port = target[1]

    def start(self, teeline, *options):
        return teeline.start("tap", "-v", "-i", "lo", *options,
                             prefix=self._place.enter,
                             ready=hearing.CAPTURING)

    def port(self, run):
        return self._port

    def check(self, sheet, sessions=1):
        """Nothing was lost, and the sinks' connections were not heard."""
        super().check(sheet, sessions)
        assert sheet["kernel"]["dropped"] == 0
        for direction in records.DIRS:
            assert sheet["bytes"][direction]["gap"] == 0


SOURCES = (Proxy, Tap)
