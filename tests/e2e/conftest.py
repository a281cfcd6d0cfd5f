"""Fixtures of the end-to-end tests.  README.md beside this file says more.

    def test_half_close(teeline, server, tmp_path):
        peer = server(echo)
        proxy = teeline.proxy(peer.target, "-o", f"jsonl:{tmp_path}/log")
        client = connect(proxy.port)
        ...
        proxy.stop()
        session, = records.jsonl(tmp_path / "log")
        assert session.reason == "fin"

The program is env TEELINE (default build/teeline); VALGRIND=1 wraps it.  A
test has 60 s (`@pytest.mark.deadline(seconds)` for others), stretched where
the program is slowed.  What the program, a peer's thread or a sanitizer has
to complain about fails the test when the fixture ends.
"""

import contextlib
import os
import resource
import shutil
import signal
import stat

import pytest

from helpers import corpus, real
from helpers.peers import Server
from helpers.program import VALGRIND, Program, program_path
from helpers.wait import SCALE
from helpers.wire import Place, Wire

FAILED = pytest.StashKey()


def pytest_configure(config):
    # Hundreds of sessions at a time have two ends each in this process.
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 8192), hard))
    config.addinivalue_line(
        "markers", "deadline(seconds): most time the test may take")
    config.addinivalue_line(
        "markers", "long: takes more than some ten seconds; "
        "-m long runs these alone, -m 'not long' the others")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_call(item):
    """End a test that hangs, so that the others still run."""
    mark = item.get_closest_marker("deadline")
    seconds = int((mark.args[0] if mark else 60) * SCALE)

    def expired(_signum, _frame):
        raise AssertionError(f"the test ran longer than {seconds} s")

    before = signal.signal(signal.SIGALRM, expired)
    signal.alarm(seconds)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """Remember a failure: see keep()."""
    yield
    if call.excinfo:
        item.stash[FAILED] = True


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_teardown(item):
    """Throw away what a good test wrote: together that is gigabytes."""
    folder = item.funcargs.get("tmp_path")
    yield
    if folder and not keep(item):
        shutil.rmtree(folder, ignore_errors=True)


def keep(item):
    """Shall the files of this test stay, for somebody to look at?"""
    return item.stash.get(FAILED, False)


@pytest.fixture(name="teeline")
def fixture_teeline(request, tmp_path_factory):
    """The program: teeline.proxy(), .start(), .run(), .spawn(), .path.

    See helpers/program.py.  Whatever still runs at the end of the test is
    ended with SIGTERM, and a report of a sanitizer is a failure.
    """
    if not os.path.exists(program_path()):
        pytest.exit(f"{program_path()} is not there: run make first", 1)
    folder = tmp_path_factory.mktemp("run")
    program = Program(folder)
    yield program
    program.finish()
    if not keep(request.node):
        shutil.rmtree(folder)


@pytest.fixture(name="server")
def fixture_server():
    """Makes scripted servers: server(handler, address="127.0.0.1:0").

    See helpers/peers.py.  A handler's exception fails the test.
    """
    servers = []

    def make(*args, **how):
        servers.append(Server(*args, **how))
        return servers[-1]

    yield make
    with contextlib.ExitStack() as stack:
        for one in servers:
            stack.callback(one.finish)


@pytest.fixture(name="public")
def fixture_public(tmp_path_factory):
    """A folder that any user can reach."""
    folder = tmp_path_factory.mktemp("public")
    for one in [folder, *folder.parents]:
        if one == one.parent or one.stat().st_uid != os.getuid():
            break
        if not one.stat().st_mode & stat.S_IWOTH:
            one.chmod(0o755)
    return folder


@pytest.fixture(name="place")
def fixture_place():
    """A network of its own, with nothing but a loopback interface."""
    one = Place()
    yield one
    one.finish()


@pytest.fixture(name="wire")
def fixture_wire():
    """A client and a server, each in a network of its own: helpers/wire.py."""
    one = Wire()
    yield one
    one.finish()


@pytest.fixture(name="wire_nginx")
def fixture_wire_nginx(wire, tmp_path_factory):
    """nginx at the server's end of the wire."""
    one = real.Nginx(tmp_path_factory.mktemp("nginx"), wire.server)
    yield one
    one.finish()


@pytest.fixture(name="wire_redis")
def fixture_wire_redis(wire, tmp_path_factory):
    """redis at the server's end of the wire."""
    one = real.Redis(tmp_path_factory.mktemp("redis"), wire.server)
    yield one
    one.finish()


@pytest.fixture(name="chromium", scope="session")
def fixture_chromium(tmp_path_factory):
    """A browser for all tests that need one."""
    from helpers import browser  # the others do without selenium
    folder = tmp_path_factory.mktemp("chromium")
    driver = browser.start(folder)
    yield driver
    driver.quit()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(name="page")
def fixture_page(chromium, tmp_path):
    """A tab of it: helpers/browser.py."""
    from helpers import browser
    one = browser.Page(chromium, tmp_path)
    yield one
    one.finish()


# What makes the relay take each of its paths: the needs of the sinks.
PATHS = {
    "splice": ["-f", "none"],
    "tee": ["-f", "none", "-o", "flows:{folder}/flows"],
    "memory": ["-f", "none", "-o", "jsonl:{folder}/log"],
    "copy": ["-f", "none", "--copy"],
}


@pytest.fixture(name="options", params=PATHS)
def fixture_options(request, tmp_path):
    """Runs a test once per path of the relay: options for teeline.proxy()."""
    return [word.format(folder=tmp_path) for word in PATHS[request.param]]


def _real(kind):
    """A fixture for a real server of helpers/real.py."""
    def fixture(request, tmp_path_factory):
        one = kind(tmp_path_factory.mktemp(kind.__name__.lower()))
        yield one
        one.finish()
        if not keep(request.node):
            shutil.rmtree(one.folder)

    fixture.__doc__ = kind.__doc__
    return fixture


fixture_vsftpd = pytest.fixture(name="vsftpd")(_real(real.Vsftpd))
fixture_nginx = pytest.fixture(name="nginx")(_real(real.Nginx))
fixture_redis = pytest.fixture(name="redis")(_real(real.Redis))
# A second one of each, for copies of the first one's traffic.
fixture_shadow_nginx = pytest.fixture(name="shadow_nginx")(_real(real.Nginx))
fixture_shadow_redis = pytest.fixture(name="shadow_redis")(_real(real.Redis))
fixture_sshd = pytest.fixture(name="sshd")(_real(real.Sshd))


# A clone without the captures of other projects has no such tests: a skipped
# one would count as failed.
collect_ignore = [] if corpus.folder() else ["test_corpus.py"]

if VALGRIND:
    # It makes the system calls in the program's place and knows no Landlock:
    # there is no sandbox to look at from inside (helpers/program.py).
    collect_ignore.append("test_sandbox.py")
