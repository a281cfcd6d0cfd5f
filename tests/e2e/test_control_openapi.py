"""openapi.json says what the server does: each path, method and status."""

import re

import jsonschema
import pytest

from helpers.control import Control
from helpers.peers import connect, echo, recv_exactly
from helpers.wait import wait_until

METHODS = ("get", "put", "post", "delete", "patch", "options")
LATER = {"503", "500", "507"}   # what a healthy server does not do
# That the system holds an output is seen in test_control_refused.py.
HANGS = ("/api/v1/outputs/{name}", "delete", "409")


@pytest.fixture(name="scene")
def fixture_scene(teeline, server, tmp_path):
    """A program with an open session, 1, a closed one, 2, and two outputs."""
    peer = server(echo)
    proxy = teeline.proxy(
        peer.target, "-f", "none", "--control", "0",
        "-o", f"jsonl:{tmp_path}/log,name=log", "-o", "null:,name=nothing")
    control = Control(proxy)
    clients = [connect(proxy.port) for _ in range(2)]
    for client in clients:
        client.sendall(b"hello")
        assert recv_exactly(client, 5) == b"hello"
    ports = {one["id"]: one["client"] for one in
             control.get("sessions")["sessions"]}
    last = ports[2].rpartition(":")[2]
    for client in clients:
        if client.getsockname()[1] == int(last):
            client.close()
    wait_until(lambda: control.get("sessions/2")["state"] == "closed")
    control.tmp = tmp_path
    control.clients = clients
    return control


def operations(description):
    """(path, method, operation) of all."""
    return [(path, method, operation)
            for path, item in description["paths"].items()
            for method, operation in item.items() if method in METHODS]


class Judge:
    """Holds answers against the description; remembers what was seen."""

    def __init__(self, description):
        self.description = description
        self.seen = set()

    def find(self, method, path):
        """The path of the description that this one is, and its operation."""
        path = path.partition("?")[0]
        for pattern, item in self.description["paths"].items():
            shape = re.escape(pattern).replace(r"\{id\}", "[^/]+")
            shape = shape.replace(r"\{name\}", "[^/]+")
            if re.fullmatch(shape, path):
                return pattern, item.get(method.lower())
        return None, None

    def resolve(self, part):
        while "$ref" in part:
            where = self.description
            for name in part["$ref"][2:].split("/"):
                where = where[name]
            part = where
        return part

    def judge(self, method, path, answer):
        """The status is documented, and so is what the body looks like."""
        pattern, operation = self.find(method, path)
        assert operation, f"{method} {path} is not in the description"
        status = str(answer.status)
        assert status in operation["responses"], (method, path, status,
                                                  answer.body)
        self.seen.add((pattern, method.lower(), status))
        response = self.resolve(operation["responses"][status])
        kind = (answer.headers["Content-Type"] or "").partition(";")[0]
        assert kind in response["content"], (path, kind)
        for name in response.get("headers", {}):
            assert answer.headers[name], (path, status, name)
        if kind in ("application/json", "application/problem+json"):
            schema = dict(response["content"][kind]["schema"],
                          components=self.description["components"])
            jsonschema.Draft202012Validator(schema).validate(answer.json())
        return answer


def good_requests(control):
    """One request for each success, in an order that works."""
    out = {"output": f"text:{control.tmp}/text,name=text"}
    yield "GET", "/", None
    yield "GET", "/metrics", None
    yield "GET", "/api/v1/openapi.json", None
    for query in ("", "?state=open", "?state=closed&q=127&limit=1&order=desc",
                  "?after=1"):
        yield "GET", f"/api/v1/sessions{query}", None
    for number in (1, 2):
        yield "GET", f"/api/v1/sessions/{number}", None
        for query in ("", "?dir=c2s", "?format=hex", "?format=pcapng"):
            yield "GET", f"/api/v1/sessions/{number}/bytes{query}", None
    yield "GET", "/api/v1/sessions/2/events", None
    yield "GET", "/api/v1/sessions/2/events?history=yes", None
    for name in ("version", "stats", "inputs", "outputs", "log"):
        yield "GET", f"/api/v1/{name}", None
    yield "PUT", "/api/v1/log", {"level": "debug"}
    yield "GET", "/api/v1/outputs/log", None
    yield "POST", "/api/v1/outputs", out
    yield "POST", "/api/v1/outputs/text/rotate", None
    yield "DELETE", "/api/v1/outputs/text", None
    yield "DELETE", "/api/v1/sessions/1", None


