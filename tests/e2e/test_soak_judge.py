"""The judges of the soak: each complains about a record that is wrong."""

import base64
import json
import os
import sys

import pytest

from helpers.program import TOP

sys.path.insert(0, os.path.join(TOP, "tests/soak"))

# pylint: disable=wrong-import-position
import books                                    # noqa: E402
from judge import Judge                         # noqa: E402
from judge_flows import FlowsJudge              # noqa: E402
from talk import Ledger, Said                   # noqa: E402

WHO = "127.0.0.1:40000"
SIZE = 1000


def said(number=1, whole=True, done=True):
    one = Said(number, SIZE)
    one.whole = whole
    if done:
        one.done.set()
    return one


def opened(number=1, client=WHO):
    return {"event": "open", "session": number, "client": client}


def data(way, offset, text, number=1):
    return {"event": "data", "session": number, "dir": way, "offset": offset,
            "data": base64.b64encode(text).decode()}


def closed(reason="fin", number=1):
    return {"event": "close", "session": number, "reason": reason}


def whole(one):
    """What a right record of it says."""
    text = one.text()
    return [opened(), data("c2s", 0, text[:300]), data("s2c", 0, text),
            data("c2s", 300, text[300:]), closed()]


class Log:
    """A log of events, a judge of it, and whom that has heard of."""

    def __init__(self, folder, lossy=False, patience=60.0):
        self.path = folder / "log"
        self.ledger = Ledger(("log",), patience)
        self.judge = Judge("log", str(self.path), self.ledger, lossy)

    def add(self, events):
        with open(self.path, "a", encoding="ascii") as file:
            file.writelines(json.dumps(event) + "\n" for event in events)
        return self


@pytest.fixture(name="log")
def log_fixture(tmp_path):
    log = Log(tmp_path)
    log.ledger.enter(WHO, said())
    return log


def test_a_right_record(log):
    log.add(whole(said())).judge.end()
    assert (log.judge.sessions, log.judge.bytes) == (1, 2 * SIZE)


def test_a_log_that_is_moved_away(log, tmp_path):
    """What follows stands in the next one; both are read."""
    events = whole(said())
    log.add(events[:2]).judge.look()
    os.rename(log.path, tmp_path / "old")
    log.add(events[2:]).judge.end()
    assert (log.judge.sessions, log.judge.bytes) == (1, 2 * SIZE)


@pytest.mark.parametrize("change, words", [
    (lambda events: events[2].update(data("s2c", 0, b"x" * SIZE)),
     "wrong bytes at 0 of s2c"),
    (lambda events: events[3].update(offset=301), "301"),
    (lambda events: events.pop(3), "of 1000 bytes has"),
    (lambda events: events.insert(3, events[1]), "session 1"),
    (lambda events: events.insert(1, {
        "event": "gap", "session": 1, "dir": "c2s", "offset": 0, "len": 1}),
     "gap"),
    (lambda events: events.pop(), "open: [1]"),
], ids=["bytes", "offset", "missing", "twice", "gap", "open"])
def test_a_wrong_record(log, change, words):
    events = whole(said())
    change(events)
    log.add(events)
    with pytest.raises(AssertionError) as failure:
        log.judge.end()
    assert words in str(failure.value)


def renumbered(events):
    return [{**event, "session": 2} for event in events]


@pytest.mark.parametrize("order", [
    lambda first, second: [*second, *first],
    lambda first, second: [second[0], first[0], *second[1:], *first[1:]],
    lambda first, second: [*second[:2], *first, *second[2:]],
], ids=["after", "both-open", "between"])
def test_the_later_of_two_from_one_port_comes_first(log, order):
    """Each is held against its own client; wrong bytes are still wrong."""
    log.ledger.enter(WHO, said(number=2))
    events = order(whole(said()), renumbered(whole(said(number=2))))
    log.add(events).judge.end()
    assert (log.judge.sessions, log.judge.bytes) == (2, 4 * SIZE)


def test_neither_of_two_from_one_port(log):
    log.ledger.enter(WHO, said(number=2))
    log.add([opened(), data("c2s", 0, b"x" * 10)])
    with pytest.raises(AssertionError, match="wrong bytes at 0 of c2s"):
        log.judge.end()


def test_half_a_line_at_the_end(log):
    log.add(whole(said()))
    with open(log.path, "ab") as file:
        file.write(b'{"event"')
    with pytest.raises(AssertionError, match="half a line"):
        log.judge.end()


def test_a_session_of_nobody(tmp_path):
    log = Log(tmp_path, patience=0).add([opened()])
    with pytest.raises(AssertionError, match="who is nobody"):
        log.judge.look()


def test_a_session_that_its_client_does_not_know_the_end_of(tmp_path):
    log = Log(tmp_path)
    log.ledger.enter(WHO, said(done=False))
    with pytest.raises(AssertionError, match="1 undecided"):
        log.add(whole(said())).judge.end()


