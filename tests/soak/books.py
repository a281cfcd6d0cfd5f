"""What is looked at when it is over: sums, and whether anything grew."""

import statistics

MIB = 1 << 20
# Until then what is kept of closed sessions grows, and buffers find their size.
WARM = 0.3
# What may come, beside a fifth, from the first third to the last.
ROOM = {"memory": 4 * MIB, "descriptors": 64, "threads": 2}
# Minutes after which all that is bounded has come near its bounds.
SETTLED = 20


def check_sinks(sheet):
    """Each byte that a sink was offered is in one column."""
    assert sheet["sessions"]["open"] == 0, sheet["sessions"]
    for sink in sheet["sinks"]:
        dropped = sum(one["bytes"] for one in sink["dropped"].values())
        assert sink["offered"] == (
            sink["written"] + dropped + sink["queued"]), sink


def check_packets(sheet):
    """... each packet, and each byte of payload."""
    packets = sheet["packets"]
    assert packets["received"] == (
        packets["sessions"] + packets["not_tcp"] + packets["fragments"]
        + packets["strays"] + sum(packets["undecodable"].values())), packets
    for way, count in sheet["bytes"].items():
        assert count["received"] == sum(count[kind] for kind in (
            "delivered", "duplicate", "differing", "late", "strays",
            "held")), (way, count)


def check_flat(samples, minutes, but=()):
    """Medians of the middle and of the end: does anything grow?

    but     figures that say nothing in this build
    """
    warm = samples[int(len(samples) * WARM):]
    third = max(1, len(warm) // 3)
    for name, room in ROOM.items():
        if name in but:
            continue
        if name == "memory":
            room *= max(1, SETTLED / minutes)
        early = statistics.median(one[name] for one in warm[:third])
        late = statistics.median(one[name] for one in warm[-third:])
        assert late <= early + max(room, early * 0.2 * (name != "memory")), (
            f"{name}: {early:g} to {late:g}")
