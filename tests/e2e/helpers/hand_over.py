"""Starts a program as a service manager with socket activation would.

    hand_over.py NAMES FD[,FD...] PROGRAM ARG...

The descriptors become 3, 4, ... in this order, and the environment says so:
LISTEN_FDS, LISTEN_PID and, unless NAMES is "-", LISTEN_FDNAMES.
"""

import os
import sys

FIRST = 3
ABOVE = 200  # out of the way of all places


def main(names, numbers, *argv):
    """Does not return."""
    fds = [int(number) for number in numbers.split(",")]
    for i, fd in enumerate(fds):
        os.dup2(fd, ABOVE + i)
    for i in range(len(fds)):
        os.dup2(ABOVE + i, FIRST + i)
        os.close(ABOVE + i)
    os.environ["LISTEN_FDS"] = str(len(fds))
    os.environ["LISTEN_PID"] = str(os.getpid())
    if names != "-":
        os.environ["LISTEN_FDNAMES"] = names
    os.execvp(argv[0], argv)


if __name__ == "__main__":
    main(*sys.argv[1:])
