"""What the program can no longer do once it runs, tried from the inside.

helpers/intruder.c is loaded into it and tries its luck on the thread of a
worker, in the middle of the run.
"""

import errno
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import threading

import pytest

from helpers import records
from helpers.control import Control
from helpers.hearing import Tap
from helpers.peers import connect, echo, half_close, recv_all
from helpers.program import LIBC, PORTABLE, TOP, is_instrumented
from helpers.real import tool
from helpers.there import Target, socket_at
from helpers.wait import wait_until
from helpers.wire import IS_ROOT

# The portable program has no sandbox to look at, and says so.
LANDLOCK = 0 if PORTABLE else max(0, LIBC.syscall(444, None, 0, 1))

# What only an intruder does, and what nothing here does; and what a run needs.
# Were they done, they would do no harm, or say another error.
NOBODY = 99999999
EVIL = ["bpf", "exec:/bin/true", "mount:/nonexistent", f"ptrace:{NOBODY}",
        "unshare", f"vm-read:{NOBODY}"]
STRANGE = ["chmod:/nonexistent", "code", "fork", "icmp", "io_uring",
           f"kill:{NOBODY}", "limit", "memfd", "mknod:/nonexistent/x",
           "netlink:12", "netlink:16", "packet", "packet-dgram", "raw", "raw6",
           "setuid", "symlink:/nonexistent/x", "truncate:/dev/null", "type",
           "write-and-exec"]
GOOD = ["name:localhost", "netlink:0", "read:/proc/self/status",
        "read:/etc/hosts", "tcp", "thread", "udp", "unix"]
# A sanitizer needs these itself.
SANITIZED = {"code", "fork", f"kill:{NOBODY}", "limit", f"ptrace:{NOBODY}",
             "write-and-exec"}


@pytest.fixture(name="intruder", scope="session")
def fixture_intruder(tmp_path_factory):
    """The intruder, to be loaded."""
    library = tmp_path_factory.mktemp("intruder") / "intruder.so"
    source = os.path.join(TOP, "tests/e2e/helpers/intruder.c")
    subprocess.run([tool("cc"), "-shared", "-fPIC", "-o", library, source],
                   check=True)
    library.parent.chmod(0o755)
    return library


def invite(teeline, server, intruder, attempts, *options, **how):
    """{attempt: errno} of a relay that has let the intruder in."""
    peer = server(lambda conn: conn.sendall(recv_all(conn)))
    asan = os.environ.get("ASAN_OPTIONS", "")
    env = {"LD_PRELOAD": str(intruder), "INTRUDER": " ".join(attempts),
           "ASAN_OPTIONS": f"{asan}:verify_asan_link_order=0".strip(":")}
    proxy = teeline.proxy(peer.target, *options, env=env, **how)
    with connect(proxy.port) as client:
        client.sendall(b"hello")
        half_close(client)
        assert recv_all(client) == b"hello"
    proxy.idle().stop()
    found = dict(re.findall(r"^intruder: (\S+) (\d+)$", proxy.err.decode(),
                            re.M))
    assert list(found) == list(attempts), proxy.describe()
    return {what: int(number) for what, number in found.items()}


def refused(found):
    """The attempts that came to nothing."""
    return {what for what, number in found.items() if number != 0}


# --- calls ------------------------------------------------------------------

def test_system_calls(teeline, server, intruder):
    """No raw socket, no packet, no program, no other process; but names."""
    spared = SANITIZED if is_instrumented() else set()
    evil, strange = ([], []) if PORTABLE else (
        [what for what in all_of if what not in spared]
        for all_of in (EVIL, STRANGE))
    found = invite(teeline, server, intruder, evil + strange + GOOD)
    assert {what: number for what, number in found.items()
            if number != 0} == {
                **{what: errno.EPERM for what in evil},
                **{what: errno.ENOSYS for what in strange}}


