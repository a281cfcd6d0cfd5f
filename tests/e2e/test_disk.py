"""Full disks and folders that vanish: the relay goes on, the user is told.

A record that could not be written whole is a failure: exit status 1.
"""

import base64
import hashlib
import os
import shutil

import pytest

from helpers import capture, records
from helpers.peers import BULK, echo, pair, pump, recv_all, talk_to, warm
from helpers.real import run
from helpers.wait import wait_until

SMALL = 4 << 20


def on_small_disk(folder):
    """A command prefix that mounts a tmpfs of SMALL bytes over folder.

    In a mount namespace, so that nothing of it outlives the program; what is
    on it is seen through disk_of().
    """
    os.makedirs(folder)
    return ["unshare", "-rm", "sh", "-c",
            f"mount -t tmpfs -o size={SMALL} none '{folder}' && exec \"$@\"",
            "sh"]


def disk_of(proxy, folder):
    return f"/proc/{proxy.pid}/root{folder}"


@pytest.mark.parametrize("sink", ["flows", "jsonl", "netrecord", "pcapng"])
def test_full_disk(teeline, server, tmp_path, sink):
    """The relay goes on, the user is told once, the file stays readable."""
    folder = tmp_path / "disk"
    peer = server()
    proxy = teeline.proxy(
        peer.target, "-f", "none", "-o", f"{sink}:{folder}/record",
        prefix=on_small_disk(folder))
    client, there = pair(proxy, peer)
    pump(client, there)
    pump(there, client)
    told = wait_until(lambda: proxy.complaints(rb"No space left"),
                      what="the user is told")
    client.close()
    assert recv_all(there) == b""
    there.close()
    second, second_there = pair(proxy, peer)
    warm(second, second_there)
    assert len(proxy.complaints(rb"No space left")) == len(told) == 1
    check_readable(sink, disk_of(proxy, folder) + "/record", tmp_path)
    proxy.stop(expect=1)


def check_readable(sink, path, tmp_path):
    """Whole records, whose bytes are the first of what was pumped."""
    first = hashlib.shake_128(str(BULK).encode()).digest(1 << 20)
    if sink == "flows":
        name, = [name for name in os.listdir(path)
                 if name.startswith("000001-") and name.endswith(".c2s")]
        with open(os.path.join(path, name), "rb") as file:
            assert file.read(1 << 20) == first
        return
    shutil.copy(path + ("_1" if sink == "netrecord" else ""),
                tmp_path / "copy")
    if sink == "jsonl":
        text = (tmp_path / "copy").read_bytes()
        assert text.endswith(b"\n"), "cut in the middle of a line"
        start = b"".join(
            base64.b64decode(event["data"])
            for event in records.events(tmp_path / "copy")
            if event["event"] == "data" and event["session"] == 1)[:1 << 20]
    elif sink == "netrecord":
        start = records.netrecord_log(
            (tmp_path / "copy").read_bytes()).bytes("c2s")[:1 << 20]
    else:
        start = capture.follow(tmp_path / "copy", 0)[0][0][:1 << 20]
        run("capinfos", tmp_path / "copy")  # "cut short" would be status 1
    assert start == first


def test_disk_that_is_full_for_a_while(teeline, server, tmp_path):
    """Once there is room again, later sessions are recorded again."""
    folder = tmp_path / "disk"
    peer = server()
    proxy = teeline.proxy(
        peer.target, "-f", "none", "-o", f"flows:{folder}/flows", "-o",
        f"jsonl:{tmp_path}/log", prefix=on_small_disk(folder))
    client, there = pair(proxy, peer)
    pump(client, there)
    wait_until(lambda: proxy.complaints(rb"No space left"), what="told")
    client.close()
    there.close()
    disk = disk_of(proxy, folder)
    records.closed(tmp_path / "log")
    for name in os.listdir(f"{disk}/flows"):
        os.truncate(f"{disk}/flows/{name}", 0)
    client, there = pair(proxy, peer)
    pump(client, there, 1 << 20)
    client.close()
    there.close()
    records.closed(tmp_path / "log", 2)

    def recorded():
        return records.flows(f"{disk}/flows")[2].bytes("c2s") == (
            hashlib.shake_128(b"1048576").digest(1 << 20))

    wait_until(recorded, what="the second session is recorded whole")
    proxy.stop(expect=1)


def test_output_folder_that_vanishes(teeline, server, tmp_path):
    """The relay goes on, and a folder that is missing is made anew."""
    peer = server(echo)
    proxy = teeline.proxy(peer.target, "-f", "none", "-o",
                          f"flows:{tmp_path}/flows", "-o",
                          f"jsonl:{tmp_path}/log")
    talk_to(proxy, b"one")
    records.closed(tmp_path / "log")
    wait_until(lambda: len(os.listdir(tmp_path / "flows")) == 2,
               what="the first session's files")
    shutil.rmtree(tmp_path / "flows")
    talk_to(proxy, b"two")
    records.closed(tmp_path / "log", 2)
    proxy.stop()
    assert {number: one.bytes("c2s") for number, one in
            records.flows(tmp_path / "flows").items()} == {2: b"two"}


def test_output_folder_that_turns_into_a_file(teeline, server, tmp_path):
    """It cannot be made anew: told once, counted, and nobody is harmed."""
    peer = server(echo)
    proxy = teeline.proxy(peer.target, "-f", "none", "--stats",
                          f"{tmp_path}/stats", "-o",
                          f"flows:{tmp_path}/flows")
    talk_to(proxy, b"one")
    wait_until(lambda: len(os.listdir(tmp_path / "flows")) == 2,
               what="the first session's files")
    shutil.rmtree(tmp_path / "flows")
    (tmp_path / "flows").write_text("in the way")
    for _ in range(5):
        talk_to(proxy, b"12345")
    wait_until(lambda: proxy.complaints(rb"flows.*(Not a directory|exists)"),
               what="the user is told")
    proxy.stop(expect=1)
    assert len(proxy.complaints(rb"Not a directory|File exists")) == 1
    sink = records.sink_of(tmp_path / "stats", "flows")
    assert sink["dropped"]["write_error"]["bytes"] == 5 * 2 * 5
    assert sink["written"] == 6
