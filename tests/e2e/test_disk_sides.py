"""What others have laid where the program is to write: links, pipes, files.

In a folder where everybody may write, sticky or not.  The kernel refuses some
of it in sticky ones, where it was told to (fs.protected_symlinks); these tests
hold without that, and with it.
"""

import os
import signal
import threading

import pytest

from helpers import records
from helpers.peers import connect, echo, half_close, recv_all
from helpers.users import IS_ROOT, as_nobody, shared
from helpers.wait import wait_until

SECRET = "not to be touched\n"


@pytest.fixture(name="folder", params=[0o777, 0o1777], ids=oct)
def fixture_folder(request, tmp_path):
    """Where everybody may write."""
    return shared(tmp_path, request.param)


@pytest.fixture(name="secret")
def fixture_secret(tmp_path):
    """A file of ours that somebody would like to have overwritten."""
    path = tmp_path / "secret"
    path.write_text(SECRET)
    path.chmod(0o600)
    yield path
    assert path.read_text() == SECRET
    assert path.stat().st_mode & 0o777 == 0o600


def talk(proxy, said=b"hello"):
    with connect(proxy.port) as client:
        client.sendall(said)
        half_close(client)
        assert recv_all(client) == said


# What the program is told to write one file to.
FILES = {
    "overwrite": ["--overwrite", "-o", "text:{}"],
    "append": ["-o", "text:{},append=yes"],
    "capture": ["-w", "{}"],
    "lines": ["--overwrite", "-o", "jsonl:{}"],
}


@pytest.fixture(name="options", params=FILES)
def fixture_options(request):
    return lambda path: [word.format(path) for word in FILES[request.param]]


def refused(teeline, *options):
    """It does not begin, and says why in one sentence."""
    run = teeline.run("proxy", "-f", "none", *options, "0", "127.0.0.1:1",
                      expect=1)
    line, = run.err.splitlines()
    return line.decode()


# --- links -------------------------------------------------------------------

def test_a_link_of_somebody_elses(teeline, folder, secret, options):
    """Is not followed, wherever it leads."""
    as_nobody(["ln", "-s", secret, folder / "out"])
    if IS_ROOT:
        assert "symbolic link" in refused(teeline, *options(folder / "out"))


def test_a_link_to_nothing(teeline, folder, tmp_path, options):
    """Nor is a file made where it points to."""
    as_nobody(["ln", "-s", tmp_path / "new", folder / "out"])
    if IS_ROOT:
        assert "symbolic link" in refused(teeline, *options(folder / "out"))
        assert not (tmp_path / "new").exists()


def test_a_link_of_ones_own(teeline, server, folder, tmp_path, options):
    """Leads where its maker wants."""
    (tmp_path / "true").touch()
    (folder / "out").symlink_to(tmp_path / "true")
    proxy = teeline.proxy(server(echo).target, "-f", "none",
                          *options(folder / "out"))
    talk(proxy)
    proxy.idle().stop()
    assert (tmp_path / "true").stat().st_size > 0
    assert (folder / "out").is_symlink()


def test_several_names(teeline, folder, secret, options):
    """A second name of a file of ours, which others can give it."""
    os.link(secret, folder / "out")
    assert "several names" in refused(teeline, *options(folder / "out"))


def test_several_names_at_home(teeline, server, tmp_path):
    """Where nobody else writes that is our user's business."""
    (tmp_path / "one").write_text("before\n")
    os.link(tmp_path / "one", tmp_path / "two")
    proxy = teeline.proxy(server(echo).target, "-f", "none", "-o",
                          f"text:{tmp_path}/two,append=yes")
    talk(proxy)
    proxy.idle().stop()
    assert "hello" in (tmp_path / "one").read_text()


