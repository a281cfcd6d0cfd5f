"""payload: what packets carry, sent on packet by packet.

Everything that is sent is made here, so that each payload is known, and where
it must come in the order of all.
"""

import json
import socket
import struct

import pytest

from helpers import packets, savefile, wraps
from helpers.hearing import CAPTURING
from helpers.packets import TCP, UDP, Talk, data
from helpers.peers import (Background, closed_port, connect, echo, half_close,
                           recv_all, recv_exactly, reset)
from helpers.wait import wait_until

HEADER = struct.Struct("!I16sI16sI")


def numbered(count, size=100):
    """Datagrams that begin with their number: (frames, payloads)."""
    told = [struct.pack("!I", at) + data(size - 4) for at in range(count)]
    return [packets.ip4("192.0.2.1", "192.0.2.2", UDP,
                        packets.udp((1000, 2000), one))
            for one in told], told


def read(teeline, tmp_path, frames, sink, *, linktype=savefile.RAW, **how):
    """Run `read` over frames with this sink, and wait for its end."""
    path = savefile.pcap(tmp_path / "frames.pcap", frames, linktype)
    return teeline.run("read", "-f", "none", "-o", sink, "--stats",
                       tmp_path / "stats", path, **how)


def sheet(tmp_path):
    """The sheet's line of the sink, whose sum must hold, and its drops."""
    with open(tmp_path / "stats", encoding="utf-8") as file:
        one, = json.load(file)["sinks"]
    dropped = {reason: drop["bytes"]
               for reason, drop in one["dropped"].items()}
    assert one["offered"] == (one["written"] + sum(dropped.values())
                              + one["queued"])
    return one, dropped


def heard_by(peer, count):
    """What comes on the next connections, one after the other."""
    def listen():
        heard = []
        for _ in range(count):
            sock = peer.accept()
            heard.append(recv_all(sock))
            sock.close()
        return heard
    return Background(listen)


def unwrap(stream):
    """[(source, destination, payload)] of a stream with headers."""
    found = []
    while stream:
        size, src, sport, dst, dport = HEADER.unpack_from(stream)
        payload = stream[HEADER.size:HEADER.size + size]
        assert len(payload) == size > 0, "the stream ends within a payload"
        found.append((end(src, sport), end(dst, dport), payload))
        stream = stream[HEADER.size + size:]
    return found


def end(ip, port):
    if ip[:12] == b"\0" * 10 + b"\xff\xff":
        return f"{socket.inet_ntoa(ip[12:])}:{port}"
    return f"[{socket.inet_ntop(socket.AF_INET6, ip)}]:{port}"


# --- what is sent ----------------------------------------------------------


def layers_of(teeline, server, tmp_path, frames, layers, linktype):
    """All that comes with these layers, as one stream with headers."""
    peer = server()
    coming = heard_by(peer, 1)
    read(teeline, tmp_path, frames,
         f"payload:{peer.target},keepalive=yes,on-full=pause,prefix=header,"
         f"layers={layers}", linktype=linktype)
    heard = unwrap(coming.result()[0])
    one, dropped = sheet(tmp_path)
    assert not dropped
    assert one["written"] == sum(len(told[2]) for told in heard)
    return heard


def test_layers(teeline, server, tmp_path):
    """TCP behind a tag, UDP over IPv6, padding, fragments, ICMP, ARP."""
    talk = Talk()
    segment = talk.c(b"in a segment")
    six = packets.ip6("2001:db8::1", "2001:db8::2", UDP,
                      packets.udp((5000, 6000), b"six"))
    whole = packets.ip4("192.0.2.1", "192.0.2.2", UDP,
                        packets.udp((7, 8), data(2000)))
    ping = packets.ip4("192.0.2.1", "192.0.2.2", 1,
                       b"\x08\0\0\0\0\1\0\2" + b"ping")
    frames = [wraps.vlan(talk.syn()), wraps.vlan(segment),
              wraps.padded(talk.ack(packets.S)), wraps.padded(six),
              *map(wraps.ethernet, packets.fragments4(whole, 1480)),
              wraps.ethernet(ping), wraps.ether(b"\0\1" * 14, 0x0806)]

    def told(layers):
        return layers_of(teeline, server, tmp_path, frames, layers,
                         savefile.ETHERNET)

    client, host = "10.1.0.1:40000", "10.2.0.2:80"
    ends = "192.0.2.1:0", "192.0.2.2:0"
    said = (client, host, b"in a segment")
    asked = ("[2001:db8::1]:5000", "[2001:db8::2]:6000", b"six")
    parts = [(*ends, whole[20:1500]), (*ends, whole[1500:])]
    assert told("44+45") == [said, asked]
    assert told("45") == [asked]
    assert told("44+45+20") == [said, asked, *parts, (*ends, ping[20:])]
    assert told("19") == [(*ends, b"ping")]
    assert told("17+15")[1] == (client, host, segment)
    assert [one[2] for one in told("")] == frames


