"""stethoscope at a place of a wire, its control, and what it hears.

    scope = Scope(teeline, tmp_path, wire)
    scope.start(listener=True)
    control = scope.control()
    client, there = scope.connect()
    ports = control.event("listener_ports")
"""

import json
import re
import socket

from helpers.peers import TIMEOUT
from helpers.there import socket_at

LISTENING = re.compile(rb" INFO control\.service_started ", re.MULTILINE)
CONTROL_PORT = 50005
RANGE = (33530, 33600)
REMOTE_PORT = 5000


class Control:
    """A client of control: JSON lines both ways."""

    def __init__(self, place, host="127.0.0.1"):
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.sock = socket_at(place, family, socket.SOCK_STREAM)
        self.sock.connect((host, CONTROL_PORT))
        self._file = self.sock.makefile("rb")
        self.seen = []
        self.greeting = self.event("control_connected")

    def read(self):
        line = self._file.readline()
        assert line.endswith(b"\n"), (line, self.seen)
        self.seen.append(json.loads(line))
        return self.seen[-1]

    def send(self, line):
        self.sock.sendall(line + b"\n")

    def event(self, name, **fields):
        """The next event of this name with these fields; others pass."""
        while True:
            one = self.read()
            if one["event"] == name and all(
                    one.get(key) == value for key, value in fields.items()):
                return one

    def ask(self, cmd, **args):
        """The reply to a command; events that come before pass."""
        self.send(json.dumps({"cmd": cmd, **args}).encode())
        return self.event("control_reply", reply_to=cmd)

    def close(self):
        self._file.close()
        self.sock.close()


class Scope:
    """stethoscope in the client's network."""

    def __init__(self, teeline, folder, wire):
        self._teeline = teeline
        self.folder = folder
        self.wire = wire
        self._open = []
        self.door = self._listen(socket.AF_INET, "0.0.0.0")
        self.run = None

    def _listen(self, family, host):
        door = socket_at(self.wire.server, family, socket.SOCK_STREAM)
        door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            door.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        door.bind((host, REMOTE_PORT))
        door.listen(16)
        self._open.append(door)
        return door

    def config(self, *, capture=None, output=None, **more):
        """A configuration, all of it strict JSON."""
        value = {
            "io": {
                "input": {"capture": {
                    "iface": "eth0", "local_ip": self.wire.client.ip,
                    "remote_ip": self.wire.server.ip,
                    "remote_port": REMOTE_PORT, **(capture or {})}},
                "output": output or {},
            },
            "control": {"bind_ip": "127.0.0.1"},
            **more,
        }
        path = self.folder / "stethoscope.json"
        path.write_text(json.dumps(value, indent=1), encoding="utf-8")
        return path

    def spawn(self, path, *flags):
        self.run = self._teeline.spawn(
            [self._teeline.path, "stethoscope", "--config", path, *flags],
            prefix=self.wire.client.enter, cwd=self.folder)
        return self.run

    def start(self, *flags, **how):
        self.spawn(self.config(**how), *flags)
        return self.run.wait_ready(LISTENING, "out")

    def control(self, **how):
        one = Control(self.wire.client, **how)
        self._open.append(one)
        return one

    def connect(self, six=False):
        """(client, server): both ends of a new connection."""
        family = socket.AF_INET6 if six else socket.AF_INET
        door = self._listen(family, "::") if six else self.door
        client = socket_at(self.wire.client, family, socket.SOCK_STREAM)
        client.connect((self.wire.server.ip6 if six else self.wire.server.ip,
                        REMOTE_PORT))
        there, _ = door.accept()
        there.settimeout(TIMEOUT)
        self._open += [client, there]
        return client, there

    def hear(self, port):
        """A consumer that has connected to a port of the listener."""
        one = socket_at(self.wire.client, socket.AF_INET, socket.SOCK_STREAM)
        one.connect(("127.0.0.1", port))
        self._open.append(one)
        return one

    def finish(self):
        for one in self._open:
            one.close()


LISTNER = {"enabled": True, "bind_ip": "127.0.0.1",
           "port_range_start": RANGE[0], "port_range_end": RANGE[1]}