@pytest.mark.parametrize("how", ["try", "strict"])
def test_an_intruder_is_ended(teeline, server, intruder, how):
    """Whoever wants to start a program is no longer us."""
    peer = server()
    if PORTABLE and how == "strict":
        said = teeline.run("proxy", "--sandbox", "strict", "0", peer.target,
                           expect=1).err
        assert b"--sandbox strict: " in said
        return
    proxy = teeline.proxy(
        peer.target, "--sandbox", how,
        env={"LD_PRELOAD": str(intruder), "INTRUDER": "exec:/bin/false",
             "ASAN_OPTIONS": "verify_asan_link_order=0"})
    with connect(proxy.port):
        if how == "strict":
            assert proxy.wait(None) == -signal.SIGSYS
        elif PORTABLE:
            assert proxy.wait(None) == 1  # it is /bin/false now
        else:
            wait_until(lambda: b"exec:/bin/false 1\n" in proxy.err)
            assert proxy.alive


# --- files ------------------------------------------------------------------

def test_files(teeline, server, intruder, tmp_path):
    """Outputs are written, and nothing else; it cannot read them either."""
    for name in ("out", "other"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "there").write_text("x")
    good = ["write:out/new", "write:out/there", "mkdir:out/folder",
            "write:out/folder/new", "unlink:out/there", "write:flows/new"]
    bad = ["read:/etc/shadow", "read:out/new", "read:other/there",
           "write:other/there", "write:other/new", "mkdir:other/folder",
           "unlink:other/there", "write:/dev/shm/new", "write:new",
           "read:/bin/true"]
    found = invite(teeline, server, intruder, good + bad,
                   "-o", "jsonl:out/{id}.jsonl", "-o", "flows:flows",
                   cwd=tmp_path)
    if LANDLOCK:
        assert {what: number for what, number in found.items()
                if number != 0} == {what: errno.EACCES for what in bad}
    assert sorted(os.listdir(tmp_path / "flows"))[1:] != []
    assert (tmp_path / "out/000001.jsonl").exists()


def test_off(teeline, server, intruder, tmp_path):
    """--sandbox off: everything is as ever."""
    (tmp_path / "there").write_text("x")
    found = invite(teeline, server, intruder,
                   [f"read:{tmp_path}/there", f"write:{tmp_path}/new", "fork",
                    "truncate:/dev/null"], "--sandbox", "off")
    assert found[f"read:{tmp_path}/there"] == 0
    assert found[f"write:{tmp_path}/new"] == 0
    assert found["fork"] == 0
    assert found["truncate:/dev/null"] not in (errno.EPERM, errno.ENOSYS)


@pytest.mark.parametrize("name", ["plain", "{id}", "{{x}}-{id}", "link"])
def test_folders_of_outputs(teeline, server, tmp_path, name):
    """The folder is what stands before the first field, and is made."""
    (tmp_path / "target").mkdir()
    (tmp_path / "target/file").write_text("")
    (tmp_path / "link").symlink_to("target/file")
    peer = server(lambda conn: conn.sendall(recv_all(conn)))
    there = "link" if name == "link" else f"a/b/{name}/c"
    proxy = teeline.proxy(peer.target, "--overwrite", "-f", "none",
                          "-o", f"jsonl:{tmp_path}/{there}",
                          "--stats", "deep/stats", cwd=tmp_path)
    for _ in range(2):
        with connect(proxy.port) as client:
            client.sendall(b"hello")
            half_close(client)
            assert recv_all(client) == b"hello"
    proxy.idle().stop()
    path = (tmp_path / there.replace("{id}", "000002").replace("{{x}}", "{x}"))
    assert records.jsonl(path)
    assert (tmp_path / "deep/stats").exists()


def test_reopened_and_rotated(teeline, server, tmp_path):
    """After SIGHUP the names are free for new files; -C makes more."""
    peer = server(lambda conn: conn.sendall(recv_all(conn)))
    proxy = teeline.proxy(peer.target, "-f", "none", "-o", "text:log/text",
                          "-w", "log/x.pcapng", "-C", "1", cwd=tmp_path)

    def talk(size):
        with connect(proxy.port) as client:
            client.sendall(b"x" * size)
            half_close(client)
            assert len(recv_all(client)) == size

    talk(600_000)
    talk(600_000)
    wait_until(lambda: (tmp_path / "log/text").exists())
    (tmp_path / "log/text").rename(tmp_path / "log/text.1")
    proxy.send(signal.SIGHUP)
    wait_until(lambda: (tmp_path / "log/text").exists())
    proxy.idle().stop()
    assert len(list((tmp_path / "log").glob("x*.pcapng"))) >= 2
    assert not list((tmp_path / "log").glob("*.tmp"))