def test_default_is_tcp_and_udp(teeline, server, tmp_path):
    """What is sent twice comes twice, as nothing is put together."""
    talk = Talk()
    first, second = talk.c(b"one"), talk.c(b"two")
    datagram, payload = numbered(1)
    frames = [*talk.open(), second, first, first, *datagram]
    peer = server()
    coming = heard_by(peer, 4)
    read(teeline, tmp_path, frames, f"payload:{peer.target},on-full=pause")
    assert coming.result() == [b"two", b"one", b"one", *payload]


def test_cut_by_the_snapshot_length(teeline, server, tmp_path):
    """As captured: the header tells how much that is."""
    (frame,), (payload,) = numbered(1)
    cut = savefile.Frame(frame[:60], wire=len(frame))
    (_, _, heard), = layers_of(teeline, server, tmp_path, [cut], "45",
                               savefile.RAW)
    assert heard == payload[:60 - 28]


def test_exact_bytes(teeline, server, tmp_path):
    """teecp's header, byte by byte."""
    peer = server()
    coming = heard_by(peer, 1)
    frame = packets.ip4("127.0.0.1", "10.0.0.4", UDP,
                        packets.udp((1234, 9999), b"test"))
    read(teeline, tmp_path, [frame],
         f"payload:{peer.target},prefix=header,on-full=pause")
    assert coming.result() == [bytes.fromhex(
        "00000004" "00000000000000000000ffff7f000001" "000004d2"
        "00000000000000000000ffff0a000004" "0000270f") + b"test"]


# --- the order of all ------------------------------------------------------


def test_order_on_one_connection(teeline, server, tmp_path):
    peer = server()
    coming = heard_by(peer, 1)
    frames, told = numbered(20000)
    read(teeline, tmp_path, frames,
         f"payload:{peer.target},keepalive=yes,on-full=pause")
    assert coming.result() == [b"".join(told)]
    assert sheet(tmp_path)[0]["written"] == 20000 * 100


@pytest.mark.parametrize("family, count", [("unix", 20000), ("tcp", 2000)])
def test_order_of_connections(teeline, server, tmp_path, family, count):
    """Each is accepted after those before it; ports of TCP are few."""
    where = {"unix": {"address": f"unix:{tmp_path}/target"}, "tcp": {}}
    peer = server(**where[family])
    coming = heard_by(peer, count)
    frames, told = numbered(count)
    read(teeline, tmp_path, frames, f"payload:{peer.target},on-full=pause",
         deadline=60)
    assert coming.result() == told
    assert sheet(tmp_path)[0]["written"] == count * 100


def test_socat(teeline, tmp_path):
    """A consumer that closes its own direction at once."""
    path = tmp_path / "target"
    socat = teeline.spawn(["socat", "-u", f"UNIX-LISTEN:{path}",
                           f"OPEN:{tmp_path}/heard,creat"])
    wait_until(path.is_socket, what="socat listens")
    frames, told = numbered(500, 1000)
    read(teeline, tmp_path, frames,
         f"payload:unix:{path},keepalive=yes,on-full=pause")
    socat.wait()
    assert (tmp_path / "heard").read_bytes() == b"".join(told)


# --- sources that have no packets ------------------------------------------


