"""The readers and waiters that other tests trust, against known input."""

import json
import socket
import struct

import pytest

from helpers import browser, capture, corpus, packets, reading, records
from helpers import savefile
from helpers.peers import Server, connect, echo, half_close, recv_all, reset
from helpers.peers import was_reset
from helpers.wait import Deadline, wait_until


def line(**event):
    return json.dumps({"v": 1, "ts": "2026-11-21T08:30:00.000000000Z",
                       "session": 1, **event}) + "\n"


def write(path, *lines):
    path.write_text("".join(lines), encoding="ascii")
    return path


OPEN = line(event="open", client="127.0.0.1:1", server="127.0.0.1:2")


def test_jsonl_reader_takes_a_good_record(tmp_path):
    path = write(
        tmp_path / "log", OPEN,
        line(event="data", dir="c2s", offset=0, len=2, data="aGk="),
        line(event="gap", dir="c2s", offset=2, len=5, why="queue"),
        line(event="data", dir="c2s", offset=7, len=1, data="IQ=="),
        line(event="end", dir="c2s", offset=8, how="fin"),
        line(event="close", reason="fin", bytes={"c2s": 3, "s2c": 0}),
        '{"v":1,"half a li')
    session, = records.jsonl(path)
    assert session.bytes("c2s") == b"hi!"
    assert session.ends == {"c2s": "fin"}


@pytest.mark.parametrize("lines", [
    [line(event="data", dir="c2s", offset=0, len=2, data="aGk=")],
    [OPEN, OPEN],
    [OPEN, line(event="data", dir="c2s", offset=1, len=2, data="aGk=")],
    [OPEN, line(event="data", dir="c2s", offset=0, len=3, data="aGk=")],
    [OPEN, line(event="end", dir="c2s", offset=0, how="fin"),
     line(event="data", dir="c2s", offset=0, len=2, data="aGk=")],
    [OPEN, line(event="close", reason="fin", bytes={"c2s": 1, "s2c": 0})],
    [OPEN, line(event="data", dir="c2s", offset=0, len=2, data="aGk="),
     line(event="conflict", dir="c2s", offset=1, len=2, kept="aQo=",
          other="Ygo=")],
    [OPEN, line(event="data", dir="c2s", offset=0, len=2, data="aGk="),
     line(event="conflict", dir="c2s", offset=1, len=1, kept="aA==",
          other="YQ==")],
], ids=["no open", "two opens", "jump", "wrong length", "after end", "sums",
        "conflict ahead", "conflict with what was not said"])
def test_jsonl_reader_refuses_a_bad_one(tmp_path, lines):
    with pytest.raises(AssertionError):
        records.jsonl(write(tmp_path / "log", *lines))


def test_netrecord_reader():
    log = (b"c 0.000001 con\n"
           b"c 0.100000 3\na\nb" b"s 0.200000 hup\n")
    one = records.netrecord_log(log)
    assert one.bytes("c2s") == b"a\nb"
    assert one.events[-1] == ("s", 0.2, "hup")
    with pytest.raises(AssertionError):
        records.netrecord_log(log.replace(b" 3\n", b" 40\n"))


def test_download_is_whole(tmp_path):
    """As Chromium writes it: the name, the bytes beside it, both in one."""
    name, beside = tmp_path / "x.raw", tmp_path / "x.raw.crdownload"
    assert browser.saved(tmp_path) is None
    name.touch()
    assert browser.saved(tmp_path) is None
    beside.write_bytes(b"some")
    assert browser.saved(tmp_path) is None
    name.unlink()
    assert browser.saved(tmp_path) is None
    beside.rename(name)
    assert browser.saved(tmp_path) == name


def test_wait_until_gives_up():
    with pytest.raises(Deadline, match="never"):
        wait_until(lambda: False, 0.01, "never")


def test_reset_is_told_from_fin():
    peer = Server()
    client, other = connect(peer.address), connect(peer.address)
    reset(peer.accept())
    peer.accept().close()
    assert was_reset(client)
    assert not was_reset(other)
    peer.finish()


def test_handler_failure_reaches_the_test():
    def handler(_sock):
        raise ValueError("seen")

    peer = Server(handler)
    recv_all(connect(peer.address))
    with pytest.raises(ValueError, match="seen"):
        peer.join()
    with pytest.raises(ValueError, match="seen"):
        peer.finish()


def test_echo():
    peer = Server(echo, "[::1]:0")
    client = connect(peer.address)
    client.sendall(b"hello")
    half_close(client)
    assert recv_all(client) == b"hello"
    peer.finish()


def checksum(data):
    """The Internet checksum, for the capture files below."""
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total > 0xffff:
        total = (total & 0xffff) + (total >> 16)
    return total ^ 0xffff


def packet(sender, seq, ack, flags, payload=b"", wrong=0):
    """An IPv4 packet between ports 1000 (sender 0) and 2000 (sender 1)."""
    ports = (1000, 2000) if sender == 0 else (2000, 1000)
    ends = socket.inet_aton("127.0.0.1") * 2
    tcp = struct.pack(">HHIIBBHHH", *ports, seq, ack, 0x50, flags, 60000, 0, 0)
    pseudo = ends + struct.pack(">HH", 6, len(tcp) + len(payload))
    check = checksum(pseudo + tcp + payload) ^ wrong
    tcp = tcp[:16] + struct.pack(">H", check) + tcp[18:] + payload
    head = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(tcp), 1, 0, 64, 6, 0)
    head += ends
    return head[:10] + struct.pack(">H", checksum(head)) + head[12:] + tcp


