"""Clients and a server that behave, and others; and what each of them said.

What session number N says follows from N alone, and the server echoes it: so
whatever a record holds can be checked without having been kept.
"""

import collections
import contextlib
import hashlib
import random
import socket
import threading
import time

from helpers.peers import Background, half_close, prepare, reset

MOST = 1 << 20
PATIENCE = 60.0


def content(number, size):
    """What session N says."""
    return hashlib.shake_128(b"session %d" % number).digest(size)


class Said:
    """A session as its client knows it.

    size    what it was to say
    got     what came back of that
    whole   it got the server's end, and everything before it
    told    sending was told of the RST, so that reading may see a FIN
    done    set when all this is known
    """

    def __init__(self, number, size):
        self.number = number
        self.size = size
        self.got = 0
        self.whole = False
        self.told = False
        self.done = threading.Event()
        self._text = None

    def text(self):
        """Made when it is first asked for, and given up by forget()."""
        if self._text is None:
            self._text = content(self.number, self.size)
        return self._text

    def forget(self):
        self._text = None


class Ledger:
    """Who said what: ports come again, so for each address a queue."""

    def __init__(self, inputs, patience=PATIENCE):
        self._patience = patience
        self._lock = threading.Lock()
        self._queues = {name: collections.defaultdict(collections.deque)
                        for name in inputs}
        self.count = 0
        self.bytes = 0

    def enter(self, address, said):
        with self._lock:
            for queue in self._queues.values():
                queue[address].append(said)
            self.count += 1

    def take(self, name, address):
        """The next one of that address that an input has heard."""
        end = time.monotonic() + self._patience
        while True:
            with self._lock:
                queue = self._queues[name][address]
                if queue:
                    said = queue.popleft()
                    if not queue:
                        del self._queues[name][address]
                    return said
            assert time.monotonic() < end, (
                f"{name}: a session of {address}, who is nobody")
            time.sleep(0.01)

    def trade(self, name, address, said, begin):
        """Give one back for another of that address that begins so; or None."""
        with self._lock:
            queue = self._queues[name].get(address, ())
            for at, other in enumerate(queue):
                if other.text().startswith(begin):
                    queue[at] = said
                    return other
        return None

    def add(self, count):
        with self._lock:
            self.bytes += count


class Client:
    """One session after the other, until it is over.

    ledger  where it enters what it says
    most    bytes of a session, as a power of two
    """

    WAYS = ("plain", "plain", "plain", "half", "trickle", "slow", "reset",
            "leave")

    def __init__(self, soak, port, name, ledger, most=20):
        self._soak = soak
        self._port = port
        self._ledger = ledger
        self._most = most
        self._dice = soak.dice(f"client {name}")

    def run(self):
        while not self._soak.over.is_set():
            if self._soak.resting.is_set():
                self._soak.over.wait(0.2)
                continue
            number = self._soak.next_number()
            said = Said(number, int(2 ** self._dice.uniform(0, self._most)))
            try:
                self._session(said, self._dice.choice(self.WAYS))
            finally:
                said.forget()
                said.done.set()
            self._soak.over.wait(self._dice.expovariate(10))

    def _session(self, said, way):
        sock = socket.socket()
        prepare(sock, 8192 if way == "slow" else None)
        sock.settimeout(PATIENCE)
        sock.bind(("127.0.0.1", 0))
        # Who is refused at once may hear of that only.
        self._ledger.enter("%s:%d" % sock.getsockname(), said)
        try:
            sock.connect(("127.0.0.1", self._port))
        except ConnectionError:
            sock.close()
            return
        sending = Background(self._send, sock, said, way)
        try:
            ended = self._receive(sock, said, way)
        except ConnectionError:
            ended = False
        except TimeoutError:
            raise AssertionError(
                f"session {said.number} ({way}) hangs: {said.got} of "
                f"{said.size} bytes came back") from None
        said.whole = ended and said.got == said.size
        if way == "reset":
            with contextlib.suppress(OSError):
                reset(sock)
        sending.result(PATIENCE)
        sock.close()
        assert said.whole or not ended or said.told, (
            f"session {said.number} ends with FIN after {said.got} of "
            f"{said.size} bytes")
        self._ledger.add(said.got)

    def _send(self, sock, said, way):
        text = said.text()
        step = max(1, len(text) // 20) if way == "trickle" else len(text)
        try:
            for at in range(0, len(text), step):
                sock.sendall(text[at:at + step])
                if way == "trickle":
                    time.sleep(0.05)
            half_close(sock)
        except OSError:
            said.told = True

    def _receive(self, sock, said, way):
        """True at the end of the stream."""
        stop = said.size // 2 if way in ("reset", "leave") else None
        while stop is None or said.got < stop:
            part = sock.recv(65536)
            if not part:
                return True
            assert part == said.text()[said.got:said.got + len(part)], (
                f"session {said.number}: wrong bytes at {said.got}")
            said.got += len(part)
            if way == "slow":
                time.sleep(0.002)
        return False


class Server:
    """Echoes; is slow, stops for a while, resets, or is not there at all."""

    def __init__(self, soak, port):
        self._soak = soak
        self._port = port
        self._dice = soak.dice("server")

    def run(self):
        while not self._soak.over.is_set():
            with socket.create_server(("127.0.0.1", self._port),
                                      backlog=256) as listener:
                listener.settimeout(0.2)
                self._serve(listener, time.monotonic()
                            + self._dice.uniform(10, 60))
            # Nobody there: whoever comes now is refused.
            self._soak.over.wait(self._dice.uniform(0, 1))

    def _serve(self, listener, until):
        while time.monotonic() < until or self._soak.over.is_set():
            try:
                sock, _ = listener.accept()
            except TimeoutError:
                if self._soak.closing.is_set():
                    return
                continue
            prepare(sock)
            sock.settimeout(PATIENCE)
            way = self._dice.choice(("plain",) * 6 + (
                "slow", "stop", "reset"))
            self._soak.go(self._echo, sock, way,
                          random.Random(self._dice.random()))

    @staticmethod
    def _echo(sock, way, dice):
        left = int(2 ** dice.uniform(0, 20))
        with contextlib.suppress(OSError), sock:
            while part := sock.recv(16384 if way == "slow" else 65536):
                sock.sendall(part)
                left -= len(part)
                if left <= 0 and way == "reset":
                    reset(sock)
                    return
                if left <= 0 and way == "stop":
                    time.sleep(dice.uniform(0, 3))
                    left = MOST
                if way == "slow":
                    time.sleep(0.005)
            half_close(sock)
