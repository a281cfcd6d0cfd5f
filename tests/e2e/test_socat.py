"""socat as a stubborn peer: it does what its options say, and no more."""

import hashlib
import os
import subprocess

import pytest

from helpers.peers import (Background, connect, half_close, recv_all,
                           recv_exactly, was_reset)
from helpers.real import free_port, tool
from helpers.wait import wait_until


class Socat:
    """A socat process that listens; like a RealServer, but any command."""

    def __init__(self, folder, listen, other, *options):
        self._log = open(folder / "socat.log", "ab")
        for _ in range(10):
            self.port = free_port()
            self.target = f"127.0.0.1:{self.port}"
            self.process = subprocess.Popen(
                [tool("socat"), *options,
                 f"{listen}:{self.port},bind=127.0.0.1,reuseaddr", other],
                stdin=subprocess.DEVNULL, stdout=self._log, stderr=self._log)
            if wait_until(self._listens_or_ended, 10,
                          "socat listening") == "listens":
                return
        raise AssertionError("socat does not start")

    def _listens_or_ended(self):
        """Looks without connecting: some of them serve one caller only."""
        if self.process.poll() is not None:
            return "ended"
        needle = f":{self.port:04X} 00000000:0000 0A"
        with open("/proc/net/tcp", encoding="ascii") as file:
            return "listens" if needle in file.read() else None

    def finish(self):
        self.process.kill()
        self.process.wait()
        self._log.close()


@pytest.fixture(name="socat")
def fixture_socat(tmp_path):
    made = []

    def make(*args):
        made.append(Socat(tmp_path, *args))
        return made[-1]

    yield make
    for one in made:
        one.finish()


@pytest.mark.parametrize("block", [1, 1000, 100000])
def test_block_sizes(teeline, socat, options, block):
    """A server that reads and writes in its own block size echoes all."""
    size = 20000 if block == 1 else 4 << 20
    data = os.urandom(size)
    peer = socat("TCP-LISTEN", "EXEC:cat", "-b", str(block))
    proxy = teeline.proxy(peer.target, *options)
    client = connect(proxy.port)
    sending = Background(lambda: (client.sendall(data), half_close(client)))
    assert recv_all(client) == data
    sending.result()


def test_server_that_speaks_after_the_client_is_done(teeline, socat):
    """It answers only at end of file: lost where FIN closes both ways."""
    peer = socat("TCP-LISTEN", "EXEC:sha256sum", "-t30")
    proxy = teeline.proxy(peer.target)
    client = connect(proxy.port)
    client.sendall(b"what is my digest?")
    half_close(client)
    digest = hashlib.sha256(b"what is my digest?").hexdigest()
    assert recv_all(client) == f"{digest}  -\n".encode()


def test_server_that_never_reads(teeline, socat, tmp_path):
    """One way only (-u): the client's bytes stay in the buffers."""
    peer = socat("TCP-LISTEN", f"OPEN:{tmp_path}/gift", "-U")
    (tmp_path / "gift").write_bytes(b"g" * 300000)
    proxy = teeline.proxy(peer.target)
    client = connect(proxy.port)
    assert recv_exactly(client, 300000) == b"g" * 300000
    client.close()


def test_server_that_closes_on_bytes_it_did_not_read(teeline, socat):
    """It leaves in the middle: a client that goes on sending is told."""
    peer = socat("TCP-LISTEN", "SYSTEM:head -c 1000 >/dev/null", "-t0.1")
    proxy = teeline.proxy(peer.target)
    client = connect(proxy.port)
    with pytest.raises(ConnectionError):
        while True:
            client.sendall(b"x" * 1000000)


def test_killed_client_with_linger_zero(teeline, server):
    """A kernel that was told to reset at close does so: RST, not FIN."""
    peer = server()
    proxy = teeline.proxy(peer.target)
    with subprocess.Popen(
            [tool("socat"), "-", f"TCP:127.0.0.1:{proxy.port},linger=0"],
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as client:
        there = peer.accept()
        client.stdin.write(b"hello")
        client.stdin.flush()
        assert recv_exactly(there, 5) == b"hello"
        client.kill()
        assert was_reset(there)


def test_chain_of_relays(teeline, socat, tmp_path):
    """teeline, socat and teeline again, with UNIX sockets between."""
    last = socat("TCP-LISTEN", "EXEC:cat")
    second = teeline.proxy(last.target, listen=f"unix:{tmp_path}/second")
    middle = socat("TCP-LISTEN", second.addresses[0].replace(
        "unix:", "UNIX-CONNECT:"))
    first = teeline.proxy(middle.target)
    data = os.urandom(2 << 20)
    client = connect(first.port)
    sending = Background(lambda: (client.sendall(data), half_close(client)))
    assert recv_all(client) == data
    sending.result()
