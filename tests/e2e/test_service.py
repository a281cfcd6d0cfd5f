"""As a service: what a manager is told, and listeners that it hands over."""

import json
import os
import signal
import socket

import pytest

from helpers.control import Control
from helpers.manager import Manager, handed, hung, workers
from helpers.peers import (connect, echo, half_close, pair, recv_all,
                           recv_exactly, talk_to)
from helpers.real import tool
from helpers.wait import Deadline, wait_until


@pytest.fixture(name="manager")
def fixture_manager(tmp_path):
    one = Manager(tmp_path)
    yield one
    one.close()


# --- words to the manager -----------------------------------------------


def test_ready_after_listening_then_stopping(teeline, server, manager):
    peer = server(echo)
    proxy = teeline.start("proxy", "127.0.0.1:0", peer.target, ready=None,
                          env=manager.env())
    manager.wait_for("READY=1")
    # Not "will listen soon": it does, and has said where.
    assert proxy.addresses
    proxy.wait_ready()
    talk_to(proxy)
    assert manager.said[0] == "READY=1"
    assert manager.said[1] == "STATUS=0 sessions open, 0 in all, 0 B"
    proxy.idle().stop()
    assert [text for text in manager.said if "=1" in text] == [
        "READY=1", "STOPPING=1\nEXTEND_TIMEOUT_USEC=7000000"]


def test_abstract_socket(teeline, server, tmp_path):
    manager = Manager(tmp_path, abstract=True)
    proxy = teeline.proxy(server(echo).target, env=manager.env())
    manager.wait_for("READY=1")
    proxy.stop()
    manager.wait_for("STOPPING=1")
    manager.close()


def test_never_ready_without_a_port(teeline, server, manager):
    """A port that is taken is an end, not something to wait for."""
    peer = server(echo)
    teeline.run("proxy", peer.target, peer.target, expect=1,
                env=manager.env(watchdog=0.1))
    assert not manager.said


def test_stopping_is_said_before_the_sessions_end(teeline, server, manager):
    """... and how long these may take."""
    peer = server()
    proxy = teeline.proxy(peer.target, "--drain-time", "60",
                          env=manager.env())
    client, there = pair(proxy, peer)
    client.sendall(b"x" * 100)
    assert recv_exactly(there, 100) == b"x" * 100
    proxy.send(signal.SIGTERM)
    manager.wait_for("STOPPING=1\nEXTEND_TIMEOUT_USEC=65000000")
    client.close()
    there.close()
    proxy.wait(0)


def test_end_of_its_own_is_told(teeline, server, manager):
    proxy = teeline.proxy(server(echo).target, "--max-sessions", "1",
                          env=manager.env())
    talk_to(proxy)
    proxy.wait(0)
    manager.wait_for("STOPPING=1")


def test_hangup_is_a_reload(teeline, server, manager, tmp_path):
    path = tmp_path / "log"
    proxy = teeline.proxy(server(echo).target, "-o", f"jsonl:{path}",
                          env=manager.env())
    at = manager.wait_for("READY=1")
    talk_to(proxy)
    path.rename(tmp_path / "old")
    proxy.send(signal.SIGHUP)
    at = manager.wait_for("RELOADING=1\nMONOTONIC_USEC=", at)
    manager.wait_for("READY=1", at)
    talk_to(proxy)
    wait_until(path.exists, what="the output is opened anew")
    proxy.idle().stop()


def test_configuration_is_in_force_when_ready(teeline, server, manager,
                                              tmp_path):
    """A reload is over when what it brings is there; a bad one, too."""
    conf = {"inputs": [{"type": "proxy", "listen": "127.0.0.1:0",
                        "target": server(echo).target}]}
    path = tmp_path / "x.conf"
    path.write_text(json.dumps(conf))
    run = teeline.start("run", "--writable", tmp_path, path,
                        env=manager.env())
    at = manager.wait_for("READY=1")

    logs = [tmp_path / f"log{i}" for i in range(20)]
    conf["outputs"] = [f"jsonl:{log}" for log in logs]
    path.write_text(json.dumps(conf))
    run.send(signal.SIGHUP)
    at = manager.wait_for("RELOADING=1\nMONOTONIC_USEC=", at)
    at = manager.wait_for("READY=1", at)
    assert all(log.exists() for log in logs)

    path.write_text(json.dumps({**conf, "outputs": ["syslog:loud"]}))
    run.send(signal.SIGHUP)
    at = manager.wait_for("RELOADING=1", at)
    manager.wait_for("READY=1", at)
    talk_to(run)
    run.idle().stop()
    assert all(b'"close"' in log.read_bytes() for log in logs)


