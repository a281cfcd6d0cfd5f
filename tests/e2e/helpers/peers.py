"""Scripted peers: clients and servers whose every step a test decides."""

import contextlib
import fcntl
import hashlib
import os
import select
import socket
import struct
import termios
import threading

from helpers.wait import SCALE, wait_until

TIMEOUT = 20.0 * SCALE
BULK = 16 << 20


def connect(address, *, rcvbuf=None, sndbuf=None, source=None):
    """Connect to "127.0.0.1:80", "[::1]:80", "unix:/path" or a port."""
    family, where = parse(address)
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        prepare(sock, rcvbuf, sndbuf)
        if source is not None:
            sock.bind(source)
        sock.connect(where)
    except BaseException:
        sock.close()
        raise
    return sock


def prepare(sock, rcvbuf=None, sndbuf=None):
    sock.settimeout(TIMEOUT)
    if rcvbuf:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, rcvbuf)
    if sndbuf:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, sndbuf)
    if sock.family != socket.AF_UNIX:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def parse(address):
    """Text or port number to (family, what connect() and bind() take)."""
    if isinstance(address, int):
        return socket.AF_INET, ("127.0.0.1", address)
    if address.startswith("unix:"):
        return socket.AF_UNIX, address[5:]
    host, port = address.rsplit(":", 1)
    if host.startswith("["):
        return socket.AF_INET6, (host[1:-1], int(port))
    return socket.AF_INET, (host, int(port))


def recv_exactly(sock, count):
    """Receive count bytes; an end before them is a failure."""
    parts = bytearray()
    while len(parts) < count:
        part = sock.recv(min(count - len(parts), 1 << 20))
        assert part, f"end of stream after {len(parts)} of {count} bytes"
        parts += part
    return bytes(parts)


def recv_all(sock):
    """Receive until the other side's FIN; a reset raises."""
    parts = bytearray()
    while part := sock.recv(1 << 20):
        parts += part
    return bytes(parts)


def half_close(sock):
    sock.shutdown(socket.SHUT_WR)


