"""Sockets of a place (helpers/wire.py), used by the test itself.

    sender = socket_at(wire.client, socket.AF_INET, socket.SOCK_DGRAM)
    target = Target(wire.client)

A socket belongs to the network that it was made in, wherever its user is.
"""

import socket
import subprocess
import sys
import threading

from helpers.peers import TIMEOUT
from helpers.wait import wait_until

MAKER = """
import socket, sys
with socket.socket(*map(int, sys.argv[1:])) as one:
    socket.send_fds(socket.socket(fileno=0), [b"!"], [one.fileno()])
"""


def socket_at(place, family, kind, protocol=0):
    """A socket as socket.socket() makes them, in that network."""
    here, there = socket.socketpair()
    with here, there:
        subprocess.run([*place.enter, sys.executable, "-c", MAKER,
                        *(str(int(n)) for n in (family, kind, protocol))],
                       stdin=there, timeout=TIMEOUT, check=True)
        _, fds, _, _ = socket.recv_fds(here, 1, 1)
    one = socket.socket(fileno=fds[0])
    one.settimeout(TIMEOUT)
    return one


class Target:
    """Listens on the loopback of a place, and keeps what it is sent.

    port    where it listens
    heard   the bytes of each connection, in the order of accept()
    ended   how many of them have ended
    """

    def __init__(self, place, host="127.0.0.1"):
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._sock = socket_at(place, family, socket.SOCK_STREAM)
        self._sock.bind((host, 0))
        self._sock.listen(1024)
        self._sock.settimeout(None)
        self.port = self._sock.getsockname()[1]
        self.heard = []
        self.ended = 0
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self):
        """One after the other: a sender closes one before the next ends."""
        while True:
            try:
                sock, _ = self._sock.accept()
            except OSError:
                return
            self.heard.append(b"")
            with sock:
                sock.settimeout(TIMEOUT)
                while data := sock.recv(65536):
                    self.heard[-1] += data
            self.ended += 1

    def payloads(self, count):
        """The first so many connections, once they have ended."""
        wait_until(lambda: self.ended >= count,
                   what=lambda: f"{count} connections, not {self.heard!r}")
        return list(self.heard)

    def stream(self, count):
        """The only connection, once so many bytes have come on it."""
        wait_until(lambda: self.heard and len(self.heard[0]) >= count,
                   what=lambda: f"{count} bytes, not {self.heard!r:.2000}")
        assert len(self.heard) == 1
        return self.heard[0]

    def finish(self):
        self._sock.shutdown(socket.SHUT_RDWR)
        self._sock.close()
        self._thread.join(TIMEOUT)
        assert not self._thread.is_alive()
