"""What strangers send, or call themselves, does not drive a terminal or a log.

Names of files, paths of peers, names of hosts: wherever one becomes part of a
line, its controls are escaped, so that it neither moves a cursor nor writes
lines in our name.
"""

import json
import os
import pty
import re
import socket
import tty

import pytest

from helpers import savefile
from helpers.packets import Talk
from helpers.peers import connect, echo, half_close, recv_all
from helpers.tcpreen import IS_ROOT
from helpers.wait import wait_until

# Clears the screen, begins a line of its own, C1 as UTF-8, turns text around.
EVIL = "\x1b[2J\x07\n<0>teeline: all is well\x7f\u009b31m\u202e"
# C0 but a newline or a tab, which we use ourselves, DEL, C1 and the bidirectional ones.
CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f"
                     "\u2028-\u202e\u2066-\u2069]")


def check_tame(said, *needles):
    """No control, no line of a stranger's, but what it said is there."""
    text = said.decode()
    assert not CONTROL.search(text), text
    assert not re.search("^(<0>|teeline: all is well)", text, re.M), text
    for needle in needles or ("all is well",):
        assert needle in text, text


@pytest.fixture(name="evil")
def fixture_evil(tmp_path_factory):
    """A folder of such a name; the path of a socket fits into it."""
    folder = tmp_path_factory.mktemp("x") / EVIL
    folder.mkdir()
    return folder


# --- names on the command line, and in configurations ------------------------

@pytest.mark.parametrize("words", [
    ["read", "{evil}/none.pcap"],
    ["read", "{evil}/bad.pcap"],
    ["read", "{evil}"],
    ["proxy", "0", "127.0.0.1:1", "-o", "text:{evil}/bad.pcap"],
    ["proxy", "0", "127.0.0.1:1", "--nonsense={evil}"],
    ["proxy", "unix:{evil}", "127.0.0.1:1"],
    ["proxy", "0", "127.0.0.1:1", "-Z", "{evil}"],
    ["proxy", "0", "127.0.0.1:1", "--control", "0", "--control-token-file",
     "{evil}"],
    ["run", "{evil}/none.conf"], ["check", "{evil}/none.conf"],
    ["run", "{evil}/bad.pcap"], ["check", "{evil}/bad.pcap"],
    ["{evil}"], ["tap", "-i", "{evil}"], ["tap", "{evil}"],
    ["gotcpspy", "-{evil}"], ["tcpreen", "-p", "{evil}", "1"],
    ["netrecord", "a", "{evil}", "1", "x"],
    ["stethoscope", "--config", "{evil}/bad.pcap"], ["teecp", "-{evil}"],
], ids=lambda words: "-".join(words)[:40].replace("{evil}", "EVIL"))
def test_complaints(teeline, evil, words):
    """Whatever is wrong with it, the name is told so that it does no harm."""
    (evil / "bad.pcap").write_text(f"no capture {EVIL}")
    run = teeline.run(*(word.format(evil=evil) for word in words), expect=None)
    check_tame(run.err + run.out, "")


def test_check_says_fine(teeline, evil):
    (evil / "conf").write_text(
        '{inputs: [{type: "proxy", listen: "0", target: "127.0.0.1:1"}]}')
    check_tame(teeline.run("check", evil / "conf").out)


@pytest.mark.parametrize("journal", [False, True])
def test_log(teeline, server, evil, tmp_path, journal):
    """Standard error, the journal and the file: one line for each sentence."""
    how = {}
    if journal:
        here, there = socket.socketpair()
        st = os.fstat(there.fileno())
        how = {"stderr": there,
               "env": {"JOURNAL_STREAM": f"{st.st_dev}:{st.st_ino}"}}
    config = tmp_path / "conf"
    config.write_text(json.dumps({
        "inputs": [{"type": "proxy", "listen": f"unix:{tmp_path}/sock",
                    "target": server(echo).target}],
        "outputs": [f"flows:{evil}/file/out"],
        "logging": {"level": "info", "file": f"{tmp_path}/log"}}))
    (evil / "file").write_text("in the way")
    run = teeline.start("run", "--sandbox", "off", config, ready=None, **how)
    with wait_until(lambda: connect(f"unix:{tmp_path}/sock")) as client:
        client.sendall(b"hello")
        half_close(client)
        assert recv_all(client) == b"hello"
    log = tmp_path / "log"
    wait_until(lambda: b"cannot write" in log.read_bytes())
    run.stop(expect=1)
    check_tame(log.read_bytes())
    if not journal:
        check_tame(run.err)
        return
    there.close()
    said = recv_all(here)
    here.close()
    check_tame(re.sub(b"(?m)^<[3467]>", b"", said))


