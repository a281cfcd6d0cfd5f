"""systemd itself as our manager, with the unit that is installed.

It runs as somebody's manager in namespaces of its own (helpers/manager.py),
which has most of what the system's has: sockets, watchdog, reloading, and the
sandbox of the unit.  Users are the system's business alone.
"""

import contextlib
import os
import subprocess

import pytest

from helpers.manager import Systemd, hung, status, workers
from helpers.peers import connect, echo, half_close, recv_all
from helpers.program import TOP, is_instrumented, program_path
from helpers.real import run
from helpers.wait import wait_until

FOLDER = f"{TOP}/packaging/systemd"
SERVICE = "teeline@web.service"

# What only the system's manager can do, or what would hide this test's own
# folders from the program.
HERE = """
[Service]
DynamicUser=no
User=
BindPaths={folder}
BindReadOnlyPaths={program}
ProtectHome=no
StandardError=append:{folder}/stderr
"""

SOCKET = """
[Socket]
ListenStream={folder}/sock
FileDescriptorName=web
"""


def unit(command, reload_check):
    """The unit with another command; its own needs /etc and /usr."""
    with open(f"{FOLDER}/teeline@.service", encoding="utf-8") as file:
        text = file.read()
    for old, new in (
            ("\nExecStart=teeline run /etc/teeline/%i.conf\n",
             f"\nExecStart={command}\n"),
            ("\nExecReload=teeline check /etc/teeline/%i.conf\n",
             f"\nExecReload={reload_check}\n")):
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return text


@pytest.fixture(name="systemd")
def fixture_systemd(tmp_path):
    one = Systemd(tmp_path / "systemd")
    yield one
    one.finish()


@pytest.fixture(name="web")
def fixture_web(systemd, server, tmp_path):
    """teeline@web.service and its socket, relaying to an echo."""
    systemd.unit("teeline@.service", unit(
        f"{program_path()} proxy -v -f none -o jsonl:log.jsonl,append=yes fd:web "
        f"{server(echo).target}", f"/usr/bin/test ! -e {tmp_path}/bad"))
    systemd.unit("teeline@.service.d/here.conf",
                 HERE.format(folder=tmp_path, program=program_path()))
    if is_instrumented():
        # It stops the program with ptrace(2) to look for leaks.
        systemd.unit("teeline@.service.d/leaks.conf",
                     "[Service]\nEnvironment=ASAN_OPTIONS=detect_leaks=0\n")
    systemd.unit("teeline@web.socket", SOCKET.format(folder=tmp_path))
    systemd.start()
    systemd.control("start", "teeline@web.socket")
    return f"unix:{tmp_path}/sock"


def check_echo(address, text=b"hello"):
    client = connect(address)
    client.sendall(text)
    half_close(client)
    assert recv_all(client) == text
    client.close()


def test_life_of_a_service(systemd, web, tmp_path):
    """A client starts it; it is ready, is reloaded, and ends well."""
    assert systemd.show(SERVICE, "ActiveState") == "inactive"
    check_echo(web)
    assert systemd.show(SERVICE, "ActiveState") == "active"
    # This waits until it is ready, or fails when it never is.
    systemd.control("start", SERVICE)
    wait_until(lambda: "1 in all" in systemd.show(SERVICE, "StatusText"),
               what="a status of one session")
    pid = systemd.main_pid(SERVICE)

    systemd.control("reload", SERVICE)
    wait_until(lambda: systemd.show(SERVICE, "ActiveState") == "active",
               what="reloaded")
    assert systemd.main_pid(SERVICE) == pid
    check_echo(web)

    # A configuration that is wrong is refused before the run hears of it.
    (tmp_path / "bad").touch()
    systemd.control("reload", SERVICE, expect=1)
    assert systemd.show(SERVICE, "ActiveState") == "active"
    assert systemd.main_pid(SERVICE) == pid

    systemd.control("stop", SERVICE)
    assert systemd.show(SERVICE, "Result") == "success"
    assert systemd.show(SERVICE, "NRestarts") == "0"