# --- outputs that come later ------------------------------------------------

def test_outputs_that_come(teeline, server, tmp_path):
    """Control can add them where the run may write, and is told where not."""
    peer = server()
    proxy = teeline.proxy(peer.target, "--control", "0", "--writable", "more",
                          "-o", "flows:out", cwd=tmp_path)
    control = Control(proxy)

    def add(output):
        return control.ask("POST", "outputs", {"output": output})

    assert add("jsonl:more/deep/{id}").status == 201
    assert add("jsonl:out/beside").status == 201
    assert add("tee:127.0.0.1:9").status == 201
    if not LANDLOCK:
        return
    for output in (f"flows:{tmp_path}/elsewhere/x", "text:x",
                   "text:more/../x", f"pcapng:/dev/shm/x-{os.getpid()}"):
        answer = add(output)
        assert answer.status == 403, output
        assert "--writable" in answer.json()["detail"]
    assert not (tmp_path / "elsewhere").exists()


def test_reload(teeline, server, tmp_path):
    """The configuration is read again, replaced or not; so are folders."""
    peer = server()
    config = tmp_path / "etc/run.conf"
    config.parent.mkdir()

    def write(outputs, more=""):
        fresh = tmp_path / "etc/fresh"
        fresh.write_text(
            '{inputs: [{type: "proxy", listen: "127.0.0.1:0", '
            f'target: "{peer.target}"}}], outputs: [{outputs}], '
            f'runtime: {{writable: "spare"{more}}}, '
            'logging: {level: "info"}}')
        fresh.rename(config)

    write('"text:out/a"')
    run = teeline.start("run", "etc/run.conf", cwd=tmp_path)
    write('"text:spare/b"')
    run.send(signal.SIGHUP)
    wait_until(lambda: b"1 outputs added, 1 removed" in run.err)
    write('"text:etc/c"', ', sandbox: "off"')
    run.send(signal.SIGHUP)
    wait_until(lambda: run.err.count(b"was read again") == 2)
    assert run.complaints(b"runtime: sandbox cannot change")
    assert bool(LANDLOCK) == bool(run.complaints(
        b"an output was not added: etc is outside the folders"))
    run.stop()


# --- names ------------------------------------------------------------------

# Another resolv.conf, for this program alone.
OWN_RESOLVER = 'mount --bind "$0" /etc/resolv.conf && exec "$@"'


def answer_dns(sock):
    """Every name is 127.0.0.1, and has no other address."""
    while True:
        try:
            query, peer = sock.recvfrom(512)
        except OSError:
            return
        end = query.index(b"\0", 12) + 5
        known = query[end - 4:end - 2] == b"\0\1"
        record = b"\xc0\x0c" + struct.pack("!HHIH", 1, 1, 60, 4)
        sock.sendto(query[:2] + b"\x81\x80" + query[4:6]
                    + struct.pack("!HHH", known, 0, 0) + query[12:end]
                    + (record + bytes([127, 0, 0, 1]) if known else b""), peer)


@pytest.mark.parametrize("user", ["ours", "another"])
def test_names(teeline, place, public, user):
    """A target is looked up by DNS at each connection, in the sandbox."""
    dns = socket_at(place, socket.AF_INET, socket.SOCK_DGRAM)
    dns.bind(("127.0.0.1", 53))
    dns.settimeout(None)
    threading.Thread(target=answer_dns, args=(dns,), daemon=True).start()
    (public / "resolv.conf").write_text("nameserver 127.0.0.1\n")
    target = Target(place)
    become = ["-Z", "nobody"] if user == "another" and IS_ROOT else []
    proxy = teeline.proxy(
        f"no.such.example:{target.port}", "-f", "none", *become,
        prefix=[*place.enter, "unshare", "-m", "sh", "-c", OWN_RESOLVER,
                public / "resolv.conf"])
    client = socket_at(place, socket.AF_INET, socket.SOCK_STREAM)
    with client:
        client.connect(("127.0.0.1", proxy.port))
        client.sendall(b"hello")
        half_close(client)
        assert recv_all(client) == b""
    proxy.idle().stop()
    assert target.heard == [b"hello"], proxy.describe()
    dns.close()


