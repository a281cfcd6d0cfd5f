"""What was sent is what was received is what every record holds.

Conversations are random (helpers/talk.py); they are compared by SHA-256, so
that a difference prints no megabytes.
"""

import hashlib
import multiprocessing
import os
import socket

import pytest

from helpers import capture, records, talk
from helpers.peers import connect
from helpers.program import is_instrumented
from helpers.wait import SCALE, wait_until

SINKS = {
    "flows": ["-o", "flows:{folder}/flows"],
    "jsonl": ["-o", "jsonl:{folder}/jsonl"],
    "netrecord": ["-o", "netrecord:{folder}/netrecord"],
    "pcapng": ["-o", "pcapng:{folder}/pcapng"],
}


def digest(data):
    return hashlib.sha256(data).hexdigest()


def digests(one):
    """Of a session in a record, or of a conversation: (c2s, s2c)."""
    if isinstance(one, talk.Talk):
        return digest(one.sent["c2s"]), digest(one.sent["s2c"])
    return digest(one.bytes("c2s")), digest(one.bytes("s2c"))


def check_flows(folder, talks):
    found = {one.open["client"]: digests(one)
             for one in records.flows(folder / "flows").values()}
    assert found == {records.file_client(one.client): digests(one)
                     for one in talks}
    assert not (folder / "flows" / "gaps.jsonl").exists()


def check_jsonl(folder, talks):
    sessions = records.jsonl(folder / "jsonl")
    assert {one.client: digests(one) for one in sessions} == {
        one.client: digests(one) for one in talks}
    for one in sessions:
        assert one.reason == "fin" and not one.gaps, one.close


def check_netrecord(folder, talks):
    logs = records.netrecord(folder / "netrecord")
    assert sorted(logs) == list(range(1, len(talks) + 1))
    assert sorted(map(digests, logs.values())) == sorted(map(digests, talks))
    for log in logs.values():
        hups = [what for _, _, what in log.events if what == "hup"]
        assert len(hups) == 2, "each side hung up once"


def check_pcapng(folder, talks):
    found = {client: (digest(c2s), digest(s2c)) for client, (c2s, s2c)
             in capture.payloads(folder / "pcapng").items()}
    assert found == {one.client: digests(one) for one in talks}


# A disk that others keep busy is no reason to lose the end of a record.
PATIENT = ["--drain-time", "30"]
CHECKS = {"flows": check_flows, "jsonl": check_jsonl,
          "netrecord": check_netrecord, "pcapng": check_pcapng}


def hold(teeline, folder, kinds, talks, *options, **how):
    """Hold the conversations through a relay with these sinks; check all."""
    words = [word.format(folder=folder)
             for kind in kinds for word in SINKS[kind]]
    proxies = []

    def start(target):
        proxies.append(teeline.proxy(
            target, "-f", "none", *PATIENT, *options, *words))
        return proxies[0].addresses[0]

    talk.hold(start, talks, **how)
    proxies[0].idle().stop()
    for kind in kinds:
        CHECKS[kind](folder, talks)


@pytest.mark.parametrize("kinds", [
    (), ("flows",), ("jsonl",), ("netrecord",), ("pcapng",), tuple(SINKS)],
    ids=lambda kinds: "+".join(kinds) or "none")
def test_random_talk(teeline, tmp_path, kinds):
    """Alone, each sink gets the path made for its need; together, one."""
    hold(teeline, tmp_path, kinds,
         talk.some(40, 1 << 20, seed=len("".join(kinds)), slow=0.3))


@pytest.mark.parametrize("option", [["--copy"], ["--workers", "1"],
                                    ["--workers", "7"]], ids="".join)
def test_random_talk_with(teeline, tmp_path, option):
    hold(teeline, tmp_path, ("flows", "jsonl"),
         talk.some(40, 300000, seed=99, slow=0.3), *option)


@pytest.mark.parametrize("kinds", [("flows",), ("pcapng",)], ids="".join)
def test_bulk(teeline, tmp_path, kinds):
    """Long enough that the zero-copy path is entered and left again."""
    talks = [talk.Talk(1, 24 << 20, 24 << 20), talk.Talk(2, 24 << 20, 100),
             talk.Talk(3, 100, 24 << 20), talk.Talk(4, 4 << 20, 4 << 20, True)]
    hold(teeline, tmp_path, kinds, talks)


@pytest.mark.long
@pytest.mark.deadline(120)
def test_500_at_a_time(teeline, tmp_path):
    """All of them open at once, every byte in four records."""
    hold(teeline, tmp_path, tuple(SINKS),
         talk.some(500, 60000, seed=500, slow=0.1), together=True)


def serve_echo(listener):
    """A process: echo one message per connection until killed."""
    while True:
        sock, _ = listener.accept()
        with sock:
            sock.sendall(sock.recv(4096))
            sock.recv(1)


@pytest.fixture(name="echo_process")
def fixture_echo_process():
    """An echo server that does not share this process's interpreter lock."""
    with socket.create_server(("127.0.0.1", 0), backlog=1024) as listener:
        process = multiprocessing.get_context("fork").Process(
            target=serve_echo, args=(listener,), daemon=True)
        process.start()
        yield "127.0.0.1:%d" % listener.getsockname()[1]
        process.terminate()
        process.join()


def sessions_in_a_row(proxy, numbers, folder):
    """Hold them; then wait until the disk has caught up with the traffic.

    What waits in a queue is neither lost nor leaked, but it is memory.
    """
    for number in numbers:
        with connect(proxy.port) as client:
            message = b"session %d" % number
            client.sendall(message)
            assert client.recv(4096) == message
    wait_until(lambda: len(os.listdir(folder)) == 2 * numbers[-1] + 2, 20,
               lambda: f"{len(os.listdir(folder))} files")


@pytest.mark.long
@pytest.mark.deadline(150)
def test_10000_one_after_the_other(teeline, echo_process, tmp_path):
    """Nothing is left of them: no descriptor, no memory, a whole record."""
    total, step = 10000, 500
    flows = tmp_path / "flows"
    proxy = teeline.proxy(
        echo_process, "-f", "none", "-o", f"jsonl:{tmp_path}/jsonl", "-o",
        f"pcapng:{tmp_path}/pcapng", "-o", f"flows:{flows}")
    before = proxy.descriptors()
    memory = []
    for start in range(0, total, step):
        sessions_in_a_row(proxy, range(start, start + step), flows)
        memory.append(proxy.memory())
    wait_until(lambda: proxy.descriptors() <= before + 4, 20 * SCALE,
               lambda: f"descriptors: {proxy.descriptors()} from {before}")
    if not is_instrumented():
        # A second after the last record, memory of batches is given back.
        wait_until(lambda: proxy.memory() - memory[3] < 1 << 20, 20,
                   lambda: f"memory: {proxy.memory()} after {memory}")
    proxy.idle().stop()
    sessions = records.jsonl(tmp_path / "jsonl")
    assert [one.id for one in sessions] == list(range(1, total + 1))
    for number, one in enumerate(sessions):
        assert one.bytes("c2s") == one.bytes("s2c") == b"session %d" % number
        assert one.reason == "fin"
    assert {number: digests(one) for number, one in
            records.flows(flows).items()} == {
                one.id: digests(one) for one in sessions}
