"""Configurations: what `teeline check` says of them, what `run` makes of them.

The keys themselves are tried one by one in test_config_keys.py.
"""

import json
import os
import re
import signal

import pytest

from helpers import records
from helpers.peers import connect, echo, recv_exactly
from helpers.wait import wait_until

PROXY = '{type: "proxy", listen: 0, target: "127.0.0.1:9"}'
TALK = [b"one\n", b"two\n"]


def write(path, text):
    path.write_text(text, encoding="utf-8")
    return path


def converse(port):
    """A short conversation with an echoing server, to its very end."""
    client = connect(port)
    for line in TALK:
        client.sendall(line)
        assert recv_exactly(client, len(line)) == line
    client.close()


def quoted(text):
    return json.dumps(str(text))


# --- check -----------------------------------------------------------------

# What stands in the file, and all that is said of it, without the path.
SENTENCES = [
    ("", ["1:1: the end is where a value is needed"]),
    ("{", ["1:2: the end, and the { of line 1, column 1 is still open"]),
    ("[]", ["1:1: a configuration: an object ({ ... }) is needed, this is a "
            "list"]),
    ("{}", ["1:1: a configuration needs the key inputs"]),
    ("{inputs: []}", ["1:10: inputs: at least one is needed"]),
    ("{inputs: {}}", ["1:10: inputs: a list ([ ... ]) is needed, this is an "
                      "object"]),
    ("{inputs: [7]}", ["1:11: inputs: an object ({ ... }) is needed, this is "
                       "a number"]),
    ("{inputs: [{}]}", ["1:11: an input needs the key type: proxy, tap or "
                        "read"]),
    ("{inputs: [{type: 1}]}",
     ['1:18: type: "proxy", "tap" or "read" is needed, this is a number']),
    ("{inputs: [{type: 'prxy'}]}",
     ['1:18: type: "prxy" is none of proxy, tap, read (did you mean proxy?)']),
    ("{inputs: [{type: 'proxy'}]}",
     ["1:11: an input of type proxy needs both listen and target"]),
    ("{inputs: [{type: 'proxy', listen: 1}]}",
     ["1:11: an input of type proxy needs both listen and target"]),
    ("{inputs: [{type: 'proxy', pairs: [{target: 'a:1'}]}]}",
     ["1:35: a pair needs both listen and target"]),
    ("{inputs: [{type: 'proxy', listen: 'x', target: 'a:1'}]}",
     ['1:35: listen: "x": "x" is neither a port number (0 to 65535) nor a '
      "known service"]),
    ("{inputs: [{type: 'read'}]}",
     ["1:11: an input of type read needs the key files"]),
    ("{inputs: [{type: 'tap', filter: 'tcp prot 1'}]}",
     ["1:33: filter: filter 'tcp prot 1': can't parse filter expression: "
      "syntax error"]),
    ("{inputs: [{type: 'tap', workers: 2, decap: 3}]}",
     ["1:11: decap needs one ring: several would get the halves of a "
      "connection in a tunnel; leave out workers"]),
    ("{inputs: [{type: 'tap', name: 'a b'}]}",
     ['1:31: name: "a b" is no name: 1 to 64 letters, digits, dots, dashes '
      "and underscores"]),
    ("{inputs: [{type: 'tap', name: 'a'},\n {type: 'tap', name: 'a'}]}",
     ['2:22: name: "a" is the name of another input']),
    ("{inputs: [{type: 'tap', listen: 1}]}",
     ['1:25: "listen" is no key of an input of type tap, but of an input of '
      "type proxy"]),
    ("{inputs: [{type: 'tap', intrface: 'lo'}]}",
     ['1:25: "intrface" is no key of an input of type tap (did you mean '
      "interface?)"]),
    ("{inputs: [P],\n output: []}",
     ['2:2: "output" is no key of a configuration (did you mean outputs?)']),
    ("{inputs: [P],\n inputs: [P]}",
     ["2:2: inputs stands already in line 1, column 2"]),
    ("{inputs: [P],\n outputs: [7]}",
     ['2:12: outputs: an object ({ ... }) or a text like "KIND:ARG" is '
      "needed, this is a number"]),
    ("{inputs: [P],\n outputs: [{to: 'x'}]}",
     ['2:12: an output needs the key type ("teeline list sinks" shows what '
      "there is)"]),
    ("{inputs: [P],\n outputs: [{type: 'jsnl', to: 'x'}]}",
     ['2:19: type: "jsnl" is no kind of sink (did you mean jsonl?)']),
    ("{inputs: [P],\n outputs: [{type: 'jsonl'}]}",
     ["2:12: an output of type jsonl needs the key to"]),
    ("{inputs: [P],\n outputs: [{type: 'jsonl', to: ''}]}",
     ["2:32: to: FILE must not be empty"]),
    ("{inputs: [P],\n outputs: [{type: 'null', to: 'x'}]}",
     ['2:27: "to" is no key of an output of type null']),
    ("{inputs: [P],\n outputs: ['jsnl:x', 'null']}",
     ['2:12: outputs: "jsnl:x": "jsnl" is no kind of sink (did you mean '
      "jsonl?)"]),
    ("{inputs: [P],\n outputs: [{type: 'jsonl', to: 'x', onfull: 1}]}",
     ['2:37: "onfull" is no key of an output of type jsonl (did you '
      "mean on-full?)"]),
    ("{inputs: [P],\n outputs: [{type: 'jsonl', to: 'x', queue: 1}]}",
     ["2:44: queue: 1 is out of range: 4KiB to 1TiB"]),
    ("{inputs: [P],\n outputs: [{type: 'jsonl', to: '{idd}'}]}",
     ["2:12: unknown field {idd} in a file name; known are {id} {time} "
      "{client} {client_ip} {client_port} {server} {server_ip} "
      "{server_port} {dir} {start_ms} {local_ip} {local_port} {remote_ip} "
      "{remote_port} {end_ms} {reason}, and {{ for a brace"]),
    ("{inputs: [P],\n outputs: ['pcapng-listen:door']}",
     ['2:12: "door": "door" is neither a port number (0 to 65535) nor a '
      "known service"]),
    ("{inputs: [P],\n outputs: ['syslog:text,level=loud']}",
     ["2:12: level=loud: use err, warning, notice, info or debug"]),
    ("{inputs: [P],\n outputs: ['pcapng:{dir}']}",
     ["2:12: {dir}: {dir} has no meaning here: a capture file holds both "
      "directions"]),
    ("{inputs: [P],\n outputs: [{type: 'tee', to: 'h'}]}",
     ['2:12: "h": HOST:PORT is needed, as in localhost:80']),
    ("{inputs: [P],\n outputs: [{type: 'tee', to: 'h:1', dir: 'up'}]}",
     ["2:12: dir=up: c2s, s2c or both is wanted"]),
    ("{inputs: [P],\n outputs: [{type: 'jsonl', to: 'x', inputs: []}]}",
     ["2:45: inputs: at least one name is needed"]),
    ("{inputs: [P],\n outputs: [{type: 'jsonl', to: 'x', inputs: 'prox'}]}",
     ['2:45: inputs: "prox" is no input (did you mean proxy?)']),
    ("{inputs: [P],\n outputs: [{type: 'jsonl', to: 'x', inputs: 'web'}]}",
     ['2:45: inputs: "web" is no input: proxy']),
    ("{inputs: [P],\n outputs: ['null,input=proxy,input=prox']}",
     ['2:12: input: "prox" is no input (did you mean proxy?)']),
    ("{inputs: [P],\n outputs: ['null,input=a b']}",
     ['2:12: outputs: "null,input=a b": input: "a b" is no name: 1 to 64 '
      'letters, digits, dots, dashes and underscores']),
    ("{inputs: [P],\n outputs: [{type: 'null', input: 'proxy'}]}",
     ['2:27: "input" is no key of an output of type null (did you mean '
      'inputs?)']),
    ("{inputs: [P],\n outputs: ['null,name=a', 'null,name=a']}",
     ['2:27: name: "a" is the name of another output']),
    ("{inputs: [P],\n outputs: ['text:-', 'hex:-']}",
     ["2:22: the output of line 2, column 12 goes to standard output "
      "already"]),
    ("{inputs: [P],\n outputs: [{type: 'jsonl', to: 'x', rotate: {}}]}",
     ['2:37: "rotate" is no key of an output of type jsonl']),
    ("{inputs: [P],\n outputs: [{type: 'pcap', to: 'x', rotate: {keep: 2}}]}",
     ["2:44: rotate: size or every is needed, to say when a file is "
      "finished"]),
    ("{inputs: [P],\n outputs: [{type: 'pcap', to: '-', rotate: {every: 2}}]}",
     ["2:44: rotate: standard output cannot be divided into files"]),
    ("{inputs: [P],\n control: 7070}",
     ["2:11: control: an object ({ ... }) is needed, this is a number"]),
    ("{inputs: [P],\n control: {listen: 'dial:a:1'}}",
     ['2:20: listen: "dial:a:1": the control plane waits for clients, it '
      "calls nobody"]),
    ("{inputs: [P],\n logging: {level: 'loud'}}",
     ['2:19: level: "loud" is none of error, warn, info, debug']),
    ("{inputs: [P],\n runtime: {user: 'nobody-at-all'}}",
     ['2:18: user: there is no user "nobody-at-all" on this machine; give a '
      "name or a number"]),
    ("{inputs: [P],\n runtime: {quiet: true}}",
     ['2:12: "quiet" is no key of runtime']),
    # Where else to say it.
    ("{inputs: [P],\n runtime: {workers: 3}}",
     ['2:12: "workers" is no key of runtime, but of an input of type '
      "proxy"]),
    ("{inputs: [P],\n filter: 'tcp'}",
     ['2:2: "filter" is no key of a configuration, but of an input of type '
      "tap"]),
    ("{outputs: [],\n inputs: [{type: 'tap', user: 'root'}]}",
     ['2:25: "user" is no key of an input of type tap, but of runtime']),
    ("{inputs: [P],\n control: {outputs: []}}",
     ['2:12: "outputs" is no key of control, but of the whole '
      "configuration"]),
    # All at once, in the order of the text.
    ("{runtime: {only: 0},\n inputs: [{type: 'tap', decap: 99}],\n"
     " outputs: ['x:y'], foo: 1}",
     ["1:18: only: 0 is out of range: 1 or more",
      "2:32: decap: 99 is out of range: 0 to 16",
      '3:12: outputs: "x:y": "x" is no kind of sink ("teeline list sinks" '
      "shows them all)",
      '3:20: "foo" is no key of a configuration']),
]


