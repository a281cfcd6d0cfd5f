"""The README tells the truth: its marked commands are run.

A fenced block whose info string is `sh check` is a shell script that must end
with status 0; a block `output` right behind it lists lines that it prints, in
this order; `...` in a line stands for anything.  The scripts run in an empty
folder, with the program in PATH.
"""

import os
import re
import subprocess

import pytest

from helpers.program import TOP, program_path
from helpers.wait import SCALE

FENCE = re.compile(
    r"^```sh check\n(?P<script>.*?)^```\n"
    r"(?:\n?^```output\n(?P<output>.*?)^```\n)?", re.MULTILINE | re.DOTALL)


def readme():
    with open(os.path.join(TOP, "README.md"), encoding="utf-8") as file:
        return file.read()


def blocks():
    """The marked blocks, when there is a README to be read."""
    if not os.path.exists(os.path.join(TOP, "README.md")):
        return []
    return [(match["script"], match["output"] or "")
            for match in FENCE.finditer(readme())]


def test_readme_names_the_two_commands_first():
    text = readme()
    first = text.index("make demo")
    assert first < 2500 and "make check" in text[first:first + 400]


def test_readme_has_commands_to_run():
    assert len(blocks()) >= 3


@pytest.mark.parametrize("number", range(len(blocks()) or 1))
def test_readme_command(tmp_path, number):
    script, output = blocks()[number]
    env = dict(os.environ, TZ="UTC", LC_ALL="C.UTF-8", PATH=os.path.dirname(
        program_path()) + ":" + os.environ["PATH"])
    done = subprocess.run(
        ["bash", "-eu", "-o", "pipefail", "-c", script], cwd=tmp_path,
        env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, timeout=60 * SCALE, check=False)
    said = done.stdout.decode()
    assert done.returncode == 0, said
    lines = iter(said.splitlines())
    for line in output.splitlines():
        pattern = re.escape(line.rstrip()).replace(r"\.\.\.", ".*")
        assert any(re.search(pattern, got) for got in lines), (
            f"not printed, or not in this order: {line}\n{said}")
