"""Captures made by other projects, with the bytes of each stream.

They lie outside of the repository (their licences differ): in ../shared/corpus
beside it, or where env TEELINE_CORPUS says.  Without them no test of
test_corpus.py exists; where CI has the folder they belong to, they must be
there.  Their README says what the columns of the tables are.
"""

import collections
import csv
import dataclasses
import os

from helpers.program import TOP

SHARED = os.path.join(os.path.dirname(TOP), "shared")


def folder():
    """Where the corpus is; None: nowhere."""
    path = os.environ.get("TEELINE_CORPUS") or os.path.join(SHARED, "corpus")
    if os.path.exists(os.path.join(path, "truth.tsv")):
        return path
    if os.environ.get("TEELINE_CORPUS"):
        raise FileNotFoundError(f"TEELINE_CORPUS: no truth.tsv in {path}")
    if os.environ.get("CI") and os.path.isdir(SHARED):
        raise FileNotFoundError(f"{SHARED} is here, but no corpus in it")
    return None


def table(name):
    with open(os.path.join(folder(), name), encoding="utf-8",
              newline="") as file:
        return list(csv.DictReader(file, delimiter="\t",
                                   quoting=csv.QUOTE_NONE))


def path(name):
    return os.path.join(folder(), name)


@dataclasses.dataclass
class Stream:
    """A stream as the tables have it.

    rows        of truth.tsv (one), or of ambiguous.tsv (one per direction)
    exact       two programs agree on every byte
    notes       {"rst": 2, ...}
    """
    file: str
    number: int
    client: str
    server: str
    exact: bool
    notes: dict
    rows: list

    @property
    def ends(self):
        return frozenset((self.client, self.server))

    @property
    def opens(self):
        """Would it be a session?  Not without payload or a SYN."""
        if self.rows[0]["orient"] != "first-packet":
            return True
        if not self.exact:
            return any(int(row["follow_bytes"] or 0) for row in self.rows)
        return any(int(self.rows[0][f"bytes_{d}"]) for d in ("c2s", "s2c"))

    def __str__(self):
        return (f"{os.path.basename(self.file)} stream {self.number} "
                f"{self.client} {self.server}")


def streams():
    """{file: [Stream]} in the order of their first packets."""
    found = collections.defaultdict(dict)
    for name, exact in (("truth.tsv", True), ("ambiguous.tsv", False)):
        for row in table(name):
            number = int(row["stream"])
            if number in found[row["file"]]:
                found[row["file"]][number].rows.append(row)
                continue
            notes = dict(note.partition(":")[::2]
                         for note in row["notes"].split(",") if note)
            found[row["file"]][number] = Stream(
                row["file"], number, row["client"], row["server"], exact,
                notes, [row])
    return {name: [some[number] for number in sorted(some)]
            for name, some in sorted(found.items())}


def ranges(text):
    """[(offset, length)] of "488+48;600+2"."""
    return [tuple(map(int, one.split("+"))) for one in text.split(";") if one]


def match(sessions, expected):
    """[(Stream, Session)] and what is left of both.

    By their ends, and in the order in which they began, since ports may be
    used again.  Streams that could be no session stand aside if there is none
    left for them.
    """
    pairs, spare, missing = [], [], []
    by_ends = collections.defaultdict(list)
    for one in sessions:
        by_ends[frozenset((one.open["client"], one.open["server"]))].append(
            one)
    wanted = collections.defaultdict(list)
    for stream in expected:
        wanted[stream.ends].append(stream)
    for ends, some in wanted.items():
        have = by_ends.pop(ends, [])
        if len(have) < len(some):
            some = [one for one in some if one.opens]
        pairs += zip(some, have)
        missing += some[len(have):]
        spare += have[len(some):]
    for have in by_ends.values():
        spare += have
    return pairs, spare, missing
