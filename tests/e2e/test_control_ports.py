"""Where consumers may connect to, as the control plane shows it."""

from helpers.control import Control
from helpers.peers import (connect, echo, free_ports, half_close, recv_all,
                           recv_exactly)
from helpers.wait import wait_until


def start(teeline, peer, *options):
    """A proxy with a control plane; it, and that."""
    proxy = teeline.proxy(peer.target, "-f", "none", "--control", "0",
                          *options)
    return proxy, Control(proxy)


def ports_of(control, number):
    """What one session says, which is what the list says of it."""
    ports = control.get(f"sessions/{number}")["ports"]
    one, = [session for session in control.get("sessions")["sessions"]
            if session["id"] == number]
    assert one["ports"] == ports
    return ports


def talk(proxy, word):
    """A session with an echo server that stays open."""
    client = connect(proxy.port)
    client.sendall(word)
    assert recv_exactly(client, len(word)) == word
    return client


def hear(ports, stream, word):
    """A consumer that has heard @word, the header not wanted."""
    consumer = connect(ports[stream])
    assert recv_exactly(consumer, len(word)) == word
    return consumer


def listening(first, last, more=""):
    return f"listen:127.0.0.1:{first}-{last},header=none{more}"


def test_ports_of_an_output_from_the_start(teeline, server):
    first, last = free_ports(4)
    proxy, control = start(
        teeline, server(echo), "-o", listening(first, last))
    clients = [talk(proxy, b"one"), talk(proxy, b"two!")]
    wait_until(lambda: control.get("sessions")["total"] == 2)
    told = ports_of(control, 1) + ports_of(control, 2)
    assert [ports["output"] for ports in told] == ["listen", "listen"]
    assert {ports[stream] for ports in told
            for stream in ("requests", "responses")} == set(
                range(first, last + 1))
    for client, ports, word in zip(clients, told, (b"one", b"two!")):
        consumers = [hear(ports, "requests", word),
                     hear(ports, "responses", word)]
        client.sendall(b" more")
        assert recv_exactly(client, 5) == b" more"
        assert [recv_exactly(one, 5) for one in consumers] == [b" more"] * 2
    # They go with the session, and only with it.
    half_close(clients[0])
    assert recv_all(clients[0]) == b""
    wait_until(lambda: control.get("sessions/1")["state"] == "closed")
    wait_until(lambda: ports_of(control, 1) == [])
    assert ports_of(control, 2) == told[1:]


def test_ports_of_outputs_that_come_and_go(teeline, server):
    first, last = free_ports(8)
    proxy, control = start(teeline, server(echo))
    talk(proxy, b"early")
    wait_until(lambda: control.get("sessions")["total"] == 1)
    assert ports_of(control, 1) == []
    for name, at in ("left", first), ("right", first + 4):
        answer = control.ask("POST", "outputs", {
            "output": listening(at, at + 3, f",name={name}")})
        assert answer.status == 201, answer.json()
    client = talk(proxy, b"late")
    wait_until(lambda: control.get("sessions")["total"] == 2)
    left, right = ports_of(control, 2)
    assert [left["output"], right["output"]] == ["left", "right"]
    assert first <= left["requests"] < first + 4 <= right["requests"] <= last
    hear(left, "requests", b"late")
    consumer = hear(right, "requests", b"late")
    assert control.ask("DELETE", "outputs/left").status in (200, 202, 204)
    wait_until(lambda: ports_of(control, 2) == [right])
    client.sendall(b" more")
    assert recv_exactly(consumer, 5) == b" more"


def test_no_ports_of_who_calls_its_consumers(teeline, server):
    consumers = [server(), server()]
    at = "/".join(str(peer.port) for peer in consumers)
    proxy, control = start(
        teeline, server(echo), "-o", f"connect:127.0.0.1:{at},header=none")
    talk(proxy, b"hello")
    assert recv_exactly(consumers[0].accept(), 5) == b"hello"
    wait_until(lambda: control.get("sessions")["total"] == 1)
    assert ports_of(control, 1) == []
