"""Rows of the control plane: what it costs that somebody could look, and that
somebody does."""

import json
import subprocess
import threading
import urllib.request

from peers import TEELINE, Teeline, free_port


class Controlled(Teeline):
    """teeline with a control plane; nobody looks.

    paths   what pages keep open: "events", and "follow" for the session that
            is measured
    """

    name = "--control"
    options = []
    paths = []

    def command(self):
        self.control = free_port()
        return [TEELINE, "proxy", "-q", "-f", "none", "--control",
                f"127.0.0.1:{self.control}", "--control-no-token",
                *self.options, f"127.0.0.1:{self.port}",
                f"127.0.0.1:{self.target}"]

    def url(self, path):
        return f"http://127.0.0.1:{self.control}/api/v1/{path}"

    def stream(self, path):
        self.pages.append(subprocess.Popen(
            ["curl", "-sSN", "-o", "/dev/null", self.url(path)]))

    def __enter__(self):
        super().__enter__()
        self.pages = []
        self.over = threading.Event()
        self.thread = threading.Thread(target=self.look)
        self.thread.start()
        return self

    def look(self):
        if "events" in self.paths:
            self.stream("events")
        # It begins some time later; a page is as quick.
        while "follow" in self.paths and not self.over.wait(0.02):
            with urllib.request.urlopen(self.url("sessions?state=open")) as f:
                found = json.load(f)["sessions"]
            if found:
                self.stream(f"sessions/{found[0]['id']}/events")
                return

    def __exit__(self, *exc):
        self.over.set()
        self.thread.join()
        for page in self.pages:
            page.kill()
            page.wait()
        super().__exit__(*exc)


def controlled(name, paths, *options):
    return type("Controlled", (Controlled,), {
        "name": name, "paths": paths, "options": list(options)})


def rows(quick, bulk, rate):
    mib = 1024 if quick else 4096
    secs = 1 if quick else 3
    contenders = [
        Teeline, Controlled,
        controlled("... a page", ["events"]),
        controlled("... and follows it", ["events", "follow"]),
        controlled("... history 0", [], "--control-history", "0"),
        controlled("... that, a page", ["events"], "--control-history", "0"),
        controlled("... that, follows", ["events", "follow"],
                   "--control-history", "0"),
    ]
    return [
        ("a watching page: bulk relay, 1 stream", "sink", contenders,
         lambda c, s: bulk(c, s, 1, mib)),
        ("a watching page: ping-pong 64 B, 64 connections", "echo",
         contenders, lambda c, s: rate(c, s, "pingpong", 64, secs, 64)),
    ]