@pytest.mark.parametrize("text, says", SENTENCES)
def test_sentence(teeline, tmp_path, text, says):
    """Each thing that can be wrong, at its place, in its words."""
    path = write(tmp_path / "x.conf", text.replace("[P]", f"[{PROXY}]"))
    said = teeline.run("check", path, expect=2).err.decode().splitlines()
    assert said == [f"{path}:{line}" for line in says]


def test_fine(teeline, tmp_path):
    path = write(tmp_path / "x.conf", f"{{inputs: [{PROXY}]}} // all")
    checked = teeline.run("check", path)
    assert checked.out.decode() == f"{path}: fine\n"
    assert checked.err == b""


@pytest.mark.parametrize("command", ["check", "run"])
def test_no_such_file(teeline, tmp_path, command):
    said = teeline.run(command, tmp_path / "none", expect=2).err.decode()
    assert said == (f"teeline: cannot open {tmp_path}/none: No such file or "
                    "directory\n")


@pytest.mark.parametrize("command", ["check", "run"])
def test_folder(teeline, tmp_path, command):
    said = teeline.run(command, tmp_path, expect=1).err.decode()
    assert said == f"teeline: cannot read {tmp_path}: Is a directory\n"


@pytest.mark.parametrize("args, says", [
    (["check"], "check: one CONFIG is needed"),
    (["check", "a", "b"], "check: one CONFIG is needed"),
    (["check", "--help-me"], "check: --help-me: no such option"),
    (["run"], "run: CONFIG is needed"),
    (["run", "a", "b"], "run: one CONFIG is enough"),
    (["run", "--backlog", "3", "a"], "run: --backlog: no such option"),
    (["run", "--drain-time", "x", "a"], "run: --drain-time: \"x\" is no time"),
])
def test_command_line(teeline, args, says):
    assert says in teeline.run(*args, expect=2).err.decode()


