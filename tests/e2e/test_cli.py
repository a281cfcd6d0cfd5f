"""The command line: what is refused, in which words, with which status.

A target is named but never called: a run that gets as far as listening is a
failure of these tests, except where one says so.
"""

import os
import pathlib
import shutil
import socket
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
TEELINE = pathlib.Path(os.environ.get("TEELINE", ROOT / "build/teeline"))

TARGET = "127.0.0.1:9"


def run(*args, program=TEELINE, **how):
    """Run to the end: whoever starts to listen here would never come back."""
    return subprocess.run([os.path.abspath(program), *map(str, args)],
                          capture_output=True, text=True, timeout=30,
                          check=False, **how)


# Options, and what the one sentence must say.
USAGE = [
    ([], "a command is needed, as in: teeline proxy"),
    (["prxy"], '"prxy" is no command (did you mean proxy?)'),
    (["frobnicate"], '"teeline --help" shows them all'),
    (["--hlep"], "--hlep: no such option (did you mean --help?)"),
    (["proxy"], "LISTEN and TARGET are needed"),
    (["proxy", "0"], "LISTEN and TARGET are needed"),
    (["proxy", "0", TARGET, "x"], '"x" is one operand too many'),
    (["proxy", "-L", f"0={TARGET}", "0"], "LISTEN and TARGET are needed"),
    (["proxy", "-L", f"0:{TARGET}"], "LISTEN=TARGET is needed"),
    (["proxy", "-L", "0=80"], 'TARGET "80": HOST:PORT is needed'),
    (["proxy", "70000", TARGET], '"70000" is neither a port number (0 to'),
    (["proxy", "0", "::1:80"], "stands in brackets, as in [::1]:80"),
    (["proxy", "0", TARGET, "--colour=never"],
     "--colour: no such option (did you mean --color?)"),
    (["proxy", "0", TARGET, "--control", "127.0.0.1:0"],
     "--control: no such option"),
    (["proxy", "0", TARGET, "-x"], "-x: no such option"),
    (["proxy", "0", TARGET, "--max-sessions"], "--max-sessions needs N"),
    (["proxy", "0", TARGET, "--max-sessions", "0"],
     "--max-sessions: 0 is out of range: 1 or more"),
    (["proxy", "0", TARGET, "--max-bytes", "1x"],
     '--max-bytes: "1x" is no size'),
    (["proxy", "0", TARGET, "--idle-timeout", "never"],
     '--idle-timeout: "never" is no time'),
    (["proxy", "0", TARGET, "--backlog", "65536"],
     "--backlog: 65536 is out of range: 1 to 65535"),
    (["proxy", "0", TARGET, "--on-full", "wait"],
     '--on-full: "wait" is none of drop, pause, close'),
    (["proxy", "0", TARGET, "--source", "localhost"],
     '--source: "localhost" is no IP address'),
    (["proxy", "0", TARGET, "--copy=yes"], '--copy takes no value'),
    (["proxy", "0", TARGET, "-f", "jsn"],
     '-f: "jsn" is no format (did you mean jsonl?)'),
    (["proxy", "0", TARGET, "-o", "flow:x"],
     '"flow" is no kind of sink (did you mean flows?)'),
    (["proxy", "0", TARGET, "-o", "flows"], "DIR is missing: flows:DIR"),
    (["proxy", "0", TARGET, "-o", "null:x"], "null takes no argument"),
    (["proxy", "0", TARGET, "-o", "hex:x,qeue=1M"],
     '"qeue" is no key of hex (did you mean queue?)'),
    (["proxy", "0", TARGET, "-o", "hex:x,queue=1"],
     "queue: 1 is out of range: 4KiB to 1TiB"),
    (["proxy", "0", TARGET, "-f", "hex", "-w", "-"],
     "hex and pcapng would both write to standard output"),
    (["proxy", "0", TARGET, "-f", "text", "-o", "raw:-"],
     "text and raw would both write to standard output"),
    (["proxy", "0", TARGET, *["-o", "null"] * 64],
     "65 sinks are wanted; 64 are possible"),
    (["proxy", "0", TARGET, "-o", "null,name=a", "-o", "null,name=a"],
     "name=a is given to two sinks"),
    (["proxy", "0", TARGET, "-o", "hex:{clinet}"], "{clinet}"),
    (["list"], "formats, sinks or personalities"),
    (["list", "snks"], '"snks" cannot be listed (did you mean sinks?)'),
    (["completion", "tcsh"], "bash, zsh or fish is needed"),
]


