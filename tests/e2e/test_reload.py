"""SIGHUP in `teeline run`: outputs come and go while sessions go on."""

import json
import os
import random
import re
import signal
import threading

import pytest

from helpers import records
from helpers.capture import check_quiet, fields
from helpers.peers import Background, connect, echo, recv_exactly
from helpers.wait import wait_until


class Service:
    """A `teeline run`, and its configuration as an object to change.

    conf    {"inputs": [...], "outputs": [...], ...}
    """

    def __init__(self, teeline, folder, conf, *options, count=1, **how):
        self.path = folder / "x.conf"
        self.conf = conf
        self.write()
        # -v: the line that says that all has been done
        self.run = teeline.start("run", "-v", *options, self.path,
                                 count=count, **how)
        self.port = self.run.port

    def write(self, text=None):
        self.path.write_text(text or json.dumps(self.conf, indent=1))

    def reload(self, says=rb"was read again: (\d+) outputs added, "
               rb"(\d+) removed"):
        """SIGHUP, and wait for the answer: (added, removed)."""
        pattern = re.compile(says)
        before = len(pattern.findall(self.run.err))
        self.run.send(signal.SIGHUP)
        found = wait_until(
            lambda: pattern.findall(self.run.err)[before:], 20,
            lambda: f"{says} from {self.run.describe()}")
        return found[0]

    def warnings(self):
        return [line.decode() for line in self.run.err.splitlines()
                if b"cannot change" in line or b"next start" in line]


@pytest.fixture(name="service")
def fixture_service(teeline, server, tmp_path):
    """A function that starts one in front of an echoing server."""
    def make(*outputs, options=(), handler=echo, **keys):
        peer = server(handler)
        conf = {"inputs": [{"name": "in", "type": "proxy",
                            "listen": "127.0.0.1:0",
                            "target": peer.target,
                            **keys.pop("limits", {})}],
                "outputs": list(outputs), **keys}
        return Service(teeline, tmp_path, conf, "--writable", tmp_path,
                       *options)
    return make


def say(client, words):
    client.sendall(words)
    assert recv_exactly(client, len(words)) == words


def test_outputs_come_and_go(service, tmp_path):
    """A session that is open stays with the sinks it began with."""
    old, new = tmp_path / "old", tmp_path / "new"
    kept = tmp_path / "kept"
    s = service(f"jsonl:{kept}", f"jsonl:{old}")
    first = connect(s.port)
    say(first, b"one")
    s.conf["outputs"] = [f"jsonl:{kept}", {"type": "jsonl", "to": str(new)}]
    s.write()
    assert s.reload() == (b"1", b"1")
    say(first, b"two")
    second = connect(s.port)
    say(second, b"three")
    first.close()
    second.close()
    s.run.idle().stop()
    # The one that was removed has an end of its own.
    session = records.closed(old)
    assert (session.bytes("c2s"), session.reason) == (b"one", "stop")
    session = records.closed(new)
    assert session.bytes("c2s") == b"three"
    all_of_them = records.jsonl(kept)
    assert sorted(session.bytes("c2s") for session in all_of_them) == [
        b"onetwo", b"three"]


def test_same_file_with_another_key(service, tmp_path):
    """Removed before it is added: its name and its file are free again."""
    s = service(f"jsonl:{tmp_path}/{{id}},name=a")
    client = connect(s.port)
    say(client, b"one")
    client.close()
    s.conf["outputs"] = [f"jsonl:{tmp_path}/{{id}},name=a,queue=1MiB"]
    s.write()
    assert s.reload() == (b"1", b"1")
    client = connect(s.port)
    say(client, b"two")
    client.close()
    s.run.idle().stop()
    assert records.closed(tmp_path / "000001").bytes("c2s") == b"one"
    assert records.closed(tmp_path / "000002").bytes("c2s") == b"two"


def one_more(s, words):
    client = connect(s.port)
    say(client, words)
    client.close()
    s.run.idle()


