"""IP packets of TCP conversations, made byte by byte.

    talk = Talk()
    frames = [*talk.open(), talk.c(b"question"), talk.s(b"answer"),
              *talk.close()]
    savefile.pcap(path, frames)

Each call returns a packet (bytes that begin with an IP header), so that a
test is free to reorder, repeat or leave out; talk.said is what each side said.
Written without any of the program's code, and without scapy, since some tests
make hundreds of thousands of them.
"""

import hashlib
import socket
import struct

C, S = 0, 1
FIN, SYN, RST, PSH, ACK, URG = 1, 2, 4, 8, 16, 32
TCP, UDP, GRE, IP4_IN_IP, IP6_IN_IP = 6, 17, 47, 4, 41
MOD = 1 << 32


def data(count, seed=0):
    """That many bytes, different for each seed, without a period."""
    return b"".join(hashlib.sha256(b"%d %d" % (seed, at)).digest()
                    for at in range(count // 32 + 1))[:count]


def checksum(text):
    """RFC 1071."""
    if len(text) % 2:
        text += b"\0"
    total = sum(struct.unpack(f"!{len(text) // 2}H", text))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def is_six(host):
    return ":" in host


def pack_host(host):
    return socket.inet_pton(
        socket.AF_INET6 if is_six(host) else socket.AF_INET, host)


def ip(src, dst, proto, payload, **how):
    """An IP packet of the family that src is of."""
    return (ip6 if is_six(src) else ip4)(src, dst, proto, payload, **how)


def ip4(src, dst, proto, payload, *, ident=0, offset=0, more=False,
        options=b"", length=None, ttl=64):
    """An IPv4 packet; offset in bytes; length: another total length."""
    size = 20 + len(options)
    total = size + len(payload) if length is None else length
    head = struct.pack(
        "!BBHHHBBH4s4s", 0x40 | size // 4, 0, total, ident,
        (0x2000 if more else 0) | offset // 8, ttl, proto, 0,
        pack_host(src), pack_host(dst)) + options
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + payload


def ip6(src, dst, proto, payload, *, length=None, extensions=()):
    """An IPv6 packet; extensions: [(number, body)] between the headers."""
    chain = b""
    for at, (_number, body) in enumerate(extensions):
        after = extensions[at + 1][0] if at + 1 < len(extensions) else proto
        chain += bytes([after]) + body
    first = extensions[0][0] if extensions else proto
    size = len(chain) + len(payload) if length is None else length
    size = 0 if size > 65535 else size  # a jumbogram
    return struct.pack("!IHBB16s16s", 6 << 28, size, first, 64,
                       pack_host(src), pack_host(dst)) + chain + payload


def tcp(src, dst, ports, seq, ack, flags, data=b"", *, window=65535,
        options=b"", urgent=0, bad_checksum=False):
    """A TCP segment (RFC 9293), with the checksum for these two ends."""
    options += b"\0" * (-len(options) % 4)
    head = struct.pack(
        "!HHIIBBHHH", *ports, seq % MOD, ack % MOD,
        (20 + len(options)) // 4 << 4, flags, window, 0, urgent) + options
    pseudo = pack_host(src) + pack_host(dst) + struct.pack(
        "!II", len(head) + len(data), TCP)
    total = checksum(pseudo + head + data) ^ (0x5555 if bad_checksum else 0)
    return head[:16] + struct.pack("!H", total) + head[18:] + data


def payload(packet):
    """What a TCP packet over IPv4 carries."""
    total, = struct.unpack_from("!H", packet, 2)
    at = (packet[0] & 15) * 4
    return packet[at + (packet[at + 12] >> 4) * 4:total]


def udp(ports, said):
    """A UDP datagram without a checksum."""
    return struct.pack("!HHHH", *ports, 8 + len(said), 0) + said


def fragments4(packet, size, ident=77):
    """The fragments of an IPv4 packet (no options), size bytes each."""
    head, payload = packet[:20], packet[20:]
    src, dst = (socket.inet_ntoa(head[at:at + 4]) for at in (12, 16))
    return [ip4(src, dst, head[9], payload[at:at + size], ident=ident,
                offset=at, more=at + size < len(payload))
            for at in range(0, len(payload), size)]


def fragments6(packet, size, ident=77):
    """The fragments of an IPv6 packet (no extension headers)."""
    src, dst = (socket.inet_ntop(socket.AF_INET6, packet[at:at + 16])
                for at in (8, 24))
    payload = packet[40:]
    found = []
    for at in range(0, len(payload), size):
        more = at + size < len(payload)
        body = b"\0" + struct.pack("!HI", at | more, ident)
        found.append(ip6(src, dst, packet[6], payload[at:at + size],
                         extensions=[(44, body)]))
    return found


def split(address):
    """("10.0.0.1", 80) of "10.0.0.1:80", also of "[::1]:80"."""
    host, port = address.rsplit(":", 1)
    return host.strip("[]"), int(port)


class Talk:
    """A TCP connection: makes the packets of both sides.

    client, server  addresses, as the program prints them
    isn             initial sequence numbers
    said            what c(), s() and say() have said, by side
    """

    def __init__(self, client="10.1.0.1:40000", server="10.2.0.2:80",
                 isn=(1_000_000, 3_000_000_000), window=65535):
        self.client, self.server = client, server
        self.ends = (split(client), split(server))
        self.isn = isn
        self.window = window
        self.said = [bytearray(), bytearray()]
        self.next = [isn[C], isn[S]]

    def segment(self, side, flags, data=b"", *, seq=None, ack=None, **how):
        """One packet with whatever is wanted; nothing moves on."""
        (src, sport), (dst, dport) = self.ends[side], self.ends[not side]
        how.setdefault("window", self.window)
        return ip(src, dst, TCP, tcp(
            src, dst, (sport, dport), self.next[side] if seq is None else seq,
            (self.next[not side] if ack is None else ack)
            if flags & ACK else 0, flags, data, **how))

    def at(self, side, offset, data, **how):
        """A segment of data at an offset of the stream; nothing moves on."""
        return self.segment(side, ACK | PSH, data,
                            seq=self.isn[side] + 1 + offset, **how)

    def syn(self, side=C, data=b"", **how):
        """SYN, or SYN with ACK when the other side's came before."""
        flags = SYN | (ACK if self.next[not side] != self.isn[not side] else 0)
        packet = self.segment(side, flags, data, **how)
        self.next[side] = (self.isn[side] + 1 + len(data)) % MOD
        self.said[side] += data
        return packet

    def open(self, **how):
        """The three packets that open it."""
        return [self.syn(C, **how), self.syn(S, **how), self.ack(C)]

    def begin(self):
        """As open(), but nobody captured that: for the middle of a talk."""
        self.open()
        return self

    def ack(self, side, **how):
        return self.segment(side, ACK, **how)

    def say(self, side, data, **how):
        """The next bytes of a side."""
        packet = self.segment(side, ACK | PSH, data, **how)
        self.next[side] = (self.next[side] + len(data)) % MOD
        self.said[side] += data
        return packet

    def c(self, data, **how):
        return self.say(C, data, **how)

    def s(self, data, **how):
        return self.say(S, data, **how)

    def stream(self, side, data, size=1000, **how):
        """Data as segments of so many bytes."""
        return [self.say(side, data[at:at + size], **how)
                for at in range(0, len(data), size)]

    def fin(self, side, data=b"", **how):
        packet = self.segment(side, FIN | ACK, data, **how)
        self.next[side] = (self.next[side] + len(data) + 1) % MOD
        self.said[side] += data
        return packet

    def rst(self, side, **how):
        return self.segment(side, RST | ACK, **how)

    def close(self, first=C):
        """Both FINs and what acknowledges them."""
        return [self.fin(first), self.ack(not first), self.fin(not first),
                self.ack(first)]

    def whole(self, question=b"a question", answer=b"an answer"):
        """A short conversation from SYN to last ACK."""
        return [*self.open(), self.c(question), self.ack(S), self.s(answer),
                self.ack(C), *self.close()]
