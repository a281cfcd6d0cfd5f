"""`teeline read` as a person uses it: formats, filters, limits, what is said
where, how it ends.  (That streams come out right: test_streams.py; that files
of every kind are read: test_capture_formats.py.)"""

import errno
import fcntl
import json
import os
import re
import signal
import struct
import termios

import pytest

from helpers import records, savefile
from helpers.packets import C, S, Talk, data
from helpers.peers import connect, recv_exactly
from helpers.reading import check_talk, read
from helpers.wait import wait_until

QUESTION, ANSWER = b"USER me\r\n", b"331 password?\r\n"


@pytest.fixture(name="talk")
def fixture_talk():
    return Talk("192.0.2.1:40112", "192.0.2.7:21")


@pytest.fixture(name="path")
def fixture_path(tmp_path, talk):
    """A capture of one short conversation, a packet each millisecond."""
    return savefile.pcap(tmp_path / "ftp.pcap", talk.whole(QUESTION, ANSWER))


# --- formats -----------------------------------------------------------------

CLOSED = "closed by the client (fin) after 0.010 s   -> 9 B   <- 15 B"
FORMATS = {
    "text": [
        "22:13:20.000  #1  *   192.0.2.1:40112 -> 192.0.2.7:21",
        r"22:13:20.003  #1  ->  USER me\r\n",
        r"22:13:20.005  #1  <-  331 password?\r\n",
        "22:13:20.010  #1  o   " + CLOSED],
    "strip": [
        "22:13:20.000  #1  *   192.0.2.1:40112 -> 192.0.2.7:21",
        "22:13:20.003  #1  ->  USER me",
        "22:13:20.005  #1  <-  331 password?",
        "22:13:20.010  #1  o   " + CLOSED],
    "c": [
        "22:13:20.000  #1  *   192.0.2.1:40112 -> 192.0.2.7:21",
        r'22:13:20.003  #1  ->  "USER me\r\n"',
        r'22:13:20.005  #1  <-  "331 password?\r\n"',
        "22:13:20.010  #1  o   " + CLOSED],
    "count": [
        "22:13:20.000  #1  *   192.0.2.1:40112 -> 192.0.2.7:21",
        "22:13:20.003  #1  ->  9 bytes at 0",
        "22:13:20.005  #1  <-  15 bytes at 0",
        "22:13:20.010  #1  o   " + CLOSED],
    "summary": [
        "2023-11-14 22:13:20.000  #1  192.0.2.1:40112 -> 192.0.2.7:21   "
        + CLOSED + "   11 packets"],
    "hex": [
        "22:13:20.000  #1  *   192.0.2.1:40112 -> 192.0.2.7:21",
        "22:13:20.003  #1  ->  9 bytes at 0",
        "00000000  55 53 45 52 20 6d 65 0d  0a                       "
        "|USER me..|",
        "22:13:20.005  #1  <-  15 bytes at 0",
        "00000000  33 33 31 20 70 61 73 73  77 6f 72 64 3f 0d 0a     "
        "|331 password?..|",
        "22:13:20.010  #1  o   " + CLOSED],
    "raw": ["USER me\r", "331 password?\r"],
    "none": [],
}


@pytest.mark.parametrize("name", FORMATS)
def test_format(teeline, path, name):
    """Times are those of the packets."""
    done = teeline.run("read", "-f", name, path)
    assert done.out.decode().split("\n")[:-1] == FORMATS[name]


def test_text_is_the_default(teeline, path):
    assert (teeline.run("read", path).out
            == teeline.run("read", "-f", "text", path).out)


def test_jsonl(teeline, path):
    done = teeline.run("read", "-f", "jsonl", path)
    events = [json.loads(line) for line in done.out.splitlines()]
    assert [event["event"] for event in events] == [
        "open", "data", "data", "end", "end", "close"]
    assert events[0]["source"] == "read"
    assert events[0]["client"] == "192.0.2.1:40112"
    assert not {"listen", "local", "target"} & events[0].keys()
    assert events[-1]["packets"] == {"c2s": 6, "s2c": 5}
    assert events[-1]["retransmitted"] == {"c2s": 0, "s2c": 0}


