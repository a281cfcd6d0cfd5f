"""tcpreen: our personality beside Debian's program, and each of its options.

Both are run on the same scripted conversation, one after the other, and must
print the same bytes; ports differ between the runs and are left out.
"""

import os
import signal
import socket

import pytest

from helpers.peers import (closed_port, connect, parse, recv_all,
                           recv_exactly, reset_at_once)
from helpers.tcpreen import (CLIENT_RESETS, EXAMPLE, IS_ROOT, LISTENING,
                             PIECES, SERVER_FIRST, SERVER_RESETS, SILENT,
                             THEIRS, Pair, both, converse, finished, play,
                             port_free, ports, same)
from helpers.wait import wait_until


@pytest.fixture(name="tcpreen")
def fixture_tcpreen(teeline, tmp_path):
    return Pair(teeline, tmp_path)


# --- what it prints ---------------------------------------------------------

FORMATS = ["C", "hex", "hexa", "count", "null", "raw", "strip", "stripped",
           "password", "pass"]


@pytest.mark.parametrize("script", [EXAMPLE, PIECES, SERVER_FIRST, SILENT],
                         ids=["example", "pieces", "server-first", "silent"])
@pytest.mark.parametrize("word", FORMATS)
def test_formats(tcpreen, server, word, script):
    """Same bytes on stdout and stderr in every format."""
    same(tcpreen, server(), ["-n", "-f", word], script)


CONSOLES = [
    [],
    ["-v"],
    ["-vv"],
    ["-o", "-"],
    ["-f", "count", "-o", "-"],
    ["-f", "count", "-o", "-", "-f", "C"],
    ["-f", "raw", "-o", "-", "-f", "hex", "-o", "-", "-f", "strip"],
    ["-q", "-v"],
]


@pytest.mark.parametrize("args", CONSOLES, ids=" ".join)
def test_console(tcpreen, server, args):
    """What decides that data is shown, and how often."""
    same(tcpreen, server(), ["-n", *args], PIECES)


@pytest.mark.parametrize("script", [CLIENT_RESETS, SERVER_RESETS],
                         ids=["client", "server"])
def test_resets(tcpreen, server, script):
    """The side that reset is told first."""
    same(tcpreen, server(), ["-n", "-f", "C"], script)


def test_names(tcpreen, server):
    """Without -n, names are looked up for sessions and listeners."""
    out, err = same(tcpreen, server(), ["-f", "C", "-a", "127.0.0.1"])
    assert b"Connection from: localhost port" in out
    assert b"Listening on: localhost port" in err


def test_several_sessions(tcpreen, server):
    same(tcpreen, server(), ["-n", "-f", "hex"], PIECES, sessions=3)


@pytest.mark.parametrize("protocols, here, there", [
    ("tcp", "127.0.0.1", "127.0.0.1:0"),
    ("tcp6", "::1", "[::1]:0"),
    ("tcp/tcp6", "::1", "127.0.0.1:0"),
    ("tcpip6/tcp4", "127.0.0.1", "[::1]:0"),
])
def test_protocols(tcpreen, server, protocols, here, there):
    """-p SERVER/CLIENT."""
    same(tcpreen, server(None, there), ["-n", "-f", "C", "-p", protocols],
               host=here)


@pytest.mark.parametrize("word", ["unix", "local"])
def test_unix(tcpreen, server, tmp_path, word):
    """Paths instead of ports; a UNIX peer has no host."""
    peer = server(None, f"unix:{tmp_path}/there")
    ours = tcpreen.ours("-n", "-m", "1", "-f", "C", "-p", word,
                        tmp_path / "there", tmp_path / "here")
    assert ours.err == f"Listening on:  port {tmp_path}/here\n".encode()
    play(EXAMPLE, connect(f"unix:{tmp_path}/here"), peer.accept())
    ours.wait()
    lines = ours.out.splitlines()
    assert lines[:2] == [b"Connection from:  port ",
                         f"Connection to:  port {tmp_path}/there".encode()]
    assert lines[3].startswith(b">>> 220 hi")
    assert not (tmp_path / "here").exists()


