"""`teeline read` over conversations made for it: how they begin and end,
what comes in another order, twice, over something else, or not at all.

Most sessions are a question of the client and an answer of the server;
data(n) is what does not repeat, so that a shifted stream cannot pass.
"""

import pytest

from helpers import capture, reading, savefile
from helpers.packets import ACK, C, MOD, RST, S, SYN, Talk, data
from helpers.reading import check_talk, streams
from helpers.savefile import at


# --- ordinary ----------------------------------------------------------------

@pytest.mark.parametrize("talk", [
    Talk(), Talk("[2001:db8::1]:40000", "[2001:db8::2]:80")], ids=["4", "6"])
def test_a_conversation(teeline, tmp_path, talk):
    """From SYN to last ACK, nothing wrong: every figure of it is known."""
    frames = talk.whole(data(3000), data(50, 1))
    got = streams(teeline, tmp_path, frames)
    one = got.session
    check_talk(one, talk)
    assert not one.open.get("midstream")
    assert one.ends == {"c2s": "fin", "s2c": "fin"}
    assert one.first == "client"
    assert got.packets["received"] == got.packets["sessions"] == len(frames)
    assert one.close["duration_ns"] == (len(frames) - 1) * savefile.STEP_NS
    assert [event["ts"] for event in one.events
            if event["event"] in ("open", "data", "close")] == [
        f"2023-11-14T22:13:20.{ms:03}000000Z" for ms in (0, 3, 5, 10)]


def test_community_id(teeline, tmp_path):
    """As published by its authors: 1:LQU9qZlK+B5F3KDmev6m5PMibrg="""
    talk = Talk("128.232.110.120:34855", "66.35.250.204:80")
    got = streams(teeline, tmp_path, talk.whole())
    assert got.session.open["community_id"] == "1:LQU9qZlK+B5F3KDmev6m5PMibrg="


def test_client_is_who_sent_the_syn(teeline, tmp_path):
    """Whatever the ports."""
    talk = Talk("10.1.0.1:80", "10.2.0.2:40000")
    check_talk(streams(teeline, tmp_path, talk.whole()).session, talk)


def test_many_at_once(teeline, tmp_path):
    """Hundreds of conversations, packet by packet in turn."""
    talks = [Talk(f"10.1.{n // 200}.{n % 200}:{1024 + n}", isn=(n * 7, n))
             for n in range(300)]
    frames = [packet for row in zip(*(
        [*talk.open(), talk.c(data(100 + n, n)), talk.s(data(n, -n)),
         *talk.close()] for n, talk in enumerate(talks))) for packet in row]
    got = streams(teeline, tmp_path, frames)
    found = {one.client: one for one in got.sessions}
    assert len(found) == len(talks)
    for talk in talks:
        check_talk(found[talk.client], talk)
    assert got.packets["sessions"] == len(frames)


@pytest.mark.parametrize("first", [C, S], ids=["client", "server"])
def test_who_ended_it(teeline, tmp_path, first):
    talk = Talk()
    frames = [*talk.open(), talk.c(b"x"), talk.s(b"y"), *talk.close(first)]
    one = streams(teeline, tmp_path, frames).session
    check_talk(one, talk)
    assert one.first == ("server" if first else "client")


def test_half_close(teeline, tmp_path):
    """The server goes on after the client's FIN."""
    talk = Talk()
    frames = [*talk.open(), talk.c(b"question"), talk.fin(C), talk.ack(S),
              *talk.stream(S, data(20000)), talk.ack(C), talk.fin(S),
              talk.ack(C)]
    check_talk(streams(teeline, tmp_path, frames).session, talk)


def test_fin_with_data(teeline, tmp_path):
    talk = Talk()
    frames = [*talk.open(), talk.fin(C, data(700)), talk.ack(S),
              talk.fin(S, data(900, 1)), talk.ack(C)]
    check_talk(streams(teeline, tmp_path, frames).session, talk)


@pytest.mark.parametrize("side", [C, S], ids=["client", "server"])
def test_reset(teeline, tmp_path, side):
    talk = Talk()
    frames = [*talk.open(), talk.c(b"question"), talk.s(b"answer"),
              talk.ack(C), talk.rst(side)]
    one = streams(teeline, tmp_path, frames).session
    check_talk(one, talk, reason="rst")
    assert one.first == ("server" if side else "client")