def test_sandbox(systemd, web):
    """The unit's sandbox is there, and the program lives in it."""
    check_echo(web)
    pid = systemd.main_pid(SERVICE)
    fields = status(pid)
    assert fields["NoNewPrivs"] == "1"
    assert fields["Seccomp"] == "2"
    # CAP_NET_BIND_SERVICE and CAP_NET_RAW at most
    assert int(fields["CapBnd"], 16) == 1 << 10 | 1 << 13
    assert fields["Umask"] == "0077"
    # It began in its own folder, and nothing else may be written.
    state = os.readlink(f"/proc/{pid}/cwd")
    assert state.endswith("/teeline/web")
    with open(f"/proc/{pid}/mounts", encoding="utf-8") as file:
        roots = [line.split() for line in file]
    assert [one[3].split(",")[0] for one in roots if one[1] == "/"][-1:] == [
        "ro"]
    wait_until(lambda: os.stat(f"{state}/log.jsonl").st_size > 0,
               what="a record")
    assert os.stat(f"{state}/log.jsonl").st_mode & 0o777 == 0o600
    systemd.control("stop", SERVICE)
    assert systemd.show(SERVICE, "Result") == "success"


def test_next_client_starts_it_again(systemd, web):
    """The socket is systemd's and outlives every run; so does the record."""
    pids = set()
    for _ in range(2):
        check_echo(web)
        pids.add(systemd.main_pid(SERVICE))
        state = os.readlink(f"/proc/{systemd.main_pid(SERVICE)}/cwd")
        systemd.control("stop", SERVICE)
        assert systemd.main_pid(SERVICE) is None
    assert len(pids) == 2
    with open(f"{state}/log.jsonl", encoding="utf-8") as file:
        assert file.read().count('"event":"close"') == 2
    check_echo(web)
    systemd.control("restart", SERVICE)
    check_echo(web)


def test_hung_worker_is_replaced(systemd, web):
    """The watchdog notices it, and the next run serves who waits."""
    systemd.unit("teeline@.service.d/watchdog.conf",
                 "[Service]\nWatchdogSec=2s\nRestartSec=100ms\n"
                 "LimitCORE=0\n")
    systemd.control("daemon-reload")
    check_echo(web)
    pid = systemd.main_pid(SERVICE)
    with contextlib.ExitStack() as stack:
        for thread in workers(pid):
            stack.enter_context(hung(thread))
        wait_until(lambda: status(pid)["State"].startswith("Z"), 20,
                   "the watchdog has bitten")
    wait_until(lambda: systemd.show(SERVICE, "NRestarts") == "1",
               what="it is started again")
    check_echo(web)
    assert systemd.main_pid(SERVICE) != pid
    assert systemd.show(SERVICE, "NRestarts") == "1"


# --- the files, as systemd's own tools see them --------------------------


@pytest.fixture(name="installed", scope="module")
def fixture_installed(tmp_path_factory):
    """The unit as `make install` writes it; the manuals beside it."""
    folder = tmp_path_factory.mktemp("unit")
    env = {key: value for key, value in os.environ.items()
           if not key.startswith("MAKE") and key != "MFLAGS"}
    run("make", "-C", TOP, "install", f"PREFIX={folder}",
        *(f"{name}={os.environ[name]}" for name in ("SAN", "PORTABLE")
          if os.environ.get(name)), env=env, deadline=300)
    return folder


def test_unit_verifies(installed, tmp_path):
    """systemd-analyze knows each key, finds program and manuals."""
    units = installed / "lib/systemd/system"
    web = tmp_path / "teeline@web.service"
    web.write_text((units / "teeline@.service").read_text())
    example = tmp_path / "teeline@web.socket"
    with open(f"{FOLDER}/teeline@.socket", encoding="utf-8") as file:
        example.write_text(file.read())
    drop_in = tmp_path / "teeline@web.service.d"
    drop_in.mkdir()
    with open(f"{FOLDER}/teeline-capture.conf", encoding="utf-8") as file:
        (drop_in / "capture.conf").write_text(file.read())
    env = dict(os.environ, MANPATH=f"{installed}/share/man",
               SYSTEMD_UNIT_PATH=f"{tmp_path}:")
    said = run("systemd-analyze", "verify", web, example, env=env,
               stderr=subprocess.STDOUT)
    assert said == b""


def test_unit_is_closed(installed):
    """The exposure that systemd-analyze finds, of 10, stays small."""
    said = run("systemd-analyze", "security", "--offline=true",
               "--threshold=20",
               installed / "lib/systemd/system/teeline@.service")
    assert b"Overall exposure level" in said


def test_unit_names_the_installed_program(installed):
    text = (installed / "lib/systemd/system/teeline@.service").read_text()
    for line in ("ExecStart={}/bin/teeline run /etc/teeline/%i.conf",
                 "ExecReload={}/bin/teeline check /etc/teeline/%i.conf"):
        assert line.format(installed) in text.splitlines()
