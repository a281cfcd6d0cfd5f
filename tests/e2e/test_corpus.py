"""`teeline read` over captures that other projects made: see
helpers/corpus.py.  Each stream's bytes are known from two programs that agree;
what is a matter of policy is in POLICY, with the reason.
"""

import dataclasses
import hashlib
import os
import re
import shutil

import pytest

from helpers import corpus, reading, savefile
from helpers.real import run
from helpers.records import DIRS

STREAMS = corpus.streams()
DAMAGED = {row["file"] for row in corpus.table("files.tsv")
           if row["tshark_rc"] != "0"}
FILES = pytest.mark.parametrize(
    "name", STREAMS, ids=[os.path.basename(name) for name in STREAMS])


def corpus_file(name):
    """As the tables call it."""
    return f"pcap/{name}"


AFTER_RST = "data after an accepted RST is counted, not delivered"
REFUSED = ("an RST that acknowledges the SYN refuses the connection; "
           "what goes on is another session")

# {(file, stream): (why, differences())} where ours is not what truth.tsv says.
POLICY = {(corpus_file(name), number): (why, found)
          for name, number, why, found in [
    ("ndpi__ethereum.pcap", 39, AFTER_RST,
     ["s2c 805 bytes, not 837", "s2c with zeros differs"]),
    ("ndpi__ethereum.pcap", 40, AFTER_RST,
     ["s2c 812 bytes, not 828", "s2c with zeros differs"]),
    ("zeek__tcp_rst-inject-rae.pcap", 0, AFTER_RST,
     ["c2s 25 bytes, not 175", "c2s with zeros differs"]),
    ("pcpp__Ftp.pcap", 0,
     "the client has acknowledged 48 bytes before the first that was captured",
     ["s2c gaps [(0, 48)], not none"]),
    ("ndpi__fuzz-2006-09-29-28586.pcap", 4,
     "a SYN-ACK of a wrong number: there is no place to count a tail from",
     ["s2c tail 0, not 531"]),
    ("suriv__bug-3286-02-linux-evasion_with_evasion_linux.pcap", 0, REFUSED,
     ["c2s 0 bytes, not 338", "c2s with zeros differs",
      "s2c 0 bytes, not 79", "s2c with zeros differs"]),
    ("suriv__bug-3286-03-windows-evasion_with_evasion_windows.pcap", 0,
     REFUSED,
     ["c2s 0 bytes, not 343", "c2s with zeros differs",
      "s2c 0 bytes, not 79", "s2c with zeros differs"]),
]}

# {(file, stream): (client, server)} where IPv6 says that the addresses of its
# header are not those of the ends: a home address (RFC 6275), the last stop of
# a source route.  tshark shows these, but the table has the header's.
TRUE_ENDS = {
    (corpus_file("zeek__chksums_ip6-hoa-tcp-good-chksum.pcap"), 0):
        ("[2001:78:1:32::1]:30000", "[2001:4f8:4:7:2e0:81ff:fe52:9a6b]:80"),
    (corpus_file("zeek__chksums_ip6-route0-tcp-bad-chksum.pcap"), 0):
        ("[2001:4f8:4:7:2e0:81ff:fe52:ffff]:30000", "[2001:78:1:32::2]:80"),
}

# {(file, stream): why} where ours has no session.
NO_SESSION = {(corpus_file(name), number): why for name, number, why in [
    ("arkime__tcp_handshake_synthetic.pcap", 3,
     "a SYN that was not answered, on a live connection"),
    ("ndpi__fuzz-2006-09-29-28586.pcap", 8,
     "begins with a header that lies: no SYN"),
    ("ndpi__fuzz-2006-09-29-28586.pcap", 23, "a header that lies"),
]}

# {file: [(bytes c2s, bytes s2c)]} of sessions that no table has.
SESSIONS_BESIDES = {
    corpus_file("suriv__bug-3286-02-linux-evasion_with_evasion_linux.pcap"):
        [(338, 79)],
    corpus_file("suriv__bug-3286-03-windows-evasion_with_evasion_windows.pcap"
                ): [(343, 79)],
}