def test_refused(teeline, tmp_path):
    """A SYN that is answered with RST: no bytes, and nothing midstream."""
    talk = Talk()
    frames = [talk.syn(C), talk.segment(S, RST | ACK, seq=0)]
    one = streams(teeline, tmp_path, frames).session
    check_talk(one, talk, reason=one.reason)
    assert one.reason in ("refused", "rst")


def test_capture_ends_before_they_do(teeline, tmp_path):
    talk = Talk()
    frames = [*talk.open(), talk.c(data(500)), talk.s(data(600, 1))]
    check_talk(streams(teeline, tmp_path, frames).session, talk, reason="stop")


# --- beginnings --------------------------------------------------------------

def test_midstream(teeline, tmp_path):
    """Begins with the first byte seen, and says so."""
    talk = Talk().begin()
    frames = [talk.c(data(500)), talk.s(data(800, 1)), talk.c(data(10, 2)),
              *talk.close()]
    one = streams(teeline, tmp_path, frames).session
    check_talk(one, talk)
    assert one.open["midstream"] is True


@pytest.mark.parametrize("side", [C, S], ids=["client", "server"])
def test_midstream_client_is_who_was_heard_first(teeline, tmp_path, side):
    """An acknowledgement says nothing but that: the other side may well be
    the first to send payload."""
    talk = Talk().begin()
    first = talk.ack(side)
    frames = [first, first, *talk.stream(not side, data(5000)),
              talk.say(side, data(10, 1)), *talk.close()]
    one = streams(teeline, tmp_path, frames).session
    assert one.open["client"] == (talk.server if side else talk.client)
    assert one.bytes("s2c") == data(5000)
    assert one.bytes("c2s") == data(10, 1)
    assert one.open["midstream"] is True


def test_midstream_reordered(teeline, tmp_path):
    """What lies before the first byte seen has no place in the stream; what
    lies behind it does."""
    talk = Talk().begin()
    early = talk.c(data(100, 9))
    talk.said[C].clear()
    one, two, three = talk.stream(C, data(300), 100)
    got = streams(teeline, tmp_path,
                  [one, three, two, talk.ack(S), *talk.close()])
    check_talk(got.session, talk)
    got = streams(teeline, tmp_path,
                  [one, early, two, three, *talk.close()])
    assert got.session.bytes("c2s").endswith(bytes(talk.said[C]))
    assert got.sheet["bytes"]["c2s"]["received"] == 400


def test_acknowledgements_open_nothing(teeline, tmp_path):
    """Packets without payload before a SYN: no session (decision 19)."""
    talk = Talk().begin()
    frames = [talk.ack(C), talk.ack(S), talk.fin(C), talk.rst(S)]
    got = streams(teeline, tmp_path, frames)
    assert not got.sessions
    assert got.packets["strays"] == len(frames)


def test_syn_ack_first(teeline, tmp_path):
    """The SYN was not captured: the receiver of the SYN-ACK is the client."""
    talk = Talk("10.1.0.1:80", "10.2.0.2:40000")
    frames = talk.whole(data(100), data(100, 1))[1:]
    check_talk(streams(teeline, tmp_path, frames).session, talk)


def test_syn_ack_before_its_syn(teeline, tmp_path):
    """Reordered by the capture: still one session, the right way round."""
    talk = Talk()
    syn, syn_ack, *rest = talk.whole(data(100), data(100, 1))
    check_talk(streams(teeline, tmp_path, [syn_ack, syn, *rest]).session, talk)


def test_data_before_its_handshake(teeline, tmp_path):
    """The first data overtook the SYN-ACK in the capture."""
    talk = Talk()
    syn, syn_ack, ack, question, *rest = talk.whole(data(100), data(100, 1))
    check_talk(streams(teeline, tmp_path,
                  [syn, question, syn_ack, ack, *rest]).session, talk)


def test_fast_open(teeline, tmp_path):
    """RFC 7413: data on the SYN and on the SYN-ACK is the stream's first."""
    talk = Talk()
    frames = [talk.syn(C, data(300)), talk.syn(S, data(200, 1)), talk.ack(C),
              talk.c(data(50, 2)), talk.s(data(60, 3)), *talk.close()]
    check_talk(streams(teeline, tmp_path, frames).session, talk)