def test_proxy(teeline, server, tmp_path):
    peer, target = server(echo), server()
    proxy = teeline.proxy(
        peer.target, "-f", "none", "-o",
        f"payload:{target.target},keepalive=yes,prefix=header", "--stats",
        tmp_path / "stats")
    client = connect(proxy.port)
    for word in (b"first", b"second"):
        client.sendall(word)
        assert recv_exactly(client, len(word)) == word
    sock = target.accept()
    half_close(client)
    assert recv_all(client) == b""
    ours = "127.0.0.1:%d" % client.getsockname()[1]
    client.close()
    coming = Background(recv_all, sock)
    proxy.stop()
    heard = unwrap(coming.result())
    assert heard == [
        (ours, peer.target, b"first"), (peer.target, ours, b"first"),
        (ours, peer.target, b"second"), (peer.target, ours, b"second")]
    one, dropped = sheet(tmp_path)
    assert one["written"] == 22 and not dropped


def test_proxy_with_headers_of_packets(teeline, server, tmp_path):
    """Packets that were made begin with IP; bytes of the stream count."""
    peer, target = server(echo), server()
    proxy = teeline.proxy(
        peer.target, "-f", "none", "-o",
        f"payload:{target.target},keepalive=yes,layers=20,name=ip", "-o",
        f"payload:{target.target},layers=45+17,name=none", "--stats",
        tmp_path / "stats")
    client = connect(proxy.port)
    client.sendall(b"word")
    assert recv_exactly(client, 4) == b"word"
    sock = target.accept()
    half_close(client)
    assert recv_all(client) == b""
    client.close()
    coming = Background(recv_all, sock)
    proxy.stop()
    heard = coming.result()
    at = heard.index(b"word")
    assert struct.unpack_from("!HH", heard) == (
        client_port(heard), peer.port)
    assert heard.index(b"word", at + 4) > at
    with open(tmp_path / "stats", encoding="utf-8") as file:
        one, none = json.load(file)["sinks"]
    assert (one["offered"], one["written"]) == (8, 8)
    assert (none["offered"], none["written"]) == (0, 0)


def client_port(stream):
    return struct.unpack_from("!H", stream)[0]


def test_netrecord_log(teeline, server, tmp_path):
    """A log among captures: its sessions bring no packets."""
    log = tmp_path / "log_1"
    log.write_bytes(b"c 0.000000 con\nc 0.100000 5\nhello"
                    b"s 0.200000 3\nbye" b"s 0.300000 hup\n")
    frames, told = numbered(1)
    capture = savefile.pcap(tmp_path / "a.pcap", frames)
    peer = server()
    coming = heard_by(peer, 3)
    teeline.run("read", "-f", "none", "-o",
                f"payload:{peer.target},on-full=pause", "--stats",
                tmp_path / "stats", log, capture)
    assert coming.result() == [b"hello", b"bye", *told]
    assert sheet(tmp_path)[0]["written"] == 108


# --- tap -------------------------------------------------------------------


def tap(teeline, place, tmp_path, sink, *options, interface="eth0"):
    return teeline.start(
        "tap", "-f", "none", "-i", interface, "-o", sink, "--stats",
        tmp_path / "stats", *options, prefix=place.enter, ready=CAPTURING)


@pytest.mark.parametrize("keepalive", ["yes", "no"])
def test_tap(teeline, wire, server, tmp_path, keepalive):
    """Of TCP and UDP, in the order in which they passed."""
    (tmp_path / "said").write_bytes(b"over tcp")
    wire.server.spawn("socat", "-u", "TCP-LISTEN:80", "OPEN:/dev/null")
    wire.server.listens(80)
    target = server(address=f"unix:{tmp_path}/target")
    run = tap(teeline, wire.client, tmp_path,
              f"payload:{target.target},keepalive={keepalive}",
              "host", wire.server.ip)
    coming = heard_by(target, 1 if keepalive == "yes" else 3)
    host = wire.server.ip
    wire.client.run("bash", "-c", f"echo one >/dev/udp/{host}/9")
    wire.client.run("socat", "-u", f"OPEN:{tmp_path}/said", f"TCP:{host}:80")
    wire.client.run("bash", "-c", f"echo two >/dev/udp/{host}/9")
    if keepalive == "no":
        # In ICMP the host answers that nobody listens: not what we want.
        assert coming.result() == [b"one\n", b"over tcp", b"two\n"]
        run.stop()
    else:
        run.stop()
        assert coming.result() == [b"one\nover tcptwo\n"]
    one, dropped = sheet(tmp_path)
    assert one["written"] == 16 and not dropped


