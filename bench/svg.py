"""Plots with logarithmic axes, written as SVG: panels below each other that
share an axis.  They follow the reader's light or dark scheme; a series is told
by its marker, its dashes and its name as well as by its colour."""

import math
from xml.sax.saxutils import escape

WIDTH = 760
LEFT = 86
RIGHT = 150
PANEL = 210
GAP = 76
TOP = 84

STYLE = """
  svg { font: 13px system-ui, sans-serif; }
  .page { fill: #ffffff; }
  text { fill: #24292f; }
  .small { font-size: 12px; fill: #57606a; }
  .title { font-size: 17px; font-weight: 600; }
  .grid { stroke: #d0d7de; stroke-width: 1; }
  .fine { stroke: #eaeef2; stroke-width: 1; }
  .line { fill: none; stroke-width: 2; }
  .s0 { stroke: #0057a3; } .f0 { fill: #0057a3; }
  .s1 { stroke: #b34700; } .f1 { fill: #b34700; }
  .s2 { stroke: #00704f; } .f2 { fill: #00704f; }
  .s3 { stroke: #7b3294; } .f3 { fill: #7b3294; }
  .s1 { stroke-dasharray: 7 3; }
  .s2 { stroke-dasharray: 2 3; }
  .s3 { stroke-dasharray: 9 3 2 3; }
  .mark { stroke-dasharray: none; }
  @media (prefers-color-scheme: dark) {
    .page { fill: #0d1117; }
    text { fill: #e6edf3; }
    .small { fill: #9da7b1; }
    .grid { stroke: #30363d; }
    .fine { stroke: #1c2128; }
    .s0 { stroke: #6cb6ff; } .f0 { fill: #6cb6ff; }
    .s1 { stroke: #ffa657; } .f1 { fill: #ffa657; }
    .s2 { stroke: #56d4a0; } .f2 { fill: #56d4a0; }
    .s3 { stroke: #d2a8ff; } .f3 { fill: #d2a8ff; }
  }
"""


def short(value):
    """1200 as 1.2k; no more digits than a tick has."""
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:g}{letter}"
    return f"{value:g}"


class Axis:
    """Where a value stands, and where the ticks are.

    ticks   [(value, label)]; or None: decades, or 1, 2 and 5 of them where
            that would leave less than three
    """

    def __init__(self, values, begin, end, ticks=None):
        low, high = min(values), max(values)
        if ticks is None:
            low, high = low / 1.3, high * 1.3
            ticks = self.steps(low, high)
        if low == high:
            low, high = low / 2, high * 2
        self.low, self.high = math.log(low), math.log(high)
        self.begin, self.end = begin, end
        self.ticks = ticks

    @staticmethod
    def steps(low, high):
        decades = range(math.floor(math.log10(low)),
                        math.ceil(math.log10(high)) + 1)
        found = []
        for factors in ((1,), (1, 3), (1, 2, 5), range(1, 10)):
            found = sorted(f * 10.0 ** d for d in decades for f in factors
                           if low <= f * 10.0 ** d <= high)
            if len(found) >= 3:
                break
        return [(value, short(value)) for value in found]

    def at(self, value):
        share = (math.log(value) - self.low) / (self.high - self.low)
        return self.begin + share * (self.end - self.begin)


def text(x, y, words, kind="", anchor="start"):
    return (f'<text x="{x:.1f}" y="{y:.1f}" class="{kind}" '
            f'text-anchor="{anchor}">{escape(words)}</text>')


def line(x1, y1, x2, y2, kind):
    return (f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" '
            f'class="{kind}"/>')


def marker(n, x, y, words):
    shape = [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4"',
             f'<rect x="{x - 4:.1f}" y="{y - 4:.1f}" width="8" height="8"',
             f'<path d="M{x:.1f} {y - 5:.1f}l5 9h-10z"',
             f'<path d="M{x:.1f} {y - 6:.1f}l5 6l-5 6l-5 -6z"'][n % 4]
    return f'{shape} class="f{n % 4}"><title>{escape(words)}</title></' + (
        "circle" if n % 4 == 0 else "rect" if n % 4 == 1 else "path") + ">"


def names(ends, x):
    """Each series' name beside its end, none upon another."""
    out = []
    last = -math.inf
    for y, n, name in sorted(ends):
        last = max(y, last + 15)
        out.append(text(x, last + 4, name, f"f{n % 4}"))
    return out


def panel(top, x, heading, series):
    """One panel: series is [(name, [(x, y)])], already without zeros."""
    values = [v for _, points in series for _, v in points]
    y = Axis(values, top + PANEL, top)
    out = [text(LEFT, top - 10, heading)]
    for value, label in y.ticks:
        out += [line(LEFT, y.at(value), WIDTH - RIGHT, y.at(value), "grid"),
                text(LEFT - 8, y.at(value) + 4, label, "small", "end")]
    for value, label in x.ticks:
        out += [line(x.at(value), top, x.at(value), top + PANEL, "fine"),
                text(x.at(value), top + PANEL + 17, label, "small", "middle")]
    ends = []
    for n, (name, points) in enumerate(series):
        path = " ".join(f"{x.at(a):.1f},{y.at(b):.1f}" for a, b in points)
        out.append(f'<polyline points="{path}" class="line s{n % 4}"/>')
        out += [marker(n, x.at(a), y.at(b), f"{name}: {a:g}, {b:.4g}")
                for a, b in points]
        ends.append((y.at(points[-1][1]), n, name))
    return out + names(ends, WIDTH - RIGHT + 12)


def plot(title, below, along, panels):
    """Return: the SVG.

    below   [sentence] under the title
    along   (name of the x axis, [(value, label)]: its ticks)
    panels  [(heading with unit, [(series, [(x, y)])])]
    """
    name, ticks = along
    top = TOP + 16 * len(below)
    height = top + len(panels) * (PANEL + GAP) + 4
    x = Axis([t[0] for t in ticks], LEFT + 8, WIDTH - RIGHT - 8, ticks)
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" role="img" '
           f'viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" '
           f'height="{height}">', f"<title>{escape(title)}</title>",
           f"<desc>{escape(' '.join(below))}</desc>",
           f"<style>{STYLE}</style>",
           f'<rect class="page" width="{WIDTH}" height="{height}"/>',
           text(LEFT, 32, title, "title")]
    out += [text(LEFT, 54 + 16 * n, words, "small")
            for n, words in enumerate(below)]
    for n, (heading, series) in enumerate(panels):
        kept = [(who, [(a, b) for a, b in points if b and b > 0])
                for who, points in series]
        kept = [(who, points) for who, points in kept if points]
        begin = top + n * (PANEL + GAP)
        out += panel(begin, x, heading, kept) if kept else [
            text(LEFT, begin, f"{heading}: nothing was measured")]
        out.append(text((LEFT + WIDTH - RIGHT) / 2, begin + PANEL + 36, name,
                        "small", "middle"))
    return "\n".join(out + ["</svg>"]) + "\n"
