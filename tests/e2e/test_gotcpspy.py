"""gotcpspy: its command line, what it says, and its three logs."""

import os
import re
import signal

import pytest

from helpers.peers import (closed_port, connect, echo, half_close, parse,
                           recv_all, recv_exactly, reset_at_once)
from helpers.wait import wait_until

READY = re.compile(rb"^Start listening on port (?P<port>\d+) and forwarding "
                   rb"data to (?P<target>\S+)\n", re.MULTILINE)
TIME = r"\d{4}\.\d\d\.\d\d-\d\d\.\d\d\.\d\d"
USAGE = b"usage: gotcpspy -host target_host -port target_port "
DEFAULTS = b"""\
  -host string
    \ttarget host or address
  -listen_port string
    \tlisten port (default "0")
  -port string
    \ttarget port (default "0")
"""


class Spy:
    """gotcpspy in a folder of its own, as a link or as a subcommand."""

    def __init__(self, teeline, folder):
        self._teeline = teeline
        self.folder = folder / "logs"
        self.folder.mkdir()
        self.link = folder / "gotcpspy"
        self.link.symlink_to(teeline.path)

    def start(self, *args, command=None, ready=True):
        running = self._teeline.spawn([*(command or [self.link]), *args],
                                      cwd=self.folder)
        if ready:
            running.wait_ready(READY, "out")
        return running

    def watch(self, peer, **how):
        host, port = parse(peer.target)[1][:2]
        return self.start("-host", host, "-port", str(port), "-listen_port",
                          "0", **how)

    def run(self, *args, expect):
        running = self.start(*args, ready=False)
        running.wait(expect)
        return running

    def logs(self):
        """{name without the time: content}; names are checked."""
        found = {}
        for name in os.listdir(self.folder):
            match = re.fullmatch(rf"(log-(?:binary-)?){TIME}-(.*)\.log", name)
            assert match, name
            found[match[1] + match[2]] = (self.folder / name).read_bytes()
        return found


@pytest.fixture(name="spy")
def fixture_spy(teeline, tmp_path):
    return Spy(teeline, tmp_path)


def port_of(running):
    return int(running.match["port"])


def name_of(sockname):
    """An address as the logs spell it: every ':' is a '-'."""
    host, port = sockname[:2]
    text = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    return text.replace(":", "-")


def talk(running, peer, host="127.0.0.1"):
    """The scripted conversation; (listening, local, remote) by name."""
    address = (f"[{host}]:{port_of(running)}" if ":" in host
               else f"{host}:{port_of(running)}")
    client = connect(address)
    there = peer.accept()
    names = tuple(map(name_of, (client.getpeername(), there.getpeername(),
                                there.getsockname())))
    for here, other, data in (
            (there, client, b"220 ready\r\n"),
            (client, there, b"USER anonymous\r\n"),
            (there, client, bytes(range(20))),
            (client, there, b"QUIT\r\n")):
        here.sendall(data)
        assert recv_exactly(other, len(data)) == data
    half_close(client)
    assert recv_all(there) == b""
    there.sendall(b"221 bye\r\n")
    there.close()
    assert recv_all(client) == b"221 bye\r\n"
    client.close()
    return names


DUMP = """\
Connected to {target} at TIME
Received (#0, 00000000) 11 bytes from {local}
00000000  32 32 30 20 72 65 61 64  79 0d 0a                 |220 ready..|
Sent (#0) to {listening}
Received (#0, 00000000) 16 bytes from {listening}
00000000  55 53 45 52 20 61 6e 6f  6e 79 6d 6f 75 73 0d 0a  |USER anonymous..|
Sent (#0) to {local}
Received (#1, 0000000B) 20 bytes from {local}
00000000  00 01 02 03 04 05 06 07  08 09 0a 0b 0c 0d 0e 0f  |................|
00000010  10 11 12 13                                       |....|
Sent (#1) to {listening}
Received (#1, 00000010) 6 bytes from {listening}
00000000  51 55 49 54 0d 0a                                 |QUIT..|
Sent (#1) to {local}
Disconnected from {listening}
Received (#2, 0000001F) 9 bytes from {local}
00000000  32 32 31 20 62 79 65 0d  0a                       |221 bye..|
Sent (#2) to {listening}
Disconnected from {local}
Finished at TIME, duration DURATION
"""


def check_logs(logs, number, names, target):
    """All three logs of a talk(), byte for byte but for the times."""
    listening, local, remote = names
    dump = logs.pop(f"log-{number:04d}-{local}-{remote}").decode()
    dump = re.sub(rf"(?<= at ){TIME}", "TIME", dump)
    dump = re.sub(r"(?<=duration )[\d.]+(ns|µs|ms|s)$", "DURATION", dump,
                  flags=re.MULTILINE)
    assert dump == DUMP.format(target=target, listening=listening,
                               local=local)
    assert (logs.pop(f"log-binary-{number:04d}-{local}")
            == b"USER anonymous\r\nQUIT\r\n")
    assert (logs.pop(f"log-binary-{number:04d}-{remote}")
            == b"220 ready\r\n" + bytes(range(20)) + b"221 bye\r\n")