def test_a_part_where_it_was_cut_short(tmp_path):
    log = Log(tmp_path)
    log.ledger.enter(WHO, said(whole=False))
    log.add([opened(), data("c2s", 0, said().text()[:10]),
             closed("client_reset")]).judge.end()
    assert (log.judge.sessions, log.judge.partial) == (1, 1)


def test_a_gap_where_packets_may_be_missing(tmp_path):
    log = Log(tmp_path, lossy=True)
    log.ledger.enter(WHO, said())
    events = whole(said())
    events[1] = {"event": "gap", "session": 1, "dir": "c2s", "offset": 0,
                 "len": 300}
    log.add(events).judge.end()
    assert log.judge.gaps == 300


# --- flows -----------------------------------------------------------------


@pytest.fixture(name="flows")
def flows_fixture(tmp_path):
    return FlowsJudge(str(tmp_path), patience=0)


def test_flows(flows, tmp_path):
    """Two whole files, which are taken away."""
    flows.enter(WHO, said())
    for name in ("one", "two"):
        (tmp_path / name).write_bytes(said().text())
    flows.end()
    assert flows.files == 2 and not list(tmp_path.iterdir())


def test_flows_that_are_being_written(flows, tmp_path):
    flows.enter(WHO, said(done=False))
    (tmp_path / "one").write_bytes(said().text()[:100])
    flows.look()
    assert list(tmp_path.iterdir())


@pytest.mark.parametrize("files", [
    [], [said().text()], [said().text(), said().text()[:-1]],
    [said().text(), said().text()[:-1] + b"?"],
    [said().text(), said().text() + b"?"],
    [said().text(), said(2).text()]],
    ids=["none", "one", "short", "byte", "long", "stranger"])
def test_wrong_flows(flows, tmp_path, files):
    flows.enter(WHO, said())
    for number, content in enumerate(files):
        (tmp_path / str(number)).write_bytes(content)
    with pytest.raises(AssertionError, match="flows: "):
        flows.look()
        flows.end()


# --- the books -------------------------------------------------------------


def rests(first, last, name):
    """Three, between which one figure goes from first to last."""
    rest = {"memory": 20 * books.MIB, "descriptors": 100, "threads": 8}
    return [{**rest, name: first + (last - first) * at / 2}
            for at in range(3)]


@pytest.mark.parametrize("name, first, last, fine", [
    ("memory", 20 * books.MIB, 23 * books.MIB, True),
    ("memory", 20 * books.MIB, 25 * books.MIB, False),
    ("descriptors", 100, 140, True), ("descriptors", 100, 300, False),
    ("threads", 8, 9, True), ("threads", 8, 16, False)])
def test_flat(name, first, last, fine):
    told = rests(first, last, name)
    if fine:
        books.check_flat(told, 30)
        return
    with pytest.raises(AssertionError, match=name):
        books.check_flat(told, 30)
    books.check_flat(told, 30, [name])


def test_short_soaks_are_given_more_room():
    """... in which little has come near its bounds."""
    books.check_flat(rests(20 * books.MIB, 30 * books.MIB, "memory"), 4)
    with pytest.raises(AssertionError, match="memory"):
        books.check_flat(rests(20 * books.MIB, 60 * books.MIB, "memory"), 4)


def sheet():
    row = {"name": "jsonl", "offered": 10, "written": 6, "queued": 1,
           "dropped": {"gone": {"bytes": 3, "chunks": 1}}}
    way = {"received": 21, "delivered": 6, "duplicate": 5, "differing": 4,
           "late": 3, "strays": 2, "held": 1}
    return {"sessions": {"open": 0}, "sinks": [row],
            "packets": {"received": 15, "sessions": 5, "not_tcp": 4,
                        "fragments": 3, "strays": 2,
                        "undecodable": {"short": 1}},
            "bytes": {"c2s": way, "s2c": dict(way)}}


def test_books_that_add_up():
    books.check_sinks(sheet())
    books.check_packets(sheet())


@pytest.mark.parametrize("judge, place", [
    (books.check_sinks, lambda one: (one["sinks"][0], "written")),
    (books.check_sinks, lambda one: (one["sinks"][0]["dropped"]["gone"],
                                     "bytes")),
    (books.check_sinks, lambda one: (one["sessions"], "open")),
    (books.check_packets, lambda one: (one["packets"], "strays")),
    (books.check_packets, lambda one: (one["packets"]["undecodable"],
                                       "short")),
    (books.check_packets, lambda one: (one["bytes"]["s2c"], "held"))])
def test_books_that_do_not(judge, place):
    wrong = sheet()
    where, key = place(wrong)
    where[key] += 1
    with pytest.raises(AssertionError):
        judge(wrong)
