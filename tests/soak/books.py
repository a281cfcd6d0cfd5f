"""What is looked at when it is over: sums, and whether anything grew."""

MIB = 1 << 20
# What may come from the first rest to the last.
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


def check_flat(rests, minutes, but=()):
    """What was taken whenever nothing went on: does it grow?

    but     figures that say nothing in this build
    """
    for name, room in ROOM.items():
        if name == "memory":
            room *= max(1, SETTLED / minutes)
        told = [one[name] for one in rests]
        assert name in but or told[-1] <= told[0] + room, f"{name}: {told}"
