"""What the control plane lets in: names, origins, tokens, methods, bodies."""

import json
import os

import pytest

from helpers.control import Control
from helpers.peers import echo


@pytest.fixture(name="control")
def fixture_control(teeline, server):
    peer = server(echo)
    proxy = teeline.proxy(peer.target, "-f", "none", "--control", "0",
                          "-o", "null:,name=nothing")
    return Control(proxy)


def raw(control, text):
    """The status line and the rest of what a bare request gets."""
    with control.socket() as sock:
        sock.sendall(text)
        got = b""
        while block := sock.recv(65536):
            got += block
    head, _, body = got.partition(b"\r\n\r\n")
    return int(head.split(b" ")[1]), head, body


def request(control, path="/api/v1/version", method="GET", host=True,
            token=True, more=b""):
    lines = [f"{method} {path} HTTP/1.1"]
    if host is not None:
        name = f"127.0.0.1:{control.port}" if host is True else host
        lines.append(f"Host: {name}")
    if token:
        lines.append(f"Authorization: Bearer {control.token}")
    head = "\r\n".join([*lines, "Connection: close"]) + "\r\n"
    return raw(control, head.encode() + more + b"\r\n")


@pytest.mark.parametrize("host, status", [
    ("127.0.0.1:{port}", 200),
    ("127.0.0.1", 200),
    ("localhost:{port}", 200),
    ("LOCALHOST:{port}", 200),
    ("localhost:9000", 200),        # the near end of a tunnel
    ("[::1]:{port}", 200),
    ("evil.example", 421),
    ("evil.example:{port}", 421),
    ("127.0.0.1.evil.example", 421),
    ("localhost.evil.example:{port}", 421),
    ("192.0.2.1:{port}", 421),
    ("[::1", 421),
    ("localhost:x", 421),
    ("", 421),
])
def test_host(control, host, status):
    got, _, _ = request(control, host=host.format(port=control.port))
    assert got == status


@pytest.mark.parametrize("origin, status", [
    ("http://127.0.0.1:{port}", 200),
    ("http://127.0.0.1", 403),
    ("http://localhost:{port}", 403),
    ("https://127.0.0.1:{port}", 403),
    ("http://evil.example", 403),
    ("null", 403),
    ("", 403),
])
def test_origin(control, origin, status):
    value = origin.format(port=control.port)
    got, _, _ = request(control, more=f"Origin: {value}\r\n".encode())
    assert got == status


@pytest.mark.parametrize("name", ["Host", "Origin", "Authorization"])
def test_what_is_said_twice(control, name):
    more = f"{name}: x\r\n{name}: x\r\n".encode()
    got, _, _ = request(control, more=more)
    assert got == 400


@pytest.mark.parametrize("value", [
    None, "", "Bearer", "Bearer ", "Bearer wrong", "Basic {token}",
    "{token}", "Bearer {token}x", "Bearer {short}", "bearer  {token} x",
])
def test_token(control, value):
    headers = {}
    if value is not None:
        headers["Authorization"] = value.format(
            token=control.token, short=control.token[:-1])
    answer = control.ask("GET", "sessions", headers=headers, token=None)
    assert answer.status == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert b"sessions" not in answer.body


def test_the_right_token_in_any_spelling(control):
    for value in (f"Bearer {control.token}", f"bearer {control.token}",
                  f"BEARER   {control.token}"):
        assert control.ask("GET", "version", token=None, headers={
            "Authorization": value}).status == 200


def test_every_token_is_new(teeline, server):
    peer = server(echo)
    tokens = {Control(teeline.proxy(peer.target, "-f", "none",
                                    "--control", "0")).token
              for _ in range(3)}
    assert len(tokens) == 3 and {len(token) for token in tokens} == {43}


@pytest.mark.parametrize("method, path, allow", [
    ("OPTIONS", "/api/v1/sessions", "GET, HEAD"),
    ("POST", "/api/v1/sessions", "GET, HEAD"),
    ("PUT", "/api/v1/outputs", "GET, HEAD, POST"),
    ("PATCH", "/api/v1/outputs/nothing", "GET, HEAD, DELETE"),
    ("GET", "/api/v1/drain", "POST"),
    ("DELETE", "/metrics", "GET, HEAD"),
    ("BREW", "/", "GET, HEAD"),
])
def test_methods(control, method, path, allow):
    answer = control.ask(method, path)
    assert answer.status == 405 and answer.headers["Allow"] == allow


@pytest.mark.parametrize("path", [
    "/api", "/api/", "/api/v1", "/api/v2/version", "/api/v1/version/",
    "/api/v1/sessions/", "/api/v1/sessions/1/", "/api/v1/outputs//rotate",
    "/../etc/passwd", "/api/v1/%76ersion%00x", "/index.html/x", "//",
    "/api/v1/sessions/1/events/x", "/metrics/", "/" + "x" * 5000,
])
def test_paths_that_are_none(control, path):
    control.problem(404, "GET", path)


@pytest.mark.parametrize("number", [
    "0", "-1", "1K", "1.0", "0x1", "x", "%00", "99999999999999999999999", "%D9%A3"])
