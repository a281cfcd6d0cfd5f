"""make install, and what it puts there works from there."""

import os
import re
import subprocess

import pytest

from helpers.peers import echo, talk_to
from helpers.program import TOP, program_path
from helpers.real import run, tool

NAMES = ("gotcpspy", "netrecord", "stethoscope", "tcpreen", "teecp")


def make(*words):
    """Run make in the project's folder, for the program under test."""
    env = {key: value for key, value in os.environ.items()
           if key not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "DESTDIR",
                          "PREFIX", "LINKS", "MAKEOVERRIDES")}
    words += tuple(f"{name}={os.environ[name]}" for name in
                   ("SAN", "PORTABLE") if os.environ.get(name))
    return run("make", "-C", TOP, *words, env=env, deadline=300)


def files(folder):
    return {os.path.relpath(os.path.join(where, name), folder)
            for where, _, names in os.walk(folder) for name in names}


@pytest.fixture(name="installed", scope="module")
def fixture_installed(tmp_path_factory):
    """DESTDIR after `make install DESTDIR=... PREFIX=/usr`."""
    folder = tmp_path_factory.mktemp("dest")
    make("install", f"DESTDIR={folder}", "PREFIX=/usr")
    return folder


def test_what_is_installed(installed):
    found = files(installed)
    assert "usr/bin/teeline" in found
    assert {name for name in found if name.startswith("usr/bin/")} == {
        "usr/bin/teeline"}
    for page in ("man1/teeline.1", "man5/teeline-files.5",
                 "man7/teeline-control.7"):
        assert any(name.startswith(f"usr/share/man/{page}")
                   for name in found), page
    assert all(name.startswith("usr/") for name in found)


def test_installed_program_relays(installed, teeline, server):
    peer = server(echo)
    proxy = teeline.spawn([installed / "usr/bin/teeline", "proxy",
                           "127.0.0.1:0", peer.target]).wait_ready()
    talk_to(proxy)
    proxy.stop()


def test_links(tmp_path, teeline):
    """LINKS=1 adds the seed programs' names; each is that program."""
    make("install", f"DESTDIR={tmp_path}", "PREFIX=/usr", "LINKS=1")
    for name in NAMES:
        path = tmp_path / "usr/bin" / name
        assert path.resolve() == (tmp_path / "usr/bin/teeline").resolve()
        by_link = teeline.spawn([path])
        by_link.wait(None)
        by_word = teeline.run(name, expect=None)
        assert by_link.process.returncode == by_word.process.returncode
        assert by_link.out + by_link.err
        pages = list((tmp_path / "usr/share/man/man1").glob(f"{name}.1*"))
        assert pages, f"no manual of {name}"


def test_uninstall_leaves_nothing(tmp_path):
    make("install", f"DESTDIR={tmp_path}", "PREFIX=/opt/x", "LINKS=1")
    assert files(tmp_path)
    make("uninstall", f"DESTDIR={tmp_path}", "PREFIX=/opt/x", "LINKS=1")
    assert not files(tmp_path)
    assert not (tmp_path / "opt/x/share/doc/teeline").exists()


def test_manuals_render(installed):
    """mandoc has nothing to warn of, and each names its program."""
    pages = [os.path.join(installed, name) for name in files(installed)
             if "/man/" in name]
    assert len(pages) >= 2
    for page in pages:
        run("mandoc", "-Tlint", "-Wwarning", page)
        text = re.sub(b".\b", b"", run("mandoc", "-Tascii", page))
        assert b"NAME" in text and b"teeline" in text


def completion(installed, word):
    """The installed completion file whose path holds a word."""
    name, = [name for name in files(installed) if word in name]
    return os.path.join(installed, name)


def test_bash_completion(installed):
    """Loads, and offers commands, options and formats."""
    script = f"""
        . /usr/share/bash-completion/bash_completion
        . {completion(installed, "bash-completion")}
        spec=$(complete -p teeline) || exit 3
        case $spec in *" -F "*) ;; *) exit 4 ;; esac
        function=${{spec#* -F }}
        function=${{function%% *}}
        try() {{
            COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMPREPLY=()
            COMP_LINE="$*" COMP_POINT=${{#COMP_LINE}} COMP_TYPE=9
            "$function" teeline "${{@: -1}}" "${{@: -2:1}}"
            echo "${{COMPREPLY[*]}}"
        }}
        try teeline pr
        try teeline proxy --max-s
        try teeline proxy -f js
    """
    said = run("bash", "--norc", "-c", script).decode().splitlines()
    assert [line.strip() for line in said] == [
        "proxy", "--max-sessions", "jsonl"]


def test_zsh_completion(installed):
    """Loads as an autoloaded function of the completion system."""
    path = completion(installed, "zsh")
    assert os.path.basename(path) == "_teeline"
    script = f"""
        fpath=({os.path.dirname(path)} $fpath)
        autoload -Uz compinit && compinit -u -D
        [[ ${{_comps[teeline]}} == _teeline ]] || exit 3
        autoload +X _teeline || exit 4
        functions _teeline > /dev/null || exit 5
    """
    run("zsh", "-f", "-n", path)
    run("zsh", "-f", "-c", script)


def test_fish_completion(installed, tmp_path):
    """Loads, and offers commands and options."""
    path = completion(installed, "fish")
    env = dict(os.environ, HOME=str(tmp_path), XDG_CONFIG_HOME=str(tmp_path))
    run("fish", "--no-execute", path, env=env)

    def offered(line):
        text = run("fish", "--no-config", "-c",
                   f"source {path}; complete -C '{line}'", env=env).decode()
        return [one.split("\t")[0] for one in text.splitlines()]

    assert offered("teeline pr") == ["proxy"]
    assert offered("teeline proxy --max-s") == ["--max-sessions"]


def test_program_says_its_version(teeline):
    with open(os.path.join(TOP, "Makefile"), encoding="utf-8") as file:
        version = next(line.split(":=")[1].strip() for line in file
                       if line.startswith("VERSION"))
    said = teeline.run("-V").out.decode()
    assert said.splitlines()[0].startswith(f"teeline {version}")


def test_program_is_hardened():
    """A position-independent executable with read-only relocations."""
    head = subprocess.run(
        [tool("readelf"), "-hdlW", program_path()], stdout=subprocess.PIPE,
        check=True).stdout.decode()
    assert "DYN (" in head and "GNU_RELRO" in head
    assert "BIND_NOW" in head or "NOW" in head.split("FLAGS_1")[-1]
