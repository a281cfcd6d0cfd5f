"""What packages say of the program, and the snippets that they bring."""

import os
import re
import subprocess

from helpers.peers import echo, talk_to
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


def test_logrotate(teeline, server, tmp_path):
    """With the installed snippet each record is in one of the two files."""
    peer = server(echo)
    state = tmp_path / "teeline/web"
    state.mkdir(parents=True)
    log = state / "all.jsonl"
    proxy = teeline.proxy(peer.target, "-f", "none", "-o", f"jsonl:{log}")
    snippet = read("packaging/logrotate/teeline")
    for old, new in (("/var/lib/teeline/", f"{tmp_path}/teeline/"),
                     ("systemctl reload 'teeline@*.service'",
                      f"kill -HUP {proxy.pid}")):
        assert old in snippet
        snippet = snippet.replace(old, new)
    (tmp_path / "conf").write_text(snippet)
    for name in ("conf", "teeline", "teeline/web"):
        os.chmod(tmp_path / name, 0o644 if name == "conf" else 0o755)

    talk_to(proxy)
    proxy.idle()
    wait_until(lambda: '"close"' in log.read_text(), what="a record")
    run("logrotate", "-f", "-s", tmp_path / "status", tmp_path / "conf",
        stderr=subprocess.STDOUT)
    wait_until(log.exists, what="the output is opened anew")
    talk_to(proxy)
    proxy.idle().stop()
    for path in (log, state / "all.jsonl.1"):
        assert path.read_text().count('"event":"close"') == 1, path
    assert not (state / "all.jsonl.1.gz").exists()