def test_status_tells_of_sessions(teeline, server, manager):
    peer = server(echo)
    proxy = teeline.proxy(peer.target, env=manager.env())
    client = connect(proxy.port)
    client.sendall(b"hello")
    assert recv_exactly(client, 5) == b"hello"
    manager.wait_for("STATUS=1 session open, 1 in all, 10 B")
    client.close()
    proxy.idle().stop()


def signs(manager):
    return manager.said.count("WATCHDOG=1")


def falls_silent(manager):
    """Does no sign of life come for five times as long as there should?"""
    before = signs(manager)
    try:
        # One that was answered before may still be on its way.
        wait_until(lambda: signs(manager) > before + 1, 0.5)
    except Deadline:
        return True
    return False


def test_signs_of_life_are_of_every_worker(teeline, server, manager):
    """One that hangs silences the program; one that was slow does not."""
    proxy = teeline.proxy(server(echo).target, "--workers", "2", "-f", "none",
                          env=manager.env(watchdog=0.2))
    wait_until(lambda: signs(manager) >= 3, what="signs of life")
    silenced = 0
    for thread in workers(proxy.pid):
        with hung(thread):
            silenced += falls_silent(manager)
        before = signs(manager)
        wait_until(lambda: signs(manager) > before + 2, what="alive again")
    # A sanitizer may have a thread of its own.
    assert silenced == 2
    talk_to(proxy)
    proxy.idle().stop()


def test_no_signs_without_a_watchdog(teeline, server, manager):
    proxy = teeline.proxy(server(echo).target, env=manager.env())
    talk_to(proxy)
    proxy.idle().stop()
    assert not signs(manager)


# --- listeners that are handed over -------------------------------------