@pytest.mark.parametrize("overwrite", [False, True])
def test_file_of_all_sessions_goes_on(service, tmp_path, overwrite):
    """What this run has written is nobody else's, and is not thrown away."""
    path = tmp_path / "log"
    s = service(f"jsonl:{path}", runtime={"overwrite": overwrite})
    one_more(s, b"one")
    s.conf["outputs"] = [f"jsonl:{path},queue=1MiB"]
    s.write()
    assert s.reload() == (b"1", b"1")
    one_more(s, b"two")
    # Away, and back after a while.
    for outputs, changes in (([], (b"0", b"1")),
                             ([f"jsonl:{path}"], (b"1", b"0"))):
        s.conf["outputs"] = outputs
        s.write()
        assert s.reload() == changes
        one_more(s, b"three")
    s.run.stop()
    assert [one.bytes("s2c") for one in records.jsonl(path)] == [
        b"one", b"two", b"three"]
    assert os.listdir(tmp_path).count("log-2") == 0


def test_file_of_another_format_stays(service, tmp_path):
    """Records of two formats are not mixed; the name is that of a clash."""
    s = service(f"raw:{tmp_path}/a.log")
    one_more(s, b"one\n")
    for kind, words in (("strip", b"two\n"), ("raw", b"three\n")):
        s.conf["outputs"] = [f"{kind}:{tmp_path}/a.log"]
        s.write()
        assert s.reload() == (b"1", b"1")
        one_more(s, words)
    s.run.stop()
    assert (tmp_path / "a.log").read_bytes() == b"one\n" * 2
    assert b"two" in (tmp_path / "a-2.log").read_bytes()
    assert (tmp_path / "a-3.log").read_bytes() == b"three\n" * 2


def test_file_of_another_output_is_not_shared(service, tmp_path):
    """While one that lives writes to it, a second is refused as ever."""
    s = service(f"raw:{tmp_path}/a,name=first")
    one_more(s, b"one\n")
    s.conf["outputs"] = [f"raw:{tmp_path}/a,name=second"]
    s.write()
    assert s.reload() == (b"1", b"1")
    s.conf["outputs"].append(f"raw:{tmp_path}/a,name=third")
    s.write()
    assert s.reload() == (b"0", b"0")
    assert b"a exists; --overwrite would replace it" in s.run.err
    s.run.stop()


def test_capture_with_another_rotation(service, tmp_path):
    """Each key is another output; every session is in one of the files, and
    what goes at SIGHUP begins none."""
    capture = {"type": "pcapng", "to": f"{tmp_path}/all.pcapng"}
    s = service(capture)
    said = []
    for n, keys in enumerate(({}, {"rotate": {"size": "1M"}},
                              {"rotate": {"size": "2M", "every": 60}},
                              {"queue": "1MiB"}, {})):
        s.conf["outputs"] = [{**capture, **keys}]
        s.write()
        assert s.reload() == ((b"1", b"1") if n else (b"0", b"0"))
        said.append(b"number %d" % n)
        one_more(s, said[-1])
    s.run.stop()
    found = set()
    for path in sorted(tmp_path.glob("all*")):
        assert fields(path, "frame.number"), path
        check_quiet(path)
        found.update(w for w in said if w in path.read_bytes())
    assert found == set(said)


def test_order_and_spelling_do_not_matter(service, tmp_path):
    """Outputs that say the same are the same: none is touched."""
    s = service(f"jsonl:{tmp_path}/a,queue=65536,on-full=drop",
                {"type": "flows", "to": f"{tmp_path}/f", "port": 80},
                "null", "null")
    s.conf["outputs"] = [
        "null", {"type": "null"}, f"flows:{tmp_path}/f,port=http",
        {"type": "jsonl", "on-full": "drop", "queue": "64KiB",
         "to": f"{tmp_path}/a"}]
    s.write()
    assert s.reload() == (b"0", b"0")
    s.run.stop()