def test_unix_server_for_tcp_clients(tcpreen, server, tmp_path):
    peer = server(None, f"unix:{tmp_path}/there")
    ours = tcpreen.ours("-n", "-m", "1", "-f", "C", "-p", "unix/tcp",
                        tmp_path / "there")
    converse(ours, peer, EXAMPLE)
    ours.wait()
    assert f"Connection to:  port {tmp_path}/there\n".encode() in ours.out


# --- files ------------------------------------------------------------------

def test_logs(tcpreen, server, tmp_path):
    """-f and -o in turn; the name is exact, an old file is overwritten."""
    (tmp_path / "hexa.log").write_bytes(b"old" * 1000)
    args = ["-n", "-m", "1", "-f", "hex", "-o", tmp_path / "hexa.log",
            "-f", "C", "-o", tmp_path / "{x}.log"]
    peer = server()
    ours = tcpreen.ours(*args, str(peer.port))
    converse(ours, peer, PIECES)
    ours.wait()
    assert port_free((tmp_path / "{x}.log").read_bytes()) == port_free(ours.out)
    theirs, _ = both(tcpreen, server(), ["-n", "-f", "hex"], PIECES)
    assert port_free((tmp_path / "hexa.log").read_bytes()) == theirs[0]


def test_mode_of_logs(tcpreen, server, tmp_path):
    """As fopen(3) would make them: 0666 less the umask."""
    peer = server()
    before = os.umask(0o027)
    try:
        ours = tcpreen.ours("-m", "1", "-o", tmp_path / "log", str(peer.port))
    finally:
        os.umask(before)
    converse(ours, peer, SILENT)
    ours.wait()
    assert (tmp_path / "log").stat().st_mode & 0o777 == 0o640


def test_log_default_is_c(tcpreen, server, tmp_path):
    """-o without -f: C strings, and the console shows data too."""
    peer = server()
    ours = tcpreen.ours("-n", "-m", "1", "-o", tmp_path / "log",
                        str(peer.port))
    converse(ours, peer, EXAMPLE)
    ours.wait()
    assert b'>>> 220 hi "there" \\\\ \\0\\0x01' in ours.out
    assert (tmp_path / "log").read_bytes() == ours.out


def test_quiet(tcpreen, server, tmp_path):
    """-q: nothing on the console, a log all the same."""
    peer = server()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    ours = tcpreen.ours("-q", "-n", "-m", "1", "-f", "count", "-o",
                        tmp_path / "log", str(peer.port), str(port), ready=0)
    play(EXAMPLE, wait_until(lambda: connect(port)), peer.accept())
    ours.wait()
    assert ours.out == ours.err == b""
    assert b">>> 34 bytes\n<<< 19 bytes\n" in (tmp_path / "log").read_bytes()


def test_log_that_cannot_be_opened(tcpreen, server, tmp_path):
    """Told at once: exit 1, and nobody is listened to."""
    (tmp_path / "file").write_bytes(b"")
    done = tcpreen.run("-o", tmp_path / "file/log", str(server().port),
                       expect=1)
    assert f"{tmp_path}/file".encode() in done.err
    assert not LISTENING.search(done.err)


# --- limits -----------------------------------------------------------------

BYTES = [
    ("10", [("client", b"xyz"), ("server", b"1234567")]),
    ("10", [("client", b"xyz"), ("server", b"12345678901234567890")]),
    ("1", [("server", b"a line\n")]),
]


@pytest.mark.parametrize("count, script", BYTES)
def test_bytes(tcpreen, server, count, script):
    """-b: closed at the packet's end, both sides get a FIN, no end lines."""
    outputs = []
    peer = server()
    for start in (tcpreen.theirs, tcpreen.ours):
        running = start("-n", "-m", "1", "-f", "C", "-b", count,
                        str(peer.port))
        client = connect(ports(running)[0][1])
        there = peer.accept()
        for who, what in script:
            here, other = ((client, there) if who == "client"
                           else (there, client))
            here.sendall(what)
            assert recv_exactly(other, len(what)) == what
        assert recv_all(client) == recv_all(there) == b""
        outputs.append(finished(running))
    assert outputs[0] == outputs[1]
    assert b"End of input" not in outputs[1][0]
    assert outputs[1][0].endswith(b"End of transmission.\n")


