"""Headers of links and tunnels around an IP packet, one function each.

WRAPS = {name: Wrap(linktype, function, tunnels)}: function takes an IP packet
of either family and returns a frame of that link type; tunnels is how many
layers of them it adds (--decap).  Numbers are those of the standards that
each docstring names; tshark, which is asked in test_encapsulations.py,
agrees.
"""

import dataclasses
import socket
import struct
import typing

from helpers.packets import (GRE, IP4_IN_IP, IP6_IN_IP, UDP, ip, ip4, ip6,
                             udp)
from helpers.savefile import ETHERNET, LOOP, NULL, PPP, RAW

FDDI, PPP_HDLC, CHDLC, WLAN, SLL, RADIOTAP = 10, 50, 104, 105, 113, 127
PPI, IPV4, IPV6, NFLOG, SLL2 = 192, 228, 229, 239, 276
MACS = bytes.fromhex("020000000002" "020000000001")
LLC_SNAP = bytes.fromhex("aaaa03000000")
OUTER4 = ("172.16.0.1", "172.16.0.2")
OUTER6 = ("fd00::1", "fd00::2")


def is_four(packet):
    return packet[0] >> 4 == 4


def ethertype(packet):
    return 0x0800 if is_four(packet) else 0x86dd


def ether(payload, kind):
    return MACS + struct.pack("!H", kind) + payload


def ethernet(packet):
    return ether(packet, ethertype(packet))


def padded(packet):
    """Ethernet: at least 60 bytes, and what fills it is no payload."""
    return ethernet(packet).ljust(60, b"\xee") + b"\xee" * 7


def ieee_llc(packet):
    """802.3 with a length, LLC and SNAP."""
    inner = LLC_SNAP + struct.pack("!H", ethertype(packet)) + packet
    return ether(inner, len(inner))


def tag(packet, vlan=5):
    """What follows a tag protocol id: VLAN and the type that was there."""
    return struct.pack("!HH", vlan, ethertype(packet)) + packet


def vlan(packet):
    """802.1Q"""
    return ether(tag(packet), 0x8100)


def qinq(packet):
    """802.1ad"""
    return ether(struct.pack("!HH", 7, 0x8100) + tag(packet), 0x88a8)


def three_tags(packet):
    """802.1Q, three deep, with an older number for the outer one."""
    return ether(struct.pack("!HHHH", 7, 0x8100, 8, 0x8100) + tag(packet),
                 0x9100)


def mac_in_mac(packet):
    """802.1ah: backbone tag, service tag, and the frame of the customer."""
    return ether(struct.pack("!HHI", 9, 0x88e7, 1234) + ethernet(packet),
                 0x88a8)


def mpls(packet):
    """RFC 3032: two labels, the lower at the bottom of the stack."""
    return ether(struct.pack("!II", 100 << 12 | 64, 200 << 12 | 1 << 8 | 64)
                 + packet, 0x8847)


def ppp(packet):
    return struct.pack("!H", 0x0021 if is_four(packet) else 0x0057) + packet


def ppp_hdlc(packet):
    """RFC 1662: address and control first."""
    return b"\xff\x03" + ppp(packet)


def pppoe(packet):
    """RFC 2516"""
    inner = ppp(packet)
    return ether(struct.pack("!BBHH", 0x11, 0, 3, len(inner)) + inner, 0x8864)


def on_outer(proto, payload, outer=OUTER4):
    return ethernet(ip(*outer, proto, payload))


def on_udp(port, payload, outer=OUTER4, source=50000):
    return on_outer(UDP, udp((source, port), payload), outer)


def gre(packet):
    """RFC 2784"""
    return on_outer(GRE, struct.pack("!HH", 0, ethertype(packet)) + packet)


def gre_options(packet):
    """RFC 2784 and 2890: checksum, key and sequence number."""
    return on_outer(GRE, struct.pack("!HHIII", 0xb000, ethertype(packet), 0,
                                     99, 1) + packet)


def gre_ethernet(packet):
    """NVGRE, RFC 7637"""
    return on_outer(GRE, struct.pack("!HHI", 0x2000, 0x6558, 77 << 8)
                    + ethernet(packet))


def pptp(packet):
    """RFC 2637: enhanced GRE around PPP."""
    inner = ppp_hdlc(packet)
    return on_outer(GRE, struct.pack("!HHHHI", 0x3001, 0x880b, len(inner), 1,
                                     1) + inner)


def erspan1(packet):
    """GRE of no sequence number: the frame follows at once."""
    return on_outer(GRE, struct.pack("!HH", 0, 0x88be) + ethernet(packet))