# --- privileges -------------------------------------------------------------

def privileges(pid):
    """{field: values} of all threads' /proc/PID/task/*/status."""
    found = {}
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/status", encoding="ascii") as file:
            for line in file:
                name, value = line.rstrip("\n").split(":\t", 1)
                found.setdefault(name, set()).add(value)
    return found


def check_privileges(pid, caps):
    """What every thread has: these capabilities, and nothing to gain."""
    if PORTABLE:
        return
    found = privileges(pid)
    for name in ("CapPrm", "CapEff"):
        assert {int(value, 16) for value in found[name]} == {caps}, name
    for name in ("CapInh", "CapAmb"):
        assert {int(value, 16) for value in found[name]} == {0}, name
    assert found["NoNewPrivs"] == {"1"}
    assert found["Seccomp"] == {"2"}


BIND, OVERRIDE = 1 << 10, 1 << 1


def test_root(teeline, server):
    """Root keeps what outputs may need; as another user nothing is left."""
    if not IS_ROOT:
        proxy = teeline.proxy(server().target)
        check_privileges(proxy.pid, 0)
        return
    proxy = teeline.proxy(server().target)
    check_privileges(proxy.pid, BIND | OVERRIDE)
    if not PORTABLE:
        assert privileges(proxy.pid)["CapBnd"] == {f"{0:016x}"}
    proxy.stop()
    proxy = teeline.proxy(server().target, "-Z", "nobody")
    check_privileges(proxy.pid, 0)
    if not PORTABLE:
        assert privileges(proxy.pid)["CapBnd"] == {f"{0:016x}"}


def test_capture_with_one_capability(teeline, wire, public):
    """An ordinary user with CAP_NET_RAW hears, and then has it no more."""
    out = public / "out"
    out.mkdir()
    ambient = ["setpriv", "--inh-caps=-all,+net_raw",
               "--ambient-caps=-all,+net_raw"]
    if IS_ROOT:
        shutil.chown(out, "nobody")
        ambient[1:1] = ["--reuid=nobody", "--regid=nogroup", "--clear-groups"]
    tap = Tap(teeline, out, wire.client, "tcp", become=ambient)
    check_privileges(tap.run.pid, 0)
    wire.server.spawn("nc", "-N", "-l", "7000")
    wire.server.listens(7000)
    wire.client.run("nc", "-N", wire.server.ip, "7000", input=b"hello")
    tap.closed(1)
    tap.stop()


# --- what is said -----------------------------------------------------------

def test_said(teeline, server):
    """-v names each part; nothing is said without it."""
    proxy = teeline.proxy(server().target, "-v")
    said = proxy.complaints(b"sandbox: ")
    assert len(said) == 4
    without = [line for line in said if b"going on without" in line]
    assert len(without) == (4 if PORTABLE else 0 if LANDLOCK else 1)
    proxy.stop()
    proxy = teeline.proxy(server().target)
    assert not proxy.complaints(b"sandbox")


