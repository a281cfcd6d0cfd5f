"""A system that does what systems do in a month: what is preloaded into the
program fails calls, sets the clock and interrupts; and somebody stops it."""

import collections
import errno
import signal

from helpers.faults import HALF, Faults, storm

# What may fail anywhere, and for how many calls: no byte of a record.
ANYWHERE = (
    ("accept", errno.EMFILE, 3), ("accept", errno.ENFILE, 1),
    ("accept", errno.ECONNABORTED, 2), ("pipe", errno.EMFILE, 20),
    ("pipe", errno.EPERM, 5), ("splice", errno.EINTR, 20),
    ("splice", HALF, 50), ("recv", errno.EINTR, 50),
    ("send", errno.EINTR, 50),
    # A session, or the call of a consumer.
    ("socket", errno.EMFILE, 2))
# What no system does while there is more, or room for more.  libmicrohttpd
# takes it at its word and waits for an edge that does not come: so not where
# control is.  Nor what costs one that asks its answer.
BUT_CONTROL = (("recv", HALF, 300), ("recv", errno.EAGAIN, 50),
               ("send", HALF, 300), ("send", errno.EAGAIN, 50),
               ("recv", errno.ENOMEM, 1), ("send", errno.ENOBUFS, 1))
# What may fail below a folder whose records nobody holds against anything.
FILES = (("write", errno.ENOSPC, 5), ("write", errno.EIO, 2),
         ("write", HALF, 30), ("write", errno.EINTR, 30),
         ("open", errno.EMFILE, 3), ("open", errno.EACCES, 1),
         ("link", errno.EIO, 2), ("rename", errno.EIO, 2),
         ("mkdir", errno.ENOSPC, 2), ("ftruncate", errno.EIO, 1))
HOUR = 3600
# Seconds: of a stopped process (SIGSTOP), of a storm, and of a clock.
LONG = {"stop": 1.5, "storm": 2, "clock": 5}


class System:
    """Throws the dice of one program.

    small   where its records are that nobody judges; None: it has none, and
            no control
    times   how often what has happened
    """

    def __init__(self, soak, name, folder, small=None):
        self.times = collections.Counter()
        self._soak = soak
        self._dice = soak.dice(f"system {name}")
        self._faults = Faults(folder)
        self.env = self._faults.env
        self._program = None
        self._rules = []
        rows = [(*row, "") for row in ANYWHERE]
        if small is None:
            rows += [(*row, "") for row in BUT_CONTROL]
        else:
            rows += [(*row, small) for row in FILES]
        for call, error, count, path in rows:
            rule = self._faults.fail(call, error, path, count=0)
            what = errno.errorcode.get(error, "half")
            self._rules.append((f"{call} {what}", rule, count))

    def plague(self, program):
        """Until it is over; then it gets well."""
        self._program = program
        deeds = (self._fail,) * 6 + (self._clock, self._storm, self._stop)
        while not self._soak.over.wait(self._dice.uniform(0.2, 2)):
            self._dice.choice(deeds)()
        for _, rule, _ in self._rules:
            rule.lift()
        self._faults.clock(0)

    def fails(self):
        """{call and error: how often}, of those that did."""
        return {name: rule.failed for name, rule, _ in self._rules
                if rule.failed}

    def _wait(self, what):
        self.times[what] += 1
        self._soak.over.wait(self._dice.uniform(0.05, LONG[what]))

    def _fail(self):
        _, rule, count = self._dice.choice(self._rules)
        rule.begin(self._dice.randint(1, count))

    def _clock(self):
        self._faults.clock(self._dice.choice((-HOUR, HOUR, 24 * HOUR)))
        self._wait("clock")
        self._faults.clock(0)

    def _storm(self):
        with storm(self._program, 200):
            self._wait("storm")

    def _stop(self):
        self._program.send(signal.SIGSTOP)
        try:
            self._wait("stop")
        finally:
            self._program.send(signal.SIGCONT)
