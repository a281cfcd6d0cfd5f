"""Holds a log of events against what was said, while it is being written."""

import base64
import json
import os

MOST_PENDING = 4096


class Judge:
    """Reads the log of one input: each byte must be the one that was said.

    lossy   the input may miss packets: a gap that is declared is fine
    """

    def __init__(self, name, path, ledger, lossy):
        self.name = name
        self.lossy = lossy
        self.sessions = self.bytes = self.gaps = self.partial = 0
        self._path = path
        self._ledger = ledger
        self._open = {}
        self._closed = []
        self._file = None
        self._rest = b""

    def look(self):
        """Judge what has been written since."""
        self._closed = [one for one in self._closed if not self._final(*one)]
        while True:
            if self._file is None:
                try:
                    self._file = open(self._path, "rb")
                except FileNotFoundError:
                    return
            follows = self._has_follower()
            self._read()
            if not follows:
                return
            # The one that was renamed is over when there is another.
            self._file.close()
            self._file = None

    def _has_follower(self):
        try:
            there = os.stat(self._path)
        except FileNotFoundError:
            return False
        here = os.fstat(self._file.fileno())
        return (there.st_dev, there.st_ino) != (here.st_dev, here.st_ino)

    def _read(self):
        while text := self._file.read(1 << 20):
            *lines, self._rest = (self._rest + text).split(b"\n")
            for line in lines:
                self._judge(json.loads(line))

    def _judge(self, event):
        kind, number = event["event"], event["session"]
        if kind == "open":
            said = self._ledger.take(self.name, event["client"])
            self._open[number] = [said, {"c2s": 0, "s2c": 0}, 0, event]
            return
        one = self._open[number]
        said, at = one[0], one[1]
        where = f"{self.name}: session {number}, which is {said.number}"
        if kind == "data":
            data = base64.b64decode(event["data"])
            begin = at[event["dir"]]
            assert event["offset"] == begin, f"{where}: {event['offset']}"
            if not any(at.values()) and not said.text().startswith(data):
                said = self._mix_up(one, data)
            assert data == said.text()[begin:begin + len(data)], (
                f"{where}: wrong bytes at {begin} of {event['dir']}")
            at[event["dir"]] += len(data)
            self.bytes += len(data)
        elif kind == "gap":
            assert self.lossy, f"{where}: {event}"
            at[event["dir"]] += event["len"]
            one[2] += event["len"]
            self.gaps += event["len"]
        elif kind == "close":
            del self._open[number]
            self.sessions += 1
            if not self._final(*one, event):
                self._closed.append([*one, event])

    def _mix_up(self, one, data):
        """Whose session it is, if another client's is taken for it.

        The log of each worker is in order; of two sessions from the same port
        within milliseconds, on two workers, the later may be written first.
        """
        client = one[3]["client"]
        for other in (*self._open.values(), *self._closed):
            if (other[3]["client"] == client and not any(other[1].values())
                    and other[0].text().startswith(data)):
                one[0], other[0] = other[0], one[0]
                return one[0]
        one[0] = self._ledger.trade(
            self.name, client, one[0], data) or one[0]
        return one[0]

    def _final(self, said, at, gaps, begin, end):
        """Once its client has come to its end: is it all there?"""
        if not said.done.is_set():
            return False
        said.forget()
        if end["reason"] != "fin" or not said.whole:
            self.partial += 1
        elif not begin.get("midstream"):
            assert at == {"c2s": said.size, "s2c": said.size}, (
                f"{self.name}: session {begin['session']} of {said.size} "
                f"bytes has {at}, {gaps} of them missing")
        return True

    def end(self):
        """Nothing is open, and nothing undecided."""
        self.look()
        assert not self._rest, f"{self.name}: half a line at the end"
        assert not self._open, f"{self.name}: open: {sorted(self._open)}"
        assert not self._closed, f"{self.name}: {len(self._closed)} undecided"
