"""Capture files written, and read back, without any of the program's code.

    path = savefile.pcap(folder / "x.pcap", frames)
    path = savefile.pcapng(folder / "x.pcapng", frames, linktype=ETHERNET)

A frame is bytes, or Frame where time, length or interface matter.
"""

import dataclasses
import struct

NULL, ETHERNET, PPP, RAW, LOOP = 0, 1, 9, 101, 108
START_NS = 1_700_000_000_000_000_000
STEP_NS = 1_000_000


@dataclasses.dataclass
class Frame:
    """A packet: ts_ns None is a millisecond after the one before; wire is
    the length it had, None: that of data; iface: of a pcapng file."""
    data: bytes
    ts_ns: int = None
    wire: int = None
    iface: int = 0


def at(seconds, packet):
    """A packet so many seconds after the start."""
    return Frame(packet, START_NS + int(seconds * 10**9))


def timed(frames):
    """All of them as Frame, with a time."""
    now = START_NS - STEP_NS
    for one in frames:
        if not isinstance(one, Frame):
            one = Frame(one)
        now = now + STEP_NS if one.ts_ns is None else one.ts_ns
        yield dataclasses.replace(
            one, ts_ns=now,
            wire=len(one.data) if one.wire is None else one.wire)


def pcap_bytes(frames, linktype=RAW, *, nano=False, order="<", snaplen=262144):
    """A classic capture file (pcap-savefile(5))."""
    unit = 1 if nano else 1000
    magic = 0xa1b23c4d if nano else 0xa1b2c3d4
    parts = [struct.pack(order + "IHHiIII", magic, 2, 4, 0, 0, snaplen,
                         linktype)]
    for one in timed(frames):
        parts.append(struct.pack(
            order + "IIII", one.ts_ns // 10**9, one.ts_ns % 10**9 // unit,
            len(one.data), one.wire))
        parts.append(one.data)
    return b"".join(parts)


def pcap(path, frames, linktype=RAW, **how):
    """Write one, and return its path."""
    with open(path, "wb") as file:
        file.write(pcap_bytes(frames, linktype, **how))
    return path


def option(code, value, order="<"):
    return (struct.pack(order + "HH", code, len(value)) + value
            + b"\0" * (-len(value) % 4))


def block(kind, body, order="<"):
    """A pcapng block around its body."""
    body += b"\0" * (-len(body) % 4)
    size = struct.pack(order + "I", len(body) + 12)
    return struct.pack(order + "I", kind) + size + body + size


def section(order="<", options=b""):
    return block(0x0a0d0d0a, struct.pack(order + "IHHq", 0x1a2b3c4d, 1, 0, -1)
                 + options, order)


def interface(linktype=RAW, snaplen=0, options=b"", order="<"):
    return block(1, struct.pack(order + "HHI", linktype, 0, snaplen) + options,
                 order)


def enhanced(one, ticks, order="<", options=b""):
    """An Enhanced Packet Block; ticks: its time in the interface's unit."""
    body = struct.pack(order + "IIIII", one.iface, ticks >> 32,
                       ticks & 0xffffffff, len(one.data), one.wire)
    return block(6, body + one.data + b"\0" * (-len(one.data) % 4) + options,
                 order)


def pcapng_bytes(frames, linktypes=(RAW,), *, order="<"):
    """One section, an interface per link type, times in nanoseconds."""
    nano = option(9, b"\x09", order) + option(0, b"", order)
    return b"".join([
        section(order),
        *(interface(one, options=nano, order=order) for one in linktypes),
        *(enhanced(one, one.ts_ns, order) for one in timed(frames))])


def pcapng(path, frames, linktypes=(RAW,), **how):
    """Write one, and return its path."""
    with open(path, "wb") as file:
        file.write(pcapng_bytes(frames, linktypes, **how))
    return path


@dataclasses.dataclass
class Packet:
    """A packet as a file has it; ts_ns None where the format has none."""
    linktype: int
    ts_ns: int
    wire: int
    data: bytes


def load(path):
    """All packets of a pcap or pcapng file, in order, up to a damage."""
    with open(path, "rb") as file:
        data = file.read()
    if data[:4] == b"\x0a\x0d\x0d\x0a":
        return _load_pcapng(data)
    return _load_pcap(data)


def _load_pcap(data):
    kinds = {0xa1b2c3d4: (1000, 16), 0xa1b23c4d: (1, 16),
             0xa1b2cd34: (1000, 24)}  # the last: Kuznetzov's
    for order in "<>":
        magic, = struct.unpack_from(order + "I", data)
        if magic in kinds:
            break
    unit, head = kinds[magic]
    linktype, = struct.unpack_from(order + "I", data, 20)
    found, at = [], 24
    while at < len(data):
        seconds, fraction, size, wire = struct.unpack_from(
            order + "IIII", data, at)
        at += head
        if at + size > len(data):
            break
        found.append(Packet(linktype & 0xffff,
                            seconds * 10**9 + fraction * unit, wire,
                            data[at:at + size]))
        at += size
    return found


def _load_pcapng(data):
    found, at, order, interfaces = [], 0, "<", []
    while at < len(data):
        if data[at:at + 4] == b"\x0a\x0d\x0d\x0a":
            order = "<" if data[at + 8:at + 12] == b"\x4d\x3c\x2b\x1a" else ">"
            interfaces = []
        kind, size = struct.unpack_from(order + "II", data, at)
        body = data[at + 8:at + size - 4]
        if kind == 1:
            interfaces.append(_load_interface(body, order))
        elif kind == 6:
            number, high, low, length, wire = struct.unpack_from(
                order + "IIIII", body)
            found.append(_load_packet(interfaces[number], high << 32 | low,
                                      wire, body[20:20 + length]))
        elif kind == 2:
            number, _, high, low, length, wire = struct.unpack_from(
                order + "HHIIII", body)
            found.append(_load_packet(interfaces[number], high << 32 | low,
                                      wire, body[20:20 + length]))
        elif kind == 3:
            wire, = struct.unpack_from(order + "I", body)
            limit = interfaces[0][1] or wire
            found.append(Packet(interfaces[0][0], None, wire,
                                body[4:4 + min(wire, limit)]))
        at += size
    return found


def _load_interface(body, order):
    """(link type, snapshot length, ticks per second, offset in seconds)"""
    linktype, _, snaplen = struct.unpack_from(order + "HHI", body)
    ticks, offset, at = 10**6, 0, 8
    while at + 4 <= len(body):
        code, size = struct.unpack_from(order + "HH", body, at)
        value = body[at + 4:at + 4 + size]
        if code == 9:
            ticks = (2 ** (value[0] & 0x7f) if value[0] & 0x80
                     else 10 ** value[0])
        elif code == 14:
            offset, = struct.unpack(order + "q", value)
        at += 4 + size + -size % 4
    return linktype, snaplen, ticks, offset


def _load_packet(interface, ticks, wire, data):
    linktype, _, per_second, offset = interface
    return Packet(linktype, offset * 10**9 + ticks * 10**9 // per_second,
                  wire, data)
