"""The control plane of a started program, as its clients see it.

    proxy = teeline.start("proxy", "--control", "0", "0", peer.target)
    control = Control(proxy)
    control.get("sessions")["sessions"]        # GET /api/v1/sessions, as JSON
    control.ask("DELETE", "sessions/1").status
    with control.follow("sessions/1/events") as stream:
        stream.wait("data")
"""

import base64
import http.client
import json
import re
import socket
import subprocess
import urllib.parse

from helpers.real import tool
from helpers.wait import SCALE, wait_until

AT = re.compile(
    rb"^teeline: control at (?P<url>\S+?)(#token=(?P<token>\S+))?$", re.M)


class Answer:
    """status, headers and body; json() reads the last."""

    def __init__(self, response):
        self.status = response.status
        self.headers = response.headers
        self.body = response.read()

    def json(self):
        return json.loads(self.body)


class UnixConnection(http.client.HTTPConnection):
    """HTTP over a UNIX socket."""

    def __init__(self, path, timeout):
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


class Stream:
    """Server-sent events: .events is what has come, as (name, id, object)."""

    def __init__(self, connection, response):
        self._connection = connection
        self._response = response
        self.status = response.status
        self.events = []
        self.over = False

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._connection.close()

    def read(self):
        """Wait for one event more; None at the end of the answer."""
        fields = {}
        while True:
            line = self._response.readline()
            if not line:
                self.over = True
                return None
            line = line.decode().rstrip("\n")
            if not line and fields:
                break
            name, colon, value = line.partition(": ")
            assert colon or line in ("", ":"), line
            if name and colon:
                assert name not in fields, fields
                fields[name] = value
        event = (fields["event"], int(fields["id"]),
                 json.loads(fields["data"]))
        assert event[1] == len(self.events) + 1, event
        self.events.append(event)
        return event

    def wait(self, name, match=lambda data: True):
        """Read until an event of this name comes that matches; its data."""
        while True:
            event = self.read()
            assert event is not None, f"no {name}: {self.events[-5:]}"
            if event[0] == name and match(event[2]):
                return event[2]

    def wait_end(self):
        """Read to the end of the answer."""
        while self.read() is not None:
            pass
        return self

    def named(self, name):
        return [data for event, _, data in self.events if event == name]

    def bytes(self, direction):
        """What the data events hold of a direction, put together."""
        found = [data for data in self.named("data")
                 if data["dir"] == direction]
        at = found[0]["offset"] if found else 0
        whole = b""
        for data in found:
            assert data["offset"] == at + len(whole), data
            whole += base64.b64decode(data["data"])
        return whole


class Control:
    """What a program that was started with --control serves."""

    def __init__(self, running, deadline=10.0):
        match = wait_until(lambda: AT.search(running.err), deadline,
                           running.describe)
        self.url = match["url"].decode()
        self.token = match["token"].decode() if match["token"] else None
        self.running = running
        parts = urllib.parse.urlsplit(self.url)
        self.path = parts.path if parts.scheme == "unix" else None
        self.host, self.port = parts.hostname, parts.port

    def connection(self):
        timeout = 20 * SCALE
        if self.path:
            return UnixConnection(self.path, timeout)
        return http.client.HTTPConnection(
            self.host, self.port, timeout=timeout)

    def _headers(self, headers, token):
        token = self.token if token is True else token
        auth = {"Authorization": f"Bearer {token}"} if token else {}
        return {**auth, **(headers or {})}

    @staticmethod
    def place(path):
        return path if path.startswith("/") else f"/api/v1/{path}"

    def ask(self, method, path, body=None, headers=None, token=True):
        """One request on a connection of its own."""
        connection = self.connection()
        if isinstance(body, (dict, list)):
            body = json.dumps(body)
        try:
            connection.request(method, self.place(path), body,
                               self._headers(headers, token))
            return Answer(connection.getresponse())
        finally:
            connection.close()

    def flood(self, method, path, count=2000):
        """Requests of a stranger, 32 at a time, until one is too many.

        The statuses that came, and the answer that refused the last.
        """
        seen = set()
        for _ in range(0, count, 32):
            connections = [self.connection() for _ in range(32)]
            for connection in connections:
                connection.request(method, self.place(path), headers={
                    "Authorization": "Bearer wrong"})
            answers = [Answer(connection.getresponse())
                       for connection in connections]
            for connection in connections:
                connection.close()
            seen |= {answer.status for answer in answers}
            for answer in answers:
                if answer.status == 429:
                    return seen, answer
        raise AssertionError(f"nothing is too many: {seen}")

    def patiently(self, method, path, body=None):
        """The same, again and again as long as the answer is 429."""
        def asked():
            answer = self.ask(method, path, body)
            return answer if answer.status != 429 else None
        return wait_until(asked, every=0.1)

    def get(self, path):
        """GET, expected to work; the JSON."""
        answer = self.ask("GET", path)
        assert answer.status == 200, (path, answer.status, answer.body)
        return answer.json()

    def problem(self, status, method, path, **how):
        """A request that is refused; the problem's detail."""
        answer = self.ask(method, path, **how)
        assert answer.status == status, (path, answer.status, answer.body)
        assert answer.headers["Content-Type"] == "application/problem+json"
        problem = answer.json()
        assert problem["type"] == "about:blank" and problem["title"]
        assert problem["status"] == status
        return problem["detail"]

    def follow(self, path):
        """Server-sent events."""
        connection = self.connection()
        connection.request("GET", self.place(path),
                           headers=self._headers(None, True))
        response = connection.getresponse()
        assert response.status == 200, (path, response.read())
        assert response.headers["Content-Type"].startswith(
            "text/event-stream")
        return Stream(connection, response)

    def socket(self):
        """A bare connection."""
        if self.path:
            one = socket.socket(socket.AF_UNIX)
            one.connect(self.path)
        else:
            one = socket.create_connection((self.host, self.port))
        one.settimeout(20 * SCALE)
        return one

    def curl(self, *words, path="/"):
        """What curl prints, its status being 0."""
        how = ["--unix-socket", self.path] if self.path else []
        base = "http://localhost" if self.path else self.url.rstrip("/")
        return subprocess.run(
            [tool("curl"), "-sS", "-m", str(20 * SCALE), *how, *words,
             base + self.place(path)],
            check=True, stdout=subprocess.PIPE).stdout

    def metrics(self):
        """{name{labels}: value} of /metrics."""
        text = self.patiently("GET", "/metrics").body.decode()
        return {line.rpartition(" ")[0]: float(line.rpartition(" ")[2])
                for line in text.splitlines() if not line.startswith("#")}