@pytest.mark.parametrize("args, says", USAGE,
                         ids=[" ".join(u[0])[-40:] for u in USAGE])
def test_usage(args, says, tmp_path):
    done = run(*args, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stdout == ""
    assert says in done.stderr
    assert done.stderr.startswith("teeline: ")
    assert done.stderr.count("\n") == 1, "one sentence"
    assert list(tmp_path.iterdir()) == [], "nothing was made"


def test_existing_file_is_refused(tmp_path):
    there = tmp_path / "there"
    there.write_text("precious")
    done = run("proxy", "0", TARGET, "-f", "none", "-o", f"hex:{there}")
    assert done.returncode == 2
    assert "--overwrite" in done.stderr and str(there) in done.stderr
    assert there.read_text() == "precious"


def test_port_in_use():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = run("proxy", f"127.0.0.1:{port}", TARGET)
    assert done.returncode == 1
    assert str(port) in done.stderr and "in use" in done.stderr.lower()


@pytest.mark.parametrize("args", [["-h"], ["--help"], ["proxy", "-h"],
                                  ["proxy", "0", "--help", "--nonsense"],
                                  ["tap", "-h"], ["read", "x", "--help"],
                                  ["list", "-h"]])
def test_help(args):
    done = run(*args)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("usage: teeline ")
    assert max(map(len, done.stdout.splitlines())) < 80


@pytest.mark.parametrize("args", [["-V"], ["--version"], ["proxy", "-V"]])
def test_version(args):
    done = run(*args)
    assert done.returncode == 0
    first, *libraries = done.stdout.splitlines()
    assert first.split()[0] == "teeline" and first.split()[1][0].isdigit()
    assert {"libuv", "jansson", "libpcap", "zlib", "libzstd"} <= {
        line.split()[0] for line in libraries}


@pytest.mark.parametrize("args", [["list", "interfaces"], ["tap", "-D"],
                                  ["tap", "--list-interfaces"]])
def test_interfaces(args):
    """A line for each, loopback among them with its address; listing needs
    no rights and captures nothing."""
    done = run(*args)
    assert (done.returncode, done.stderr) == (0, "")
    lines = {line.split()[0]: line for line in done.stdout.splitlines()}
    assert {"lo", "any"} <= lines.keys()
    assert "loopback" in lines["lo"] and "127.0.0.1" in lines["lo"]


def test_options_of_each_command():
    """What one command's help offers is its own."""
    said = {name: run(name, "-h").stdout for name in ("proxy", "tap", "read")}
    for option, names in {"--backlog": {"proxy"}, "--interface": {"tap"},
                          "--hold-time": {"tap", "read"}, " -C MB": set(said),
                          "--workers": {"proxy", "tap"}}.items():
        assert {name for name in said if option in said[name]} == names
    assert "(default: 1h)" in said["tap"]


def test_help_names_all_formats():
    """The one place where they are written by hand."""
    formats = [line.split()[0] for line in
               run("list", "formats").stdout.splitlines()]
    assert {"text", "jsonl", "none"} <= set(formats)
    said = " ".join(run("proxy", "-h").stdout.split())
    words = said.split("what to print: ")[1].split(" (default")[0]
    assert words.split(", ") == formats


def test_formats_are_sinks():
    formats = {line.split()[0] for line in
               run("list", "formats").stdout.splitlines()}
    sinks = {line.split(":")[0] for line in
             run("list", "sinks").stdout.splitlines() if ":FILE" in line}
    assert formats - {"none"} <= sinks


def test_reader_that_leaves_is_no_failure():
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "wb") as out:
        done = subprocess.run([TEELINE, "list", "sinks"], stdout=out,
                              stderr=subprocess.PIPE, timeout=30, check=False)
    assert (done.returncode, done.stderr) == (0, b"")


