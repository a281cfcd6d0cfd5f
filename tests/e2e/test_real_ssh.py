"""ssh notices every wrong byte: its packets are authenticated."""

import hashlib
import os

from helpers import records
from helpers.peers import Background
from helpers.real import run


def test_command(teeline, sshd, tmp_path):
    proxy = teeline.proxy(sshd.target, "-o", f"jsonl:{tmp_path}/log")
    said = run("ssh", *sshd.options(proxy.port), "127.0.0.1",
               "cat; exit 7", input=b"through the relay", expect=7)
    assert said == b"through the relay"
    proxy.idle().stop()
    one, = records.jsonl(tmp_path / "log")
    assert one.bytes("c2s").startswith(b"SSH-2.0-")
    assert one.bytes("s2c").startswith(b"SSH-2.0-")
    assert one.reason == "fin"


def test_large_output(teeline, sshd, options):
    """64 MiB of it, on every path of the relay."""
    proxy = teeline.proxy(sshd.target, *options)
    said = run("ssh", *sshd.options(proxy.port), "127.0.0.1",
               "head -c 67108864 /dev/zero")
    assert len(said) == 64 << 20 and not said.strip(b"\0")


def test_copy_there_and_back(teeline, sshd, tmp_path):
    data = os.urandom(8 << 20)
    (tmp_path / "a").write_bytes(data)
    proxy = teeline.proxy(sshd.target, "-f", "none", "-o",
                          f"flows:{tmp_path}/flows")
    options = sshd.options(proxy.port)
    run("scp", *options, tmp_path / "a", f"127.0.0.1:{tmp_path}/b")
    run("scp", *options, f"127.0.0.1:{tmp_path}/b", tmp_path / "c")
    assert hashlib.sha256((tmp_path / "c").read_bytes()).digest() == (
        hashlib.sha256(data).digest())
    proxy.idle().stop()
    up, down = records.flows(tmp_path / "flows").values()
    assert len(up.bytes("c2s")) > len(data) < len(down.bytes("s2c"))


def test_several_at_a_time(teeline, sshd):
    """Interactive and bulk sessions side by side."""
    proxy = teeline.proxy(sshd.target)
    options = sshd.options(proxy.port)
    jobs = [Background(run, "ssh", *options, "127.0.0.1",
                       f"head -c {size} /dev/zero | sha256sum; echo {size}")
            for size in (0, 10, 1000000, 30000000)]
    for size, job in zip((0, 10, 1000000, 30000000), jobs):
        digest = hashlib.sha256(bytes(size)).hexdigest()
        assert job.result() == f"{digest}  -\n{size}\n".encode()
