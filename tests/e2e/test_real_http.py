"""curl fetches from nginx: big files, many at a time, kept-alive ones."""

import hashlib
import os

import pytest

from helpers import capture, records
from helpers.real import run


def make_file(nginx, name, size):
    """A file that nginx serves, with random content; its SHA-256."""
    data = os.urandom(min(size, 1 << 20)) * max(1, size >> 20)
    with open(os.path.join(nginx.root, name), "wb") as file:
        file.write(data)
    return hashlib.sha256(data).hexdigest()


def sha256(path):
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while part := file.read(1 << 20):
            digest.update(part)
    return digest.hexdigest()


@pytest.mark.parametrize("size", [0, 1, 65536, 300 << 20])
def test_fetch(teeline, nginx, tmp_path, options, size):
    """One file of every size, on every path of the relay."""
    expect = make_file(nginx, "file", size)
    proxy = teeline.proxy(nginx.target, *options)
    run("curl", "-sS", "--fail", f"http://127.0.0.1:{proxy.port}/file", "-o",
        tmp_path / "got")
    if size:
        assert sha256(tmp_path / "got") == expect
    else:
        assert not (tmp_path / "got").exists() or not sha256(
            tmp_path / "got") != expect


def test_parallel(teeline, nginx, tmp_path):
    """60 transfers over 20 connections at a time."""
    expect = {f"f{number}": make_file(nginx, f"f{number}", 1 << number)
              for number in range(6, 24)}
    proxy = teeline.proxy(nginx.target, "-f", "none", "-o",
                          f"flows:{tmp_path}/flows", "-o",
                          f"jsonl:{tmp_path}/log")
    urls = []
    for turn in range(4):
        for name in expect:
            urls += [f"http://127.0.0.1:{proxy.port}/{name}", "-o",
                     tmp_path / f"{name}.{turn}"]
    run("curl", "-sS", "--fail", "--parallel", "--parallel-max", "20",
        "--parallel-immediate", *urls)
    for turn in range(4):
        for name, digest in expect.items():
            assert sha256(tmp_path / f"{name}.{turn}") == digest
    proxy.idle().stop()
    sessions = records.jsonl(tmp_path / "log")
    flows = records.flows(tmp_path / "flows")
    assert len(sessions) == len(flows)
    served = 0
    for one in sessions:
        assert one.bytes("c2s") == flows[one.id].bytes("c2s")
        assert one.bytes("s2c") == flows[one.id].bytes("s2c")
        served += one.bytes("s2c").count(b"HTTP/1.1 200 OK\r\n")
    assert served == 4 * len(expect)


def test_tshark_understands_the_capture(teeline, nginx, tmp_path):
    """The web traffic in it is dissected as such, without a complaint."""
    make_file(nginx, "page", 200000)
    proxy = teeline.proxy(nginx.target, "-w", f"{tmp_path}/web.pcapng")
    url = f"http://127.0.0.1:{proxy.port}/page"
    run("curl", "-sS", "--fail", url, "-o", "/dev/null", url, "-o",
        "/dev/null")
    proxy.idle().stop()
    rows = capture.fields(
        tmp_path / "web.pcapng", "http.request.uri", "http.response.code",
        "http.content_length", show="http", plain=False)
    # No heuristic finds HTTP on a chosen port for sure: it is decoded as it.
    if not rows:
        rows = [line.split("\t") for line in capture.tshark(
            tmp_path / "web.pcapng", "-d", f"tcp.port=={nginx.port},http",
            "-Y", "http", "-T", "fields", "-e", "http.request.uri", "-e",
            "http.response.code", "-e", "http.content_length",
            plain=False).decode().splitlines()]
    assert [row[0] for row in rows if row[0]] == ["/page", "/page"]
    assert [row[1] for row in rows if row[1]] == ["200", "200"]
    capture.check_quiet(tmp_path / "web.pcapng")


def test_upload_of_a_client_that_waits(teeline, nginx, tmp_path):
    """Expect: 100-continue needs each small answer passed on at once."""
    (tmp_path / "body").write_bytes(b"b" * 3000000)
    proxy = teeline.proxy(nginx.target)
    code = run("curl", "-s", "-H", "Expect: 100-continue", "--data-binary",
               f"@{tmp_path}/body", "-o", "/dev/null", "-w", "%{http_code}",
               f"http://127.0.0.1:{proxy.port}/page", expect=None)
    assert code in (b"405", b"413"), code
