"""Cost against size: sessions at once, bytes in a chunk, flows in a file.

A straight line is what is looked for: a knee that the machine does not
explain is a defect.  Each curve is one SVG; all points go to curves.json.
"""

import dataclasses
import json
import os
import pathlib
import subprocess
import sys
from typing import Callable

import captures
import machine
import peers
import relays
import svg
import table

FAILURES = (RuntimeError, OSError, ValueError, subprocess.SubprocessError)


@dataclasses.dataclass
class Curve:
    """points: [(value, label)]; run(contender, value): {measure: figure};
    most(contender): up to which value it is measured; after(value) clears
    what a point has left."""

    key: str
    title: str
    axis: str
    points: list
    contenders: list
    run: Callable
    headings: dict
    most: Callable = staticmethod(lambda contender: sys.maxsize)
    after: Callable = staticmethod(lambda value: None)


# --- sessions ----------------------------------------------------------------

def at_sessions(contender, conns, secs):
    with relays.Server("echo") as server, contender(server.port) as relay:
        before = relay.rss()
        with relays.Client("pingpong", relay.port, conns, secs, 64) as client:
            relay.settle()
            held = (relay.rss() - before) / conns
            got, cpu = relays.measured(relay, client)
            n = max(1, got["requests"])
            return {"per second": n / got["seconds"],
                    "CPU us each": cpu * 1e6 / n, "bytes": held}


def sessions(quick):
    # What the machine's limit on descriptors lets a relay of one process do.
    most = min(10_000, peers.room())
    points = [1, 10, 100, most] if quick else [
        1, 3, 10, 30, 100, 300, 1000, 3000, most]
    return Curve(
        "sessions", "Ping-pong of 64 bytes against sessions at once",
        "sessions at once", [(n, svg.short(n)) for n in points],
        [peers.Teeline, peers.Haproxy, relays.PCAPNG],
        lambda c, n: at_sessions(c, n, 0.3 if quick else 3),
        {"per second": "requests per second",
         "CPU us each": "CPU of the relay, \u00b5s for each request",
         "bytes": "memory, bytes for each session"})


# --- chunks ------------------------------------------------------------------

def at_chunk(contender, chunk, secs):
    with relays.Server("sink") as server:
        got = relays.bulk(contender, server.port, 1, 2048, secs, chunk)
    return {"MB/s": got["GB/s"] * 1000, "CPU s/GB": got["CPU s/GB"]}


def size(n):
    for unit, letter in ((1 << 20, "MiB"), (1 << 10, "KiB")):
        if n >= unit:
            return f"{n // unit} {letter}"
    return f"{n} B"


def chunks(quick):
    powers = range(0, 21, 5) if quick else range(0, 21, 2)
    return Curve(
        "chunk", "Bulk relay of 1 stream against bytes in a call of send()",
        "bytes in a chunk", [(1 << p, size(1 << p)) for p in powers],
        [peers.Teeline, peers.Haproxy, relays.FLOWS],
        lambda c, n: at_chunk(c, n, 0.3 if quick else 3),
        {"MB/s": "throughput, MB/s",
         "CPU s/GB": "CPU of the relay, seconds for each GB"})


# --- flows -------------------------------------------------------------------

def at_flows(contender, flows, mib):
    capture = captures.make_capture(flows, mib, 64)
    got = captures.read_file(contender, capture)
    gb = os.path.getsize(capture) / 1e9
    return {"packets/s": captures.packets(capture) * got["GB/s"] / gb,
            "MiB resident": got["MiB resident"]}


def flows_in_a_file(quick):
    powers = range(0, 5, 2) if quick else range(0, 7)
    mib = 4 if quick else 300
    return Curve(
        "flows", "Reading a capture against the flows that are in it at once",
        "flows in the file", [(10 ** p, svg.short(10 ** p)) for p in powers],
        [captures.SUMMARY, captures.FLOWS, captures.TCPFLOW],
        lambda c, n: at_flows(c, n, mib),
        {"packets/s": "packets per second",
         "MiB resident": "memory, MiB at most"},
        most=lambda contender: contender.most,
        # One at a time: the largest has a gigabyte.
        after=lambda n: captures.capture_path(n, mib, 64).unlink(missing_ok=True))


def all_curves(quick):
    return [sessions(quick), chunks(quick), flows_in_a_file(quick)]


# --- measuring ---------------------------------------------------------------

def measure(curve, rounds):
    """Return: ({contender: {value: [figures of each round]}}, [why not])"""
    present = [c for c in curve.contenders if not c.missing()]
    said = [f"{c.name}: install {c.missing()}" for c in curve.contenders
            if c.missing()]
    found = {c.name: {} for c in present}
    for value, label in curve.points:
        for n in range(rounds):
            for c in present:
                if value > curve.most(c):
                    continue
                try:
                    got = curve.run(c, value)
                except FAILURES as error:
                    said.append(f"{c.name} at {label}: {error}")
                    continue
                found[c.name].setdefault(value, []).append(got)
        curve.after(value)
        print(f"  {curve.axis}: {label}", file=sys.stderr)
    for c in present:
        if curve.points[-1][0] > curve.most(c):
            said.append(f"{c.name}: beyond {svg.short(curve.most(c))}")
    return found, said


def medians(found, measure_name):
    return [(who, [(value, table.middle(rounds)[measure_name][0])
                   for value, rounds in points.items()])
            for who, points in found.items() if points]


def show(curve, found, said):
    labels = dict(curve.points)
    print(f"\n{curve.title}  [{curve.key}]")
    for name, heading in curve.headings.items():
        print(f"  {heading}")
        for who, points in medians(found, name):
            print(f"    {who:<18}" + "  ".join(
                f"{labels[x]}: {table.figure(y)}" for x, y in points))
    for words in said:
        print(f"  not measured: {words}")
    sys.stdout.flush()


def run(args, about, claims):
    into = pathlib.Path(args.into or pathlib.Path(machine.WORK, "curves"))
    into.mkdir(parents=True, exist_ok=True)
    chosen = [c for c in all_curves(args.quick) if not args.only
              or any(word in c.key for word in args.only)]
    if not chosen:
        sys.exit("bench: no curve has these words; there are sessions, chunk "
                 "and flows")
    points = {}
    for curve in chosen:
        found, said = measure(curve, args.rounds)
        show(curve, found, said)
        below = [f"{about['cpus']} CPUs for all that takes part, kernel "
                 f"{about['kernel']}; medians of {args.rounds} rounds",
                 *claims, *(f"not measured: {words}" for words in said)]
        panels = [(heading, medians(found, name))
                  for name, heading in curve.headings.items()]
        (into / f"{curve.key}.svg").write_text(svg.plot(
            curve.title, below, (curve.axis, curve.points), panels))
        points[curve.key] = {"rounds": found, "not_measured": said}
    (into / "curves.json").write_text(json.dumps(
        {"about": about, "curves": points}, indent=1) + "\n")
    for claim in claims:
        print(claim)
    print(f"\nplots: {into}")
