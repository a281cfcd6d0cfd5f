"""Reads the program's records back, independently of its own code."""

import base64
import dataclasses
import glob
import json
import os
import re

from helpers.wait import wait_until

DIRS = ("c2s", "s2c")


@dataclasses.dataclass
class Session:
    """What a record says about a conversation.

    data        {"c2s": bytes, "s2c": bytes}
    length      {"c2s": offset of the next byte}: with the gaps
    ends        {"c2s": "fin", ...}; close: the whole close event
    """
    id: int
    open: dict = dataclasses.field(default_factory=dict)
    data: dict = dataclasses.field(
        default_factory=lambda: {d: bytearray() for d in DIRS})
    ends: dict = dataclasses.field(default_factory=dict)
    length: dict = dataclasses.field(
        default_factory=lambda: dict.fromkeys(DIRS, 0))
    gaps: list = dataclasses.field(default_factory=list)
    conflicts: list = dataclasses.field(default_factory=list)
    events: list = dataclasses.field(default_factory=list)
    close: dict = dataclasses.field(default_factory=dict)

    @property
    def reason(self):
        return self.close.get("reason")

    @property
    def first(self):
        return self.close.get("first")

    @property
    def client(self):
        return self.open["client"]

    def bytes(self, direction):
        return bytes(self.data[direction])


def events(path):
    """The whole lines of a jsonl file as objects, in order.

    A last line without its newline is left out: it is still being written.
    """
    with open(path, "rb") as file:
        text = file.read()
    return [json.loads(line) for line in text.split(b"\n")[:-1]]


def jsonl(path, captured=False):
    """The sessions of a jsonl record, in the order of their ids.

    Checks what every record promises: open first, close last, one end per
    direction, offsets that never jump without a gap, times that never go
    back (but for captured ones: those are the packets'), totals that add up.
    """
    sessions = {}
    for event in events(path):
        assert event["v"] == 1, event
        one = sessions.setdefault(event["session"], Session(event["session"]))
        assert captured or not one.events or (
            event["ts"] >= one.events[-1]["ts"]), (
                f"time went back: {_brief(event)}")
        _fold(one, event)
        one.events.append(event)
    return [sessions[number] for number in sorted(sessions)]


def closed(path, count=1):
    """The sessions of a jsonl record, once so many of them are closed.

    With count=1 the session itself, and it must be the only one.
    """
    sessions = wait_until(lambda: _all_closed(path, count),
                          what=f"{count} close events in {path}")
    assert len(sessions) == count, [one.open for one in sessions]
    return sessions[0] if count == 1 else sessions


def _all_closed(path, count):
    sessions = jsonl(path)
    done = sum(1 for one in sessions if one.close)
    return sessions if done >= count else None


def _fold(one, event):
    kind = event["event"]
    assert not one.close, f"after close: {_brief(event)}"
    assert (kind == "open") == (not one.open), (
        f"open not first: {_brief(event)}")
    if kind == "open":
        one.open = event
    elif kind == "data":
        data = base64.b64decode(event["data"], validate=True)
        assert len(data) == event["len"] > 0, _brief(event)
        assert event["offset"] == one.length[event["dir"]], _brief(event)
        assert event["dir"] not in one.ends, (
            f"data after its end: {_brief(event)}")
        one.data[event["dir"]] += data
        one.length[event["dir"]] += len(data)
    elif kind == "gap":
        assert event["offset"] == one.length[event["dir"]], _brief(event)
        one.gaps.append(event)
        one.length[event["dir"]] += event["len"]
    elif kind == "conflict":
        _fold_conflict(one, event)
    elif kind == "end":
        assert event["dir"] not in one.ends, f"second end: {_brief(event)}"
        assert event["offset"] == one.length[event["dir"]], _brief(event)
        one.ends[event["dir"]] = event["how"]
    elif kind == "close":
        assert event["bytes"] == {d: len(one.data[d]) for d in DIRS}, (
            _brief(event))
        one.close = event
    else:
        raise AssertionError(f"unknown event: {_brief(event)}")


def _fold_conflict(one, event):
    """It names bytes that were delivered, and the copy that was kept."""
    kept, other = (base64.b64decode(event[key], validate=True)
                   for key in ("kept", "other"))
    assert len(kept) == len(other) == event["len"] > 0, _brief(event)
    assert kept != other, _brief(event)
    assert event["offset"] + event["len"] <= one.length[event["dir"]], (
        _brief(event))
    assert kept == _stretch(one, event), _brief(event)
    one.conflicts.append(event)


def _stretch(one, event):
    """The delivered bytes at the place that an event names."""
    start = event["offset"] - sum(
        gap["len"] for gap in one.gaps
        if gap["dir"] == event["dir"] and gap["offset"] < event["offset"])
    return bytes(one.data[event["dir"]][start:start + event["len"]])


def _brief(event):
    """For messages: not a quarter of a megabyte of base64."""
    return {key: value for key, value in event.items()
            if key not in ("data", "kept", "other")}


def sink_of(path, name):
    """A sink's part of the sheet, whose sum must hold."""
    with open(path, encoding="ascii") as file:
        sinks = json.load(file)["sinks"]
    one, = [sink for sink in sinks if sink["name"] == name]
    dropped = sum(drop["bytes"] for drop in one["dropped"].values())
    assert one["offered"] == one["written"] + dropped + one["queued"], one
    return one


FLOW = re.compile(
    r"(?P<id>\d{6,})-(?P<client>.+-\d+)-(?P<server>.+-\d+)\.(?P<dir>c2s|s2c)$")


def flows(folder):
    """{id: Session} of a flows folder, with open["client"] as it spells it.

    A direction without a file has no bytes.
    """
    sessions = {}
    for name in sorted(os.listdir(folder)):
        if name == "gaps.jsonl":
            continue
        match = FLOW.match(name)
        assert match, f"a strange file name: {name}"
        number = int(match["id"])
        one = sessions.setdefault(number, Session(number))
        one.open = {"client": match["client"], "server": match["server"]}
        with open(os.path.join(folder, name), "rb") as file:
            one.data[match["dir"]] = file.read()
    return sessions


def netrecord(root):
    """{number: Session} of a netrecord log ROOT_N."""
    sessions = {}
    for path in glob.glob(glob.escape(str(root)) + "_*"):
        number = path.rsplit("_", 1)[1]
        if number.isdigit():
            with open(path, "rb") as file:
                sessions[int(number)] = netrecord_log(file.read(), int(number))
    return sessions


def netrecord_log(text, number=1):
    """One log: `c 1.204518 24`, 24 bytes, ...; whole records only."""
    one = Session(number)
    at = 0
    while at < len(text):
        newline = text.index(b"\n", at)
        side, stamp, what = text[at:newline].decode("ascii").split(" ")
        assert side in "cs" and re.fullmatch(r"\d+\.\d{6}", stamp), text[at:]
        at = newline + 1
        direction = "c2s" if side == "c" else "s2c"
        if what.isdigit():
            data = text[at:at + int(what)]
            assert len(data) == int(what), f"log {number} is cut short"
            one.data[direction] += data
            at += int(what)
        one.events.append((side, float(stamp), what))
    assert one.events[0][::2] == ("c", "con"), one.events[0]
    return one


def file_client(address):
    """An address as file names spell it: "127.0.0.1:1" is 127.0.0.1-1."""
    host, port = address.rsplit(":", 1)
    return f"{host.strip('[]').replace(':', '-')}-{port}"