def bound(address="127.0.0.1"):
    """A listener; whoever calls keeps it, or it is closed at once."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    return socket.create_server((address, 0), family=family)


def test_handed_over_by_name(teeline, server):
    """Two listeners of one name, and another; nobody waits in vain."""
    web4, web6, back = bound(), bound("::1"), bound()
    one, two = server(echo), server(lambda sock: sock.sendall(b"two"))
    # Who is earlier than the program is served as well.
    early = connect(web4.getsockname()[1])
    early.sendall(b"early")
    proxy = teeline.start(
        "proxy", "-L", f"fd:web={one.target}", "-L", f"fd:back={two.target}",
        count=3, **handed([web4, back, web6], "web:back:web"))
    assert proxy.addresses == [
        f"127.0.0.1:{web4.getsockname()[1]}", f"[::1]:{web6.getsockname()[1]}",
        f"127.0.0.1:{back.getsockname()[1]}"]
    half_close(early)
    assert recv_all(early) == b"early"
    for address in proxy.addresses[:2]:
        client = connect(address)
        client.sendall(b"hello")
        half_close(client)
        assert recv_all(client) == b"hello"
    assert recv_all(connect(proxy.addresses[2])) == b"two"
    proxy.idle().stop()
    assert not proxy.complaints(rb"handed over")


def test_restart_refuses_nobody(teeline, server):
    """The listener outlives the program: the next one serves who waited."""
    web = bound()
    peer = server(echo)
    for _ in range(2):
        client = connect(web.getsockname()[1])
        client.sendall(b"still there?")
        half_close(client)
        proxy = teeline.start("proxy", "fd:0", peer.target, **handed([web]))
        assert recv_all(client) == b"still there?"
        proxy.idle().stop()


def test_unix_listener_keeps_its_path(teeline, server, tmp_path):
    path = f"{tmp_path}/sock"
    web = socket.socket(socket.AF_UNIX)
    web.bind(path)
    web.listen()
    proxy = teeline.start("proxy", "fd:web", server(echo).target,
                          **handed([web], "web"))
    assert proxy.addresses == [f"unix:{path}"]
    client = connect(f"unix:{path}")
    client.sendall(b"hello")
    half_close(client)
    assert recv_all(client) == b"hello"
    proxy.idle().stop()
    assert os.path.exists(path)


def test_as_a_target(teeline):
    """The server dials in: TARGET is listen:fd:NAME."""
    web, back = bound(), bound()
    proxy = teeline.start(
        "proxy", "fd:web", "listen:fd:back", "-f", "none",
        count=2, **handed([web, back], "web:back"))
    there = connect(back.getsockname()[1])
    client = connect(web.getsockname()[1])
    client.sendall(b"hello")
    assert recv_exactly(there, 5) == b"hello"
    client.close()
    assert recv_all(there) == b""
    there.close()
    proxy.idle().stop()


@pytest.mark.parametrize("listen, names, says", [
    ("fd:wev", "web", rb"cannot listen on fd:wev: none of the 1 descriptors "
     rb"that were handed over is called so"),
    ("fd:1", "web", rb"none of the 1 descriptors"),
    ("fd:dgram", "dgram", rb"descriptor 3: it is no stream socket"),
])
def test_what_is_not_there(teeline, listen, names, says):
    web = bound()
    if names == "dgram":
        web = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    got = teeline.run("proxy", listen, "127.0.0.1:9", expect=1,
                      **handed([web], names))
    assert len(got.complaints(says)) == 1


# --- a control plane that is handed over ---------------------------------


def with_control(teeline, peer, listeners, names, *options):
    """A proxy whose control plane listens at those called ctl."""
    proxy = teeline.proxy(peer.target, "-f", "none", "--control", "fd:ctl",
                          *options, **handed(listeners, names))
    return proxy, Control(proxy)


def test_control_is_handed_over(teeline, server):
    """Two addresses under one name; both ask for the token."""
    four, six = bound(), bound("::1")
    early = connect(four.getsockname()[1])
    proxy, control = with_control(teeline, server(echo), [four, six],
                                  "ctl:ctl")
    port = four.getsockname()[1]
    assert control.url == f"http://127.0.0.1:{port}/"
    early.sendall(b"GET /api/v1/version HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert early.recv(100).startswith(b"HTTP/1.1 401 ")
    assert control.get("version")["pid"] == proxy.pid
    # The name of a descriptor is no name of the server.
    control.problem(421, "GET", "version", headers={"Host": "ctl"})
    control.host, control.port = six.getsockname()[:2]
    assert control.ask("GET", "version", token=None).status == 401
    assert control.get("version")["pid"] == proxy.pid
    proxy.idle().stop()
    assert not proxy.complaints(rb"handed over|other machines")


def test_control_outlives_a_restart(teeline, server):
    """Who comes while the program is away waits for the next one."""
    listener, peer = bound(), server(echo)
    pids = set()
    for _ in range(2):
        client = connect(listener.getsockname()[1])
        client.sendall(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n"
                       b"Connection: close\r\n\r\n")
        proxy, _ = with_control(teeline, peer, [listener], "ctl")
        assert recv_all(client).startswith(b"HTTP/1.1 200 ")
        pids.add(proxy.pid)
        proxy.idle().stop()
    assert len(pids) == 2


@pytest.mark.parametrize("mode, needed", [
    (0o600, False), (0o660, True), (0o666, True)])
def test_control_on_a_unix_socket_of_some_mode(
        teeline, server, tmp_path, mode, needed):
    """Where others may connect, the token says who may ask."""
    path = f"{tmp_path}/ctl"
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    os.chmod(path, mode)
    listener.listen()
    proxy, control = with_control(teeline, server(echo), [listener], "ctl")
    assert control.path == path
    assert (control.token is not None) == needed
    assert control.ask("GET", "version", token=None).status == (
        401 if needed else 200)
    assert control.get("version")["pid"] == proxy.pid
    proxy.idle().stop()
    assert os.path.exists(path)


def test_control_on_an_abstract_socket(teeline, server, tmp_path):
    """It has no mode: the token is asked for."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(f"\0{tmp_path}/ctl")
    listener.listen()
    proxy, control = with_control(teeline, server(echo), [listener], "ctl")
    control.path = f"\0{tmp_path}/ctl"
    assert control.ask("GET", "version", token=None).status == 401
    assert control.get("version")
    proxy.idle().stop()