def test_retransmitted(teeline, tmp_path, talk):
    """Packets with nothing new, by sender: what jsonl and summary tell."""
    frames = talk.whole(QUESTION, ANSWER)
    frames[4:4] = [frames[3]] * 3
    path = savefile.pcap(tmp_path / "x", frames)
    done = teeline.run("read", "-f", "jsonl", path)
    close = json.loads(done.out.splitlines()[-1])
    assert close["packets"] == {"c2s": 9, "s2c": 5}
    assert close["retransmitted"] == {"c2s": 3, "s2c": 0}
    said = teeline.run("read", "-f", "summary", path).out
    assert said.endswith(b"   3 retransmitted   14 packets\n")


def test_what_is_still_open(teeline, tmp_path, talk):
    """Nobody closed it: not the peers, and not we."""
    frames = [*talk.open(), talk.c(QUESTION)]
    path = savefile.pcap(tmp_path / "x", frames)
    assert b"  still open (stop) after 0.003 s" in teeline.run(
        "read", path).out


def test_first_seen_in_the_middle(teeline, tmp_path, talk):
    talk.begin()
    path = savefile.pcap(tmp_path / "x", [talk.c(QUESTION), talk.s(ANSWER)])
    said = teeline.run("read", path).out
    assert b" 192.0.2.7:21 (first seen in the middle)\n" in said


def test_two_outputs_of_one_run(teeline, tmp_path, path, talk):
    """Standard output and files at once."""
    done = teeline.run("read", path, "-o", f"flows:{tmp_path}/f", "-o",
                       f"raw:{tmp_path}/raw")
    assert done.out
    assert (tmp_path / "raw").read_bytes() == QUESTION + ANSWER
    check = read(teeline, tmp_path, path)
    check_talk(check.session, talk)


def test_logs_of_the_personalities(teeline, tmp_path, path):
    """Decision 21: their times count from the first packet; the ends are
    the true ones."""
    teeline.run("read", "-f", "none", path, "-o", f"netrecord:{tmp_path}/log",
                "-o", f"gotcpspy:{tmp_path}/spy")
    log = (tmp_path / "log_1").read_bytes()
    assert log == (b"c 0.000000 con\nc 0.003000 9\n" + QUESTION
                   + b"s 0.005000 15\n" + ANSWER
                   + b"c 0.007000 hup\ns 0.009000 hup\n")
    binary = [name for name in os.listdir(tmp_path / "spy")
              if name.startswith("log-binary-")]
    assert len(binary) == 2


# --- which packets -----------------------------------------------------------

@pytest.fixture(name="two")
def fixture_two(tmp_path):
    """(path, talk, talk): two conversations, packets in turn."""
    one, two = Talk("10.1.0.1:1111"), Talk("10.1.0.2:2222", "10.2.0.2:8080")
    frames = [packet for pair in zip(
        one.whole(b"of one"), two.whole(b"of two")) for packet in pair]
    return savefile.pcap(tmp_path / "two.pcap", frames), one, two


@pytest.mark.parametrize("words", [
    ["port 8080"], ["port", "8080"], ["tcp", "and", "host", "10.1.0.2"]])
def test_filter(teeline, tmp_path, two, words):
    """Behind "--", in one word or in several."""
    path, _, wanted = two
    got = read(teeline, tmp_path, [path, "--", *words])
    check_talk(got.session, wanted)
    assert got.packets["received"] == 11
    assert got.packets["filtered"] == 11


def test_filter_of_nothing(teeline, tmp_path, two):
    """"--" alone changes nothing."""
    got = read(teeline, tmp_path, [two[0], "--"])
    assert len(got.sessions) == 2


@pytest.mark.parametrize("words", [
    ["prot", "80"], ["port", "99999"], ["host"], ["tcp["]])
def test_filter_that_is_wrong(teeline, tmp_path, path, words):
    """Text that is wrong: 2, before anything was written."""
    out = tmp_path / "out"
    done = teeline.run("read", path, "-o", f"raw:{out}", "--", *words,
                       expect=2)
    lines = done.err.splitlines()
    assert len(lines) == 1 and words[0].encode() in lines[0], done.describe()
    assert not out.exists()