@pytest.mark.parametrize("address, host", [
    ("127.0.0.1:0", "127.0.0.1"),
    ("[::1]:0", "127.0.0.1"),
    ("127.0.0.1:0", "::1"),
])
def test_logs(spy, server, address, host):
    """Three logs per connection; every address is listened at."""
    peer = server(None, address)
    running = spy.watch(peer)
    assert running.match["target"].decode() == peer.target
    first = talk(running, peer, host)
    second = talk(running, peer, host)
    running.idle()
    running.stop()
    logs = spy.logs()
    check_logs(logs, 1, first, peer.target)
    check_logs(logs, 2, second, peer.target)
    assert not logs
    assert running.out == READY.match(running.out)[0]
    assert running.err == b""


def test_by_subcommand(spy, server, teeline):
    peer = server()
    running = spy.watch(peer, command=[teeline.path, "gotcpspy"])
    names = talk(running, peer)
    running.idle()
    running.stop(signal.SIGINT)
    check_logs(spy.logs(), 1, names, peer.target)


def test_logs_are_seen_at_once(spy, server):
    """Lines are there while the connection lives."""
    peer = server()
    running = spy.watch(peer)
    client = connect(port_of(running))
    there = peer.accept()
    client.sendall(b"hello")
    assert recv_exactly(there, 5) == b"hello"

    def seen():
        return any(b"|hello|" in text and b"Finished" not in text
                   for text in spy.logs().values())

    wait_until(seen, deadline=2, what="the line in the log")
    client.close()
    there.close()
    running.idle()
    running.stop()


def test_mode_of_logs(spy, server):
    """0666 less the umask, as Go's os.Create() makes them."""
    peer = server()
    before = os.umask(0o022)
    try:
        running = spy.watch(peer)
    finally:
        os.umask(before)
    talk(running, peer)
    running.idle()
    running.stop()
    modes = {os.stat(spy.folder / name).st_mode & 0o777
             for name in os.listdir(spy.folder)}
    assert modes == {0o644}


@pytest.mark.parametrize("style", ["-{0} {1}", "--{0} {1}", "-{0}={1}",
                                   "--{0}={1}"])
def test_flags(spy, server, style):
    """Every way in which Go reads flags."""
    peer = server()
    args = [word for name, value in (
        ("host", "127.0.0.1"), ("port", peer.port), ("listen_port", 0))
        for word in style.format(name, value).split()]
    running = spy.start(*args)
    assert running.match["target"].decode() == peer.target
    running.stop()


@pytest.mark.parametrize("args", [
    [], ["-host", "h"], ["-host", "h", "-port", "1"],
    ["-port", "1", "-listen_port", "2"]], ids=" ".join)
def test_usage(spy, args):
    """All three flags are needed: usage on stdout, exit 1."""
    done = spy.run(*args, expect=1)
    assert done.out.startswith(USAGE) and done.out.count(b"\n") == 1
    assert done.err == DEFAULTS


def test_unknown_flag(spy):
    """In Go's words, with Go's exit status."""
    done = spy.run("-hots", "h", expect=2)
    first, _, rest = done.err.partition(b"\n")
    assert first.startswith(b"flag provided but not defined: -hots")
    assert rest == b"Usage of %s:\n%s" % (str(spy.link).encode(), DEFAULTS)
    assert done.out == b""


def test_help(spy):
    done = spy.run("-h", expect=0)
    assert done.err.endswith(DEFAULTS)


@pytest.mark.parametrize("port", ["no-such-service", "70000", "-1"])
def test_wrong_port(spy, port):
    done = spy.run("-host", "127.0.0.1", "-port=" + port, "-listen_port=0",
                   expect=1)
    assert port.encode() in done.err


def test_port_in_use(spy, server):
    peer = server()
    done = spy.run("-host", "127.0.0.1", "-port", "7", "-listen_port",
                   str(peer.port), expect=1)
    assert str(peer.port).encode() in done.err


def test_refused(spy):
    """Said on stdout; the client is reset, no logs are made."""
    address, holder = closed_port()
    host, port = parse(address)[1][:2]
    running = spy.start("-host", host, "-port", str(port), "-listen_port", "0")
    reset_at_once(f"127.0.0.1:{port_of(running)}")
    line = (f"Unable to connect to {address}, dial tcp {address}: connect: "
            "connection refused\n").encode()
    wait_until(lambda: running.out.endswith(line),
               what=lambda: f"{line!r} in {running.out!r}")
    assert not os.listdir(spy.folder)
    # The original would have crashed here; this one goes on.
    running.stop()
    holder.close()


def test_paths_lead_nowhere(teeline, server, tmp_path):
    """UNIX sockets as ends: their folders are no folders of the logs."""
    (tmp_path / "logs").mkdir()
    (tmp_path / "a").mkdir()
    peer = server(echo, f"unix:{tmp_path}/there")
    sock = f"unix:{tmp_path}/a/../../{tmp_path.name}/here"
    proxy = teeline.proxy(peer.target, "-f", "none", "-o",
                          f"gotcpspy:{tmp_path}/logs", listen=sock)
    with connect(f"unix:{tmp_path}/here") as client:
        client.sendall(b"hello")
        half_close(client)
        assert recv_all(client) == b"hello"
    proxy.idle().stop()
    assert len(os.listdir(tmp_path / "logs")) == 3
    assert all((tmp_path / "logs" / name).is_file()
               for name in os.listdir(tmp_path / "logs"))
