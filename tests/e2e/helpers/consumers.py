"""Consumers of live sinks: how each kind is consumed, and what it promises.

    kind = Tee(place, "bad")            # at a port of that network
    kind.sink(queue="64KiB")            # what -o takes
    kind.open()                         # from now on somebody is there
    ear, = kind.come(run)               # a connection for each stream
    ear.follow()                        # read on, in the background
    ...
    kind.check(ear, said)               # by the promises of the sink:
                                        # {"c2s": [(offset, length)]}

To add a sink is to add a class here.  What a consumer does with it (slowly,
not at all, again and again) is the test's affair.

    source = Tap(place, target)         # ("127.0.0.1", 80), in that network
    run = source.start(teeline, ...)    # connect to source.port(run)
"""

import collections
import json
import re
import socket
import struct

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

    @property
    def follows(self):
        return self._following is not None

    def read(self, count):
        """Once, that many bytes at most; False when it is over."""
        if self.how is not None:
            return False
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
        """Read to its end in the background, and close, as programs do."""
        def until_over():
            while self.read(1 << 18):
                pass
            if not self._leaving:
                self._sock.close()
        self._following = Background(until_over)

    def leave(self):
        """Reset the connection, also in the middle of follow()."""
        self._leaving = True
        if self._following is not None:
            self._sock.shutdown(socket.SHUT_RD)
            self._following.result()
        self.how = "left"
        if self._sock is not None:
            reset(self._sock)