@pytest.mark.parametrize("layers", ["44+45", ""])
def test_tap_does_not_hear_itself(teeline, wire, tmp_path, layers):
    """What it sends passes the interface that it listens to."""
    place = wire.client
    place.spawn("socat", "-u", "TCP-LISTEN:9000,fork,reuseaddr,backlog=200",
                f"OPEN:{tmp_path}/heard,creat,append")
    place.listens(9000)
    run = tap(teeline, place, tmp_path,
              f"payload:127.0.0.1:9000,layers={layers}", interface="lo")
    for at in range(50):
        place.run("bash", "-c", f"echo {at:04} >/dev/udp/127.0.0.1/9")
    size = 5 if layers else 14 + 20 + 8 + 5
    told = 50 * size
    # The host's answers that nobody listens at the port are packets, too.
    answers = 0 if layers else 50 * (14 + 20 + 8 + 28 + 5)
    heard = tmp_path / "heard"
    wait_until(lambda: heard.stat().st_size >= told + answers,
               what=lambda: f"all are heard, not {heard.stat().st_size}")
    run.stop()
    assert heard.stat().st_size == told + answers
    assert sheet(tmp_path)[0]["offered"] == told + answers


# A target, and datagrams for whoever listens; says how many came in order.
MANY = """
import socket, struct, sys
count, host = int(sys.argv[1]), ("127.0.0.1", 9000)
target = socket.create_server(host, backlog=1024)
target.settimeout(15)
there, here = (socket.socket(type=socket.SOCK_DGRAM) for _ in range(2))
there.bind(("127.0.0.1", 9001))
for at in range(count):
    here.sendto(struct.pack("!I", at), ("127.0.0.1", 9001))
for at in range(count):
    sock, _ = target.accept()
    assert sock.recv(9) == struct.pack("!I", at) and not sock.recv(9), at
    sock.close()
print(count)
"""


def test_many_connections_of_a_tap(teeline, wire, tmp_path):
    """More than half of the ports that there are: they rest for a minute,
    and to look for one that does not would take too long."""
    run = tap(teeline, wire.client, tmp_path,
              "payload:127.0.0.1:9000,queue=16MiB", interface="lo")
    said = wire.client.run("/usr/bin/python3", "-c", MANY, "20000",
                           deadline=40)
    assert said == b"20000\n"
    run.stop()
    one, dropped = sheet(tmp_path)
    assert one["written"] == one["offered"] == 80000 and not dropped


# --- targets that are not as they should be --------------------------------


def test_absent(teeline, tmp_path):
    """Each has its tries, then it is gone; the queue stays bounded."""
    address, holder = closed_port()
    frames, _ = numbered(100)
    read(teeline, tmp_path, frames,
         f"payload:{address},tries=2,retry=20ms,queue=4096", deadline=20)
    holder.close()
    one, dropped = sheet(tmp_path)
    assert one["offered"] == 10000 and one["written"] == 0
    # What did not fit, and of the rest what had its tries in time.
    assert dropped["queue_full"] == 10000 - 4100
    assert dropped.get("gone", 0) + dropped.get("no_consumer", 0) == 4100
    assert dropped["gone"] >= 100


def test_late(teeline, server, tmp_path):
    """Nobody is there at first: nothing is lost while it is queued."""
    path = tmp_path / "target"
    peer = server(echo)
    proxy = teeline.proxy(
        peer.target, "-f", "none", "-o",
        f"payload:unix:{path},keepalive=yes,retry=20ms,tries=100000",
        "--stats", tmp_path / "stats")
    client = connect(proxy.port)
    client.sendall(b"early")
    assert recv_exactly(client, 5) == b"early"
    target = server(address=f"unix:{path}")
    sock = target.accept()
    assert recv_exactly(sock, 10) == b"earlyearly"
    client.close()
    sock.close()
    proxy.stop()
    assert sheet(tmp_path)[0]["written"] == 10


