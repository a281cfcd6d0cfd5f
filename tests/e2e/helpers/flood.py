"""Sends the packets of a capture file on an interface, as fast as can be.

    place.run(sys.executable, flood.__file__, "eth0", path)

A program of its own, since it has to be in the network that it floods.  The
file is one of Ethernet that helpers/savefile.py wrote.
"""

import mmap
import socket
import struct
import sys


def main(interface, path):
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    sock.bind((interface, 0))
    with open(path, "rb") as file:
        data = memoryview(mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ))
    at = 24
    while at < len(data):
        size, = struct.unpack_from("<I", data, at + 8)
        at += 16
        sock.send(data[at:at + size])
        at += size


if __name__ == "__main__":
    main(*sys.argv[1:])
