"""What tshark has to say about a capture file."""

import collections
import json

from helpers.real import run

# Only the layers that the file is about: what a payload dissector thinks of
# random bytes is none of our business, and hides what tcp's has to say.
PLAIN = ["-d", "tcp.port==1-65535,data"]
STRICT = ["-o", "ip.check_checksum:TRUE", "-o", "tcp.check_checksum:TRUE",
          "-o", "tcp.analyze_sequence_numbers:TRUE", "-o",
          "tcp.relative_sequence_numbers:TRUE"]
# Comment and Chat (SYN, FIN seen) lie below.
NOTE = 0x400000
RESET = "Connection reset (RST)"
# Of note, but nothing is wrong: each FIN gets one, and so do ports that come
# again in a long capture.
ORDINARY = {
    "This frame initiates the connection closing",
    "This frame undergoes the connection closing",
    "A new tcp session is started with the same ports as an earlier "
    "session in this trace",
}


def tshark(path, *options, plain=True, deadline=120.0, **how):
    """Run tshark on a file with every analysis on; what it printed."""
    return run("tshark", "-n", "-r", path, *STRICT,
               *(PLAIN if plain else []), *options, deadline=deadline, **how)


def remarks(path, plain=True):
    """What tshark complains about: a Counter of texts, empty if all is well.

    Everything of note or worse, but for what is ORDINARY.
    """
    text = tshark(path, "-Y", f"_ws.expert.severity >= {NOTE} || _ws.malformed"
                  " || tcp.checksum.status == 0 || ip.checksum.status == 0",
                  "-T", "fields", "-e", "frame.number", "-e",
                  "_ws.expert.message", "-e", "_ws.expert.severity",
                  "-E", "occurrence=a", "-E", "aggregator=;",
                  plain=plain).decode()
    found = collections.Counter()
    for line in text.splitlines():
        frame, messages, severities = line.split("\t")
        pairs = list(zip(messages.split(";"), severities.split(";")))
        bad = [message for message, severity in pairs
               if severity and int(severity, 0) >= NOTE]
        bad = bad or [f"frame {frame}: malformed or bad checksum"]
        found.update(text for text in bad if text not in ORDINARY)
    return found


def check_quiet(path, resets=0, plain=True):
    """Fail unless tshark finds nothing but so many RSTs as there were."""
    found = remarks(path, plain)
    assert found == ({RESET: resets} if resets else {}), dict(found)
    # The filter above would find nothing in a file of nothing, too, and
    # checksums that were never looked at are not good ones.
    status = fields(path, "tcp.checksum.status", "ip.checksum.status",
                    "ip.version")
    assert status, "no packet in the file"
    for row in status:
        assert row[0] == "1", f"checksum not found good: {row}"
        assert row[1] == ("1" if row[2] == "4" else ""), row


def fields(path, *names, show="", plain=True):
    """A row of texts per packet that the display filter `show` lets pass."""
    args = sum((["-e", name] for name in names), [])
    text = tshark(path, *(["-Y", show] if show else []), "-T", "fields",
                  *args, plain=plain).decode()
    return [line.split("\t") for line in text.splitlines()]


def follow(path, *streams):
    """What tshark's "follow tcp stream" gives back: [(client, server)].

    The bytes of both directions, for each of the streams (numbers from 0).
    """
    args = sum((["-z", f"follow,tcp,raw,{number}"] for number in streams), [])
    text = tshark(path, "-q", *args).decode()
    # tshark prints the taps in the reverse order of their options on some
    # versions: the filter line tells which is which.
    found = {}
    for block in text.split("=" * 67 + "\n"):
        if "Filter: tcp.stream eq " not in block:
            continue
        number = int(block.split("tcp.stream eq ", 1)[1].split("\n", 1)[0])
        sides = (bytearray(), bytearray())
        for line in block.split("\n"):
            if line and not line.startswith(("Follow", "Filter", "Node")):
                sides[line.startswith("\t")].extend(
                    bytes.fromhex(line.strip()))
        found[number] = tuple(map(bytes, sides))
    assert sorted(found) == sorted(streams), f"streams {sorted(found)}"
    return [found[number] for number in streams]


def payloads(path, cut=False):
    """{client address: [client's bytes, server's]} of all streams, in one go.

    Put together here by sequence number, which must rise without a step:
    what `follow` shows stream by stream, for hundreds of them.  With cut,
    the file may end in the middle of a packet.
    """
    text = run("tshark", "-n", "-r", path, *PLAIN, "-o",
               "tcp.relative_sequence_numbers:FALSE", "-T", "fields",
               *sum((["-e", name] for name in (
                   "tcp.stream", "ip.src", "ipv6.src", "tcp.srcport",
                   "tcp.flags.syn", "tcp.seq", "tcp.payload")), []),
               deadline=120, expect=None if cut else 0).decode()
    clients, expected, sides = {}, {}, {}
    for line in text.splitlines():
        stream, four, six, port, syn, seq, payload = line.split("\t")
        sender = f"{four or '[' + six + ']'}:{port}"
        clients.setdefault(stream, sender)
        data = bytes.fromhex(payload)
        flow = (stream, sender)
        if syn == "1":
            assert flow not in expected, f"second SYN in {flow}"
            expected[flow] = (int(seq) + 1) % 2**32
        if data:
            assert int(seq) == expected[flow], f"a step in {flow}"
            expected[flow] = (int(seq) + len(data)) % 2**32
        both = sides.setdefault(stream, [bytearray(), bytearray()])
        both[sender != clients[stream]] += data
    return {clients[stream]: [bytes(side) for side in both]
            for stream, both in sides.items()}


def streams(path):
    """{client address: stream number}, from the first SYN of each."""
    rows = fields(path, "tcp.stream", "ip.src", "ipv6.src", "tcp.srcport",
                  show="tcp.flags.syn == 1 && tcp.flags.ack == 0")
    return {f"{row[1] or '[' + row[2] + ']'}:{row[3]}": int(row[0])
            for row in rows}


def details(path, *options):
    """Packets as tshark's JSON."""
    return json.loads(tshark(path, "-T", "json", *options))