def reset(sock):
    """Close with RST."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                    struct.pack("ii", 1, 0))
    sock.close()


def was_reset(sock):
    """True when the next thing that comes is RST, not bytes and not FIN."""
    try:
        got = sock.recv(1)
    except ConnectionResetError:
        return True
    assert not got, f"bytes came: {got!r}"
    return False


def reset_at_once(address):
    """Call somebody who resets us before the first byte; our own address.

    The RST may be faster than connect(), which then reports it.
    """
    family, where = parse(address)
    with socket.socket(family, socket.SOCK_STREAM) as sock:
        prepare(sock)
        sock.bind((where[0], 0))
        host, port = sock.getsockname()[:2]
        try:
            sock.connect(where)
        except ConnectionResetError:
            pass
        else:
            assert was_reset(sock), "FIN instead of RST"
        return f"{host}:{port}"


class Server:
    """A listening peer: handler(sock) runs in a thread per connection.

    address     "127.0.0.1:40001", "[::1]:40001", "unix:/path"
    target      the same, as the program's TARGET

    What a handler raises fails the test in finish(), except when it was
    finish() that cut it short.  Without a handler, connections are fetched
    with accept().
    """

    def __init__(self, handler=None, address="127.0.0.1:0", *, backlog=1024,
                 rcvbuf=None, sndbuf=None):
        family, where = parse(address)
        self._handler = handler
        self._buffers = (rcvbuf, sndbuf)
        self._sock = socket.socket(family, socket.SOCK_STREAM)
        if family != socket.AF_UNIX:
            self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        for value, option in zip(
                self._buffers, (socket.SO_RCVBUF, socket.SO_SNDBUF)):
            if value:
                self._sock.setsockopt(socket.SOL_SOCKET, option, value)
        self._sock.bind(where)
        self._sock.listen(backlog)
        self._sock.settimeout(TIMEOUT)
        self._path = where if family == socket.AF_UNIX else None
        self.address = self.target = self._name(family, address)
        self.port = (None if self._path
                     else self._sock.getsockname()[1])
        self.accepted = 0
        self._errors = []
        self._threads = []
        self._open = []
        self._ending = False
        if handler is not None:
            self._sock.settimeout(None)
            self._thread = threading.Thread(target=self._serve, daemon=True)
            self._thread.start()

    def _name(self, family, address):
        if family == socket.AF_UNIX:
            return address
        host, port = self._sock.getsockname()[:2]
        return (f"[{host}]:{port}" if family == socket.AF_INET6
                else f"{host}:{port}")

    def accept(self):
        """Fetch the next connection."""
        sock, _ = self._sock.accept()
        prepare(sock, *self._buffers)
        self._open.append(sock)
        self.accepted += 1
        return sock

    def waiting(self, seconds):
        """Does a connection come within so many seconds?"""
        return bool(select.select([self._sock], [], [], seconds)[0])

    def _serve(self):
        while True:
            try:
                sock = self.accept()
            except OSError:
                return
            thread = threading.Thread(
                target=self._handle, args=(sock,), daemon=True)
            thread.start()
            self._threads = [t for t in self._threads if t.is_alive()]
            self._threads.append(thread)

    def _handle(self, sock):
        try:
            self._handler(sock)
        except BaseException as error:  # pylint: disable=broad-except
            if not self._ending:
                self._errors.append(error)
        finally:
            with contextlib.suppress(OSError):
                sock.close()
            with contextlib.suppress(ValueError):
                self._open.remove(sock)

    def join(self):
        """Wait for all handlers; raise what one of them raised."""
        for thread in list(self._threads):
            thread.join(TIMEOUT)
            assert not thread.is_alive(), "a server's handler hangs"
        if self._errors:
            raise self._errors[0]

    def close(self):
        """Stop listening: later connections are refused."""
        with contextlib.suppress(OSError):
            self._sock.shutdown(socket.SHUT_RDWR)
        self._sock.close()

    def finish(self):
        self._ending = True
        self.close()
        if self._handler is not None:
            self._thread.join(TIMEOUT)
        for sock in list(self._open):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
                sock.close()
        if self._path:
            with contextlib.suppress(OSError):
                os.unlink(self._path)
        self.join()


class Background:
    """function(*args) in a thread; result() waits, and raises what it did."""

    def __init__(self, function, *args):
        self._value = None
        self._error = None
        self._thread = threading.Thread(
            target=self._run, args=(function, args), daemon=True)
        self._thread.start()

    def _run(self, function, args):
        try:
            self._value = function(*args)
        except BaseException as error:  # pylint: disable=broad-except
            self._error = error

    @property
    def runs(self):
        return self._thread.is_alive()

    def result(self, deadline=60.0):
        self._thread.join(deadline * SCALE)
        assert not self._thread.is_alive(), "a background step hangs"
        if self._error is not None:
            raise self._error
        return self._value


def echo(sock):
    """Handler: send everything back, then FIN."""
    with contextlib.suppress(ConnectionError):
        while part := sock.recv(1 << 16):
            sock.sendall(part)
    with contextlib.suppress(OSError):  # it may be gone by now
        half_close(sock)


def closed_port():
    """An address that refuses: bound, never listening.  (address, holder)

    As long as the holder lives nobody else can take the port.
    """
    holder = socket.socket()
    holder.bind(("127.0.0.1", 0))
    return f"127.0.0.1:{holder.getsockname()[1]}", holder


def free_ports(count, *addresses):
    """So many ports in a row that nobody listens at: (first, last)."""
    families = {"127.0.0.1": socket.AF_INET, "::1": socket.AF_INET6}
    for first in range(20000, 60000, 97):
        held = []
        try:
            for port in range(first, first + count):
                for at in addresses or ("127.0.0.1",):
                    held.append(socket.create_server(
                        (at, port), family=families[at]))
            return first, first + count - 1
        except OSError:
            continue
        finally:
            for one in held:
                one.close()
    raise AssertionError("no free ports in a row")


def pair(proxy, peer):
    """A session: (the client's socket, the server's)."""
    client = connect(proxy.port)
    return client, peer.accept()


def pump(one, other, count=BULK):
    """Send count bytes from one to other, and see that they are right."""
    data = hashlib.shake_128(str(count).encode()).digest(1 << 20)
    sending = Background(lambda: [one.sendall(data)
                                  for _ in range(count >> 20)])
    for _ in range(count >> 20):
        assert recv_exactly(other, 1 << 20) == data
    sending.result()


def warm(one, other):
    """Make it a bulk session in both directions."""
    pump(one, other)
    pump(other, one)


def unsent(sock):
    """Bytes that the other side's kernel has not acknowledged yet."""
    return struct.unpack("i", fcntl.ioctl(
        sock, termios.TIOCOUTQ, b"\0" * 4))[0]


def stalled(sock, chunk):
    """Send until nothing moves any more; the number of bytes taken."""
    sock.setblocking(False)
    state = {"sent": 0, "quiet": 0}

    def push():
        try:
            state["sent"] += sock.send(chunk)
            state["quiet"] = 0
        except BlockingIOError:
            state["quiet"] += 1
        assert state["sent"] < 256 << 20, "no back-pressure"
        return state["quiet"] >= 50

    wait_until(push, 30, "the sender is held", every=0.01)
    return state["sent"]


def talk_to(proxy, word=b"hello"):
    """One session with an echo server, from beginning to end."""
    client = connect(proxy.port)
    client.sendall(word)
    half_close(client)
    assert recv_all(client) == word
    client.close()