FIN, SYN, RST, ACK = 1, 2, 4, 16
TALK = [(0, 100, 0, SYN), (1, 500, 101, SYN | ACK), (0, 101, 501, ACK),
        (0, 101, 501, ACK, b"question"), (1, 501, 109, ACK, b"answer"),
        (0, 109, 507, ACK), (0, 109, 507, FIN | ACK), (1, 507, 110, ACK),
        (1, 507, 110, FIN | ACK), (0, 110, 508, ACK)]


def capture_file(path, talk):
    """A pcap file of raw IP packets."""
    with open(path, "wb") as file:
        file.write(struct.pack("=IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 1 << 18,
                               101))
        for number, one in enumerate(talk):
            data = packet(*one)
            file.write(struct.pack("=IIII", 1, number, len(data), len(data)))
            file.write(data)
    return path


def test_tshark_is_quiet_about_a_good_file(tmp_path):
    path = capture_file(tmp_path / "good.pcap", TALK)
    capture.check_quiet(path)
    assert capture.follow(path, 0) == [(b"question", b"answer")]
    assert capture.payloads(path) == {"127.0.0.1:1000": [b"question",
                                                         b"answer"]}
    assert capture.streams(path) == {"127.0.0.1:1000": 0}


@pytest.mark.parametrize("talk,word", [
    (TALK[:4] + TALK[3:], "retransmission"),
    (TALK[:3] + TALK[4:], "ACKed segment that wasn't captured"),
    (TALK[:4] + [TALK[4] + (1,)] + TALK[5:], "Bad checksum"),
    (TALK[:5] + [(0, 109, 507, RST)], "RST"),
    (TALK[:3] + [(0, 101, 501, ACK, b"qu"), (0, 105, 501, ACK, b"tion"),
                 *TALK[4:]], "Previous segment"),
], ids=["twice", "unseen", "checksum", "reset", "hole"])
def test_tshark_complains_about_a_bad_one(tmp_path, talk, word):
    path = capture_file(tmp_path / "bad.pcap", talk)
    assert any(word in text for text in capture.remarks(path))
    with pytest.raises(AssertionError):
        capture.check_quiet(path)


def test_layout_of_a_stream_with_holes(tmp_path):
    """Holes that touch are one; what is missing at the end is no hole."""
    path = write(
        tmp_path / "log", OPEN,
        line(event="gap", dir="c2s", offset=0, len=2, why="lost"),
        line(event="data", dir="c2s", offset=2, len=2, data="aGk="),
        line(event="gap", dir="c2s", offset=4, len=3, why="lost"),
        line(event="gap", dir="c2s", offset=7, len=1, why="snaplen"),
        line(event="data", dir="c2s", offset=8, len=1, data="IQ=="),
        line(event="gap", dir="c2s", offset=9, len=5, why="lost"))
    one, = records.jsonl(path)
    assert reading.layout(one, "c2s") == ([(0, 2), (4, 4)], 5)
    assert reading.pieces(one, "c2s") == [(2, b"hi"), (8, b"!")]
    assert reading.with_zeros(one, "c2s") == b"\0\0hi\0\0\0\0!"
    assert reading.layout(one, "s2c") == ([], 0)
    assert reading.pieces(one, "s2c") == []
    file = tmp_path / "flow"
    for text in (b"\0\0hi\0\0\0\0!x", b"\0\0hi\0\0a\0!", b"\0\0hi"):
        file.write_bytes(text)
        with pytest.raises(AssertionError):
            reading.check_file(file, reading.pieces(one, "c2s"))
    file.write_bytes(b"\0\0hi\0\0\0\0!")
    reading.check_file(file, reading.pieces(one, "c2s"))


@pytest.mark.parametrize("make", [savefile.pcap, savefile.pcapng])
@pytest.mark.parametrize("order", "<>")
def test_capture_files_come_back(tmp_path, make, order):
    talk = packets.Talk()
    frames = talk.whole()
    path = make(tmp_path / "x", frames, order=order)
    found = savefile.load(path)
    assert [one.data for one in found] == frames
    assert found[2].ts_ns == savefile.START_NS + 2 * savefile.STEP_NS
    capture.check_quiet(path)
    assert capture.follow(path, 0) == [(b"a question", b"an answer")]


def test_streams_of_a_table_are_found_by_ends_and_order():
    """Ports that come again; a stream that can be no session."""
    def stream(number, orient="syn", size=0):
        row = {"orient": orient, "bytes_c2s": size, "bytes_s2c": 0}
        return corpus.Stream("x", number, "a:1", "b:2", True, {}, [row])

    def session(number, client="a:1"):
        return records.Session(number, {"client": client, "server": "b:2"})

    bare = stream(0, "first-packet")
    one, two = stream(1, "first-packet", 5), stream(2)
    first, second = session(1), session(2)
    assert corpus.match([first, second], [bare, one, two]) == (
        [(one, first), (two, second)], [], [])
    stranger = session(3, "c:3")
    assert corpus.match([first, stranger], [one, two]) == (
        [(one, first)], [stranger], [two])
