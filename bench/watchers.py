"""Rows of the control plane: what it costs that somebody could look, and that
somebody does."""

import json
import pathlib
import subprocess
import time
import urllib.request

import peers
from machine import TEELINE
from peers import Teeline, free_port
from relays import bulk, rate
from table import Row


class Controlled(Teeline):
    """teeline with a control plane; nobody looks.

    paths   what pages keep open: "events", and "follow" for the session that
            is measured
    """

    name = "--control"
    program = "curl"
    options = []
    paths = []

    def command(self):
        self.control = free_port()
        return [*peers.UNDER, TEELINE, "proxy", "-q", "-f", "none",
                "--control", f"127.0.0.1:{self.control}",
                "--control-no-token", *self.options,
                f"127.0.0.1:{self.port}", f"127.0.0.1:{self.target}"]

    def url(self, path):
        return f"http://127.0.0.1:{self.control}/api/v1/{path}"

    def stream(self, path):
        self.pages.append(subprocess.Popen(
            ["curl", "-sSN", "-o", "/dev/null", self.url(path)]))

    def __enter__(self):
        super().__enter__()
        self.pages = []
        return self

    def settle(self):
        """Whoever shall look does, before anything is measured."""
        super().settle()
        if self.pages:
            return
        if "events" in self.paths:
            self.stream("events")
        if "follow" in self.paths:
            self.follow()
        if self.pages:
            self.wait_for_pages()

    def follow(self):
        with urllib.request.urlopen(self.url("sessions?state=open")) as answer:
            found = json.load(answer)["sessions"]
        if not found:
            raise RuntimeError("no session that a page could follow")
        self.stream(f"sessions/{found[0]['id']}/events")

    def wait_for_pages(self):
        """Until all of them have their connection to the control port."""
        want = f":{self.control:04X}"
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            table = pathlib.Path("/proc/net/tcp").read_text()
            fields = [line.split() for line in table.splitlines()[1:]]
            here = [f for f in fields if f[2].endswith(want) and f[3] == "01"]
            if len(here) >= len(self.pages):
                return
            time.sleep(0.02)
        raise RuntimeError("a page has not come")

    def __exit__(self, *exc):
        # What is followed may be over by now: that is its good end.
        gone = [page for page in self.pages if page.poll()]
        for page in self.pages:
            page.kill()
            page.wait()
        super().__exit__(*exc)
        if gone and exc == (None, None, None):
            raise RuntimeError("a page has been sent away")


def controlled(name, paths, *options):
    return type("Controlled", (Controlled,), {
        "name": name, "paths": paths, "options": list(options)})


WATCHED = [
    Teeline, Controlled,
    controlled("... a page", ["events"]),
    controlled("... and follows it", ["events", "follow"]),
    controlled("... history 0", [], "--control-history", "0"),
    controlled("... that, a page", ["events"], "--control-history", "0"),
    controlled("... that, follows", ["events", "follow"],
               "--control-history", "0"),
]


def rows(quick):
    mib, secs = (64, 0.3) if quick else (16384, 3)
    return [
        Row("page-bulk", "a watching page: bulk relay", WATCHED,
            lambda c, port: bulk(c, port, 1, mib, secs), server="sink"),
        Row("page-pingpong", "a watching page: ping-pong, 64", WATCHED,
            lambda c, port: rate(c, port, "pingpong", 64, secs, 64),
            server="echo"),
    ]
