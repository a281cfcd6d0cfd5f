"""Clients that mean harm, or are broken: nobody else notices them."""

import random
import socket
import time

import pytest

from helpers.control import Control
from helpers.peers import connect, echo, recv_exactly
from helpers.program import is_instrumented
from helpers.wait import SCALE, wait_until

ROOM = 64       # clients there is room for at once


def patient_echo(sock):
    """For tests that are silent for longer than others take."""
    sock.settimeout(None)
    echo(sock)


class Scene:
    """A relay that carries traffic, and its control plane."""

    def __init__(self, teeline, server, *options):
        self.proxy = teeline.proxy(
            server(patient_echo).target, "-f", "none", "--control", "0",
            *options)
        self.control = Control(self.proxy)
        self.client = connect(self.proxy.port)
        self.check()
        self.descriptors = self.proxy.descriptors()

    def check(self):
        """Both still do what they are for, without delay."""
        began = time.monotonic()
        self.client.sendall(b"ping")
        assert recv_exactly(self.client, 4) == b"ping"
        assert self.control.get("version")
        assert time.monotonic() - began < 5 * SCALE

    def settle(self):
        """Whatever was opened for them is closed again."""
        wait_until(lambda: self.proxy.descriptors() <= self.descriptors,
                   what=lambda: f"{self.proxy.descriptors()} descriptors, "
                   f"{self.descriptors} before")
        self.check()


@pytest.fixture(name="scene")
def fixture_scene(teeline, server):
    return Scene(teeline, server)


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
    for _ in range(3 * ROOM):
        scene.control.follow("sessions/1/events").__exit__()
        wait_until(lambda: scene.proxy.descriptors()
                   < scene.descriptors + ROOM - 2)
    scene.settle()


@pytest.mark.deadline(150)
@pytest.mark.long
def test_half_a_request_is_not_awaited_for_ever(scene):
    """A byte now and then is no request either."""
    silent, drip = scene.control.socket(), scene.control.socket()
    silent.sendall(b"GET / HT")
    drip.settimeout(1)
    began = time.monotonic()
    with pytest.raises(OSError):
        while time.monotonic() - began < 90:
            drip.sendall(b"X")
            try:
                assert drip.recv(1) == b""
                raise ConnectionError
            except socket.timeout:
                pass
    assert 25 < time.monotonic() - began < 80
    assert silent.recv(1) == b""
    scene.settle()


@pytest.mark.deadline(150)
@pytest.mark.long
def test_a_follower_that_does_not_read_is_cut_off(teeline, server):
    """The session goes on at full speed, its other followers as well."""
    scene = Scene(teeline, server)
    sock = scene.control.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sock.sendall(f"GET /api/v1/sessions/1/events HTTP/1.1\r\n"
                 f"Host: localhost\r\nAuthorization: Bearer "
                 f"{scene.control.token}\r\n\r\n".encode())
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
    head = (f"POST /api/v1/outputs HTTP/1.1\r\nHost: localhost\r\n"
            f"Authorization: Bearer {scene.control.token}\r\n"
            f"Transfer-Encoding: chunked\r\n\r\n")
    before = scene.proxy.memory()
    sent = 0
    with scene.control.socket() as sock:
        sock.sendall(head.encode())
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
    good = (f"POST /api/v1/sessions?limit=1&q=x HTTP/1.1\r\n"
            f"Host: localhost\r\nAuthorization: Bearer "
            f"{scene.control.token}\r\nContent-Length: 12\r\n\r\n"
            "{\"output\":1}").encode()
    for _ in range(400 if SCALE == 1 else 100):
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
        assert ask("GET", "sessions/2/events").body.endswith(b"}\n\n")

    for _ in range(10):
        round_of_all()
    scene.settle()
    before = scene.proxy.memory()
    for _ in range(100 if SCALE == 1 else 20):
        round_of_all()
    scene.settle()
    if not is_instrumented():
        assert scene.proxy.memory() - before < 4 << 20