# {(file, stream): why} of ambiguous.tsv, where ours is a further answer.
EXPLAINED = {(corpus_file(name), number): why for name, number, why in [
    ("libpcap__filter_AH-IPcomp-IPv6.pcap", 0,
     "one side is compressed, which is not undone here"),
    ("tcpreplay__test.rewrite_dltuser.pcap", 2,
     "a link type that everybody gives a meaning of his own"),
    ("ndpi__reasm_crash_anon.pcapng", 0,
     "mangled: wild numbers, RSTs with data; no two programs agree"),
    ("pcpp__Ftp.pcap", 1,
     "first wins; its last three bytes come after their hole was given up"),
    ("zeek__ipv4_fragmented-4.pcap", 1,
     "fragments that overlap and differ: the first copy stands"),
]}

# Custom blocks that tshark lists as packets.
NO_PACKETS = {"robust/gopacket__be_test102.pcapng": 3}


def streams_of(name):
    """Those of a file, with their true ends."""
    return [dataclasses.replace(one, client=ends[0], server=ends[1])
            if (ends := TRUE_ENDS.get((name, one.number))) else one
            for one in STREAMS[name]]


def digest(data):
    return hashlib.sha256(data).hexdigest()


def read(teeline, tmp_path, name, *options, **how):
    """Read a file of the corpus, or one made from it."""
    return reading.read(teeline, tmp_path, corpus.path(name), *options,
                        expect=int(name in DAMAGED), **how)


def differences(stream, session):
    """What of a session is not as its row says: a list of texts."""
    row, found = stream.rows[0], []
    for key in ("client", "server"):
        if session.open[key] != getattr(stream, key):
            found.append(f"{key} {session.open[key]}")
    for direction in DIRS:
        data = session.bytes(direction)
        holes, tail = reading.layout(session, direction)
        if (len(data), digest(data)) != (
                int(row[f"bytes_{direction}"]), row[f"sha256_{direction}"]):
            found.append(f"{direction} {len(data)} bytes, not "
                         f"{row[f'bytes_{direction}']}")
        if holes != corpus.ranges(row[f"gaps_{direction}"]):
            found.append(f"{direction} gaps {holes}, not "
                         f"{row[f'gaps_{direction}'] or 'none'}")
        elif digest(reading.with_zeros(session, direction)) != (
                row[f"zsha256_{direction}"]):
            found.append(f"{direction} with zeros differs")
        if tail not in tails(session, direction, row):
            found.append(f"{direction} tail {tail}, not "
                         f"{row[f'tailmiss_{direction}']}")
    return found


def tails(session, direction, row):
    """What may be missing at the end.

    The table has what acknowledgements and FINs prove, where tshark has a
    place to count from.  Ours knows one more: the handshake's ACK, when
    nothing of a direction was captured.  And it counts what the snapshot
    length cut off the last packet.
    """
    missing = int(row[f"tailmiss_{direction}"])
    cut, gaps = 0, [gap for gap in session.gaps if gap["dir"] == direction]
    if gaps and gaps[-1]["why"] == "snaplen":
        cut = gaps[-1]["len"]
    allowed = {missing, missing + cut}
    if not missing and not session.bytes(direction):
        allowed.add(reading.layout(session, direction)[1])
    return allowed


@FILES
def test_streams(teeline, tmp_path, name):
    """Every byte, every gap, who is the client; and no session besides."""
    got = read(teeline, tmp_path, name)
    pairs, spare, missing = corpus.match(got.sessions, streams_of(name))
    wrong = [f"no session: {stream}" for stream in missing if stream.exact
             and (name, stream.number) not in NO_SESSION]
    besides = [tuple(len(one.data[direction]) for direction in DIRS)
               for one in spare]
    if besides != SESSIONS_BESIDES.get(name, []):
        wrong += [f"nobody's session: {one.open}" for one in spare]
    for stream, session in pairs:
        found = differences(stream, session) if stream.exact else []
        _, expected = POLICY.get((name, stream.number), ("", []))
        if found != expected:
            wrong.append(f"{stream} ({', '.join(stream.notes)}): {found}"
                         + (f" and not {expected}" if expected else ""))
    assert not wrong, "\n".join(wrong)


