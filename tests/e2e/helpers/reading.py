"""`teeline read` run over a file, and everything that it made of it.

    got = reading.read(teeline, tmp_path, path)
    got.session.bytes("c2s")

read() checks what holds for every capture: the record's own rules, files of
each direction that equal the record, and a sheet that adds up.
"""

import dataclasses
import json
import os

from helpers import records, savefile
from helpers.records import DIRS


@dataclasses.dataclass
class Reading:
    """sessions: as in the record; sheet: as --stats wrote it; run: the
    program, with its out and err; folder: its files"""
    sessions: list
    sheet: dict
    run: object
    folder: str

    @property
    def session(self):
        """The only one."""
        one, = self.sessions
        return one

    @property
    def packets(self):
        return self.sheet["packets"]

    def undecodable(self):
        """Reasons that occurred, with their counts."""
        return {reason: count for reason, count
                in self.packets["undecodable"].items() if count}


def read(teeline, folder, path, *options, expect=0, deadline=20.0, **how):
    """Run `teeline read OPTIONS PATH` and check what it wrote.

    path may also be a list of paths; its files go to a new folder in folder.
    """
    number = sum(name.startswith("read-") for name in os.listdir(folder))
    into = os.path.join(folder, f"read-{number}")
    os.mkdir(into)
    paths = path if isinstance(path, (list, tuple)) else [path]
    run = teeline.run(
        "read", "-f", "none", "-o", f"flows:{into}/flows", "-o",
        f"jsonl:{into}/log", "--stats", f"{into}/sheet", *options, *paths,
        expect=expect, deadline=deadline, **how)
    with open(f"{into}/sheet", encoding="utf-8") as file:
        sheet = json.load(file)
    got = Reading(records.jsonl(f"{into}/log", captured=True), sheet, run,
                  into)
    check_flows(got)
    check_sheet(got)
    return got


def streams(teeline, folder, frames, *options, linktype=savefile.RAW, **how):
    """The same for frames that are written to a file first."""
    number = sum(name.startswith("in-") for name in os.listdir(folder))
    path = savefile.pcap(os.path.join(folder, f"in-{number}.pcap"), frames,
                         linktype)
    return read(teeline, folder, path, *options, **how)


def gaps_of(session, direction):
    """[(offset, length)] of the gaps of a direction, in stream order."""
    return [(gap["offset"], gap["len"]) for gap in session.gaps
            if gap["dir"] == direction]


def layout(session, direction):
    """(gaps inside of the stream, bytes missing at its end)."""
    found = gaps_of(session, direction)
    length = len(session.data[direction]) + sum(size for _, size in found)
    tail = 0
    while found and found[-1][0] + found[-1][1] == length:
        tail += found[-1][1]
        length -= found.pop()[1]
    return joined(found), tail


def joined(ranges):
    """Ranges that touch are one: a hole may be told in pieces."""
    found = []
    for offset, size in ranges:
        if found and sum(found[-1]) == offset:
            found[-1] = (found[-1][0], found[-1][1] + size)
        else:
            found.append((offset, size))
    return found


def pieces(session, direction):
    """[(offset, bytes)] between the gaps of a direction."""
    data, found, taken, at = session.bytes(direction), [], 0, 0
    for offset, size in [*layout(session, direction)[0], (None, 0)]:
        end = len(data) if offset is None else taken + offset - at
        if end > taken:
            found.append((at, data[taken:end]))
        taken, at = end, (offset or 0) + size
    return found


def with_zeros(session, direction):
    """The bytes of a direction with zeros in its holes, up to the last."""
    found = bytearray()
    for offset, data in pieces(session, direction):
        found += bytes(offset - len(found)) + data
    return bytes(found)


def check_flows(got):
    """The files of each direction are what the record says."""
    folder, files = f"{got.folder}/flows", {}
    for name in os.listdir(folder) if os.path.isdir(folder) else []:
        if name != "gaps.jsonl":
            match = records.FLOW.match(name)
            assert match, f"a strange file name: {name}"
            files[int(match["id"]), match["dir"]] = os.path.join(folder, name)
    for one in got.sessions:
        for direction in DIRS:
            check_file(files.pop((one.id, direction), os.devnull),
                       pieces(one, direction))
    assert not files, f"files of no session: {sorted(files)}"


def check_file(path, want):
    """A file holds these pieces and zeros between them; gigabytes of holes
    are only tasted."""
    with open(path, "rb") as file:
        at = 0
        for offset, data in want:
            for taste in (at, offset - 65536):
                file.seek(max(taste, at))
                zeros = file.read(min(offset - max(taste, at), 65536))
                assert not any(zeros), f"{path}: no hole at {at}"
            file.seek(offset)
            assert file.read(len(data)) == data, f"{path}: bytes at {offset}"
            at = offset + len(data)
        file.seek(at)
        assert not file.read(1), f"{path}: longer than {at}"


def check_sheet(got):
    """The sums of the balance sheet hold, and it agrees with the record."""
    packets = got.packets
    assert packets["received"] == (
        packets["sessions"] + packets["not_tcp"] + packets["fragments"]
        + packets["strays"] + sum(packets["undecodable"].values())), packets
    for direction in DIRS:
        count = got.sheet["bytes"][direction]
        assert count["received"] == sum(
            count[kind] for kind in ("delivered", "duplicate", "differing",
                                     "late", "strays", "held")), count
        assert count["held"] == 0, count
        assert count["delivered"] == sum(
            len(one.data[direction]) for one in got.sessions), count
        assert count["gap"] == sum(
            gap["len"] for one in got.sessions for gap in one.gaps
            if gap["dir"] == direction), count
    sessions = got.sheet["sessions"]
    assert sessions["total"] == len(got.sessions), sessions
    assert sessions["open"] == 0, sessions
    for one in got.sessions:
        assert one.close, f"session {one.id} was never closed"


def check_talk(session, talk, *, reason="fin", gaps=((), ()), tails=(0, 0)):
    """A session is what a packets.Talk said, but for these gaps.

    gaps        [(offset, length)] inside of each side's stream
    tails       bytes missing at its end
    """
    assert (session.open["client"], session.open["server"]) == (
        talk.client, talk.server)
    for side, direction in enumerate(DIRS):
        holes, tail = layout(session, direction)
        assert (holes, tail) == (list(gaps[side]), tails[side]), direction
        want = bytes(talk.said[side])
        want = want[:len(want) - tail]
        for offset, size in reversed(holes):
            want = want[:offset] + want[offset + size:]
        assert session.bytes(direction) == want, direction
    assert session.reason == reason