def test_help(teeline):
    assert b"teeline.conf(5)" in teeline.run("check", "--help").out
    shown = teeline.run("run", "-h").out
    assert b"--drain-time SEC" in shown and b"--backlog" not in shown


def test_check_opens_nothing(teeline, server, tmp_path):
    """The port is in use, the folder is not there, and check is content."""
    peer = server()
    text = (f'{{inputs: [{{type: "proxy", listen: {peer.port}, '
            f'target: "nowhere.invalid:80"}}, {{type: "read", '
            f'files: ["{tmp_path}/none.pcap"]}}], outputs: '
            f'["jsonl:{tmp_path}/new/log", "tee:nowhere.invalid:1", '
            f'"flows:{tmp_path}/flows"], logging: '
            f'{{file: "{tmp_path}/teeline.log"}}, control: {{listen: '
            f'{peer.port}, token-file: "/none"}}}}')
    teeline.run("check", write(tmp_path / "x.conf", text))
    assert os.listdir(tmp_path) == ["x.conf"]


# --- run -------------------------------------------------------------------

def test_run(teeline, server, tmp_path):
    """One relay, two outputs, comments and all."""
    peer = server(echo)
    text = f"""
    {{
        # what is heard
        inputs: [{{type: 'proxy', listen: "127.0.0.1:0",
                   target: {quoted(peer.target)},}},],
        outputs: [
            "jsonl:{tmp_path}/log",   // as -o takes it
            {{type: 'flows', to: {quoted(tmp_path / "flows")}, name: "f"}},
        ],
        runtime: {{strict: true, stats: {quoted(tmp_path / "stats")}}},
    }}
    """
    run = teeline.start("run", write(tmp_path / "x.conf", text))
    converse(run.port)
    run.idle().stop()
    session = records.closed(tmp_path / "log")
    assert session.bytes("c2s") == session.bytes("s2c") == b"".join(TALK)
    stats = json.loads((tmp_path / "stats").read_text())
    assert [sink["name"] for sink in stats["sinks"]] == ["jsonl", "f"]
    # Nothing is printed that was not asked for.
    assert run.out == b""