def bad_requests():
    """(status, method, path, body) of what is refused for its own reasons."""
    yield 400, "GET", "/api/v1/sessions?limit=x", None
    yield 400, "GET", "/api/v1/sessions/2?x=1", None
    yield 400, "GET", "/api/v1/sessions/2/events?history=x", None
    yield 400, "GET", "/api/v1/sessions/2/bytes?format=x", None
    yield 400, "POST", "/api/v1/outputs", {"input": "null:"}
    yield 400, "PUT", "/api/v1/log", {"level": 1}
    yield 404, "GET", "/api/v1/sessions/99", None
    yield 404, "DELETE", "/api/v1/sessions/99", None
    yield 404, "GET", "/api/v1/sessions/99/events", None
    yield 404, "GET", "/api/v1/sessions/99/bytes", None
    yield 404, "GET", "/api/v1/outputs/x", None
    yield 404, "DELETE", "/api/v1/outputs/x", None
    yield 404, "POST", "/api/v1/outputs/x/rotate", None
    yield 409, "DELETE", "/api/v1/sessions/2", None
    yield 409, "POST", "/api/v1/outputs", {"output": "null:,name=log"}
    yield 409, "POST", "/api/v1/outputs/nothing/rotate", None
    yield 422, "POST", "/api/v1/outputs", {"output": "bogus:"}
    yield 422, "PUT", "/api/v1/log", {"level": "x"}
    yield 413, "POST", "/api/v1/outputs", {"output": "x" * 70000}
    yield 413, "PUT", "/api/v1/log", {"level": "x" * 70000}


def concrete(path):
    return path.replace("{id}", "2").replace("{name}", "log")


def ask_all(scene, description, judge):
    for method, path, body in good_requests(scene):
        assert judge.judge(
            method, path, scene.ask(method, path, body)).status < 400
    for status, method, path, body in bad_requests():
        assert judge.judge(
            method, path, scene.ask(method, path, body)).status == status
    # Every other parameter that is unknown, and every door that is shut.
    for path, method, operation in operations(description):
        path, method = concrete(path), method.upper()
        strange = {"Origin": "http://evil.example"}
        judge.judge(method, path, scene.ask(method, path, headers=strange))
        judge.judge(method, path, scene.ask(
            method, path, headers={"Host": "evil.example"}))
        if operation.get("security") == []:
            continue
        judge.judge(method, path, scene.ask(method, path, token="wrong"))
        judge.judge(method, path, scene.ask(method, path + "?strange=1"))


def flood(scene, description, judge):
    """Until it says 429 to everything."""
    for path, method, _ in operations(description):
        _, answer = scene.flood(method.upper(), concrete(path) + "?x=1")
        judge.judge(method.upper(), concrete(path), answer)


def test_the_description_is_what_the_server_does(scene):
    description = scene.get("/api/v1/openapi.json")
    judge = Judge(description)
    ask_all(scene, description, judge)
    flood(scene, description, judge)
    # This one answers as long as there is something to say.
    with scene.follow("events") as stream:
        assert stream.wait("rates")
        judge.seen.add(("/api/v1/events", "get", "200"))
    drained = scene.ask("POST", "drain")
    assert judge.judge("POST", "/api/v1/drain", drained).status == 202
    documented = {(path, method, status)
                  for path, method, operation in operations(description)
                  for status in operation["responses"]
                  if status not in LATER} - {HANGS}
    assert judge.seen >= documented, documented - judge.seen


def test_the_description_is_well_made(scene):
    """Every reference has its end, every operation its own name."""
    description = scene.get("/api/v1/openapi.json")
    assert description["openapi"] == "3.1.0"
    names = [operation["operationId"]
             for _, _, operation in operations(description)]
    assert len(names) == len(set(names))
    schemas = description["components"]["schemas"]
    for schema in schemas.values():
        jsonschema.Draft202012Validator.check_schema(schema)

    def references(part):
        if isinstance(part, dict):
            for key, value in part.items():
                if key == "$ref":
                    yield value
                else:
                    yield from references(value)
        elif isinstance(part, list):
            for value in part:
                yield from references(value)

    judge = Judge(description)
    found = set(references(description))
    assert found
    for reference in found:
        judge.resolve({"$ref": reference})


def test_events_are_as_described(scene):
    description = scene.get("/api/v1/openapi.json")
    with scene.follow("events") as stream:
        rates = stream.wait("rates")
    with scene.follow("sessions/1/events") as stream:
        live = stream.wait("live")
    for name, data in (("Rates", rates), ("Live", live)):
        schema = {"$ref": f"#/components/schemas/{name}",
                  "components": description["components"]}
        jsonschema.Draft202012Validator(schema).validate(data)


def test_every_route_is_described(scene):
    """The table in the program has no path that the description lacks."""
    description = scene.get("/api/v1/openapi.json")
    for path, item in description["paths"].items():
        allowed = {method.upper() for method in item if method in METHODS}
        answer = scene.ask("BREW", concrete(path))
        assert answer.status == 405
        told = set(answer.headers["Allow"].split(", ")) - {"HEAD"}
        assert told == allowed, path