class LazyEar(Ear):
    """One whose sink calls when there is something to be said."""

    def __init__(self, listener, hears):
        super().__init__(None, hears)
        self._listener = listener

    def read(self, count):
        if self._sock is None:
            self._sock, _ = self._listener.accept()
            prepare(self._sock)
        return super().read(count)


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
    ends        with the session; else with the program
    early       the consumer can come before there is a session
    resumes     whoever was lost may hear the rest of the session
    startup     bytes kept for who comes late; None: all of them
    repeats     what a lost consumer may not have got is sent to the next
    keys        of the sink, for tests that cannot wait
    packets     the source gives packets: the test says so
    """

    kind = None
    streams = ("c2s", "s2c")
    calls = True
    ends = True
    early = False
    resumes = True
    startup = 64 << 10
    repeats = False
    keys = "retry=20ms,linger=30"
    packets = False

    def __init__(self, place, name):
        self.place = place
        self.name = name
        self._socks = []

    def sink(self, **keys):
        """The words of -o; to be asked once."""
        words = [f"{self.kind}:{self.where()}", f"name={self.name}",
                 *(f"{key}={value}" for key, value in keys.items())]
        return ",".join([*words, self.keys] if self.keys else words)

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

    def payload(self, ear):
        """The part of what came that was said by somebody."""
        return bytes(ear.got)

    def is_seated(self, ear, opened):
        """Will it hear what is said from now on?  opened: in a session."""
        del ear, opened
        return True

    def has_heard(self, ear, count):
        """So many bytes of each direction?"""
        return len(self.payload(ear)) >= count

    def check(self, ear, said):
        """{direction: [(offset, length)]} of what it heard, if it may be so.
        """
        raise NotImplementedError

    def check_offered(self, offered, said):
        """What the sheet says was there for it."""
        assert offered == sum(len(said[hears]) for hears in self.streams)

    def worth(self, ear):
        """What came, as the sheet counts it."""
        return len(self.payload(ear))

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
        whole = said[ear.hears]
        assert whole.startswith(ear.got), "a copy with a hole"
        assert ear.how != "fin" or len(ear.got) == len(whole), (
            "a part that ends as if it were the whole")
        return {ear.hears: [(0, len(ear.got))]} if ear.got else {}


class Headed(Kind):
    """Both directions on connections of their own, a line at their start."""

    def sink(self, **keys):
        return super().sink(header="line", **keys)

    def payload(self, ear):
        return bytes(ear.got).partition(b"\n")[2]

    def is_seated(self, ear, opened):
        return b"\n" in ear.got

    def check(self, ear, said):
        line, newline, _ = bytes(ear.got).partition(b"\n")
        if not newline:
            # It was reset, or left, before it had all of the line.
            assert ear.how != "fin"
            return {}
        head = json.loads(line)
        assert head["dir"] == ear.hears
        heard = pieces(self.payload(ear), said[ear.hears], head["offset"])
        if not heard:
            return {}
        assert heard[0][0] == head["offset"], (head, heard)
        return {ear.hears: heard}


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
    keys = "linger=30"
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


class Capture:
    """A live capture, as far as its blocks have come.

    interfaces  their link types
    packets     of which there are so many, of `size` bytes in all
    runs        {sender's port: [[sequence number, payload]]}: without holes
    stats       {interface: (received, dropped)}, as told last
    at          where the first block begins that is not whole yet
    """

    SECTION, INTERFACE, STATS, PACKET = 0x0a0d0d0a, 1, 5, 6
    IP_AT = {1: 14, 101: 0}

    def __init__(self):
        self.interfaces = []
        self.packets = self.size = self.at = 0
        self.runs = collections.defaultdict(list)
        self.stats = {}

    def feed(self, got):
        """All that came so far; what was fed before is not looked at."""
        while len(got) - self.at >= 12:
            kind, size = struct.unpack_from("<II", got, self.at)
            if len(got) - self.at < size:
                return
            block = bytes(got[self.at:self.at + size])
            assert block[-4:] == block[4:8], "no block"
            assert (kind == self.SECTION) == (self.at == 0), "a second head"
            self.at += size
            self._block(kind, block[8:-4])

    def _block(self, kind, body):
        if kind == self.INTERFACE:
            self.interfaces.append(struct.unpack_from("<H", body)[0])
        elif kind == self.PACKET:
            number, _, _, size, wire = struct.unpack_from("<IIIII", body)
            assert size == wire
            self.packets += 1
            self.size += size
            self._ip(body[20 + self.IP_AT[self.interfaces[number]]:20 + size])
        elif kind == self.STATS:
            number, = struct.unpack_from("<I", body)
            received, = struct.unpack("<Q", self._option(body, 4))
            dropped, = struct.unpack("<Q", self._option(body, 5))
            self.stats[number] = (received, dropped)

    @staticmethod
    def _option(body, wanted):
        at = 12
        while True:
            code, size = struct.unpack_from("<HH", body, at)
            if code == wanted:
                return body[at + 4:at + 4 + size]
            assert code, f"no option {wanted}"
            at += 4 + size + -size % 4

    def _ip(self, packet):
        head = (packet[0] & 15) * 4
        assert (packet[0] >> 4, packet[9]) == (4, 6), "neither IPv4 nor TCP"
        tcp = packet[head:int.from_bytes(packet[2:4], "big")]
        port, _, seq = struct.unpack_from("!HHI", tcp)
        self._segment(self.runs[port], seq, tcp[(tcp[12] >> 4) * 4:])

    @staticmethod
    def _segment(runs, seq, data):
        if not data:
            return
        if runs:
            ahead = seq - runs[-1][0] - len(runs[-1][1])
            ahead = (ahead + (1 << 31)) % (1 << 32) - (1 << 31)
            if ahead <= 0:
                # Sent once more, as far as it lies behind.
                runs[-1][1].extend(data[-ahead:])
                return
        runs.append([seq, bytearray(data)])

    def heard(self):
        """Bytes of payload of each sender."""
        return [sum(len(data) for _, data in runs)
                for runs in self.runs.values() if runs]


class PcapngListen(Kind):
    """Packets as captured, or made; whole blocks only, and losses are told."""

    kind = "pcapng-listen"
    streams = ("both",)
    calls = False
    ends = False
    early = True
    startup = 0
    keys = ""
    port = 4000

    def where(self):
        PcapngListen.port += 1
        self.port = PcapngListen.port
        return f"{self.place.ip}:{self.port}"

    def come(self, run, rcvbuf=None):
        del run
        sock = self.place.socket()
        prepare(sock, rcvbuf)
        sock.connect((self.place.ip, self.port))
        ear = Ear(sock, "both")
        ear.capture = Capture()
        return [ear]

    def _capture(self, ear):
        ear.capture.feed(ear.got)
        return ear.capture

    def is_seated(self, ear, opened):
        """One that came to a proxy is told of the session that is open; a
        tap has but one worker, who has let it in."""
        got = self._capture(ear)
        return got.packets if opened and not self.packets else got.interfaces

    def has_heard(self, ear, count):
        heard = self._capture(ear).heard()
        return len(heard) == 2 and min(heard) >= count

    def check(self, ear, said):
        got = self._capture(ear)
        assert len(got.runs) <= 2, "packets of something else"
        found = {}
        for runs in got.runs.values():
            if runs:
                direction = self._whose(runs, said)
                assert direction not in found
                found[direction] = self._places(runs, said[direction])
        if ear.how == "fin":
            assert got.at == len(ear.got), "half a block"
            (received, dropped), = got.stats.values()
            assert received - dropped == got.packets
            holes = any(len(one) > 1 for one in found.values())
            assert not holes or dropped, "a loss that it was not told of"
        return found

    @staticmethod
    def _whose(runs, said):
        direction, = [one for one in said if bytes(runs[0][1][:64])
                      in said[one]]
        return direction

    @staticmethod
    def _places(runs, whole):
        """[(offset, length)]: by their numbers, and by what they say."""
        first = whole.index(runs[0][1][:64])
        found = []
        for seq, data in runs:
            at = first + (seq - runs[0][0]) % (1 << 32)
            assert whole[at:at + len(data)] == data, f"not what was said {at}"
            found.append((at, len(data)))
        return found

    def check_offered(self, offered, said):
        """Of packets their captured lengths, acknowledgements too."""
        total = sum(map(len, said.values()))
        assert total < offered if self.packets else offered == total

    def worth(self, ear):
        got = self._capture(ear)
        return got.size if self.packets else sum(got.heard())


class Records:
    """Payloads of packets, each behind its 44 bytes of prefix.

    said        {sender's port: [payload]}, whole ones
    size        bytes of all of them
    at          where the first begins that is not whole yet
    """

    HEAD = struct.Struct("!I16sI16sI")

    def __init__(self):
        self.said = collections.defaultdict(list)
        self.size = self.at = 0

    def feed(self, got):
        """All that came so far; what was fed before is not looked at."""
        while len(got) - self.at >= self.HEAD.size:
            size, _, port, _, _ = self.HEAD.unpack_from(got, self.at)
            begin = self.at + self.HEAD.size
            if len(got) < begin + size:
                return
            assert size, "a record of nothing"
            self.said[port].append(bytes(got[begin:begin + size]))
            self.size += size
            self.at = begin + size

    def heard(self):
        """Bytes of each sender."""
        return [sum(map(len, one)) for one in self.said.values()]


class Payload(Kind):
    """What packets carry, as they come; whole records in their order."""

    kind = "payload"
    streams = ("both",)
    ends = False
    startup = None
    repeats = True
    keys = "prefix=header,keepalive=yes,retry=20ms,tries=1000"

    def where(self):
        port, = self._ports()
        return f"{self.place.ip}:{port}"

    def come(self, run, rcvbuf=None):
        del run, rcvbuf
        ear = LazyEar(self._socks[0], "both")
        ear.records = Records()
        return [ear]

    def _records(self, ear):
        ear.records.feed(ear.got)
        return ear.records

    def has_heard(self, ear, count):
        heard = self._records(ear).heard()
        return len(heard) == 2 and min(heard) >= count

    def check(self, ear, said):
        got = self._records(ear)
        assert ear.how != "fin" or got.at == len(ear.got), "half a record"
        found = {}
        for parts in got.said.values():
            direction, = [one for one in said if parts[0][:64] in said[one]]
            assert direction not in found
            found[direction] = self._places(parts, said[direction])
        return found

    def _places(self, parts, whole):
        """[(offset, length)], without holes in them."""
        at = whole.index(parts[0][:64])
        found = [[at, 0]]
        for one in parts:
            begin = whole.find(one[:64], at)
            if begin < 0 and self.packets:
                assert one in whole, "not what was said"
                continue  # the system has sent it once more
            assert begin >= 0 and whole[begin:begin + len(one)] == one
            if begin > at:
                found.append([begin, 0])
            at = begin + len(one)
            found[-1][1] += len(one)
        return [tuple(one) for one in found]

    def check_offered(self, offered, said):
        """Of packets, what the system has sent once more counts, too."""
        total = sum(map(len, said.values()))
        assert total <= offered if self.packets else offered == total

    def worth(self, ear):
        return self._records(ear).size


KINDS = (Tee, Connect, Listen, PcapngListen, Payload)


# --- what feeds them ----------------------------------------------------------

class Proxy:
    """The client's connection goes through the program."""

    packets = False

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

    packets = True

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