def test_control_that_is_not_handed_over(teeline):
    web = bound()
    got = teeline.run("proxy", "--control", "fd:ctl", "0", "127.0.0.1:9",
                      expect=1, **handed([web], "web"))
    assert got.complaints(rb"^teeline: --control: cannot listen on fd:ctl: "
                          rb"none of the 1 descriptors")
    got = teeline.run("proxy", "--control", "fd:web", "fd:web",
                      "127.0.0.1:9", expect=1, **handed([web], "web"))
    assert got.complaints(rb"cannot listen on fd:web: it is used twice")


def test_without_a_manager(teeline):
    got = teeline.run("proxy", "fd:0", "127.0.0.1:9", expect=1)
    assert got.complaints(rb"no descriptors were handed over")


def test_one_for_two_pairs(teeline):
    web = bound()
    got = teeline.run("proxy", "-L", "fd:0=127.0.0.1:9", "-L",
                      "fd:web=127.0.0.1:9", expect=1,
                      **handed([web], "web"))
    assert got.complaints(rb"cannot listen on fd:web: it is used twice")


def test_one_that_nobody_wants(teeline, server):
    """Its clients would wait for ever, so that somebody must hear of it."""
    web, forgotten = bound(), bound()
    proxy = teeline.start("proxy", "fd:web", server(echo).target,
                          **handed([web, forgotten], "web:forgotten"))
    assert proxy.complaints(rb'nothing listens on the descriptor "forgotten"')
    proxy.stop()


def test_children_inherit_nothing(teeline, server):
    """Descriptors are close-on-exec (the environment: test_inherit.c)."""
    web = bound()
    proxy = teeline.start("proxy", "fd:web", server(echo).target,
                          **handed([web], "web"))
    with open(f"/proc/{proxy.pid}/fdinfo/3", encoding="ascii") as file:
        flags = next(line for line in file if line.startswith("flags"))
    assert int(flags.split()[1], 8) & os.O_CLOEXEC
    proxy.stop()


def test_launcher_of_systemd(teeline, server):
    """Another's implementation of the other side: two names, one address."""
    with bound() as free:
        address = "127.0.0.1:{}".format(free.getsockname()[1])
    peer = server(echo)
    launcher = teeline.spawn(
        [tool("systemd-socket-activate"), "-l", address, "--fdname=web",
         teeline.path, "proxy", "-f", "none", "fd:web", peer.target])
    client = wait_until(lambda: connect(address), what="it listens")
    client.sendall(b"hello")
    half_close(client)
    assert recv_all(client) == b"hello"
    # It has become the program.
    launcher.wait_ready()
    launcher.idle().stop()


# --- words to the journal -----------------------------------------------


def journal(path):
    """Standard error that the journal would read, and the environment."""
    file = open(path, "wb")
    what = os.fstat(file.fileno())
    return file, {"JOURNAL_STREAM": f"{what.st_dev}:{what.st_ino}"}


def test_lines_have_priorities_in_the_journal(teeline, server, tmp_path):
    peer = server(echo)
    file, env = journal(tmp_path / "journal")
    teeline.run("proxy", peer.target, peer.target, expect=1, stderr=file,
                env=env)
    lines = (tmp_path / "journal").read_text().splitlines()
    assert len(lines) == 1 and lines[0].startswith("<3>cannot listen on ")


def test_lines_have_none_elsewhere(teeline, server, tmp_path):
    """The journal reads somebody else's standard error, not ours."""
    peer = server(echo)
    file, env = journal(tmp_path / "journal")
    got = teeline.run("proxy", peer.target, peer.target, expect=1, env=env)
    file.close()
    assert got.err.startswith(b"teeline: cannot listen on ")
