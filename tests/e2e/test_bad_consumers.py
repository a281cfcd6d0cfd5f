"""Live sinks whose consumer is slow, stopped, resetting, absent, late or
reconnecting, fed by proxy and by tap.

In every cell a client and a server talk, round by round; each checks every
byte.  Beside the bad consumer hear a good one of the same kind, which must
miss nothing, and the files of `flows`.  A round is over when the good consumer
has heard it: so the script of the bad one knows what has been offered to its
sink, and nobody looks at a clock.

In the tap's cells all of this takes place on the one interface that is
captured, the connections of the sinks included.
"""

import json
import random

import pytest

from helpers import consumers, records
from helpers.peers import Background, prepare, recv_all, recv_exactly
from helpers.program import is_instrumented
from helpers.wait import wait_until

ROUNDS = 24
PIECE = 512 << 10
QUEUE = 256 << 10
# Of a consumer that does not keep up: what it has not read shall wait with
# the sender.
SMALL = 4096
# For buffers that were never needed before, and what malloc keeps.
SLACK = 6 << 20

SAID = {direction: random.Random(direction).randbytes(ROUNDS * PIECE)
        for direction in records.DIRS}


# --- what consumers do -------------------------------------------------------

class Good:
    """Comes at once and hears everything.

    ears    all connections it ever had
    """

    rcvbuf = None
    keys = {"queue": "32MiB"}

    def __init__(self, kind):
        self.kind = kind
        self.ears = []
        self.now = []
        self.run = None
        self.opened = False

    def come(self):
        self.now = self.kind.come(self.run, self.rcvbuf)
        self.ears += self.now
        self.settle()

    def settle(self):
        """Until it hears whatever is said next."""
        for ear in self.now:
            while not self.kind.is_seated(ear, self.opened):
                if ear.follows:
                    wait_until(lambda ear=ear: self.kind.is_seated(
                        ear, self.opened), what="the consumer is let in")
                else:
                    assert ear.read(SMALL)

    def follow(self):
        self.come()
        for ear in self.now:
            ear.follow()

    def leave(self):
        for ear in self.now:
            ear.leave()
        self.now = []

    def prepare(self):
        """The program is not started yet."""
        self.kind.open(self.rcvbuf)

    def begin(self):
        """The first time to come, before anything was said."""
        self.follow()

    def step(self, number):
        """A round is over; numbers from 0."""

    def has_heard(self, count):
        return all(self.kind.has_heard(ear, count) for ear in self.ears)

    def over(self):
        """Both have said all."""
        for ear in self.now:
            if not ear.follows:
                ear.follow()
            if self.kind.ends:
                ear.rest()

    def after(self):
        """The program has ended."""
        for ear in self.now:
            ear.rest()

    def check(self, heard):
        for ear in self.ears:
            assert ear.how == "fin"
            assert set(heard[ear]) == directions(ear)
            for direction, found in heard[ear].items():
                assert found == [(0, len(SAID[direction]))]


def directions(ear):
    return {ear.hears} if ear.hears in records.DIRS else set(records.DIRS)


class Bad(Good):
    """may, must: reasons of drops; of `must` there must be one at least.

    tee_may, tee_must   the same for a sink that does not resume
    fills       even the queue of one that sends again what was lost
    drain       seconds that the program waits for it at its end: many for one
                that hears the rest, whatever else the machine does
    """

    keys = {"queue": QUEUE}
    may = set()
    must = set()
    tee_may = {"queue_full"}
    tee_must = {"gone"}
    fills = False
    drain = 0.3

    def check(self, heard):
        """What came is right in itself already."""

    def reasons(self):
        """(those that may be, those of which one must be)"""
        if self.kind.repeats:
            full = {"queue_full"}
            return self.may | self.must | full, full if self.fills else set()
        if self.kind.resumes:
            return self.may | self.must, self.must
        return self.tee_may | self.tee_must, self.tee_must


class Slow(Bad):
    """Reads a little of each round, and the rest when all is over."""

    rcvbuf = SMALL
    must = {"queue_full"}
    fills = True
    drain = 30

    def begin(self):
        self.come()

    def step(self, number):
        for ear in self.now:
            if ear.how is None:
                ear.read(SMALL)

    def check(self, heard):
        for ear in self.ears:
            assert ear.how == ("fin" if self.kind.resumes else "rst")
            for found in heard[ear].values():
                assert found[0][0] == 0


class Stopped(Bad):
    """Reads nothing at all, until the program has ended without it."""

    rcvbuf = SMALL
    may = {"closing"}
    must = {"queue_full"}
    fills = True

    def begin(self):
        self.come()

    def over(self):
        pass

    def check(self, heard):
        for ear in self.ears:
            assert ear.how == "rst", "a part that ends as if it were whole"


class Resetting(Bad):
    """Reads a little, resets, and comes again if there is a way."""

    may = {"queue_full"}
    must = {"gone", "no_consumer"}

    def begin(self):
        self.come()

    def step(self, number):
        for ear in self.now:
            ear.read(SMALL)
        if self.now:
            self.leave()
        elif self.kind.resumes:
            self.come()

    def over(self):
        if self.now:
            self.leave()

    def check(self, heard):
        expect = ROUNDS // 2 if self.kind.resumes else 1
        assert len(self.ears) >= expect * len(self.kind.streams)


class Absent(Bad):
    """Never there."""

    may = {"startup_full"}
    must = {"no_consumer"}
    tee_may = set()
    tee_must = {"no_consumer"}
    fills = True

    def prepare(self):
        pass

    def begin(self):
        pass