def test_fast_open_not_taken(teeline, tmp_path):
    """The server acknowledged the SYN alone: the data comes again."""
    talk = Talk()
    syn = talk.segment(C, SYN, data(300), seq=talk.isn[C])
    talk.next[C] = talk.isn[C] + 1
    frames = [syn, talk.syn(S, ack=talk.isn[C] + 1), talk.ack(C),
              talk.c(data(300)), talk.ack(S), talk.s(b"answer"),
              *talk.close()]
    got = streams(teeline, tmp_path, frames)
    check_talk(got.session, talk)
    count = got.sheet["bytes"]["c2s"]
    assert (count["delivered"], count["gap"]) == (300, 0)


def test_simultaneous_open(teeline, tmp_path):
    """RFC 9293, section 3.5: both send SYN; one session."""
    talk = Talk()
    frames = [talk.segment(C, SYN, seq=talk.isn[C]),
              talk.segment(S, SYN, seq=talk.isn[S]),
              talk.segment(C, SYN | ACK, seq=talk.isn[C], ack=talk.isn[S] + 1),
              talk.segment(S, SYN | ACK, seq=talk.isn[S], ack=talk.isn[C] + 1)]
    talk.next = [number + 1 for number in talk.isn]
    frames += [talk.c(data(100)), talk.s(data(200, 1)), *talk.close()]
    check_talk(streams(teeline, tmp_path, frames).session, talk)


def test_syn_again(teeline, tmp_path):
    """Retransmitted SYN and SYN-ACK: one session."""
    talk = Talk()
    syn, syn_ack, *rest = talk.whole(data(100), data(100, 1))
    check_talk(streams(teeline, tmp_path,
                  [syn, syn, syn_ack, syn_ack, syn, *rest]).session, talk)


@pytest.mark.parametrize("side", [C, S], ids=["client", "server"])
def test_one_sided(teeline, tmp_path, side):
    """Only one of the two directions was captured."""
    talk = Talk()
    frames = [*talk.open()]
    mine = [frames[side]]
    for number in range(20):
        mine.append(talk.say(side, data(500, number)))
        talk.next[not side] += 3  # said, but not captured
    mine.append(talk.fin(side))
    got = streams(teeline, tmp_path, mine)
    one = got.session
    assert one.open["client"] == talk.client
    assert one.bytes(("c2s", "s2c")[side]) == bytes(talk.said[side])
    assert not reading.gaps_of(one, ("c2s", "s2c")[side])
    assert one.bytes(("s2c", "c2s")[side]) == b""


# --- order, repetition, overlap ----------------------------------------------

def test_reordered(teeline, tmp_path):
    """Segments in every unlucky order of a small window."""
    talk = Talk()
    frames = talk.open()
    pieces = talk.stream(C, data(64000), 500)
    for start in range(0, len(pieces), 16):
        part = pieces[start:start + 16]
        frames += part[::-1] if start % 32 else part[8:] + part[:8]
    frames += [talk.ack(S), *talk.close()]
    got = streams(teeline, tmp_path, frames)
    check_talk(got.session, talk)
    assert got.sheet["bytes"]["c2s"]["duplicate"] == 0


def test_fin_first(teeline, tmp_path):
    """The end came before what it ends."""
    talk = Talk()
    frames = talk.open()
    one, two = talk.stream(C, data(2000))
    fin = talk.fin(C)
    frames += [fin, two, one, talk.ack(S), talk.fin(S), talk.ack(C)]
    check_talk(streams(teeline, tmp_path, frames).session, talk)


def test_acknowledged_before_it_was_captured(teeline, tmp_path):
    """A reordered capture: the ACK of data is seen before the data."""
    talk = Talk()
    frames = talk.open()
    for number in range(20):
        piece = talk.c(data(1000, number))
        frames += [talk.ack(S), piece]
    frames += talk.close()
    check_talk(streams(teeline, tmp_path, frames).session, talk)


def test_retransmitted(teeline, tmp_path):
    """Each segment twice, at once and later; the bytes once."""
    talk = Talk()
    frames = talk.open()
    pieces = talk.stream(S, data(20000))
    for piece in pieces:
        frames += [piece, piece]
    frames += [*pieces[-3:], talk.ack(C), *talk.close(S)]
    got = streams(teeline, tmp_path, frames)
    check_talk(got.session, talk)
    assert got.sheet["bytes"]["s2c"]["duplicate"] == 23000
    assert not got.session.conflicts