def test_one_session_at_a_time(tcpreen, server):
    """Without -F the second client waits until the first has gone."""
    peer = server()
    ours = tcpreen.ours("-n", "-m", "2", "-f", "C", str(peer.port))
    first = connect(ports(ours)[0][1])
    there = peer.accept()
    second = connect(ports(ours)[0][1])
    second.sendall(b"me too\n")
    assert not peer.waiting(0.3), "the second was not made to wait"
    play(SILENT, first, there)
    there = peer.accept()
    assert recv_exactly(there, 7) == b"me too\n"
    play(SILENT, second, there)
    ours.wait()
    assert ours.out.count(b"End of transmission.") == 2


def test_fork(tcpreen, server):
    """-F 2: two at once, and no third."""
    peer = server()
    ours = tcpreen.ours("-n", "-m", "3", "-F", "2", "-f", "C", str(peer.port))
    clients = [connect(ports(ours)[0][1]) for _ in range(3)]
    there = [peer.accept() for _ in range(2)]
    assert not peer.waiting(0.3), "a third was let in"
    play(SILENT, clients[0], there[0])
    third = peer.accept()
    play(SILENT, clients[1], there[1])
    play(SILENT, clients[2], third)
    ours.wait()


def test_maxconn(tcpreen, server):
    """-m 1: ends by itself after the first session, with 0."""
    peer = server()
    ours = tcpreen.ours("-n", "-m", "1", str(peer.port))
    converse(ours, peer, SILENT)
    ours.wait(expect=0)


# --- who calls whom ---------------------------------------------------------

def test_listen(tcpreen):
    """-l: both sides come to us; either may come first."""
    for order in ("client", "server"), ("server", "client"):
        outputs = []
        for start in (tcpreen.theirs, tcpreen.ours):
            running = start("-n", "-m", "1", "-f", "C", "-l", ready=2)
            at = dict(zip(("client", "server"), ports(running)))
            socks = {who: connect(at[who][1]) for who in order}
            play(EXAMPLE, socks["client"], socks["server"])
            outputs.append(finished(running))
        assert outputs[0] == outputs[1]


def test_listen_where_told(tcpreen):
    """-l: -s is where servers come, -a where clients do."""
    ours = tcpreen.ours("-n", "-m", "1", "-f", "C", "-l", "-s", "127.0.0.2",
                        "-a", "127.0.0.3", "0", "0", ready=2)
    (client_host, client_port), (server_host, server_port) = ports(ours)
    assert (client_host, server_host) == ("127.0.0.3", "127.0.0.2")
    play(EXAMPLE, connect(f"127.0.0.3:{client_port}"),
         connect(f"127.0.0.2:{server_port}"))
    ours.wait()


def test_connect(tcpreen, server):
    """-c: the client is called as well, once."""
    outputs = []
    for start in (tcpreen.theirs, tcpreen.ours):
        peer, caller = server(), server()
        running = start("-n", "-f", "C", "-c", str(peer.port),
                        str(caller.port), ready=0)
        client = caller.accept()
        play(EXAMPLE, client, peer.accept())
        outputs.append(finished(running))
    assert outputs[0] == outputs[1]
    assert outputs[1][1] == b""


def test_connect_and_listen(tcpreen, server):
    """-c -l: we call the client, and the server calls us."""
    caller = server()
    ours = tcpreen.ours("-n", "-f", "C", "-c", "-l", "-a", "127.0.0.1", "0",
                        str(caller.port))
    client = caller.accept()
    play(EXAMPLE, client, connect(ports(ours)[0][1]))
    ours.wait()
    assert b'>>> 220 hi "there"' in ours.out


def test_bind(tcpreen, server):
    """-a: nowhere else."""
    peer = server()
    ours = tcpreen.ours("-n", "-a", "127.0.0.4", str(peer.port))
    (host, port), = ports(ours)
    assert host == "127.0.0.4"
    with pytest.raises(ConnectionRefusedError):
        connect(f"127.0.0.1:{port}")
    ours.stop()


def test_every_address_by_default(tcpreen, server):
    peer = server()
    ours = tcpreen.ours("-n", "-m", "2", str(peer.port))
    (host, port), = ports(ours)
    assert host == "0.0.0.0"
    for host in "127.0.0.1", "127.0.0.5":
        play(SILENT, connect(f"{host}:{port}"), peer.accept())
    ours.wait()