AMBIGUOUS = [stream for some in STREAMS.values() for stream in some
             if not stream.exact and stream.client]


@pytest.mark.parametrize("stream", AMBIGUOUS, ids=map(str, AMBIGUOUS))
def test_ambiguous(teeline, tmp_path, stream):
    """Each direction is what one of the other programs makes of it."""
    got = read(teeline, tmp_path, stream.file)
    pairs, _, missing = corpus.match(got.sessions, STREAMS[stream.file])
    if (stream.file, stream.number) in EXPLAINED:
        return
    assert stream not in missing, "no session"
    session, = (one for other, one in pairs if other is stream)
    for row in stream.rows:
        data = session.bytes(row["dir"])
        zeros = reading.with_zeros(session, row["dir"])
        ours = {digest(data), f"{len(data)}:{digest(data)[:16]}",
                f"{len(zeros)}:{digest(zeros)[:16]}"}
        theirs = {answer for key in (
            "follow_sha256", "first_wins_sha256", "last_wins_sha256",
            "tcpflow", "suricata") for answer in row[key].split()}
        assert ours & theirs, (
            f"{row['dir']} {ours}, "
            f"gaps {reading.gaps_of(session, row['dir'])}, "
            f"conflicts {len(session.conflicts)}; theirs {theirs}")
        assert row["conflict_bytes"] == "0" or session.conflicts


# --- other ways in, and out --------------------------------------------------

def log(got):
    """The record as it was written: the same in every byte, times and all."""
    with open(f"{got.folder}/log", "rb") as file:
        return file.read()


@FILES
def test_packed_or_piped(teeline, tmp_path, name):
    """stdin, gzip, zstd: the same record, also where the file is damaged."""
    whole = log(read(teeline, tmp_path, name))
    status, path = int(name in DAMAGED), corpus.path(name)
    with open(path, "rb") as file:
        got = reading.read(teeline, tmp_path, "-", expect=status, stdin=file)
    assert log(got) == whole
    for tool in ("gzip", "zstd"):
        packed = tmp_path / f"x.{tool}"
        packed.write_bytes(run(tool, "-c", "-q", path))
        got = reading.read(teeline, tmp_path, packed, expect=status)
        assert log(got) == whole, tool
    with open(tmp_path / "x.zstd", "rb") as file:
        got = reading.read(teeline, tmp_path, "-", expect=status, stdin=file)
    assert log(got) == whole


def said(got):
    """What the sessions are but for times."""
    return [(one.client, one.open["server"], *map(one.bytes, DIRS),
             *(reading.gaps_of(one, direction) for direction in DIRS))
            for one in got.sessions]


@FILES
def test_converted(teeline, tmp_path, name):
    """As Wireshark's editcap writes it in the other formats."""
    whole = read(teeline, tmp_path, name)
    before = savefile.load(corpus.path(name))
    formats = 0
    for kind in ("pcap", "nsecpcap", "pcapng"):
        path = tmp_path / f"x.{kind}"
        run("editcap", "-F", kind, corpus.path(name), path, expect=None)
        after = savefile.load(path) if path.exists() else []
        # Several link types, or one that a format has no number for.
        if len(after) < len(before):
            continue
        formats += 1
        got = reading.read(teeline, tmp_path, path)
        # Microseconds that are more than a second overflow in editcap.
        if [one.ts_ns for one in before] == [one.ts_ns for one in after]:
            assert log(got) == log(whole), kind
        else:
            assert said(got) == said(whole), kind
    assert formats or name in DAMAGED, "editcap could write it in no format"


