"""make demo: shows a conversation, stops by itself, leaves nothing running."""

import os
import subprocess

from helpers.program import TOP, program_path
from helpers.wait import SCALE, wait_until

KINDS = ("text", "hex", "c", "strip", "raw", "count", "jsonl", "summary",
         "pcap", "pcapng")


def alive(session):
    """The processes of a session, as setsid(2) makes it."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/stat", encoding="ascii",
                      errors="replace") as file:
                words = file.read().rpartition(")")[2].split()
        except OSError:
            continue
        if words[0] != "Z" and int(words[3]) == session:
            found.append(pid)
    return found


def start_demo():
    return subprocess.Popen(
        [os.path.join(TOP, "scripts/demo")], start_new_session=True,
        env=dict(os.environ, TEELINE=program_path()),
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT)


def test_demo():
    demo = start_demo()
    said, _ = demo.communicate(timeout=50 * SCALE)
    text = said.decode()
    assert demo.returncode == 0, text
    wait_until(lambda: not alive(demo.pid), what="no process is left")
    # The conversation, live, and a look into what was recorded.
    assert "PASS guest@example.com" in text
    assert "closed by the server (fin)" in text
    folder = os.path.join(TOP, "build/demo")
    for kind in KINDS:
        assert os.path.getsize(f"{folder}/talk.{kind}") > 0, kind
    assert len(os.listdir(f"{folder}/flows")) == 2
    assert len(os.listdir(f"{folder}/gotcpspy")) == 3
    assert os.path.getsize(f"{folder}/netrecord_1") > 0


def test_demo_that_is_cut_short():
    """SIGTERM in the middle: server, relay and client go with it."""
    demo = start_demo()
    for line in demo.stdout:
        if b"USER anonymous" in line:
            break
    demo.terminate()
    demo.communicate(timeout=50 * SCALE)
    assert demo.returncode == 143
    wait_until(lambda: not alive(demo.pid), what="no process is left")