def test_tap_reads_as_well(teeline, two):
    """-r as tcpdump's users know it: operands are the filter."""
    path = two[0]
    done = teeline.run("tap", "-nn", "-s", "0", "-r", path, "port", "8080")
    assert done.out == teeline.run("read", path, "--", "port", "8080").out
    assert done.out.count(b"\n") == 4


def test_count_of_packets(teeline, tmp_path, two):
    """-c counts what has passed the filter, exactly."""
    path, _, talk = two
    got = read(teeline, tmp_path, [path, "--", "port 8080"], "-c", "4")
    assert got.packets["received"] == 4
    assert got.session.bytes("c2s") == b"of two"
    assert got.session.bytes("s2c") == b""
    assert talk.said[S]
    assert got.session.reason == "stop"
    assert read(teeline, tmp_path, path, "-c", "1000").packets[
        "received"] == 22


def test_max_sessions(teeline, tmp_path):
    """Stops when so many are over, and makes no more of them."""
    frames = []
    for number in range(5):
        frames += Talk(f"10.1.0.1:{5000 + number}").whole()
    path = savefile.pcap(tmp_path / "x", frames)
    got = read(teeline, tmp_path, path, "--max-sessions", "2")
    assert [one.id for one in got.sessions] == [1, 2]
    assert all(one.reason == "fin" for one in got.sessions)


def test_max_bytes(teeline, tmp_path):
    """A session that has said enough is over; the rest of it is strays."""
    talk = Talk()
    frames = [*talk.open(), *talk.stream(C, data(5000)), *talk.close()]
    path = savefile.pcap(tmp_path / "x", frames)
    got = read(teeline, tmp_path, path, "--max-bytes", "2000")
    assert got.session.reason == "limit"
    assert got.session.bytes("c2s") == data(5000)[:2000]
    assert got.packets["strays"] > 0


def test_max_concurrent(teeline, tmp_path):
    """The one that was silent longest makes room."""
    talks = [Talk(f"10.1.0.1:{5000 + number}") for number in range(3)]
    frames = []
    for talk in talks:
        frames += [*talk.open(), talk.c(b"x")]
    frames += [packet for talk in talks for packet in talk.close()]
    path = savefile.pcap(tmp_path / "x", frames)
    got = read(teeline, tmp_path, path, "--max-concurrent", "2")
    assert {one.id: one.reason for one in got.sessions} == {
        1: "evicted", 2: "fin", 3: "fin"}


def test_idle_timeout(teeline, tmp_path, talk):
    """Captures hold silences of years: none ends a session unasked."""
    year = 365 * 86400
    frames = talk.whole(QUESTION, ANSWER)
    frames = [*frames[:4], *(savefile.at(year, one) for one in frames[4:])]
    path = savefile.pcap(tmp_path / "x", frames)
    check_talk(read(teeline, tmp_path, path).session, talk)
    first = read(teeline, tmp_path, path, "--idle-timeout", "1h").sessions[0]
    assert first.reason == "timeout"
    assert first.bytes("c2s") == QUESTION


# --- files -------------------------------------------------------------------

def test_file_that_is_not_there(teeline, tmp_path, path):
    """Told before anything is written."""
    out = tmp_path / "out"
    missing = tmp_path / "missing.pcap"
    done = teeline.run("read", path, missing, "-o", f"raw:{out}", expect=1)
    assert done.out == b""
    line, = done.err.splitlines()
    assert os.fsencode(missing) in line
    assert os.strerror(errno.ENOENT).encode() in line
    assert not out.exists()


def test_folder(teeline, tmp_path):
    done = teeline.run("read", tmp_path, expect=1)
    line, = done.err.splitlines()
    assert os.fsencode(tmp_path) in line


@pytest.mark.parametrize("words", [[], ["--"], ["--", "port", "80"], ["-q"]])
def test_no_file(teeline, words):
    done = teeline.run("read", *words, expect=2)
    line, = done.err.splitlines()
    assert b"FILE" in line