@pytest.mark.parametrize("text, why", [
    ("{", r"x\.conf:1:2: the end, and the \{ of line 1, column 1 is still"),
    ("{inputs: [], foo: 1}", r'x\.conf:1:14: "foo" is no key of a config'),
    # The first output would do; nothing is begun before all is understood.
    ("{inputs: [{type: 'proxy', listen: '0', target: 'a:1'}],\n"
     " outputs: ['null', 'syslog:loud']}",
     r'x\.conf:2:20: "loud" is no format'),
])
def test_bad_file_changes_nothing(service, tmp_path, text, why):
    s = service(f"jsonl:{tmp_path}/log", logging={"level": "info"})
    good = s.path.read_text()
    client = connect(s.port)
    say(client, b"one")
    s.write(text)
    s.reload(rb"was not taken over: everything stays as it is")
    assert re.search(why, s.run.err.decode())
    say(client, b"two")
    client.close()
    # And it can be mended.
    s.write(good)
    assert s.reload() == (b"0", b"0")
    s.run.idle().stop()
    assert records.closed(tmp_path / "log").bytes("c2s") == b"onetwo"


def test_file_that_is_gone_changes_nothing(service, tmp_path):
    s = service(f"jsonl:{tmp_path}/log")
    s.path.unlink()
    s.reload(rb"was not taken over: everything stays as it is")
    assert b"No such file or directory" in s.run.err
    client = connect(s.port)
    say(client, b"one")
    client.close()
    s.run.idle().stop()
    assert records.closed(tmp_path / "log").bytes("c2s") == b"one"


def test_output_that_cannot_be_made(service, tmp_path):
    """The others are, and it is tried again the next time."""
    (tmp_path / "taken").write_text("mine")
    s = service()
    s.conf["outputs"] = [f"jsonl:{tmp_path}/taken", f"jsonl:{tmp_path}/b"]
    s.write()
    assert s.reload() == (b"1", b"0")
    assert b"--overwrite" in s.run.err
    assert (tmp_path / "taken").read_text() == "mine"
    (tmp_path / "taken").unlink()
    assert s.reload() == (b"1", b"0")
    client = connect(s.port)
    say(client, b"one")
    client.close()
    s.run.idle().stop()
    for name in ("taken", "b"):
        assert records.closed(tmp_path / name).bytes("c2s") == b"one"


def test_logging(service, tmp_path):
    """Levels, times and the file change; -v goes on counting more."""
    log = tmp_path / "log"
    s = service(logging={"file": str(log), "file-level": "error"})
    s.conf["logging"] = {"file": str(tmp_path / "other"),
                         "file-level": "info", "timestamps": True}
    s.write()
    s.reload()
    assert re.search(rb"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} teeline: "
                     rb"\S+/x.conf was read again", s.run.err, re.MULTILINE)
    assert "info: " in (tmp_path / "other").read_text()
    assert log.read_text() == ""
    del s.conf["logging"]["file"]
    s.write()
    s.reload()
    size = (tmp_path / "other").stat().st_size
    s.reload()
    assert (tmp_path / "other").stat().st_size == size
    s.run.stop()


def test_files_are_opened_anew(service, tmp_path):
    """As SIGHUP does for every command."""
    log = tmp_path / "log"
    s = service(f"text:{log}")
    client = connect(s.port)
    say(client, b"one\n")
    wait_until(lambda: b"one" in log.read_bytes(), 10, lambda: "a record")
    log.rename(tmp_path / "old")
    s.reload()
    wait_until(log.exists, 10, lambda: "a new file")
    say(client, b"two\n")
    client.close()
    s.run.idle().stop()
    assert b"one" in (tmp_path / "old").read_bytes()
    assert b"two" in log.read_bytes()
    assert b"two" not in (tmp_path / "old").read_bytes()