def erspan2(packet):
    """draft-foschiano-erspan: type II has eight bytes."""
    return on_outer(GRE, struct.pack("!HHI", 0x1000, 0x88be, 1)
                    + struct.pack("!II", 0x10050001, 2) + ethernet(packet))


def erspan3(packet):
    """Type III has twelve."""
    return on_outer(GRE, struct.pack("!HHI", 0x1000, 0x22eb, 1)
                    + struct.pack("!III", 0x20050001, 0, 0)
                    + ethernet(packet))


def erspan3_optional(packet):
    """Type III with the platform's eight bytes after that (O)."""
    return on_outer(GRE, struct.pack("!HHI", 0x1000, 0x22eb, 1)
                    + struct.pack("!IIIQ", 0x20050001, 0, 1, 0)
                    + ethernet(packet))


def inner_proto(packet):
    return IP4_IN_IP if is_four(packet) else IP6_IN_IP


def ip_in_ip4(packet):
    """RFC 2003, and 6in4 (RFC 4213)"""
    return on_outer(inner_proto(packet), packet)


def ip_in_ip6(packet):
    """RFC 2473"""
    return on_outer(inner_proto(packet), packet, OUTER6)


def vxlan(packet):
    """RFC 7348"""
    return on_udp(4789, struct.pack("!II", 0x08000000, 42 << 8)
                  + ethernet(packet))


def vxlan6(packet):
    """The same over IPv6."""
    return on_udp(4789, struct.pack("!II", 0x08000000, 42 << 8)
                  + ethernet(packet), OUTER6)


def geneve(packet):
    """RFC 8926, with an option of eight bytes"""
    return on_udp(6081, struct.pack("!BBHI", 2, 0, 0x6558, 42 << 8)
                  + struct.pack("!HBBI", 0x0101, 0, 1, 0) + ethernet(packet))


def geneve_ip(packet):
    """RFC 8926, IP without a frame"""
    return on_udp(6081, struct.pack("!BBHI", 0, 0, ethertype(packet), 42 << 8)
                  + packet)


def gtp_u(packet):
    """3GPP TS 29.281, with a sequence number"""
    inner = struct.pack("!HBB", 1, 0, 0) + packet
    return on_udp(2152, struct.pack("!BBHI", 0x32, 0xff, len(inner), 5)
                  + inner)


def gtp_extension(packet):
    """The same with an extension header (PDU session container)."""
    inner = struct.pack("!HBB", 0, 0, 0x85) + bytes([1, 0, 1, 0]) + packet
    return on_udp(2152, struct.pack("!BBHI", 0x34, 0xff, len(inner), 5)
                  + inner)


def l2tp(packet):
    """RFC 2661: a data message with a length, around PPP"""
    inner = ppp_hdlc(packet)
    return on_udp(1701, struct.pack("!HHHH", 0x4002, 8 + len(inner), 1, 1)
                  + inner, source=1701)


def nested(packet):
    """Three tunnels: GRE, in it VXLAN, in it IP in IP."""
    inner = ip4("10.9.0.1", "10.9.0.2", inner_proto(packet), packet)
    middle = ip4("10.8.0.1", "10.8.0.2", UDP, udp(
        (50000, 4789), struct.pack("!II", 0x08000000, 42 << 8)
        + ethernet(inner)))
    return gre(middle)


def raw(packet):
    return packet


def family(packet, order):
    """DLT_NULL: a number of the machine that captured; 2 and 30 (macOS)."""
    return struct.pack(order + "I", 2 if is_four(packet) else 30) + packet


def null_little(packet):
    return family(packet, "<")


def null_big(packet):
    return family(packet, ">")


def sll(packet):
    return struct.pack("!HHH8sH", 0, 1, 6, MACS[:6], ethertype(packet)
                       ) + packet


def sll_vlan(packet):
    return struct.pack("!HHH8sH", 0, 1, 6, MACS[:6], 0x8100) + tag(packet)


def sll2(packet):
    return struct.pack("!HHIHBB8s", ethertype(packet), 0, 3, 1, 0, 6,
                       MACS[:6]) + packet


def chdlc(packet):
    return struct.pack("!BBH", 0x0f, 0, ethertype(packet)) + packet


def nflog(packet):
    """A prefix, then the payload: attributes padded to four bytes."""
    def attribute(kind, value):
        return (struct.pack("<HH", 4 + len(value), kind) + value
                + b"\0" * (-len(value) % 4))
    return (struct.pack("!BBH", 2 if is_four(packet) else 10, 0, 5)
            + attribute(10, b"in:\0") + attribute(9, packet))


def wlan(packet):
    """IEEE 802.11: data from the distribution system."""
    return (b"\x08\x02\0\0" + MACS + MACS[:6] + b"\x10\0" + LLC_SNAP
            + struct.pack("!H", ethertype(packet)) + packet)