# A filter for whatever is started: calls that fail.  Arguments: the errno, as
# many CALL or CALL:FIRST-ARGUMENT as wanted, "--", the command.  Not even a
# prohibition is inherited that way, if it may be made without.
HIDE = """
import ctypes, os, struct, sys
at = sys.argv.index("--")
number, calls = int(sys.argv[1]), sys.argv[2:at]
lines = []
for call in calls:
    name, _, first = call.partition(":")
    lines += [(0x20, 0, 0, 0), (0x15, 0, 3 if first else 1, int(name))]
    if first:
        lines += [(0x20, 0, 0, 16), (0x15, 0, 1, int(first))]
    lines += [(0x06, 0, 0, 0x00050000 | number)]
lines += [(0x06, 0, 0, 0x7fff0000)]
text = ctypes.create_string_buffer(
    b"".join(struct.pack("HBBI", *line) for line in lines))
prog = struct.pack("HxxxxxxP", len(lines), ctypes.addressof(text))
libc = ctypes.CDLL(None, use_errno=True)
if libc.prctl(22, 2, prog, 0, 0) != 0:
    assert libc.prctl(38, 1, 0, 0, 0) == 0
    assert libc.prctl(22, 2, prog, 0, 0) == 0, os.strerror(ctypes.get_errno())
os.execvp(sys.argv[at + 1], sys.argv[at + 1:])
"""
CAPGET, CAPSET, PRCTL, SECCOMP = ((125, 126, 157, 317) if os.uname().machine
                                  == "x86_64" else (90, 91, 167, 277))
SET_SECCOMP, NO_NEW_PRIVS = 22, 38
CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446

# What is missing, how it is missing, what is said of it.
LACKS = {
    "no-landlock": (errno.ENOSYS, [CREATE_RULESET, ADD_RULE, RESTRICT_SELF],
                    ["no Landlock: this kernel has none"]),
    "landlock-off": (errno.EOPNOTSUPP,
                     [CREATE_RULESET, ADD_RULE, RESTRICT_SELF],
                     ["no Landlock: it is switched off"]),
    "landlock-forbidden": (errno.EPERM, [RESTRICT_SELF],
                           ["Landlock cannot be entered: "]),
    "no-seccomp": (errno.EINVAL, [SECCOMP, f"{PRCTL}:{SET_SECCOMP}"],
                   ["system calls cannot be filtered: "]),
    "capabilities-kept": (errno.EPERM, [CAPSET],
                          ["capabilities cannot be dropped: "]),
    "capabilities-unknown": (errno.EPERM, [CAPGET],
                             ["the system does not tell its capabilities"]),
    # The others need it, but for those that may administrate the system.
    "new-privileges": (errno.EINVAL, [f"{PRCTL}:{NO_NEW_PRIVS}"],
                       ["no-new-privileges cannot be set: "] + (
                           ["Landlock cannot be entered: ",
                            "system calls cannot be filtered: "]
                           if IS_ROOT else [])),
}


@pytest.fixture(name="lack", params=LACKS)
def fixture_lack(request):
    """(a prefix under which something is missing, what is said of it)"""
    number, calls, said = LACKS[request.param]
    return [sys.executable, "-c", HIDE, str(number), *map(str, calls),
            "--"], said


def test_try_where_a_part_is_missing(teeline, server, lack):
    """What a system does not have is told with -v, in a line, and left out."""
    hidden, said = lack
    proxy = teeline.proxy(server(echo).target, "-v", prefix=hidden)
    lines = [line.decode() for line in
             proxy.complaints(b"sandbox: .*; going on without$")]
    if not PORTABLE and LANDLOCK:
        assert len(lines) == len(said), proxy.describe()
        assert all(want in line for want, line in zip(said, lines)), lines
    with connect(proxy.port) as client:
        client.sendall(b"hello")
        half_close(client)
        assert recv_all(client) == b"hello"
    proxy.idle().stop()
    proxy = teeline.proxy(server(echo).target, prefix=hidden)
    assert not proxy.complaints(b"sandbox|without")


def test_strict_where_a_part_is_missing(teeline, lack, tmp_path):
    """One sentence, and nothing has begun."""
    hidden, said = lack
    done = teeline.run("proxy", "--sandbox", "strict", "-o",
                       f"text:{tmp_path}/out", f"unix:{tmp_path}/sock",
                       "127.0.0.1:1", prefix=hidden, expect=1)
    line, = done.err.decode().splitlines()
    assert line.startswith("teeline: --sandbox strict: ")
    if not PORTABLE and LANDLOCK:
        assert said[0] in line
    assert list(tmp_path.iterdir()) == []