def test_limit_of_concurrent_sessions(service):
    s = service(limits={"max-concurrent": 1})
    first, second = connect(s.port), connect(s.port)
    say(first, b"one")
    second.sendall(b"two")
    second.settimeout(0.3)
    with pytest.raises(TimeoutError):
        second.recv(1)
    second.settimeout(10)
    s.conf["inputs"][0]["max-concurrent"] = 2
    s.write()
    s.reload()
    assert recv_exactly(second, 3) == b"two"
    first.close()
    second.close()
    s.run.idle().stop()


def test_limit_of_bytes(service, tmp_path):
    """A session that is open already ends with its next byte."""
    s = service(f"jsonl:{tmp_path}/log")
    client = connect(s.port)
    say(client, b"x" * 1000)
    s.conf["inputs"][0]["max-bytes"] = 100
    s.write()
    s.reload()
    client.sendall(b"y")
    wait_until(lambda: b'"close"' in (tmp_path / "log").read_bytes(), 10,
               lambda: "the end of the session")
    client.close()
    s.run.idle().stop()
    assert records.closed(tmp_path / "log").reason == "limit"


@pytest.mark.parametrize("before", [None, 3600])
def test_limit_of_silence(service, tmp_path, before):
    """A session that is open already, and had another limit or none."""
    s = service(f"jsonl:{tmp_path}/log",
                limits={"idle-timeout": before} if before else {})
    client = connect(s.port)
    say(client, b"one")
    s.conf["inputs"][0]["idle-timeout"] = 0.2
    s.write()
    s.reload()
    wait_until(lambda: b'"close"' in (tmp_path / "log").read_bytes(), 10,
               lambda: "the end of the session")
    client.close()
    s.run.idle()
    del s.conf["inputs"][0]["idle-timeout"]
    s.write()
    s.reload()
    second = connect(s.port)
    say(second, b"two")
    # Its patience is over for good: nothing ends this one.
    second.settimeout(0.6)
    with pytest.raises(TimeoutError):
        second.recv(1)
    second.settimeout(10)
    say(second, b"three")
    second.close()
    s.run.idle().stop()
    sessions = records.jsonl(tmp_path / "log")
    assert [session.reason for session in sessions] == ["timeout", "fin"]


def test_limit_of_sessions(service):
    """Below what has been: it finishes when the last one is over."""
    s = service()
    for _ in range(3):
        client = connect(s.port)
        say(client, b"one")
    s.conf["inputs"][0]["max-sessions"] = 2
    s.write()
    s.reload()
    client.close()
    s.run.wait()


# What a key becomes, and what is said of it.
FIXED = [
    ({"inputs": {"backlog": 7}}, "in: backlog"),
    ({"inputs": {"target": "h:1"}}, "in: listen, target or pairs"),
    ({"inputs": {"source": "127.0.0.1"}}, "in: source"),
    ({"inputs": {"workers": 3}}, "in: workers"),
    ({"inputs": {"copy": True}}, "in: copy"),
    ({"inputs": {"type": "tap", "_listen": 1, "_target": "h:1"}}, "in: type"),
    ({"control": {"history": 1}}, "control: history"),
    ({"runtime": {"drain-time": 9}}, "runtime: drain-time"),
    ({"runtime": {"user": "root"}}, "runtime: user"),
]


@pytest.mark.parametrize("change, key", FIXED, ids=[key for _, key in FIXED])
def test_key_that_cannot_change(service, change, key):
    """A warning names it, and the service goes on as it was."""
    s = service()
    for place, keys in change.items():
        if place == "inputs":
            s.conf["inputs"][0].update(keys)
        else:
            s.conf[place] = keys
        for name in keys:  # "_listen" switches "listen" off
            s.conf["inputs"][0].pop(name[1:], None)
    s.write()
    s.reload()
    assert s.warnings() == [
        f"teeline: {key} cannot change while it runs: it does when it is "
        "started anew"]
    client = connect(s.port)
    say(client, b"one")
    client.close()
    s.run.idle().stop()