def test_full_device_is_a_failure():
    with open("/dev/full", "wb") as out:
        done = subprocess.run([TEELINE, "list", "sinks"], stdout=out,
                              stderr=subprocess.PIPE, timeout=30, check=False)
    assert done.returncode == 1
    assert b"standard output: No space left" in done.stderr


def test_manual_and_tables_agree():
    done = subprocess.run([ROOT / "scripts/check-man", TEELINE],
                          capture_output=True, text=True, timeout=60,
                          check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def tool(name):
    path = shutil.which(name)
    assert path is not None, f"{name} is missing"
    return path


BASH = r"""
source "$1"; shift
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
_teeline
printf '%s\n' "${COMPREPLY[@]}"
"""

# What has been typed, in the words that bash makes of it, and offers.
OFFERS = [
    (["pro"], {"proxy"}),
    (["proxy", "--max-"],
     {"--max-sessions", "--max-concurrent", "--max-bytes"}),
    (["proxy", "-f", "he"], {"hex"}),
    (["proxy", "--format", "=", "js"], {"jsonl"}),
    (["proxy", "--color", ""], {"auto", "always", "never"}),
    (["proxy", "-o", "pca"], {"pcapng:", "pcap:", "pcapng-listen:"}),
    (["proxy", "-o", "nul"], {"null"}),
    (["proxy", "-o", "flows", ":", "fil"], {"file"}),
    (["proxy", "-w", "fil"], {"file"}),
    (["read", "fil"], {"file"}),
    (["read", "--overl"], {"--overlap"}),
    (["tap", "--overlap", "w"], {"windows"}),
    (["tap", "-r", "fil"], {"file"}),
    (["proxy", "127.0.0.1", ":"], {""}),
    (["list", "for"], {"formats"}),
]


@pytest.mark.parametrize("words, offers", OFFERS,
                         ids=[" ".join(o[0]) for o in OFFERS])
def test_bash_completion(words, offers, tmp_path):
    script = tmp_path / "script"
    script.write_text(run("completion", "bash").stdout)
    (tmp_path / "file").touch()
    done = subprocess.run([tool("bash"), "-c", BASH, "bash", script,
                           "teeline", *words], cwd=tmp_path, timeout=30,
                          capture_output=True, text=True, check=False)
    assert done.stderr == ""
    assert set(done.stdout.split("\n")[:-1]) == offers


@pytest.mark.parametrize("line, offer", [
    ("teeline pro", "proxy"),
    ("teeline proxy --max-con", "--max-concurrent"),
    ("teeline proxy -f he", "hex"),
    ("teeline proxy -o flo", "flows:"),
    ("teeline list int", "interfaces"),
    ("teeline read --hold-ti", "--hold-time"),
])
def test_fish_completion(line, offer, tmp_path):
    script = tmp_path / "script"
    script.write_text(run("completion", "fish").stdout)
    done = subprocess.run(
        [tool("fish"), "--no-config", "-c",
         f"source {script}; complete -C {line!r}"],
        env={**os.environ, "HOME": str(tmp_path)}, timeout=30,
        capture_output=True, text=True, check=False)
    assert done.stderr == ""
    assert offer in [row.split("\t")[0] for row in done.stdout.splitlines()]


def test_zsh_completion_parses(tmp_path):
    script = tmp_path / "script"
    script.write_text(run("completion", "zsh").stdout)
    assert script.read_text().startswith("#compdef teeline\n")
    done = subprocess.run([tool("zsh"), "-n", script], timeout=30,
                          capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