def test_inputs_have_names(teeline, server, tmp_path):
    """Two relays; one output hears both, one hears one, records say which."""
    peer = server(echo)
    text = f"""{{
        inputs: [
            {{name: "a", type: "proxy", listen: 0, target: "{peer.target}"}},
            {{name: "b", type: "proxy", target: "{peer.target}",
              pairs: [{{listen: "127.0.0.1:0", target: "{peer.target}"}}],
              listen: "127.0.0.1:0"}},
        ],
        outputs: [
            {{type: "jsonl", to: "{tmp_path}/both"}},
            {{type: "jsonl", to: "{tmp_path}/b", inputs: ["b"]}},
        ],
    }}"""
    run = teeline.start("run", write(tmp_path / "x.conf", text), count=4)
    assert len(run.addresses) == 4  # "listen: 0" is loopback, both families
    ports = {address.rsplit(":", 1)[1] for address in run.addresses}
    assert len(ports) >= 3
    for address in run.addresses:
        if address.startswith("127."):
            converse(int(address.rsplit(":", 1)[1]))
    run.idle().stop()

    def inputs(path):
        lines = (tmp_path / path).read_text().splitlines()
        opens = [json.loads(line) for line in lines]
        return sorted(line["input"] for line in opens
                      if line["event"] == "open")

    assert inputs("both") == ["a", "b", "b"]
    assert inputs("b") == ["b", "b"]


