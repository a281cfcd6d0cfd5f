"""What packages say of the program, and the snippets that they bring."""

import gzip
import os
import re
import subprocess
import threading

import pytest

from helpers import records
from helpers.peers import Background, connect, echo, recv_exactly, talk_to
from helpers.program import TOP
from helpers.real import run
from helpers.wait import wait_until

# Of every Debian that builds packages, and of gcc.
ASSUMED = {"binutils", "gcc", "libc6-dev", "make"}


def read(name):
    with open(f"{TOP}/{name}", encoding="utf-8") as file:
        return file.read()


def needed_to_build():
    """The packages of install-deps' group "build"."""
    found = re.findall(r"^\S*\bbuild\b\S*\s+(\S+)\s+\w+:\S+",
                       read("scripts/install-deps"), re.M)
    assert {"libuv1-dev", "libjansson-dev"} <= set(found)
    return set(found)


def test_package_build_depends_on_what_is_needed():
    field = re.search(r"^Build-Depends:\n((?: .*\n)+)",
                      read("debian/control"), re.M)[1]
    named = {line.split()[0].rstrip(",") for line in field.splitlines()}
    assert needed_to_build() - ASSUMED <= named


def test_image_is_built_with_what_is_needed():
    """... and has a library for each that the program is linked to."""
    build, final = read("packaging/Dockerfile").split("\nFROM ")[1:]
    assert needed_to_build() - {"binutils"} <= set(build.split())
    for library in needed_to_build():
        if library.startswith("lib") and library != "libc6-dev":
            stem = re.match(r"(lib[a-z]+)", library)[1]
            assert re.search(rf"^ +{stem}\S* ", final, re.M), library


def test_package_has_our_version():
    ours = re.search(r"^VERSION\s*:= (\S+)$", read("Makefile"), re.M)[1]
    theirs = re.match(r"teeline \((\S+)\)", read("debian/changelog"))[1]
    assert theirs == ours


@pytest.fixture(name="rotate")
def fixture_rotate(tmp_path):
    """A function that carries the installed snippet out, for a program.

    Its folder is tmp_path/teeline instead of /var/lib/teeline.
    """
    def rotate(program):
        snippet = read("packaging/logrotate/teeline")
        for old, new in (("/var/lib/teeline/", f"{tmp_path}/teeline/"),
                         ("systemctl reload 'teeline@*.service'",
                          f"kill -HUP {program.pid}")):
            assert old in snippet
            snippet = snippet.replace(old, new)
        (tmp_path / "conf").write_text(snippet)
        # It takes no advice from what others could write.
        for name in ("conf", "teeline", "teeline/web"):
            os.chmod(tmp_path / name, 0o644 if name == "conf" else 0o755)
        run("logrotate", "-f", "-s", tmp_path / "status", tmp_path / "conf",
            stderr=subprocess.STDOUT)

    (tmp_path / "teeline/web").mkdir(parents=True)
    return rotate


def test_logrotate(teeline, server, rotate, tmp_path):
    """Each record is in one of the two files, the older one unpacked."""
    log = tmp_path / "teeline/web/all.jsonl"
    proxy = teeline.proxy(server(echo).target, "-f", "none",
                          "-o", f"jsonl:{log}")
    talk_to(proxy)
    proxy.idle()
    wait_until(lambda: '"close"' in log.read_text(), what="a record")
    rotate(proxy)
    wait_until(log.exists, what="the output is opened anew")
    talk_to(proxy)
    proxy.idle().stop()
    older = log.with_name("all.jsonl.1")
    for path in (log, older):
        assert path.read_text().count('"event":"close"') == 1, path
    assert not log.with_name("all.jsonl.1.gz").exists()


def test_logrotate_under_traffic(teeline, server, rotate, tmp_path):
    """A session that lasts over rotations: all files are its record."""
    log = tmp_path / "teeline/web/all.jsonl"
    proxy = teeline.proxy(server(echo).target, "-f", "none",
                          "-o", f"jsonl:{log}")
    client = connect(proxy.port)
    said = bytearray()
    stop = threading.Event()

    def talk():
        while not stop.is_set():
            word = b"%08d\n" % len(said)
            client.sendall(word)
            assert recv_exactly(client, len(word)) == word
            said.extend(word)

    talking = Background(talk)
    for _ in range(4):
        enough = len(said) + 9 * 20
        # An empty file is left alone (notifempty).
        wait_until(lambda enough=enough: len(said) > enough and
                   log.stat().st_size > 0, what="more traffic")
        rotate(proxy)
        wait_until(log.exists, what="the output is opened anew")
    stop.set()
    talking.result()
    client.close()
    proxy.idle().stop()

    older = [log.with_name(f"all.jsonl.{name}")
             for name in ("4.gz", "3.gz", "2.gz", "1")]
    whole = tmp_path / "whole"
    whole.write_bytes(b"".join(
        gzip.decompress(path.read_bytes()) if path.suffix == ".gz"
        else path.read_bytes() for path in (*older, log)))
    record = records.closed(whole)
    assert record.bytes("c2s") == bytes(said)
    assert record.bytes("s2c") == bytes(said)
