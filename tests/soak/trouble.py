"""What happens to a program in a month, in minutes: each is a thread of its
own, and what it does next is thrown with the dice of the run."""

import contextlib
import os
import signal
import socket
import time

from helpers.peers import prepare, reset

# What control may say to somebody who asks at the wrong moment.
BUSY = (404, 409, 429, 503)

# What it may say of a folder in which calls fail.
TROUBLE = (b"No space left", b"Permission denied", b"Too many open files",
           b"Input/output error", b"outside the folders")


class Consumer:
    """Listens at a port: reads, reads slowly, stops, resets, goes away.

    Sessions may have to wait for it: so it is there until the last has ended.
    """

    def __init__(self, soak, port):
        self._soak = soak
        self._port = port
        self._dice = soak.dice(f"consumer {port}")

    def run(self):
        while not self._soak.closing.is_set():
            with socket.create_server(("127.0.0.1", self._port)) as listener:
                listener.settimeout(0.2)
                until = time.monotonic() + self._dice.uniform(5, 30)
                while not self._soak.closing.is_set() and (
                        time.monotonic() < until or self._soak.over.is_set()):
                    with contextlib.suppress(TimeoutError):
                        sock, _ = listener.accept()
                        self._soak.go(consume, self._soak, sock,
                                      self._dice.random())
            self._soak.over.wait(self._dice.uniform(0, 3))


def consume(soak, sock, chance):
    """A connection of a consumer, whose manners were drawn."""
    prepare(sock)
    sock.settimeout(0.5)
    end = time.monotonic() + 20 * chance
    with contextlib.suppress(ConnectionError), sock:
        while not soak.closing.is_set():
            if chance < 0.2 and time.monotonic() > end:
                reset(sock)
                return
            if 0.2 <= chance < 0.3:
                time.sleep(0.2)     # does not read for as long as it lives
                if time.monotonic() > end:
                    return
                continue
            with contextlib.suppress(TimeoutError):
                if not sock.recv(65536):
                    return
            if 0.3 <= chance < 0.5:
                time.sleep(0.01)


class Caller:
    """Calls at ports, where live captures and sessions are to be had."""

    def __init__(self, soak, ports):
        self._soak = soak
        self._ports = ports
        self._dice = soak.dice(f"caller {ports[0]}")

    def run(self):
        while not self._soak.over.is_set():
            with contextlib.suppress(OSError):
                sock = socket.create_connection(
                    ("127.0.0.1", self._dice.choice(self._ports)), 5)
                consume(self._soak, sock, self._dice.random())
            self._soak.over.wait(self._dice.uniform(0, 0.5))


class Disk:
    """Gets full now and then; old files are taken away."""

    def __init__(self, soak, folder):
        self._soak = soak
        self._folder = folder
        self._dice = soak.dice("disk")
        self.times = 0

    def run(self):
        while not self._soak.over.wait(self._dice.uniform(1, 5)):
            self.sweep()
            if self._dice.random() < 0.3:
                self._fill()
                self._soak.over.wait(self._dice.uniform(0.5, 3))
                os.unlink(f"{self._folder}/ballast")

    def _fill(self):
        self.times += 1
        with open(f"{self._folder}/ballast", "wb", buffering=0) as file, \
                contextlib.suppress(OSError):
            while True:
                file.write(bytes(1 << 16))

    def sweep(self):
        """What nobody has written to for a while, but for the ballast."""
        for folder, _, names in os.walk(self._folder):
            for name in names:
                path = os.path.join(folder, name)
                with contextlib.suppress(FileNotFoundError):
                    if time.time() - os.stat(path).st_mtime > 5:
                        os.unlink(path)