def test_read_and_write(teeline, server, tmp_path):
    """A recording made by one configuration, read by another."""
    peer = server(echo)
    made = write(tmp_path / "made.conf", f"""{{
        inputs: [{{type: "proxy", listen: 0, target: "{peer.target}"}}],
        outputs: [{{type: "pcapng", to: "{tmp_path}/t.pcapng"}}],
    }}""")
    run = teeline.start("run", made)
    converse(run.port)
    run.idle().stop()
    read = write(tmp_path / "read.conf", f"""{{
        inputs: [{{type: "read", files: "{tmp_path}/t.pcapng",
                   filter: "tcp", hold: "1MiB"}}],
        outputs: [{{type: "raw", to: "-"}}],
    }}""")
    assert teeline.run("run", read).out == b"".join(
        line for line in TALK for _ in range(2))


def test_options_override(teeline, server, tmp_path):
    """What the command line says counts more than the file."""
    peer = server(echo)
    path = write(tmp_path / "x.conf", f"""{{
        inputs: [{{type: "proxy", listen: 0, target: "{peer.target}"}}],
        runtime: {{stats: "{tmp_path}/never", drain-time: 60}},
        logging: {{level: "error"}},
    }}""")
    run = teeline.start("run", "--stats", tmp_path / "stats", "-v", path)
    converse(run.port)
    run.idle().stop()
    assert json.loads((tmp_path / "stats").read_text())["sessions"]["total"]
    assert not (tmp_path / "never").exists()


def test_existing_file_is_not_replaced(teeline, server, tmp_path):
    """Unless the output says so, or the whole run."""
    peer = server(echo)
    log = write(tmp_path / "log", "mine\n")
    inputs = f'inputs: [{{type: "proxy", listen: 0, target: "{peer.target}"}}]'
    output = f'type: "jsonl", to: "{log}"'
    path = write(tmp_path / "a.conf",
                 f"{{{inputs}, outputs: [{{{output}}}]}}")
    assert "--overwrite" in teeline.run("run", path, expect=2).err.decode()
    assert log.read_text() == "mine\n"
    path = write(tmp_path / "b.conf",
                 f"{{{inputs}, outputs: [{{{output}, overwrite: true}}]}}")
    run = teeline.start("run", path)
    converse(run.port)
    run.idle().stop()
    assert records.closed(log).bytes("c2s") == b"".join(TALK)


def test_log_file(teeline, server, tmp_path):
    """Words with time and level, at a level of their own, opened anew."""
    peer = server(echo)
    log, old = tmp_path / "teeline.log", tmp_path / "old.log"
    path = write(tmp_path / "x.conf", f"""{{
        inputs: [
            {{name: "once", type: "proxy", listen: "127.0.0.1:0",
              target: "{peer.target}", max-sessions: 1}},
            {{name: "twice", type: "proxy", listen: "127.0.0.1:0",
              target: "{peer.target}", max-sessions: 1}},
            {{name: "ever", type: "proxy", listen: 0, target: "127.0.0.1:9"}},
        ],
        logging: {{level: "error", file: "{log}", file-level: "info"}},
    }}""")
    run = teeline.start("run", path, count=4)
    assert log.stat().st_mode & 0o777 == 0o600

    def says(path, name):
        wait_until(path.exists, 10, lambda: f"{path}")
        line = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} "
                          rf"info: input {name} is over", re.MULTILINE)
        wait_until(lambda: line.search(path.read_text()), 10,
                   lambda: f"{name} in {path.read_text()!r}")

    converse(int(run.addresses[0].rsplit(":", 1)[1]))
    says(log, "once")
    log.rename(old)
    run.send(signal.SIGHUP)
    wait_until(log.exists, 10, lambda: "a new log file")
    converse(int(run.addresses[1].rsplit(":", 1)[1]))
    says(log, "twice")
    run.stop()
    assert "twice" not in old.read_text() and "once" not in log.read_text()
    # Standard error has a level of its own.
    assert b"is over" not in run.err