def wlan_qos(packet):
    """QoS data to the distribution system."""
    return (b"\x88\x01\0\0" + MACS + MACS[:6] + b"\x10\0" + b"\0\0" + LLC_SNAP
            + struct.pack("!H", ethertype(packet)) + packet)


def wlan_four(packet):
    """Four addresses, as between access points."""
    return (b"\x08\x03\0\0" + MACS + MACS[:6] + b"\x10\0" + MACS[6:]
            + LLC_SNAP + struct.pack("!H", ethertype(packet)) + packet)


def radiotap(packet):
    """Flags only: no frame check sequence."""
    return struct.pack("<BBHIB", 0, 0, 9, 2, 0) + wlan(packet)


def radiotap_fcs(packet):
    """Flags say that a frame check sequence ends it."""
    return struct.pack("<BBHIB", 0, 0, 9, 2, 0x10) + wlan(packet) + b"\1\2\3\4"


def ppi(packet):
    return struct.pack("<BBHI", 0, 0, 8, WLAN) + wlan(packet)


def ppi_ethernet(packet):
    return struct.pack("<BBHI", 0, 0, 8, ETHERNET) + ethernet(packet)


def fddi(packet):
    return (b"\x57" + MACS + LLC_SNAP + struct.pack("!H", ethertype(packet))
            + packet)


@dataclasses.dataclass
class Wrap:
    """Around an IP packet, and how many layers that are tunnels."""
    linktype: int
    frame: typing.Callable
    tunnels: int = 0


WRAPS = {
    **{one.__name__: Wrap(ETHERNET, one) for one in (
        ethernet, padded, ieee_llc, vlan, qinq, three_tags, mac_in_mac, mpls,
        pppoe)},
    **{one.__name__: Wrap(ETHERNET, one, 1) for one in (
        gre, gre_options, gre_ethernet, pptp, erspan1, erspan2, erspan3,
        erspan3_optional, ip_in_ip4, ip_in_ip6, vxlan, vxlan6, geneve,
        geneve_ip, gtp_u, gtp_extension, l2tp)},
    "nested": Wrap(ETHERNET, nested, 3),
    "raw": Wrap(RAW, raw),
    "null_little": Wrap(NULL, null_little),
    "null_big": Wrap(NULL, null_big),
    "loop": Wrap(LOOP, null_big),
    "sll": Wrap(SLL, sll),
    "sll_vlan": Wrap(SLL, sll_vlan),
    "sll2": Wrap(SLL2, sll2),
    "ppp": Wrap(PPP, ppp),
    "ppp_with_hdlc": Wrap(PPP, ppp_hdlc),
    "ppp_hdlc": Wrap(PPP_HDLC, ppp_hdlc),
    "chdlc": Wrap(CHDLC, chdlc),
    "nflog": Wrap(NFLOG, nflog),
    "wlan": Wrap(WLAN, wlan),
    "wlan_qos": Wrap(WLAN, wlan_qos),
    "wlan_four": Wrap(WLAN, wlan_four),
    "radiotap": Wrap(RADIOTAP, radiotap),
    "radiotap_fcs": Wrap(RADIOTAP, radiotap_fcs),
    "ppi": Wrap(PPI, ppi),
    "ppi_ethernet": Wrap(PPI, ppi_ethernet),
    "fddi": Wrap(FDDI, fddi),
}

# Headers between IPv6 and TCP: (number, what follows the number of the next).
EXTENSIONS = {
    "hop_by_hop": [(0, bytes([0]) + b"\1\4\0\0\0\0")],
    "destination": [(60, bytes([1]) + b"\1\x0c" + bytes(12))],
    "routing": [(43, bytes([2, 0, 0]) + bytes(4) + bytes(16))],
    "fragment_of_one": [(44, b"\0" + struct.pack("!HI", 0, 9))],
    "authentication": [(51, bytes([4, 0, 0]) + bytes(4) + bytes(16))],
    "all_of_them": [(0, bytes([0]) + b"\1\4\0\0\0\0"),
                    (43, bytes([2, 0, 0]) + bytes(4) + bytes(16)),
                    (51, bytes([4, 0, 0]) + bytes(4) + bytes(16)),
                    (60, bytes([0]) + b"\1\4\0\0\0\0")],
}


def with_extensions(packet, name):
    """An IPv6 packet once more, with these headers before its payload."""
    src, dst = (socket.inet_ntop(socket.AF_INET6, packet[at:at + 16])
                for at in (8, 24))
    return ip6(src, dst, packet[6], packet[40:], extensions=EXTENSIONS[name])