def test_inputs_that_come_and_go(service):
    s = service()
    s.conf["inputs"][0]["name"] = "other"
    s.write()
    s.reload()
    assert s.warnings() == [
        "teeline: input in goes on until the next start",
        "teeline: input other begins with the next start"]
    client = connect(s.port)
    say(client, b"one")
    client.close()
    s.run.idle().stop()


def test_nothing_is_said_when_nothing_changes(service):
    s = service(limits={"backlog": 7, "source": "127.0.0.1"},
                runtime={"user": "root", "drain-time": 3},
                control={"history": 5})
    assert s.reload() == (b"0", b"0")
    assert s.warnings() == []
    s.run.stop()


def test_twice_at_once(service, tmp_path):
    """What comes while one is carried out is not forgotten."""
    s = service()
    s.conf["outputs"] = [f"jsonl:{tmp_path}/{n}" for n in range(20)]
    s.write()
    s.run.send(signal.SIGHUP)
    s.run.send(signal.SIGHUP)
    s.conf["outputs"] = [f"jsonl:{tmp_path}/last"]
    s.write()
    s.run.send(signal.SIGHUP)

    def is_last():
        client = connect(s.port)
        say(client, b"one")
        client.close()
        path = tmp_path / "last"
        return path.exists() and b'"data"' in path.read_bytes()

    wait_until(is_last, 20, lambda: s.run.describe())
    s.run.idle().stop()


def talk(client, over, seed):
    """Say something and hear it echoed until it is over; all that was said."""
    said = bytearray()
    rng = random.Random(seed)
    while not over.is_set():
        words = rng.randbytes(rng.randrange(1, 1 << 16))
        say(client, words)
        said += words
    client.close()
    return bytes(said)


def talk_shortly(port, over, seed):
    """One short session after the other; what was said in each."""
    rng = random.Random(seed)
    all_said = []
    while not over.is_set():
        words = rng.randbytes(rng.randrange(1, 1 << 12))
        with connect(port) as client:
            say(client, words)
        all_said.append(words)
    return all_said


@pytest.mark.long
@pytest.mark.deadline(120)
def test_a_hundred_times_under_traffic(service, tmp_path):
    """Not one byte is lost, by the peers or by the output that stays.

    Of the one that goes and comes again each session is whole, or ends
    where it went.
    """
    kept = {"type": "flows", "to": f"{tmp_path}/kept"}
    s = service(kept)
    before = s.run.descriptors()
    over = threading.Event()
    long = [Background(talk, connect(s.port), over, n) for n in range(4)]
    short = [Background(talk_shortly, s.port, over, n) for n in (5, 6)]
    for n in range(100):
        s.conf["outputs"] = [
            kept,
            f"jsonl:{tmp_path}/some,queue={n % 2 + 1}MiB,on-full=pause"]
        s.write()
        assert s.reload() == (b"1", b"1" if n else b"0")
    over.set()
    said = [job.result() for job in long]
    assert all(said)
    for job in short:
        said += job.result()
    s.conf["outputs"] = [kept]
    s.write()
    s.reload()
    s.run.idle()
    wait_until(lambda: s.run.descriptors() <= before + 2, 10,
               lambda: f"{s.run.descriptors()} descriptors, not {before}")
    s.run.stop()
    for way in ("c2s", "s2c"):
        assert sorted(path.read_bytes() for path in
                      (tmp_path / "kept").glob(f"*.{way}")) == sorted(said)
    ends = set()
    for one in records.jsonl(tmp_path / "some"):
        path, = (tmp_path / "kept").glob(f"{one.id:06}-*.c2s")
        whole = path.read_bytes()
        ends.add(one.reason)
        assert one.reason in ("fin", "stop")
        assert whole.startswith(one.bytes("c2s"))
        assert one.reason == "stop" or whole == one.bytes("c2s")
    assert "fin" in ends