def test_repacketized(teeline, tmp_path):
    """Retransmissions cut otherwise than the first time."""
    talk = Talk()
    said = data(9000)
    frames = [*talk.open(), talk.at(C, 0, said[:1000]),
              talk.at(C, 500, said[500:1500]),
              talk.at(C, 3000, said[3000:4000]),
              talk.at(C, 2500, said[2500:4500]), talk.at(C, 0, said[:3200]),
              talk.at(C, 4400, said[4400:]), talk.at(C, 0, said)]
    talk.c(said)
    frames += [talk.ack(S), *talk.close()]
    got = streams(teeline, tmp_path, frames)
    check_talk(got.session, talk)
    assert not got.session.conflicts


def test_conflict_with_what_was_delivered(teeline, tmp_path):
    """What was delivered first stands; the other copy is shown."""
    talk = Talk()
    frames = [*talk.open(), talk.c(b"keep this text"),
              talk.at(C, 5, b"THAT text"), talk.ack(S), *talk.close()]
    got = streams(teeline, tmp_path, frames)
    check_talk(got.session, talk)
    event, = got.session.conflicts
    assert event["offset"] <= 5 < event["offset"] + event["len"]
    assert got.sheet["bytes"]["c2s"]["differing"] > 0


@pytest.mark.parametrize("rule,wins", [("first", b"AAAA"), ("last", b"BBBB")])
def test_conflict_of_what_is_held(teeline, tmp_path, rule, wins):
    """Behind a hole nothing was delivered yet: --overlap decides."""
    talk = Talk()
    talk.said[C] += b"0123" + wins + b"89"
    frames = [*talk.open(), talk.at(C, 4, b"AAAA"), talk.at(C, 4, b"BBBB"),
              talk.at(C, 0, b"0123"), talk.at(C, 8, b"89")]
    talk.next[C] += 10
    frames += [talk.ack(S), *talk.close()]
    got = streams(teeline, tmp_path, frames, "--overlap", rule)
    check_talk(got.session, talk)
    event, = got.session.conflicts
    assert (event["offset"], event["len"]) == (4, 4)
    assert got.sheet["bytes"]["c2s"]["differing"] == 4


@pytest.mark.parametrize("rule", ["first", "last", "linux", "windows", "bsd"])
def test_every_rule_keeps_what_does_not_differ(teeline, tmp_path, rule):
    """Overlaps of the same bytes, held: no rule makes a difference."""
    talk = Talk()
    said = data(3000)
    frames = [*talk.open()]
    for offset, size in ((200, 300), (100, 300), (400, 50), (250, 600),
                         (900, 100), (850, 500), (1300, 1700), (1, 2999),
                         (0, 100)):
        frames.append(talk.at(C, offset, said[offset:offset + size]))
    talk.c(said)
    frames += [talk.ack(S), *talk.close()]
    got = streams(teeline, tmp_path, frames, "--overlap", rule)
    check_talk(got.session, talk)
    assert not got.session.conflicts


# --- sequence numbers --------------------------------------------------------

@pytest.mark.parametrize("before", [1, 2, 500, 1000, 65000])
def test_wrap(teeline, tmp_path, before):
    """Both directions pass 2^32, in and out of order."""
    talk = Talk(isn=(MOD - before, MOD - before - 1))
    frames = talk.open()
    up, down = talk.stream(C, data(90000)), talk.stream(S, data(80000, 1))
    up[1], up[2] = up[2], up[1]
    down[0], down[1] = down[1], down[0]
    frames += [*up, talk.ack(S), *down, talk.ack(C), *talk.close()]
    check_talk(streams(teeline, tmp_path, frames).session, talk)


def test_beyond_four_gigabytes(teeline, tmp_path):
    """Offsets are 64 bits wide: most of it was never captured (but the
    window, scaled to 1 GiB, allows it), and the files are holes."""
    talk, step = Talk(), 900_000_000
    # The window of the SYN-ACK itself is not scaled.
    frames = [*talk.open(options=b"\3\3\x0e\1"), talk.ack(S)]
    said, holes = b"", []
    for number in range(6):
        talk.next[C] = (talk.next[C] + step) % MOD
        holes.append((number * (step + 100), step))
        said += data(100, number)
        frames += [at(number * 10 + 1, talk.c(data(100, number))),
                   at(number * 10 + 2, talk.ack(S))]
    frames += [at(100, packet) for packet in talk.close()]
    one = streams(teeline, tmp_path, frames).session
    assert one.bytes("c2s") == said
    assert reading.layout(one, "c2s") == (holes, 0)
    assert one.ends["c2s"] == "fin"
    end, = (event for event in one.events if event["event"] == "end"
            and event["dir"] == "c2s")
    assert end["offset"] == 6 * (step + 100) > 2**32


