"""Rows, the goals they are judged by, and how both are printed.

A contender takes its turn once a round.  What is compared is what was measured
in the same round: a ratio is the median of the ratios of the rounds, so that a
machine that gets slower by and by changes nothing.
"""

import dataclasses
import statistics
from typing import Callable, Optional

WIDTH = 100


@dataclasses.dataclass
class Goal:
    """`measure` of `who` is at most ("<=") or at least (">=") so much.

    of      None: an absolute figure; or names of contenders: `limit` times
            what the best of them has
    note    a word on where the limit is from
    """

    who: str
    measure: str
    op: str
    limit: float
    of: tuple = ()
    note: str = ""

    def text(self):
        base = " of the best of " if len(self.of) > 1 else " of "
        words = f"{self.limit:g}" + (base + ", ".join(self.of)
                                     if self.of else "")
        sign = {"<=": "\u2264", ">=": "\u2265"}[self.op]
        return f"{self.measure} {sign} {words}" + (
            f" ({self.note})" if self.note else "")


def at_most(who, measure, limit, *of, note=""):
    return Goal(who, measure, "<=", limit, of, note)


def at_least(who, measure, limit, *of, note=""):
    return Goal(who, measure, ">=", limit, of, note)


@dataclasses.dataclass
class Row:
    """One row of the table.

    key         what --only finds it by
    contenders  name and missing(): what must be installed, or None; the
                first is what the others are shown as a ratio of, unless
                `base` names another
    run         run(contender, port): {measure: figure}
    server      what bench/load serves to it, or None
    check       called first; raises RuntimeError if what would be measured
                is wrong
    field       figures of programs that cannot be had here: a sentence
    root        only root may measure it
    """

    key: str
    title: str
    contenders: list
    run: Callable
    goals: list = dataclasses.field(default_factory=list)
    server: Optional[str] = None
    check: Optional[Callable] = None
    base: Optional[str] = None
    field: str = ""
    root: bool = False


# --- figures -----------------------------------------------------------------

def best(goal, rivals):
    return min(rivals) if goal.op == "<=" else max(rivals)


def reached(goal, samples):
    """What the goal's limit is compared with, or None: it was not measured.

    samples     {contender: [{measure: figure} or None for each round]}
    """
    values = []
    for n, mine in enumerate(samples.get(goal.who, [])):
        others = [samples[name][n] for name in goal.of if name in samples]
        if mine is None or None in others or len(others) != len(goal.of):
            continue
        if not goal.of:
            values.append(mine[goal.measure])
            continue
        rival = best(goal, [other[goal.measure] for other in others])
        if rival > 0:
            values.append(mine[goal.measure] / rival)
    return statistics.median(values) if values else None


def judge(goal, samples):
    """Return: (what was reached or None, "met", "missed" or "not judged")"""
    value = reached(goal, samples)
    if value is None:
        return None, "not judged"
    value = round(value, 3)
    met = value <= goal.limit if goal.op == "<=" else value >= goal.limit
    return value, "met" if met else "missed"


def middle(rounds):
    """{measure: (median, half of what lies between the extremes)}"""
    got = [r for r in rounds if r is not None]
    return {key: (statistics.median(r[key] for r in got),
                  (max(r[key] for r in got) - min(r[key] for r in got)) / 2)
            for key in (got[0] if got else ())}


def ratio_to(base, rounds, key):
    pairs = [mine[key] / other[key] for mine, other in zip(rounds, base)
             if mine and other and other.get(key)]
    return statistics.median(pairs) if pairs else None


# --- words -------------------------------------------------------------------

def figure(value):
    """Four digits that matter."""
    if value is None:
        return "-"
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:#.4g}" if abs(value) >= 1 else f"{value:.3f}"


def cell(mid, ratio):
    value, half = mid
    spread = f"\u00b1{100 * half / value:.0f}%" if half and value else ""
    part = f"({ratio:.2f})" if ratio is not None else ""
    return f"{figure(value):>11} {spread:<5}{part:<10}"


def base_of(row, samples):
    names = [row.base] if row.base else []
    names += [c.name for c in row.contenders if c.name != "direct"]
    for name in names:
        if any(samples.get(name, [])):
            return name
    return None


def print_row(row, result):
    samples, errors = result["samples"], result["errors"]
    measures = result["measures"]
    base = base_of(row, samples)
    print(f"\n{row.title}  [{row.key}]")
    if result.get("busy", 0) > result["quiet"]:
        print(f"  DISTURBED: others took {result['busy']:.0%} of the machine")
    if result.get("stolen", 0) > result.get("steady", 1):
        print(f"  STOLEN: the host took {result['stolen']:.0%} of the time")
    if samples:
        width = max(len(name) for name in samples) + 1
        heads = "".join(f"{m:>17}          " for m in measures)
        print(f"  {'':<{width}}{heads}(ratio to {base})")
    for name, rounds in samples.items():
        mids = middle(rounds)
        if not mids:
            print(f"  {name:<{width}}failed: {errors[name]}")
            continue
        cells = [cell(mids[m], ratio_to(samples[base], rounds, m))
                 for m in measures]
        print(f"  {name:<{width}}" + "".join(cells).rstrip())
        if name in errors:
            print(f"  {'':<{width}}failed at least once: {errors[name]}")
    for why in result["missing"]:
        print(f"  not measured: {why}")
    if row.field:
        print(f"  not to be had here, in the field: {row.field}")
    for goal, value, verdict in result["goals"]:
        print(f"  goal {goal.who}: {goal.text()}: {figure(value)}, {verdict}")


def print_goals(results, left_out, claims):
    """The table of all: row, goal, reached, met or not.

    left_out    [(title, why)] of rows that were not run
    claims      [sentence]: why these figures are none to rely on
    """
    print("\n" + "=" * WIDTH)
    for claim in claims:
        print(claim)
    print(f"{'row':<32} {'goal':<48} {'reached':>8}  verdict")
    print("-" * WIDTH)
    count = {}
    for row, result in results:
        title = row.title
        for goal, value, verdict in result["goals"]:
            text = f"{goal.who}: {goal.text()}"
            while len(text) > 48:
                cut = text.rfind(" ", 0, 49)
                print(f"{title:<32.32} {text[:cut]}")
                title, text = "", "  " + text[cut + 1:]
            print(f"{title:<32.32} {text:<48} {figure(value):>8}  {verdict}")
            title = ""
            count[verdict] = count.get(verdict, 0) + 1
        if not result["goals"]:
            print(f"{title:<32.32} none set: see the row")
    for title, why in left_out:
        print(f"{title:<32.32} not measured: {why}")
    print("-" * WIDTH)
    print(", ".join(f"{count.get(v, 0)} {v}"
                    for v in ("met", "missed", "not judged"))
          + (f", {len(left_out)} rows not measured" if left_out else ""))