# --- ends --------------------------------------------------------------------

def test_the_path_of_a_target(teeline, server, evil, tmp_path):
    """A UNIX socket is called what it likes: no format shows it as it is."""
    peer = server(echo, f"unix:{evil}/there")
    kinds = ("text", "hex", "strip", "c", "summary", "count", "jsonl")
    proxy = teeline.proxy(
        peer.target, "-v", *(word for kind in kinds for word in
                             ("-o", f"{kind}:{tmp_path}/{kind}")), ready=None,
        listen=f"unix:{evil}/here")
    talk_by_path(f"unix:{evil}/here")
    proxy.stop()
    check_tame(proxy.out)
    check_tame(proxy.err)
    for kind in kinds:
        check_tame((tmp_path / kind).read_bytes())


def test_the_name_of_an_interface(teeline, place):
    """Whoever rules a network calls its interfaces as they like."""
    name = "\x1b[2J\u009bx"
    place.run("ip", "link", "add", "name", name, "type", "veth", "peer",
              "name", "other")
    listed = teeline.run("list", "interfaces", prefix=place.enter)
    check_tame(listed.out, "\\x1b[2J\\xc2\\x9bx")
    place.run("ip", "link", "set", name, "up")
    tap = teeline.start("tap", "-i", name, prefix=place.enter,
                        ready=re.compile(b"capturing on"))
    tap.stop()
    check_tame(tap.err, "\\x1b[2J")


def talk_by_path(address):
    """A word and its echo, once somebody is there."""
    with wait_until(lambda: connect(address)) as client:
        client.sendall(b"hello")
        half_close(client)
        assert recv_all(client) == b"hello"


def test_the_path_of_a_target_of_tcpreen(teeline, server, evil, tmp_path):
    """tcpreen tells paths, too."""
    peer = server(echo, f"unix:{evil}/there")
    (tmp_path / "tcpreen").symlink_to(teeline.path)
    root = ["-u", "root"] if IS_ROOT else []
    ours = teeline.spawn([tmp_path / "tcpreen", *root, "-n", "-m", "1", "-f",
                          "C", "-p", "local", peer.target[5:], evil / "here"])
    talk_by_path(f"unix:{evil}/here")
    ours.wait()
    check_tame(ours.out)
    check_tame(ours.err)


# --- a terminal --------------------------------------------------------------

def on_terminal(teeline, *args):
    """What a terminal is sent by the program, on both of its outputs."""
    ours, theirs = pty.openpty()
    tty.setraw(theirs)
    run = teeline.start(*args, ready=None, stdout=theirs, stderr=theirs,
                        env={"TERM": "xterm"})
    os.close(theirs)
    said = b""
    try:
        while part := os.read(ours, 65536):
            said += part
    except OSError:  # EIO: nobody has it open any more
        pass
    os.close(ours)
    run.wait(None)
    return said


@pytest.fixture(name="capture")
def fixture_capture(evil):
    """A session in which all that a terminal could obey is said."""
    talk = Talk()
    all_bytes = bytes(range(256))
    path = evil / "x.pcap"
    savefile.pcap(path, [
        *talk.open(), talk.c(EVIL.encode() + all_bytes + b"\n"),
        talk.s(all_bytes + EVIL.encode() + b"\n"), *talk.close()])
    return path


@pytest.mark.parametrize("form", ["", "text", "hex", "c", "strip", "count",
                                  "jsonl", "summary", "password"])
@pytest.mark.parametrize("color", ["never", "always"])
def test_formats(teeline, capture, form, color):
    """What was said is shown, not obeyed; colours are all that we send."""
    form = ["-f", form] if form else []
    said = on_terminal(teeline, "read", *form, "--color", color, capture)
    if color == "always":
        said = re.sub(rb"\x1b\[[0-9;]*m", b"", said)
    check_tame(said, "")
    assert said


def test_raw(teeline, capture):
    """-f raw is what it says: the bytes, since somebody has asked for them."""
    said = on_terminal(teeline, "read", "-q", "-f", "raw", capture)
    assert EVIL.encode() in said
