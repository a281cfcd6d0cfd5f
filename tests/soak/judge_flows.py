"""Holds a folder of flows against what was said: a file is one direction.

What a file says tells whose it is, so its name is of no interest.
"""

import contextlib
import os
import threading
import time

# Shorter ones do not tell whose they are.
HEAD = 16
# Seconds in which a record has to be whole once its session is over.
PATIENCE = 120.0
# ... and after which nobody writes to a part any more.
QUIET = 30.0


class FlowsJudge:
    """Reads files of finished sessions and takes them away.

    enter() and add() make it the ledger of those clients whose sessions are
    recorded there.
    """

    def __init__(self, folder, patience=PATIENCE):
        self.files = self.judged = 0
        self.count = self.bytes = 0
        self._folder = folder
        self._patience = patience
        self._lock = threading.Lock()
        self._said = {}
        self._over = {}

    def enter(self, _, said):
        with self._lock:
            self.count += 1
            if said.size >= HEAD:
                self._said[said.text()[:HEAD]] = [said, 2]

    def add(self, count):
        with self._lock:
            self.bytes += count

    def look(self):
        """Judge what is there, and who should be there."""
        for folder, _, names in os.walk(self._folder):
            for name in names:
                # It may just be closed, or get its name.
                with contextlib.suppress(FileNotFoundError):
                    self._judge(os.path.join(folder, name))
        with self._lock:
            waiting = list(self._said.items())
        for head, (said, files) in waiting:
            if not said.done.is_set():
                continue
            if not said.whole:
                self._forget(head, 3 * QUIET)
                continue
            since = self._over.setdefault(head, time.monotonic())
            assert time.monotonic() - since < self._patience, (
                f"flows: {files} files of session {said.number} of "
                f"{said.size} bytes are missing or not whole")

    def _forget(self, head, after):
        since = self._over.setdefault(head, time.monotonic())
        if time.monotonic() - since > after:
            with self._lock:
                self._said.pop(head, None)
            del self._over[head]

    def _judge(self, path):
        age = time.time() - os.stat(path).st_mtime
        with open(path, "rb") as file:
            data = file.read()
        with self._lock:
            one = self._said.get(data[:HEAD])
        if one is None:
            # Too short to tell; a client that came and went, or enters now.
            assert len(data) < HEAD or age < self._patience, (
                f"flows: {path}: nobody has said this")
            if len(data) < HEAD and age > QUIET:
                os.unlink(path)
            return
        said = one[0]
        assert data == said.text()[:len(data)], (
            f"flows: {path}: not what session {said.number} said")
        if not said.done.is_set():
            return
        said.forget()
        if len(data) == said.size:
            self._count(one, data)
        elif said.whole or age < QUIET:
            return
        os.unlink(path)

    def _count(self, one, data):
        self.files += 1
        self.judged += len(data)
        one[1] -= 1
        if one[1] == 0:
            with self._lock:
                del self._said[data[:HEAD]]
            self._over.pop(data[:HEAD], None)

    def end(self):
        """Every whole session is there, twice."""
        self.look()
        missing = [said.number for said, _ in self._said.values()
                   if said.whole]
        assert not missing, f"flows: of sessions {missing} something is missing"