@pytest.mark.parametrize("keepalive", ["yes", "no"])
def test_stopped(teeline, server, tmp_path, keepalive):
    """It takes nothing: the relay does not wait, and the counts add up."""
    peer, target = server(echo), server(rcvbuf=4096, backlog=1)
    proxy = teeline.proxy(
        peer.target, "-f", "none", "--drain-time", "0.1", "-o",
        f"payload:{target.target},keepalive={keepalive},queue=64KiB",
        "--stats", tmp_path / "stats")
    client = connect(proxy.port)
    block = data(1 << 20)
    for _ in range(16):
        sending = Background(client.sendall, block)
        assert recv_exactly(client, len(block)) == block
        sending.result()
    client.close()
    proxy.stop()
    one, dropped = sheet(tmp_path)
    assert one["offered"] == 32 << 20
    assert dropped["queue_full"] > 16 << 20


def test_resets_in_the_middle(teeline, server, tmp_path):
    """With keepalive: whole payloads on each connection, in order."""
    peer = server()
    frames, told = numbered(20000, 1000)

    def listen():
        heard = []
        for size in (100_500, 200_700):
            sock = peer.accept()
            heard.append(recv_exactly(sock, size))
            reset(sock)
        sock = peer.accept()
        heard.append(recv_all(sock))
        sock.close()
        return heard

    coming = Background(listen)
    read(teeline, tmp_path, frames,
         f"payload:{peer.target},keepalive=yes,retry=20ms,on-full=pause",
         deadline=40)
    heard = coming.result()
    assert heard[0] == b"".join(told)[:100_500]
    last = -1
    for stream in heard:
        first = struct.unpack_from("!I", stream)[0]
        assert first > last, "a payload was written, and sent again"
        assert stream == b"".join(told[first:])[:len(stream)]
        last = first + len(stream) // 1000 - 1
    assert last == 19999 and len(heard[2]) % 1000 == 0
    one, dropped = sheet(tmp_path)
    assert one["written"] == one["offered"] == 20_000_000 and not dropped


def test_consumer_of_answers(teeline, server, tmp_path):
    """A target that talks without end is not listened to, nor harmed."""
    target = server(echo)
    frames, told = numbered(2000, 1000)
    read(teeline, tmp_path, frames,
         f"payload:{target.target},keepalive=yes,on-full=pause")
    assert sheet(tmp_path)[0]["written"] == 1000 * len(told)


# --- the text --------------------------------------------------------------


@pytest.mark.parametrize("text, words", [
    ("payload:127.0.0.1:9,on-full=close", b"drop or pause is wanted"),
    ("payload:127.0.0.1:9,layers=44+10", b"10 is none of gopacket"),
    ("payload:127.0.0.1:9,layers=44+10", b"20 (IPv4)"),
    ("payload:127.0.0.1:9,layers=tcp", b"numbers are wanted"),
    ("payload:127.0.0.1:9,layers=44+-1", b"numbers are wanted"),
    ("payload:127.0.0.1:9,prefix=long", b"none or header is wanted"),
    ("payload:127.0.0.1:9,tries=0", b"tries:"),
    ("payload:nowhere", b"nowhere"),
    ("payload:listen:9", b"HOST:PORT is wanted"),
])
def test_bad_text(teeline, text, words):
    done = teeline.run("proxy", "0", "127.0.0.1:9", "-o", text, expect=2)
    assert words in done.err


@pytest.mark.parametrize("text", ["44+45", r"44\,45", ""])
def test_layers_are_written(teeline, tmp_path, text):
    """With "+", or with commas as teecp wants them; or none."""
    done = teeline.run(
        "read", "-f", "none", "-o", f"payload:127.0.0.1:9,layers={text}",
        savefile.pcap(tmp_path / "none.pcap", []))
    assert done.err.count(b"\n") >= 1 and b"layers" not in done.err


def test_big_segments(teeline, server, tmp_path):
    """As segmentation offload leaves them: no length in IP, 60,000 bytes."""
    big = data(60000)
    frame = packets.ip4(
        "192.0.2.1", "192.0.2.2", TCP, packets.tcp(
            "192.0.2.1", "192.0.2.2", (1, 2), 5, 6, 0x18, big), length=0)
    (_, _, heard), = layers_of(teeline, server, tmp_path, [frame], "44",
                               savefile.RAW)
    assert heard == big