# --- trouble ----------------------------------------------------------------

@pytest.mark.parametrize("host, said", [
    ([], b"port %d: Connection refused\n"),
    (["-s", "localhost"], b"localhost port %d: Connection refused\n"),
])
def test_refused(tcpreen, host, said):
    """Said on stderr, in the original's words; the client is reset."""
    address, holder = closed_port()
    port = parse(address)[1][1]
    ours = tcpreen.ours("-n", "-m", "1", "-f", "C", *host, str(port))
    reset_at_once(f"127.0.0.1:{ports(ours)[0][1]}")
    ours.wait(expect=0)
    assert ours.out == b""
    assert ours.err.splitlines(keepends=True)[1:] == [said % port]
    holder.close()


MISTAKES = [
    ["-f", "bogus", "21"],
    [],
    ["-m"],
    ["-m", "x", "21"],
    ["-b", "-1", "21"],
    ["-b", "99999999999999999999", "21"],
    ["-F", "0", "21"],
    ["21", "22", "23"],
    ["-p", "bogus", "21"],
    ["-p", "tcp/tcp/tcp", "21"],
    ["--bogus"],
    ["-Z"],
    ["--f=bogus", "21"],
    ["--form=bogus", "21"],
    ["-q", "21"],
    ["-c", "21"],
    ["-q", "-l", "21"],
    ["-u", "no-such-user", "21"],
]


@pytest.mark.parametrize("args", MISTAKES, ids=" ".join)
def test_mistakes(tcpreen, tmp_path, args):
    """Exit 1 with the original's sentence and hint, nothing on stdout."""
    theirs = tcpreen.run(*args, program=tcpreen.theirs, expect=1)
    ours = tcpreen.run(*args, expect=1)
    named = theirs.err.replace(THEIRS.encode(),
                               str(tmp_path / "tcpreen").encode())
    assert ours.err == named
    assert ours.out == b""


def test_unknown_service(tcpreen):
    """Ours is exit 1 where the original said 0."""
    done = tcpreen.run("no-such-service", expect=1)
    assert done.err == (b"port no-such-service: Servname not supported for "
                        b"ai_socktype\n")


def test_port_in_use(tcpreen, server):
    """Likewise."""
    peer = server()
    done = tcpreen.run("-n", "7", str(peer.port), expect=1)
    assert str(peer.port).encode() in done.err


def test_help(tcpreen):
    theirs = tcpreen.run("-h", program=tcpreen.theirs)
    ours = tcpreen.run("--help")
    # All options and lists; where to report bugs differs.
    cut = theirs.out.index(b"Report any bug")
    assert ours.out[:cut] == theirs.out[:cut]
    assert ours.err == b""


def test_version(tcpreen):
    done = tcpreen.run("-V")
    assert b"1.4.4" in done.out and b"teeline" in done.out
    assert b"WARRANTY" in done.out.upper()


@pytest.mark.parametrize("number, name", [
    (signal.SIGTERM, b"Terminated"), (signal.SIGINT, b"Interrupt")])
def test_signals(tcpreen, server, number, name):
    """Said on stderr, exit 0; the session under way has its last line."""
    peer = server()
    ours = tcpreen.ours("-n", "-f", "C", str(peer.port))
    client = connect(ports(ours)[0][1])
    there = peer.accept()
    there.sendall(b"x\n")
    assert recv_exactly(client, 2) == b"x\n"
    ours.stop(number)
    assert ours.err.endswith(b"Caught signal: " + name + b"\n")
    assert b">>> x\\n\n" in ours.out
    assert ours.out.endswith(b"End of transmission.\n")
    assert recv_all(client) == b""


def test_by_subcommand(teeline, server):
    """`teeline tcpreen` is the same program as the link."""
    peer = server()
    as_root = ["-u", "root"] if IS_ROOT else []
    ours = teeline.start("tcpreen", *as_root, "-n", "-m", "1", "-f", "count",
                         str(peer.port), ready=LISTENING)
    converse(ours, peer, EXAMPLE)
    ours.wait()
    assert b">>> 34 bytes\n<<< 19 bytes\n" in ours.out
