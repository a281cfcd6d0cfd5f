"""What -w writes, divided into files: by length, by time, by SIGHUP.

Together the files hold the conversation, each by itself is a capture file.
"""

import os
import signal

import pytest

from helpers import capture
from helpers.peers import connect, pair, pump, recv_exactly, talk_to, echo
from helpers.real import run
from helpers.wait import wait_until

MEGABYTE = 10**6


def files(folder, name="talk"):
    """Those of a recording, in the order of their numbers."""
    return sorted(str(path) for path in folder.glob(f"{name}*"))


def together(paths, to):
    """One file that says what they all say, in their order."""
    run("mergecap", "-a", "-w", to, *paths, deadline=120)
    return to


def about(path):
    """What capinfos says: {"packets": ..., "encapsulation": ...}."""
    lines = run("capinfos", "-M", path).decode().splitlines()
    pairs = (line.split(":", 1) for line in lines if ":" in line)
    return {key.strip().lower(): value.strip() for key, value in pairs}


@pytest.mark.parametrize("kind", ["pcapng", "pcap"])
def test_by_length(teeline, server, tmp_path, kind):
    """No file is too long, none of a packet is lost between two."""
    peer = server()
    proxy = teeline.proxy(peer.target, "-C", "1", "-w",
                          tmp_path / f"talk.{kind}")
    client, there = pair(proxy, peer)
    pump(client, there, 4 << 20)
    pump(there, client, 3 << 20)
    client.close()
    there.close()
    proxy.idle().stop()
    paths = files(tmp_path)
    assert [os.path.basename(path) for path in paths] == [
        f"talk-{number + 1:05}.{kind}" for number in range(len(paths))]
    assert len(paths) >= 8
    for path in paths:
        assert os.path.getsize(path) <= MEGABYTE, path
        assert int(about(path)["number of packets"]) > 0
    whole = together(paths, tmp_path / "whole.pcapng")
    capture.check_quiet(whole)
    (sent, answered), = capture.follow(whole, 0)
    assert (len(sent), len(answered)) == (4 << 20, 3 << 20)


def test_oldest_go(teeline, server, tmp_path):
    """-W counts finished files, of this run alone."""
    (tmp_path / "talk-00001.pcap").write_bytes(b"an earlier one")
    peer = server()
    proxy = teeline.proxy(peer.target, "-C", "1", "-W", "2", "-w",
                          tmp_path / "talk.pcap")
    client, there = pair(proxy, peer)
    pump(client, there, 6 << 20)
    client.close()
    there.close()
    proxy.idle().stop()
    first, *kept = files(tmp_path)
    assert open(first, "rb").read() == b"an earlier one"
    assert len(kept) == 2
    numbers = [int(path[-10:-5]) for path in kept]
    assert numbers[0] >= 6 and numbers[1] == numbers[0] + 1


def test_by_time(teeline, server, tmp_path):
    """A timer does it, traffic or not; names tell when a file was begun."""
    peer = server(echo)
    proxy = teeline.proxy(peer.target, "-G", "1", "-w",
                          tmp_path / "talk-%Y%m%dT%H%M%S.pcapng")
    talk_to(proxy)
    wait_until(lambda: len([path for path in files(tmp_path)
                            if path.endswith(".pcapng")]) >= 3, 20)
    proxy.idle().stop()
    paths = files(tmp_path)
    assert all(len(os.path.basename(path)) == len(
        "talk-20261121T083000.pcapng") for path in paths), paths
    counts = [int(about(path)["number of packets"]) for path in paths]
    # Those in which nothing was said are capture files all the same.
    assert sum(counts) > 0 and 0 in counts


def test_by_signal(teeline, server, tmp_path):
    """SIGHUP finishes a file in the middle of a session."""
    peer = server()
    proxy = teeline.proxy(peer.target, "-C", "100", "-w",
                          tmp_path / "talk.pcapng")
    client, there = pair(proxy, peer)
    for number, word in enumerate([b"before", b"after"]):
        client.sendall(word)
        assert recv_exactly(there, len(word)) == word
        writing = tmp_path / "talk.pcapng.tmp"
        wait_until(lambda word=word: word in writing.read_bytes())
        if number == 0:
            proxy.send(signal.SIGHUP)
            wait_until((tmp_path / "talk-00001.pcapng").exists)
    client.close()
    there.close()
    proxy.idle().stop()
    one, two = files(tmp_path)
    assert b"before" in open(one, "rb").read()
    assert b"after" in open(two, "rb").read()
    whole = together([one, two], tmp_path / "whole.pcapng")
    capture.check_quiet(whole)
    assert capture.follow(whole, 0) == [(b"beforeafter", b"")]


def test_killed(teeline, server, tmp_path):
    """What was written is there, under the name of what is not finished."""
    peer = server()
    proxy = teeline.proxy(peer.target, "-C", "100", "-w",
                          tmp_path / "talk.pcapng")
    client = connect(proxy.port)
    client.sendall(b"last words")
    writing = tmp_path / "talk.pcapng.tmp"
    wait_until(lambda: b"last words" in writing.read_bytes())
    proxy.send(signal.SIGKILL)
    proxy.wait(-signal.SIGKILL)
    client.close()
    assert files(tmp_path) == [str(writing)]
    assert capture.follow(writing, 0) == [(b"last words", b"")]
    # The next run does not take its place.
    proxy = teeline.proxy(peer.target, "-C", "100", "-w",
                          tmp_path / "talk.pcapng")
    proxy.stop()
    assert capture.follow(writing, 0) == [(b"last words", b"")]
    assert files(tmp_path) == [str(tmp_path / "talk-00001.pcapng"),
                               str(writing)]


@pytest.mark.parametrize("name,why", [
    ("{id}.pcapng", b"each session"), ("-", b"standard output"),
    ("/dev/null", b"no regular file")])
def test_not_divided(teeline, tmp_path, name, why):
    """What makes no sense is said at the start."""
    done = teeline.run("proxy", "127.0.0.1:0", "127.0.0.1:9", "-C", "1",
                       "-w", name, cwd=str(tmp_path), expect=2)
    assert why in done.err
    assert not os.listdir(tmp_path)