# --- losses ------------------------------------------------------------------

def test_hole_that_was_acknowledged(teeline, tmp_path):
    """Lost by the capture, not by the receiver: a gap, then life goes on."""
    talk = Talk()
    frames = [*talk.open(), talk.c(data(1000))]
    talk.c(data(500, 1))
    frames += [talk.c(data(700, 2)), talk.ack(S),
               at(10, talk.c(data(300, 3))), at(10.1, talk.ack(S)),
               *(at(10.2, packet) for packet in talk.close())]
    got = streams(teeline, tmp_path, frames)
    check_talk(got.session, talk, gaps=([(1000, 500)], []))
    gap, = got.session.gaps
    assert gap["why"] == "lost"
    assert gap["ts"] < "2023-11-14T22:13:30.2", "not before the end"


def test_hole_that_nobody_acknowledged(teeline, tmp_path):
    """The capture ends: what is held is not kept back."""
    talk = Talk()
    frames = [*talk.open(), talk.c(data(1000))]
    talk.c(data(500, 1))
    frames += talk.stream(C, data(7000, 2))
    got = streams(teeline, tmp_path, frames)
    check_talk(got.session, talk, gaps=([(1000, 500)], []), reason="stop")


def test_hole_at_the_start(teeline, tmp_path):
    """The SYN is known, so that the lost beginning has its length."""
    talk = Talk()
    frames = talk.open()
    talk.c(data(1448))
    frames += [*talk.stream(C, data(3000, 1)), talk.ack(S), *talk.close()]
    got = streams(teeline, tmp_path, frames)
    check_talk(got.session, talk, gaps=([(0, 1448)], []))


def test_both_directions_have_holes(teeline, tmp_path):
    talk = Talk()
    frames = talk.open()
    pieces = [(C, data(1000)), (S, data(1000, 1)), (C, data(10, 2)),
              (S, data(20, 3)), (C, data(30, 4)), (S, data(40, 5)),
              (C, data(50, 6)), (S, data(60, 7))]
    lost = {2, 3, 5}
    for number, (side, piece) in enumerate(pieces):
        packet = talk.say(side, piece)
        frames += [] if number in lost else [packet]
    frames += talk.close()
    got = streams(teeline, tmp_path, frames)
    check_talk(got.session, talk, gaps=([(1000, 10)], [(1000, 60)]))


def test_lost_tail(teeline, tmp_path):
    """Proven by the FIN: a gap at the end, by which no file is longer."""
    talk = Talk()
    frames = [*talk.open(), talk.c(data(1000))]
    talk.c(data(500, 1))
    frames += [talk.ack(S), *talk.close()]
    got = streams(teeline, tmp_path, frames)
    check_talk(got.session, talk, tails=(500, 0))
    assert got.sheet["bytes"]["c2s"]["gap"] == 500


def test_lost_tail_proven_by_an_acknowledgement(teeline, tmp_path):
    talk = Talk()
    frames = [*talk.open(), talk.c(data(1000))]
    talk.c(data(700, 1))
    frames += [talk.ack(S)]
    got = streams(teeline, tmp_path, frames)
    check_talk(got.session, talk, tails=(700, 0), reason="stop")


def test_hole_filled_in_time(teeline, tmp_path):
    """The retransmission comes within --hold-time of the acknowledgement."""
    talk = Talk()
    begin = talk.open()
    one, two, three = talk.stream(C, data(3000))
    frames = [*begin, at(1, one), at(1.01, three),
              at(1.02, talk.ack(S)), at(2.5, two),
              *(at(4, packet) for packet in talk.close())]
    check_talk(streams(teeline, tmp_path, frames).session, talk)