def test_standard_input(teeline, path):
    with open(path, "rb") as file:
        done = teeline.run("read", "-", stdin=file)
    assert done.out == teeline.run("read", path).out


@pytest.mark.parametrize("kind", ["pcapng", "pcap"])
def test_what_the_proxy_wrote(teeline, server, tmp_path, kind):
    """A recording of the proxy, read back: the same streams, nothing of it
    lost or seen twice."""
    capture, said = tmp_path / f"x.{kind}", [data(100_000), data(50_000, 1)]
    peer = server()
    proxy = teeline.proxy(peer.target, "-f", "none", "-w", capture)
    for number in range(3):
        client = connect(proxy.port)
        there = peer.accept()
        client.sendall(said[number % 2])
        assert recv_exactly(there, len(said[number % 2]))
        there.sendall(b"answer %d" % number)
        assert recv_exactly(client, 8)
        client.close()
        there.close()
    proxy.idle().stop()
    got = read(teeline, tmp_path, capture, "--strict")
    assert [one.bytes("c2s") for one in got.sessions] == [
        said[0], said[1], said[0]]
    assert [one.bytes("s2c") for one in got.sessions] == [
        b"answer 0", b"answer 1", b"answer 2"]
    assert [one.reason for one in got.sessions] == ["fin"] * 3
    assert all(one.close["retransmitted"] == {"c2s": 0, "s2c": 0}
               for one in got.sessions)


def test_log_of_netrecord(teeline, tmp_path, path):
    """Its logs are read as well, and come out the same."""
    teeline.run("read", "-f", "none", path, "-o", f"netrecord:{tmp_path}/log")
    log = tmp_path / "log_1"
    teeline.run("read", "-f", "none", log, "-o", f"netrecord:{tmp_path}/again")
    assert (tmp_path / "again_1").read_bytes() == log.read_bytes()
    session, = events(teeline, log)
    assert session.bytes("c2s") == QUESTION
    assert session.bytes("s2c") == ANSWER


def events(teeline, path):
    """Sessions of what -f jsonl prints."""
    done = teeline.run("read", "-f", "jsonl", path)
    name = os.path.join(os.path.dirname(path), "events")
    with open(name, "wb") as file:
        file.write(done.out)
    return records.jsonl(name, captured=True)


# --- how it ends -------------------------------------------------------------

def test_damage_weighs_more_than_a_loss(teeline, tmp_path, talk):
    """3 only where it would be 0."""
    frames = [*talk.open(), talk.c(data(100)), talk.c(data(100)),
              talk.c(data(100))]
    lost = savefile.pcap_bytes([*frames[:4], frames[5]])
    path = tmp_path / "x"
    path.write_bytes(lost)
    teeline.run("read", path)
    teeline.run("read", path, "--strict", expect=3)
    path.write_bytes(lost + b"torn")
    teeline.run("read", path, "--strict", expect=1)


def test_a_signal_ends_it(teeline, talk):
    """What waits behind a hole is told, and what is open is stopped."""
    ours, theirs = os.pipe()
    frames = [*talk.open(), talk.c(QUESTION)]
    done = teeline.start("read", "-f", "jsonl", "-", ready=None, stdin=ours)
    os.close(ours)
    os.write(theirs, savefile.pcap_bytes(frames))
    wait_until(lambda: b'"data"' in done.out, 10, "the question")
    done.stop(signal.SIGINT)
    os.close(theirs)
    close = json.loads(done.out.splitlines()[-1])
    assert (close["reason"], close["first"]) == ("stop", "us")


def test_a_reader_that_has_gone(teeline, tmp_path):
    """`teeline read ... | head -1` ends quietly, with 0."""
    talk = Talk()
    frames = [*talk.open(), *talk.stream(C, b"x\n" * 200_000)]
    path = savefile.pcap(tmp_path / "x", frames)
    ours, theirs = os.pipe()
    done = teeline.start("read", "-q", path, ready=None, stdout=theirs)
    os.close(theirs)
    os.read(ours, 100)
    os.close(ours)
    done.wait()
    assert done.err == b""


