"""Clients that mean harm, or are broken: nobody else notices them."""

import contextlib
import random
import socket
import threading
import time

import pytest

from helpers.control import Control
from helpers.peers import Background, connect, echo, recv_exactly, reset
from helpers.program import is_instrumented
from helpers.wait import SLOW, wait_until

ROOM = 64       # clients there is room for at once


def patient_echo(sock):
    """For tests that are silent for longer than others take."""
    sock.settimeout(None)
    echo(sock)


class Beside:
    """A session that talks all the time; rounds counts its exchanges.

    What comes back must be what was said, byte by byte.
    """

    def __init__(self, proxy):
        self.rounds = 0
        self._over = threading.Event()
        self._talk = Background(self._run, connect(proxy.port))

    def _run(self, sock):
        rng = random.Random(1)
        with sock:
            while not self._over.is_set():
                said = rng.randbytes(rng.choice((1, 1000, 65536)))
                sock.sendall(said)
                assert recv_exactly(sock, len(said)) == said
                self.rounds += 1

    def goes_on(self, rounds=30):
        """Wait until it has talked some more."""
        want = self.rounds + rounds
        wait_until(lambda: self.rounds >= want,
                   what=lambda: f"{self.rounds} rounds, not {want}")

    def stop(self):
        self._over.set()
        self._talk.result()


class Scene:
    """A relay that carries traffic, and its control plane."""

    def __init__(self, teeline, server, *options, at="0"):
        self.proxy = teeline.proxy(
            server(patient_echo).target, "-f", "none", "--control", at,
            *options)
        self.control = Control(self.proxy)
        self.client = connect(self.proxy.port)
        self.client.sendall(b"ping")
        assert recv_exactly(self.client, 4) == b"ping"
        self.beside = Beside(self.proxy)
        self.check()
        self.descriptors = self.proxy.descriptors()

    def check(self, shared=False):
        """Both still do what they are for.

        Where no token tells friends from others, or others have it (shared),
        they share what may be asked in a second.
        """
        self.beside.goes_on()
        if self.control.token and not shared:
            assert self.control.get("version")
        else:
            assert self.control.patiently("GET", "version").status == 200

    def settle(self):
        """Whatever was opened for them is closed again."""
        wait_until(lambda: self.proxy.descriptors() <= self.descriptors,
                   what=lambda: f"{self.proxy.descriptors()} descriptors, "
                   f"{self.descriptors} before")
        self.check()

    def ask(self, what):
        """A request, as its bytes."""
        auth = f"Authorization: Bearer {self.control.token}\r\n"
        return (f"{what} HTTP/1.1\r\nHost: localhost\r\n"
                f"{auth if self.control.token else ''}").encode()


@pytest.fixture(name="scene", params=["tcp", "unix"])
def fixture_scene(request, teeline, server, tmp_path):
    one = Scene(teeline, server, at={
        "tcp": "0", "unix": f"unix:{tmp_path}/control"}[request.param])
    yield one
    one.beside.stop()


def flood(control, count, text=b""):
    """So many connections, each of which sends this and waits."""
    socks = []
    for _ in range(count):
        sock = control.socket()
        sock.sendall(text)
        socks.append(sock)
    return socks


def close(socks):
    for sock in socks:
        sock.close()


@pytest.mark.parametrize("text", [
    b"",
    b"GET /api/v1/ver",
    b"GET / HTTP/1.1\r\nHost: local",
    b"POST /api/v1/outputs HTTP/1.1\r\nHost: localhost\r\n"
    b"Content-Length: 1000\r\n\r\n{",
])
def test_a_thousand_connections_that_say_half_of_it(scene, text):
    socks = flood(scene.control, 1000, text)
    scene.check()
    assert scene.proxy.descriptors() < scene.descriptors + 2 * ROOM
    assert scene.control.metrics()["teeline_control_clients"] <= ROOM
    close(socks)
    scene.settle()


def test_all_places_are_taken_by_those_who_follow(scene):
    """Nobody is thrown out for another; who comes too late is told so."""
    streams = [scene.control.follow("events") for _ in range(ROOM)]
    for stream in streams:
        assert stream.wait("rates")
    with scene.control.socket() as sock:
        assert sock.recv(100).startswith(b"HTTP/1.1 503 ")
    for stream in streams:
        stream.__exit__()
    scene.settle()
    assert scene.control.metrics()[
        "teeline_control_refused_connections_total"] >= 1


def test_followers_that_go_away_make_room(scene):
    """A click after the other, each of which leaves the last one behind."""
    for number in range(3 * ROOM):
        if number % 2:
            scene.control.follow("sessions/1/events").__exit__()
        else:
            sock = scene.control.socket()
            sock.sendall(scene.ask("GET /api/v1/sessions/2/events") + b"\r\n")
            assert sock.recv(12) == b"HTTP/1.1 200"
            reset(sock)
        wait_until(lambda: scene.proxy.descriptors()
                   < scene.descriptors + ROOM - 2)
    scene.settle()


def is_over(sock):
    """One more byte, and whether the other side has had enough."""
    try:
        sock.sendall(b"X")
        return sock.recv(1) == b""
    except socket.timeout:
        return False
    except OSError:
        return True


