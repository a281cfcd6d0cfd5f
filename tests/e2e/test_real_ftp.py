"""A real FTP server and a real client; control and data through the relay."""

import hashlib
import os
import subprocess

from helpers import capture, records
from helpers.real import run

CONTROL = "127.0.0.2:0"


def ftp_proxy(teeline, vsftpd, *options):
    """Relay of the control port, and of the one data port, on 127.0.0.2."""
    proxy = teeline.proxy(
        vsftpd.target, "-L",
        f"127.0.0.2:{vsftpd.data_port}=127.0.0.1:{vsftpd.data_port}",
        *options, listen=CONTROL, count=2)
    return proxy, proxy.relays[vsftpd.target]


def tnftp(address, *commands, cwd):
    """Run Debian's ftp client with commands on its standard input."""
    host, port = address.split(":")
    script = "\n".join([
        f"open {host} {port}", "user anonymous guest@example.org", "binary",
        "passive on", *commands, "quit", ""])
    return run("tnftp", "-n", "-v", input=script.encode(), cwd=cwd,
               stderr=subprocess.STDOUT)


def test_ftp_session(teeline, vsftpd, tmp_path):
    """List, fetch and store; every record has control and data exactly."""
    down, up = os.urandom(3000000), os.urandom(1000000)
    with open(os.path.join(vsftpd.root, "in", "down"), "wb") as file:
        file.write(down)
    os.chmod(os.path.join(vsftpd.root, "in", "down"), 0o644)
    (tmp_path / "up").write_bytes(up)
    proxy, control = ftp_proxy(
        teeline, vsftpd, "-o", f"flows:{tmp_path}/flows", "-o",
        f"jsonl:{tmp_path}/log", "-w", f"{tmp_path}/talk.pcapng")
    said = tnftp(control, "cd in", "get down", "put up stored", "ls",
                 cwd=tmp_path)
    assert b"230 " in said and said.count(b"226 ") == 3, said
    proxy.idle().stop()

    assert (tmp_path / "down").read_bytes() == down
    with open(os.path.join(vsftpd.root, "in", "stored"), "rb") as file:
        assert file.read() == up
    sessions = records.jsonl(tmp_path / "log")
    talk = sessions[0]
    assert b"220 teeline test\r\n" in talk.bytes("s2c")
    assert b"USER anonymous\r\nPASS guest@example.org\r\n" in (
        talk.bytes("c2s").replace(b"\r\n\r\n", b"\r\n"))
    moved = {hashlib.sha256(one.bytes(direction)).digest()
             for one in sessions[1:] for direction in ("c2s", "s2c")}
    assert {hashlib.sha256(data).digest() for data in (down, up)} <= moved
    for number, one in records.flows(tmp_path / "flows").items():
        assert one.bytes("c2s") == sessions[number - 1].bytes("c2s")
        assert one.bytes("s2c") == sessions[number - 1].bytes("s2c")
    # With all dissectors on: tshark's FTP finds nothing malformed either.
    capture.check_quiet(tmp_path / "talk.pcapng", plain=False)


def test_ftp_through_the_default_output(teeline, vsftpd, tmp_path):
    """What a person sees: the lines of the conversation, in order."""
    proxy, control = ftp_proxy(teeline, vsftpd)
    tnftp(control, "pwd", cwd=tmp_path)
    proxy.idle().stop()
    said = proxy.out
    steps = [b"220 teeline test", b"USER anonymous", b"331 ",
             b"PASS guest@example.org", b"230 ", b"PWD", b"257 ", b"QUIT",
             b"221 "]
    at = 0
    for step in steps:
        assert step in said[at:], f"{step} is not there, or out of order"
        at = said.index(step, at) + len(step)


def test_client_that_has_enough(teeline, vsftpd, tmp_path):
    """It leaves a big transfer in the middle; no session stays behind."""
    path = os.path.join(vsftpd.root, "in", "big")
    with open(path, "wb") as file:
        file.truncate(1 << 30)
    os.chmod(path, 0o644)
    proxy, control = ftp_proxy(teeline, vsftpd, "-o",
                               f"jsonl:{tmp_path}/log", "-f", "none")
    run("curl", "-sS", "--range", "0-99999", f"ftp://{control}/in/big",
        "-o", tmp_path / "part", expect=None)
    assert (tmp_path / "part").read_bytes() == b"\0" * 100000
    proxy.idle().stop()
    for one in records.jsonl(tmp_path / "log"):
        assert one.close, f"session {one.id} was never closed"