def test_stats_and_log(teeline, server, folder, secret, tmp_path):
    """The sheet and the log are files like others."""
    as_nobody(["ln", "-s", secret, folder / "out"])
    as_nobody(["ln", "-s", tmp_path, folder / "way"])
    if not IS_ROOT:
        return
    for name in ("out", "way/out"):
        proxy = teeline.proxy(server(echo).target, "--stats", folder / name)
        proxy.stop(expect=1)
        assert proxy.complaints(b"--stats.*symbolic link")
    assert not (tmp_path / "out").exists()
    config = tmp_path / "conf"
    config.write_text(
        '{inputs: [{type: "proxy", listen: "0", target: "127.0.0.1:1"}], '
        'logging: {file: "%s"}}' % (folder / "out"))
    run = teeline.run("run", config, expect=1)
    assert run.complaints(b"cannot open .*symbolic link")


@pytest.mark.parametrize("output", [
    "flows:{}", "gotcpspy:{}", "text:{}/x", "jsonl:{}/{{id}}",
    "netrecord:{}/log", "pcapng:{}/{{id}},closed={}/{{id}}-closed"])
@pytest.mark.parametrize("below", ["", "/a/b"])
@pytest.mark.parametrize("sandbox", ["try", "off"])
def test_a_folder_of_somebody_elses(teeline, folder, tmp_path, output, below,
                                    sandbox):
    """A link in the place of the folder: nothing is made where it leads."""
    (tmp_path / "target").mkdir()
    as_nobody(["ln", "-s", tmp_path / "target", folder / "out"])
    if not IS_ROOT:
        return
    said = refused(teeline, "--sandbox", sandbox, "-o", output.format(
        f"{folder}/out{below}", f"{folder}/out{below}"))
    assert "symbolic link" in said
    assert list((tmp_path / "target").iterdir()) == []


def test_a_folder_of_ones_own(teeline, server, folder, tmp_path):
    """Is a folder, wherever it is."""
    (tmp_path / "target").mkdir()
    (folder / "out").symlink_to(tmp_path / "target")
    proxy = teeline.proxy(server(echo).target, "-f", "none", "-o",
                          f"flows:{folder}/out/deep", "--stats",
                          f"{folder}/out/stats")
    talk(proxy)
    proxy.idle().stop()
    assert len(list((tmp_path / "target/deep").iterdir())) == 2
    assert (tmp_path / "target/stats").exists()


# --- files -------------------------------------------------------------------

def test_a_file_of_somebody_elses(teeline, folder, options):
    """Somebody who can read it would read what is recorded."""
    as_nobody(["touch", folder / "out"])
    if not IS_ROOT:
        return
    assert "somebody else's" in refused(teeline, *options(folder / "out"))
    assert (folder / "out").stat().st_size == 0


# --- pipes -------------------------------------------------------------------

def test_a_pipe_of_somebody_elses(teeline, folder, options):
    """Nobody reads there, and nobody waits for that."""
    as_nobody(["mkfifo", "-m", "666", folder / "out"])
    if IS_ROOT:
        assert "somebody else's" in refused(teeline, *options(folder / "out"))


@pytest.mark.parametrize("kind, name", [
    ("jsonl:{}/{{id}}", "000001"), ("pcapng:{}/{{id}}.pcapng",
                                    "000001.pcapng"),
    ("netrecord:{}/log", "log_1")])
@pytest.mark.parametrize("what", ["pipe", "link"])
def test_at_a_name_that_can_be_guessed(teeline, server, folder, kind, name,
                                       what):
    """Files of sessions: the next name is taken, traffic does not wait."""
    trap = folder / name
    as_nobody(["mkfifo", trap] if what == "pipe" else
              ["ln", "-s", folder / "elsewhere", trap])
    proxy = teeline.proxy(server(echo).target, "-f", "none", "-o",
                          kind.format(folder))
    for _ in range(3):
        talk(proxy)
    proxy.idle().stop()
    assert trap.is_fifo() or trap.is_symlink()
    assert not (folder / "elsewhere").exists()
    files = [one for one in folder.iterdir() if one.is_file()]
    assert len(files) == 3
    assert all(one.stat().st_size > 0 for one in files)