def test_hole_filled_too_late(teeline, tmp_path):
    """After it was given up: counted as late, and a gap stays."""
    talk = Talk()
    begin = talk.open()
    one, two, three = talk.stream(C, data(3000))
    frames = [*begin, at(1, one), at(1.01, three),
              at(1.02, talk.ack(S)), at(9, talk.ack(S)), at(9.5, two),
              *(at(10, packet) for packet in talk.close())]
    got = streams(teeline, tmp_path, frames)
    check_talk(got.session, talk, gaps=([(1000, 1000)], []))
    assert got.sheet["bytes"]["c2s"]["late"] == 1000


def test_hold_time_is_an_option(teeline, tmp_path):
    """Half a second instead of two."""
    talk = Talk()
    begin = talk.open()
    one, two, three = talk.stream(C, data(3000))
    frames = [*begin, at(1, one), at(1.01, three),
              at(1.02, talk.ack(S)), at(1.9, talk.ack(S)), at(2, two),
              *(at(3, packet) for packet in talk.close())]
    got = streams(teeline, tmp_path, frames, "--hold-time", "0.5")
    check_talk(got.session, talk, gaps=([(1000, 1000)], []))


def test_hole_not_acknowledged_is_waited_for(teeline, tmp_path):
    """Nobody has it yet: the sender will send it again, however late."""
    talk = Talk()
    begin = talk.open()
    one, two, three = talk.stream(C, data(3000))
    frames = [*begin, at(1, one), at(1.01, three),
              at(60, two), at(60.1, talk.ack(S)),
              *(at(61, packet) for packet in talk.close())]
    check_talk(streams(teeline, tmp_path, frames).session, talk)


def test_hold_budget(teeline, tmp_path):
    """More behind a hole than --hold allows: given up, with the reason."""
    talk = Talk()
    frames = talk.open()
    talk.c(data(1000))
    frames += talk.stream(C, data(60000, 1))
    frames += [talk.ack(S), *talk.close()]
    got = streams(teeline, tmp_path, frames, "--hold", "16384")
    check_talk(got.session, talk, gaps=([(0, 1000)], []))
    assert [gap["why"] for gap in got.session.gaps] == ["budget"]


def test_hold_total_budget(teeline, tmp_path):
    """Many sessions with holes: the budget of all of them."""
    talks = [Talk(f"10.1.0.{n}:40000") for n in range(1, 41)]
    frames = []
    for talk in talks:
        frames += talk.open()
        talk.c(data(100))
    for number in range(20):
        frames += [talk.c(data(1000, number)) for talk in talks]
    frames += [packet for talk in talks for packet in talk.close()]
    got = streams(teeline, tmp_path, frames, "--hold-total", "262144")
    for talk, one in zip(talks, got.sessions):
        check_talk(one, talk, gaps=([(0, 100)], []))
    reasons = {gap["why"] for one in got.sessions for gap in one.gaps}
    assert "budget" in reasons


def test_strict_is_three_where_something_is_lost(teeline, tmp_path):
    """And 0 where nothing is."""
    talk = Talk()
    frames = [*talk.open(), talk.c(data(10)), *talk.close()]
    streams(teeline, tmp_path, frames, "--strict")
    talk = Talk()
    frames = talk.open()
    talk.c(data(10))
    frames += [talk.c(data(10, 1)), *talk.close()]
    streams(teeline, tmp_path, frames, "--strict", expect=3)


def test_as_wireshark_follows_them(teeline, tmp_path):
    """Where tshark follows a stream, it gives the same bytes: reordering,
    repetition and a wrap at once.  (Nothing is acknowledged before it is
    seen: tshark would take that for lost.)"""
    talk = Talk(isn=(MOD - 5000, 7))
    frames = talk.open()
    up = talk.stream(C, data(30000), 777, ack=talk.isn[S] + 1)
    down = talk.stream(S, data(30000, 1), 999, ack=talk.isn[C] + 1)
    for number, (one, two) in enumerate(zip(up, down)):
        frames += [two, one] if number % 3 else [one, two, one]
    frames += [*up[len(down):], *down[len(up):], talk.ack(S), talk.ack(C),
               *talk.close()]
    frames[5], frames[9] = frames[9], frames[5]
    path = savefile.pcap(tmp_path / "x.pcap", frames)
    one = reading.read(teeline, tmp_path, path).session
    assert [(one.bytes("c2s"), one.bytes("s2c"))] == capture.follow(path, 0)
    check_talk(one, talk)