def test_sessions_that_are_none(control, number):
    control.problem(404, "GET", f"sessions/{number}")


@pytest.mark.parametrize("path", [
    "sessions?limit=0", "sessions?limit=1001", "sessions?limit=-1",
    "sessions?limit=x", "sessions?state=half", "sessions?order=up",
    "sessions?after=x", "sessions?after=99999999999999999999999",
    "sessions?offset=1", "version?x=1", "events?history=yes",
])
def test_queries_that_are_wrong(control, path):
    name = path.partition("?")[2].partition("=")[0]
    assert name in control.problem(400, "GET", path)


@pytest.mark.parametrize("body", [
    b"", b"x", b"{", b"[]", b"null", b'"x"', b"{}", b'{"output":1}',
    b'{"output":"null:","more":1}', b'{"output":"null:","output":"null:"}',
    b'{"output":"\xff\xfe"}', b'{"output":"a\\u0000b"}', b"[" * 60000,
    b'{"output":"null:"} x', b"\xef\xbb\xbf{}", b"\0" * 100,
])
def test_bodies_that_are_none(control, body):
    control.problem(400, "POST", "outputs", body=body)
    names = [one["name"] for one in control.get("outputs")["outputs"]]
    assert names == ["nothing"]


def test_a_body_that_is_too_long(control):
    body = json.dumps({"output": "null:" + "x" * 65536})
    control.problem(413, "POST", "outputs", body=body)
    # In pieces, so that nobody knows its length beforehand.
    pieces = (b"x" * 10_000 for _ in range(10))
    answer = control.ask("POST", "outputs", body=pieces)
    assert answer.status == 413
    just = json.dumps({"output": "bogus:" + "x" * 65000})
    assert control.ask("POST", "outputs", body=just).status == 422


def test_a_body_is_not_asked_for_before_the_token(control):
    """Expect: 100-continue of a stranger gets the refusal at once."""
    status, head, _ = request(
        control, "/api/v1/outputs", "POST", token=False,
        more=b"Content-Length: 10\r\nExpect: 100-continue\r\n")
    assert status == 401 and b"100" not in head.split(b"\r\n")[0]


def test_heads_have_no_body(control):
    for path in ("/", "/metrics", "/api/v1/version", "/api/v1/events"):
        answer = control.ask("HEAD", path)
        assert answer.status == 200 and answer.body == b"", path


def test_what_a_browser_is_told(control):
    for path, token in (("/", None), ("/metrics", None),
                        ("/api/v1/version", True), ("/nothing", None)):
        headers = control.ask("GET", path, token=token).headers
        assert "default-src 'none'" in headers["Content-Security-Policy"]
        assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "no-referrer"
        assert "Access-Control-Allow-Origin" not in headers
    for path in ("version", "nothing"):
        answer = control.ask("GET", path)
        assert answer.headers["Cache-Control"] == "no-store"


def test_every_file_of_the_page(control):
    """What is in web/ is served as it is, with its type, and cached."""
    top = os.path.join(os.path.dirname(__file__), "../../web")
    types = {".html": "text/html; charset=utf-8",
             ".css": "text/css; charset=utf-8",
             ".js": "text/javascript; charset=utf-8",
             ".json": "application/json", ".svg": "image/svg+xml",
             ".png": "image/png", ".ico": "image/x-icon",
             ".txt": "text/plain; charset=utf-8"}
    count = 0
    for folder, _, names in os.walk(top):
        for name in names:
            path = "/" + os.path.relpath(os.path.join(folder, name), top)
            path = path.removesuffix("index.html")
            with open(os.path.join(folder, name), "rb") as file:
                content = file.read()
            answer = control.ask("GET", path, token=None)
            assert answer.status == 200 and answer.body == content, path
            assert answer.headers["Content-Type"] == types[
                os.path.splitext(name)[1]]
            tag = answer.headers["ETag"]
            again = control.ask("GET", path, token=None,
                                headers={"If-None-Match": tag})
            assert again.status == 304 and again.body == b""
            assert control.ask("GET", path, token=None, headers={
                "If-None-Match": '"other"'}).status == 200
            count += 1
    assert count >= 2


def test_one_connection_for_many_requests(control):
    connection = control.connection()
    for _ in range(20):
        connection.request("GET", "/api/v1/version", headers={
            "Authorization": f"Bearer {control.token}"})
        assert connection.getresponse().read()
    connection.close()


def test_too_many_requests(control):
    """A stranger's flood is refused, and takes nothing from a friend."""
    seen, answer = control.flood("GET", "log")
    assert seen == {401, 429} and answer.headers["Retry-After"] == "1"
    assert control.get("version")


def test_curl(control):
    """As the manual shows it."""
    auth = ["-H", f"Authorization: Bearer {control.token}"]
    assert json.loads(control.curl(*auth, path="version"))["api"] == "v1"
    assert json.loads(control.curl(
        *auth, "--json", '{"output":"null:,name=more"}',
        path="outputs")) == {"name": "more"}
    assert json.loads(control.curl(
        *auth, "-X", "DELETE", path="outputs/more")) == {"name": "more"}
    assert b"teeline_build_info" in control.curl(path="/metrics")