class Late(Absent):
    """Comes when half of it has been said."""

    keys = {"queue": (2 * ROUNDS + 1) * PIECE}
    may = {"queue_full"}
    tee_must = set()
    fills = False
    drain = 30

    def reasons(self):
        self.must = {"startup_full" if self.kind.startup else "no_consumer"}
        return super().reasons()

    def step(self, number):
        if number == ROUNDS // 2:
            self.kind.open()
            self.follow()

    def check(self, heard):
        for ear in self.ears:
            assert ear.how == "fin"
            assert heard[ear]
            for direction, found in heard[ear].items():
                whole = len(SAID[direction])
                if self.kind.startup == 0:
                    assert found[0][0] == (ROUNDS // 2 + 1) * PIECE
                else:
                    assert found[0] == (0, self.kind.startup or whole)
                assert sum(found[-1]) == whole


class Reconnecting(Bad):
    """Hears a third, resets, misses a third, and comes again."""

    may = {"queue_full"}
    must = {"gone", "no_consumer"}
    drain = 30

    def step(self, number):
        if number == ROUNDS // 3:
            self.leave()
        if number == 2 * ROUNDS // 3 and self.kind.resumes:
            self.follow()

    def check(self, heard):
        for ear in self.ears:
            assert heard[ear]
            for direction, found in heard[ear].items():
                if ear in self.now:
                    assert found[0][0] > (
                        0 if self.kind.repeats else ROUNDS // 3 * PIECE)
                    assert sum(found[-1]) == len(SAID[direction])
                else:
                    assert found[0][0] == 0
            assert ear.how == ("fin" if ear in self.now else "left")
        if not self.kind.resumes:
            assert self.kind.nobody_calls(), "resumed in the middle"


BEHAVIOURS = (Slow, Stopped, Resetting, Absent, Late, Reconnecting)


# --- who talks ---------------------------------------------------------------

def tell(one, other, data):
    """One says it, the other hears every byte of it."""
    sending = Background(one.sendall, data)
    assert recv_exactly(other, len(data)) == data
    sending.result()


class Talk:
    """A client and a server in the place, who answers piece by piece."""

    def __init__(self, place):
        self._place = place
        self._listener = place.socket()
        prepare(self._listener)
        self._listener.bind((place.ip, 0))
        self._listener.listen()
        self.target = self._listener.getsockname()
        self._ends = ()

    def open(self, port):
        client = self._place.socket()
        prepare(client)
        client.connect((self._place.ip, port))
        there, _ = self._listener.accept()
        prepare(there)
        self._ends = (client, there)

    def round(self, number):
        client, there = self._ends
        at = slice(number * PIECE, (number + 1) * PIECE)
        tell(client, there, SAID["c2s"][at])
        tell(there, client, SAID["s2c"][at])

    def close(self):
        client, there = self._ends
        client.shutdown(1)
        assert recv_all(there) == b""
        there.close()
        assert recv_all(client) == b""
        client.close()
        self._listener.close()


# --- the matrix --------------------------------------------------------------

def check_sink(sheet, consumer):
    """Its line of the sheet adds up, and drops for no other reasons."""
    kind = consumer.kind
    line, = [one for one in sheet["sinks"] if one["name"] == kind.name]
    dropped = {reason: drop["bytes"]
               for reason, drop in line["dropped"].items() if drop["bytes"]}
    assert line["queued"] == 0
    assert line["offered"] == line["written"] + sum(dropped.values()), line
    kind.check_offered(line["offered"], SAID)
    got = sum(map(kind.worth, consumer.ears))
    assert got <= line["written"]
    if all(ear.how == "fin" for ear in consumer.ears):
        assert got == line["written"]
    return dropped


def begin(run, everyone, open_session):
    """The session is open, and whoever wants to hear it is there."""
    for one in everyone:
        one.run = run
        if one.kind.early:
            one.begin()
    open_session()
    for one in everyone:
        one.opened = True
        if not one.kind.early:
            one.begin()
        one.settle()


def check_flows(folder):
    one, = records.flows(folder).values()
    assert one.data == SAID


@pytest.mark.parametrize("behaviour", BEHAVIOURS)
@pytest.mark.parametrize("kind", consumers.KINDS)
@pytest.mark.parametrize("source", consumers.SOURCES)
def test_consumer(teeline, place, tmp_path, source, kind, behaviour):
    bad, good = behaviour(kind(place, "bad")), Good(kind(place, "good"))
    talk = Talk(place)
    source = source(place, talk.target)
    for one in (bad, good):
        one.kind.packets = source.packets
    sinks = [one.kind.sink(**one.keys) for one in (bad, good)]
    for one in (bad, good):
        one.prepare()
    run = source.start(
        teeline, "-f", "none", "-o", f"flows:{tmp_path}/flows", "-o",
        sinks[0], "-o", sinks[1], "--stats", f"{tmp_path}/sheet",
        "--drain-time", str(bad.drain))
    memory = []
    begin(run, (bad, good), lambda: talk.open(source.port(run)))
    for number in range(ROUNDS):
        talk.round(number)
        wait_until(lambda: good.has_heard((number + 1) * PIECE), every=0.001,
                   what="the good consumer has heard it")
        bad.step(number)
        memory.append(run.memory("RssAnon"))
    talk.close()
    good.over()
    bad.over()
    run.stop()
    bad.after()

    for one in (bad, good):
        one.check({ear: one.kind.check(ear, SAID) for ear in one.ears})
        one.kind.close()
    with open(f"{tmp_path}/sheet", encoding="ascii") as file:
        sheet = json.load(file)
    source.check(sheet)
    check_flows(f"{tmp_path}/flows")
    assert check_sink(sheet, good) == {}
    dropped = set(check_sink(sheet, bad))
    may, must = bad.reasons()
    assert dropped <= may and (dropped & must or not must), dropped
    if not is_instrumented():
        room = int(bad.keys["queue"]) + SLACK
        assert max(memory) - memory[2] < room, memory