@pytest.mark.deadline(150)
@pytest.mark.long
def test_half_a_request_is_not_awaited_for_ever(teeline, server, tmp_path):
    """A byte now and then is no request either."""
    scenes = [Scene(teeline, server, at=at)
              for at in ("0", f"unix:{tmp_path}/control")]
    silent = [scene.control.socket() for scene in scenes]
    drips = [scene.control.socket() for scene in scenes]
    for sock in silent:
        sock.sendall(b"GET / HT")
    began = time.monotonic()
    for drip in drips:
        drip.settimeout(0.5)
    left = list(drips)
    while left and time.monotonic() - began < 90:
        left = [drip for drip in left if not is_over(drip)]
    assert not left
    assert 25 < time.monotonic() - began < 80
    for sock in silent:
        assert sock.recv(1) == b""
    for scene in scenes:
        scene.settle()
        scene.beside.stop()


@pytest.mark.deadline(150)
@pytest.mark.long
def test_a_follower_that_does_not_read_is_cut_off(scene):
    """The session goes on at full speed, its other followers as well."""
    sock = scene.control.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sock.sendall(scene.ask("GET /api/v1/sessions/1/events") + b"\r\n")
    assert sock.recv(12) == b"HTTP/1.1 200"
    began = time.monotonic()
    before = scene.proxy.memory()
    block = random.randbytes(1 << 20)
    while scene.control.metrics()["teeline_control_streams"] > 0:
        assert time.monotonic() - began < 100
        scene.client.sendall(block)
        assert recv_exactly(scene.client, len(block)) == block
    assert time.monotonic() - began > 20
    if not is_instrumented():
        assert scene.proxy.memory() - before < 64 << 20
    sock.close()
    scene.settle()


def test_answers_that_nobody_reads(scene):
    """Request after request on one connection, without a look at an answer.

    When the answers fill what there is, requests are not read any more."""
    one = scene.ask("GET /api/v1/openapi.json") + b"\r\n"
    before = scene.proxy.memory()
    socks = [scene.control.socket() for _ in range(ROOM // 2)]
    for sock in socks:
        sock.settimeout(0.2)
        sent = 0
        with contextlib.suppress(OSError):  # timeout, or it was cut off
            while sent < 64 << 20:
                sent += sock.send(one * 500)
        assert sent < 32 << 20
    scene.check(shared=True)
    if not is_instrumented():
        assert scene.proxy.memory() - before < 32 << 20
    close(socks)
    scene.settle()


@pytest.mark.parametrize("text", [
    b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 100_000,
    b"GET / HTTP/1.1\r\nX: " + b"y" * 1_000_000,
    b"GET /" + b"x" * 1_000_000,
    b"\0" * 100_000,
    b"\r\n" * 100_000,
    bytes(range(256)) * 400,
    b"GET / HTTP/9.9\r\n\r\n",
    b"GET\r\n\r\n",
    b"POST /api/v1/outputs HTTP/1.1\r\nHost: localhost\r\n"
    b"Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n",
    b"POST /api/v1/outputs HTTP/1.1\r\nHost: localhost\r\n"
    b"Content-Length: 99999999999999999999999\r\n\r\n",
    b"POST /api/v1/outputs HTTP/1.1\r\nHost: localhost\r\n"
    b"Content-Length: -1\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
], ids=range(12))
def test_what_is_no_request(scene, text):
    with scene.control.socket() as sock:
        try:
            sock.sendall(text)
            sock.shutdown(socket.SHUT_WR)
            while sock.recv(65536):
                pass
        except OSError:
            pass    # it was thrown out before it had said all
    scene.settle()


def test_a_body_without_end(scene):
    """It is left unread at some point, and never kept."""
    head = (scene.ask("POST /api/v1/outputs")
            + b"Transfer-Encoding: chunked\r\n\r\n")
    before = scene.proxy.memory()
    sent = 0
    with scene.control.socket() as sock:
        sock.sendall(head)
        try:
            while sent < 64 << 20:
                sock.sendall(b"10000\r\n" + b"[" * 65536 + b"\r\n")
                sent += 65536
        except (BrokenPipeError, ConnectionResetError):
            pass
    assert sent < 32 << 20
    if not is_instrumented():
        assert scene.proxy.memory() - before < 16 << 20
    scene.settle()


def test_noise(scene):
    """Requests with some bytes changed, hundreds of times."""
    rng = random.Random(5)
    good = (scene.ask("POST /api/v1/sessions?limit=1&q=x")
            + b'Content-Length: 12\r\n\r\n{"output":1}')
    for _ in range(400 if SLOW == 1 else 100):
        text = bytearray(good)
        for _ in range(rng.randint(1, 8)):
            text[rng.randrange(len(text))] = rng.randrange(256)
        with scene.control.socket() as sock:
            sock.sendall(text[:rng.randint(1, len(text))])
            if rng.random() < 0.02:
                sock.shutdown(socket.SHUT_WR)
                while sock.recv(65536):
                    pass
    scene.settle()


@pytest.mark.deadline(120)
def test_memory_and_descriptors_stay_flat(scene):
    """Everything that can be asked for, again and again."""
    paths = ["sessions", "sessions/1", "sessions/1/bytes?format=pcapng",
             "stats", "outputs", "inputs", "version", "sessions/9",
             "/metrics", "/", "nothing"]

    ask = scene.control.patiently
    connect(scene.proxy.port).close()
    wait_until(lambda: scene.control.get("sessions?state=closed")["total"])

    def round_of_all():
        for path in paths:
            ask("GET", path)
        assert ask("POST", "outputs",
                   {"output": "null:,name=one"}).status == 201
        assert ask("DELETE", "outputs/one").status == 200
        assert ask("GET", "sessions/3/events").body.endswith(b"}\n\n")

    for _ in range(10):
        round_of_all()
    scene.settle()
    before = scene.proxy.memory()
    for _ in range(100 if SLOW == 1 else 20):
        round_of_all()
    scene.settle()
    if not is_instrumented():
        assert scene.proxy.memory() - before < 4 << 20