def test_while_it_rotates(teeline, server, folder):
    """The name of the file that grows is as easy to guess."""
    as_nobody(["mkfifo", folder / "x.pcapng.tmp"])
    proxy = teeline.proxy(server(echo).target, "-f", "none", "-w",
                          folder / "x.pcapng", "-C", "1")
    talk(proxy)
    proxy.idle().stop()
    one, = [one for one in folder.iterdir() if one.is_file()]
    assert one.name == "x-00001.pcapng"
    assert (folder / "x.pcapng.tmp").is_fifo()


def test_closed_names(teeline, server, folder, secret):
    """Nor does a session's end give its file the place of a link."""
    as_nobody(["ln", "-s", secret, folder / "000001-closed"])
    proxy = teeline.proxy(server(echo).target, "-f", "none", "-o",
                          f"pcapng:{folder}/{{id}},"
                          f"closed={folder}/{{id}}-closed")
    talk(proxy)
    proxy.idle().stop()
    assert (folder / "000001-closed").is_symlink()
    assert (folder / "000001-closed-2").stat().st_size > 0


@pytest.mark.parametrize("what", ["pipe", "link"])
def test_between_two_files(teeline, server, folder, secret, what):
    """After logrotate has moved a file, and before SIGHUP says so.

    Nobody waits, the user is told, and the sheet knows what was lost.
    """
    out = folder / "out"
    proxy = teeline.proxy(server(echo).target, "-f", "none", "-o",
                          f"jsonl:{out}", "--stats", folder / "sheet")
    talk(proxy)
    records.closed(out)
    out.rename(folder / "out.1")
    as_nobody(["mkfifo", out] if what == "pipe" else ["ln", "-s", secret, out])
    if not IS_ROOT and what == "link":
        return
    proxy.send(signal.SIGHUP)
    wait_until(lambda: talk(proxy) or proxy.complaints(b"cannot write"))
    talk(proxy)
    proxy.idle().stop(expect=1)
    assert out.is_fifo() or out.is_symlink()
    sink = records.sink_of(folder / "sheet", "jsonl")
    assert sink["dropped"]["write_error"]["bytes"] > 0


def read_later(path, heard, seconds):
    """Somebody reads the pipe, but not at once."""
    def read():
        heard.append(path.read_bytes())

    timer = threading.Timer(seconds, read)
    timer.start()
    return timer


@pytest.mark.parametrize("mode", [0o700, 0o1777])
def test_a_pipe_that_was_meant(teeline, server, tmp_path, mode):
    """-w PIPE with Wireshark behind it, which takes a moment to start."""
    pipe = shared(tmp_path, mode) / "pipe"
    os.mkfifo(pipe)
    heard = []
    reader = read_later(pipe, heard, 1)
    proxy = teeline.proxy(server(echo).target, "-f", "none", "-w", pipe)
    talk(proxy)
    proxy.idle().stop()
    reader.join()
    assert heard[0].startswith(b"\x0a\x0d\x0d\x0a")


@pytest.mark.parametrize("options", [["-w"], ["--overwrite", "-o"]])
def test_a_pipe_that_nobody_reads(teeline, tmp_path, options):
    """Is waited for, and not for ever: no signal would end that."""
    os.mkfifo(tmp_path / "pipe")
    where = f"text:{tmp_path}/pipe" if "-o" in options else tmp_path / "pipe"
    said = refused(teeline, *options, where)
    assert said.endswith("/pipe: nobody reads there")


def test_devices_that_were_meant(teeline, server):
    """/dev/stdout is a link of root's, to a link that is no path."""
    here, there = os.pipe()
    proxy = teeline.proxy(server(echo).target, "-f", "none", "-o",
                          "text:/dev/stdout", "-o", "raw:/dev/null",
                          "--stats", "/dev/null", stdout=there)
    os.close(there)
    talk(proxy)
    proxy.idle().stop()
    with open(here, "rb") as said:
        assert b"hello" in said.read()
