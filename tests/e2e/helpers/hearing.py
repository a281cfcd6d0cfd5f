"""`teeline tap` on a wire, and everything that it made of what it heard.

    tap = Tap(teeline, tmp_path, wire.client)
    ...
    got = tap.closed(1).stop()
    got.session.bytes("c2s")

stop() checks what holds for every capture: see helpers/reading.py.
"""

import json
import os
import re

from helpers import reading, records
from helpers.program import PORTABLE
from helpers.wait import wait_until

WORKERS = ["1"] if PORTABLE else ["1", "2"]
CAPTURING = re.compile(rb"^teeline: capturing on (\S+)", re.MULTILINE)


class Tap:
    """A tap that records flows, a log of events and the sheet.

    run     the program, see helpers/program.py
    folder  its files

    become: a command that makes somebody else of it, as setpriv does
    """

    def __init__(self, teeline, folder, place, *options, interface="eth0",
                 become=(), **how):
        number = sum(name.startswith("tap-") for name in os.listdir(folder))
        self.folder = os.path.join(folder, f"tap-{number}")
        os.mkdir(self.folder)
        # Other users may have to write here.
        os.chmod(self.folder, 0o777)
        how.setdefault("ready", CAPTURING)
        self.run = teeline.start(
            "tap", "-f", "none", "-o", f"flows:{self.folder}/flows", "-o",
            f"jsonl:{self.folder}/log", "--stats", f"{self.folder}/sheet",
            *(["-i", interface] if interface else []), *options,
            prefix=[*place.enter, *become], **how)

    def sessions(self):
        """The sessions so far."""
        return records.jsonl(f"{self.folder}/log", captured=True)

    def closed(self, count):
        """Wait until so many sessions are over."""
        wait_until(lambda: self._closed() >= count,
                   what=lambda: f"{count} sessions over, not "
                   f"{self._closed()}: {self.run.describe()}")
        return self

    def _closed(self):
        with open(f"{self.folder}/log", "rb") as file:
            return file.read().count(b'"event":"close"')

    def stop(self, expect=0):
        self.run.stop(expect=expect)
        return self.result()

    def wait(self, expect=0):
        """It ends by itself."""
        self.run.wait(expect)
        return self.result()

    def result(self):
        with open(f"{self.folder}/sheet", encoding="utf-8") as file:
            sheet = json.load(file)
        got = reading.Reading(self.sessions(), sheet, self.run, self.folder)
        reading.check_flows(got)
        reading.check_sheet(got)
        return got


def talks(got):
    """{(client, server): [c2s, s2c]} of all sessions that were heard."""
    found = {}
    for one in got.sessions:
        ends = (one.open["client"], one.open["server"])
        assert ends not in found, f"twice: {ends}"
        found[ends] = [one.bytes(direction) for direction in records.DIRS]
    return found