@FILES
def test_written_again(teeline, tmp_path, name):
    """-w: the packets as they were captured, which give the same streams;
    Wireshark's capinfos says of both files the same."""
    path, status = tmp_path / "out.pcapng", int(name in DAMAGED)
    whole = log(read(teeline, tmp_path, name, "-w", path))
    before, after = savefile.load(corpus.path(name)), savefile.load(path)
    assert len(after) == len(before)
    for number, (one, other) in enumerate(zip(before, after), 1):
        one.ts_ns = other.ts_ns if one.ts_ns is None else one.ts_ns
        one.ts_ns = min(one.ts_ns, 2**64 - 1)  # there are such files
        one.wire = max(one.wire, len(one.data))
        assert other == one, f"packet {number}"
    assert log(reading.read(teeline, tmp_path, path)) == whole
    if not status:
        infos = [run("capinfos", "-TrQ", "-E", "-c", "-d", one)
                 .split(b"\t")[1:] for one in (corpus.path(name), path)]
        assert infos[0] == infos[1]


# --- robust ------------------------------------------------------------------

ROBUST = corpus.table("robust/robust.tsv")


def packets_of(row):
    return int(row["tshark_packets"] or 0) - NO_PACKETS.get(row["file"], 0)


@pytest.mark.parametrize(
    "row", ROBUST, ids=[os.path.basename(row["file"]) for row in ROBUST])
def test_robust(teeline, tmp_path, row):
    """Each class gets what its row asks for; nothing crashes or hangs."""
    path = corpus.path(row["file"])
    got = reading.read(teeline, tmp_path, path, expect=None)
    status, kind = got.run.process.returncode, row["class"]
    received = got.packets["received"]
    assert status in (0, 1), got.run.describe()
    if kind == "corrupt-or-truncated-file":
        check_damage(got, path, row)
    elif kind == "malformed-packets":
        assert (status, received) == (0, packets_of(row))
    elif kind == "not-tcp":
        assert (status, got.sessions) == (0, [])
        assert received == packets_of(row)
    elif kind == "unsupported-linktype":
        assert (status, got.sessions) == (0, [])
        assert got.undecodable() == {"link_type": received}
        assert received == packets_of(row)
    else:
        assert kind == "valid-odd-format", row
        if status:
            check_damage(got, path, row)
        else:
            assert received >= packets_of(row)


def check_damage(got, path, row):
    """What is before the damage was read.  A file that tshark merely has no
    name for (a link type) may be whole; else one sentence has file and
    offset."""
    assert got.packets["received"] >= packets_of(row), got.run.describe()
    if got.run.process.returncode == 0:
        assert "network type" in row["tshark_message"], got.run.describe()
        assert set(got.undecodable()) <= {"link_type"}
        return
    lines = got.run.complaints(re.escape(path).encode())
    assert len(lines) == 1, got.run.describe()
    assert re.search(rb"\b(byte|offset)\b.*\d", lines[0]), lines


def test_robust_together(teeline, tmp_path):
    """All of them in one run: each damage is named, the others are read."""
    paths = [corpus.path(row["file"]) for row in ROBUST]
    got = reading.read(teeline, tmp_path, paths, expect=1)
    assert got.packets["received"] >= sum(map(packets_of, ROBUST))


@pytest.mark.parametrize("name", [
    "pcap/csanders__sessionhijacking.pcapng", "pcap/ndpi__ajp.pcap"])
def test_cut_anywhere(teeline, tmp_path, name):
    """A file that ends at any byte: what is before is read, never more."""
    with open(corpus.path(name), "rb") as file:
        data = file.read()[:6000]
    sizes = [*range(0, 400, 7), *range(400, len(data), 331)]
    counts = []
    for size in sizes:
        path = tmp_path / "cut"
        path.write_bytes(data[:size])
        got = reading.read(teeline, tmp_path, path, expect=None)
        assert got.run.process.returncode in (0, 1), size
        counts.append(got.packets["received"])
        shutil.rmtree(got.folder)
    assert counts == sorted(counts)
    assert counts[-1] > 5