def test_outputs_belong_to_the_user(teeline, public, path):
    """-Z: the file is opened before, everything else after."""
    folder = public / "open"
    folder.mkdir()
    folder.chmod(0o777)
    os.chmod(path, 0o600)
    teeline.run("read", "-Z", "nobody", "-f", "none", "-o",
                f"raw:{folder}/raw", path)
    found = (folder / "raw").stat()
    assert found.st_uid == 65534
    assert (folder / "raw").read_bytes() == QUESTION + ANSWER


def test_user_that_does_not_exist(teeline, path):
    done = teeline.run("read", "-Z", "no-such-user", path, expect=2)
    assert b"no-such-user" in done.err


# --- how far it has come -----------------------------------------------------

class Terminal:
    """A terminal that a program's standard error is.

    said    everything that was written to it so far
    """

    def __init__(self, columns=80):
        self._ours, self.theirs = os.openpty()
        fcntl.ioctl(self.theirs, termios.TIOCSWINSZ,
                    struct.pack("HHHH", 24, columns, 0, 0))
        os.set_blocking(self._ours, False)
        self._said = b""

    @property
    def said(self):
        try:
            while more := os.read(self._ours, 4096):
                self._said += more
        except OSError as failure:
            if failure.errno not in (errno.EAGAIN, errno.EIO):
                raise
        return self._said

    def close(self):
        os.close(self._ours)
        os.close(self.theirs)


@pytest.fixture(name="terminal")
def fixture_terminal():
    terminal = Terminal()
    yield terminal
    terminal.close()


def start_on(teeline, terminal, talk, *options, term="xterm"):
    """A run over a pipe, with a terminal for its messages: it, the pipe.

    Four packets have been written to the pipe.
    """
    ours, theirs = os.pipe()
    done = teeline.start("read", *options, "-", ready=None, stdin=ours,
                         env={"TERM": term}, stderr=terminal.theirs)
    os.close(ours)
    os.write(theirs, savefile.pcap_bytes([*talk.open(), talk.c(QUESTION)]))
    return done, theirs


LINE = re.compile(rb"\r\x1b\[Kstandard input   0 MB   4 packets")


def wait_for_line(terminal):
    wait_until(lambda: LINE.search(terminal.said), 10,
               lambda: f"a line in {terminal.said!r}")


def test_progress(teeline, terminal, talk):
    """After a second a line says how far it has come; at the end nothing of
    it is left, and the sheet stands on lines of its own."""
    done, pipe = start_on(teeline, terminal, talk)
    wait_for_line(terminal)
    os.close(pipe)
    done.wait()
    last = terminal.said.rsplit(b"\r\x1b[K", 1)[1]
    assert last.startswith(b"packets "), terminal.said
    assert b"standard input" not in last


def test_progress_and_messages(teeline, terminal, talk):
    """A message comes above the line."""
    done, pipe = start_on(teeline, terminal, talk)
    wait_for_line(terminal)
    os.write(pipe, b"torn")
    os.close(pipe)
    done.wait(1)
    assert re.search(rb"\r\x1b\[Kteeline: [^\r\n]+\r?\n",
                     terminal.said), terminal.said


def test_progress_and_the_sheet(teeline, terminal, talk):
    """As do the figures of SIGUSR1."""
    done, pipe = start_on(teeline, terminal, talk)
    wait_for_line(terminal)
    done.send(signal.SIGUSR1)
    wait_until(lambda: re.search(rb"\r\x1b\[Kpackets   4 ", terminal.said),
               10, lambda: f"the sheet in {terminal.said!r}")
    os.close(pipe)
    done.wait()


@pytest.mark.parametrize("options,term", [(["-q"], "xterm"), ([], "dumb")],
                         ids=["quiet", "dumb"])
def test_no_progress(teeline, terminal, talk, options, term):
    """Not where it is not wanted, or could not be erased; another run that
    began later has its line by then."""
    other = Terminal()
    done, pipe = start_on(teeline, terminal, talk, *options, term=term)
    shown, other_pipe = start_on(teeline, other, Talk())
    wait_for_line(other)
    for one, end in ((done, pipe), (shown, other_pipe)):
        os.close(end)
        one.wait()
    assert b"standard input" not in terminal.said
    other.close()