class Operator:
    """Asks control for everything, and changes what may be changed."""

    def __init__(self, soak):
        self._soak = soak
        self._control = soak.control
        self._dice = soak.dice("operator")
        self._added = []
        self.cut = self.changes = 0

    def run(self):
        deeds = (self._look, self._look, self._cut, self._add, self._remove,
                 self._rotate, self._level, self._follow)
        while not self._soak.over.wait(self._dice.uniform(0, 1)):
            self._dice.choice(deeds)()
        for name in self._added:
            self._patiently("DELETE", f"outputs/{name}")

    def _ask(self, method, path, body=None):
        answer = self._control.ask(method, path, body)
        assert (answer.status < 400 or answer.status in BUSY
                or any(words in answer.body for words in TROUBLE)), (
            method, path, answer.status, answer.body)
        return answer

    def _patiently(self, method, path):
        for _ in range(100):
            if self._ask(method, path).status in (200, 202, 204, 404):
                return
            time.sleep(0.2)
        raise AssertionError(f"{method} {path}: busy for too long")

    def _sessions(self):
        answer = self._ask("GET", "sessions?state=open&limit=1000")
        return answer.json()["sessions"] if answer.status == 200 else []

    def _look(self):
        for path in ("stats", "outputs", "sessions?state=all&q=127", "log",
                     "version"):
            self._ask("GET", path)
        self._ask("GET", "/metrics")

    def _cut(self):
        ids = [one["id"] for one in self._sessions()
               if one["input"] == "front"]
        if ids:
            number = self._dice.choice(ids)
            done = self._ask("DELETE", f"sessions/{number}")
            self.cut += done.status == 202

    def _add(self):
        name = f"extra-{self.changes}"
        self.changes += 1
        output = self._dice.choice((
            "null:", f"jsonl:{self._soak.small}/{name}",
            f"pcapng:{self._soak.small}/{name}.pcapng",
            f"flows:{self._soak.small}/{name}", "tee:127.0.0.1:7002"))
        answer = self._ask("POST", "outputs",
                           {"output": f"{output},name={name}"})
        if answer.status == 201:
            self._added.append(name)

    def _remove(self):
        if len(self._added) > 3:
            name = self._added[0]
            if self._ask("DELETE", f"outputs/{name}").status not in (409, 429):
                self._added.remove(name)

    def _rotate(self):
        self._ask("POST", "outputs/capture/rotate")

    def _level(self):
        self._ask("PUT", "log", {"level": self._dice.choice(
            ("info", "debug", "warn"))})
        self._ask("PUT", "log", {"level": "info"})

    def _follow(self):
        """As the page does: events of all, and of one; then leave."""
        ids = [one["id"] for one in self._sessions()]
        for path in ("events", *(f"sessions/{number}/events"
                                 for number in ids[:2])):
            with contextlib.suppress(AssertionError, OSError):
                with self._control.follow(path) as stream:
                    for _ in range(self._dice.randrange(20)):
                        if stream.read() is None:
                            break


class Watcher:
    """As the page does: an eye on everything, and one on a session."""

    def __init__(self, soak, number):
        self._soak = soak
        self._control = soak.control
        self._dice = soak.dice(f"watcher {number}")
        self.events = 0

    def run(self):
        while not self._soak.over.wait(self._dice.uniform(0, 2)):
            path = "events"
            if self._dice.random() < 0.5:
                answer = self._control.ask("GET", "sessions?state=open&limit=9")
                there = (answer.json()["sessions"] if answer.status == 200
                         else [])
                if not there:
                    continue
                path = f"sessions/{self._dice.choice(there)['id']}/events"
            # It may be over by now, or there are enough who watch.
            with contextlib.suppress(AssertionError, OSError):
                self._watch(path)

    def _watch(self, path):
        end = time.monotonic() + self._dice.uniform(1, 15)
        pause = self._dice.choice((0, 0, 0.05))
        with self._control.follow(path) as stream:
            while time.monotonic() < end and not self._soak.over.is_set():
                if stream.read() is None:
                    return
                self.events += 1
                time.sleep(pause)


class Reloader:
    """Changes the configuration, moves logs away, and says so (SIGHUP)."""

    def __init__(self, soak):
        self._soak = soak
        self._dice = soak.dice("reloader")
        self.times = 0

    def run(self):
        while not self._soak.over.wait(self._dice.uniform(3, 12)):
            self.times += 1
            more = [] if self._dice.random() < 0.5 else [
                f"jsonl:{self._soak.small}/more-{self.times},name=more"]
            self._soak.configure(more)
            for name in self._soak.logs:
                self._move(f"{self._soak.good}/{name}.jsonl")
            self._soak.run.send(signal.SIGHUP)
        self._soak.configure([])
        self._soak.run.send(signal.SIGHUP)

    @staticmethod
    def _move(path):
        # One that is still being judged is not moved again.
        if os.path.exists(path) and not os.path.exists(f"{path}.old"):
            os.rename(path, f"{path}.old")
