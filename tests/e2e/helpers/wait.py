"""Waiting for something to become true, with a deadline and never blindly."""

import os
import time

# valgrind and sanitizers slow the program, not the tests.
SLOW = 10 if os.environ.get("VALGRIND") else 3 if os.environ.get("SAN") else 1

# How far deadlines stretch; PATIENCE says that others run beside this one.
SCALE = SLOW * float(os.environ.get("PATIENCE", 1))


class Deadline(AssertionError):
    """What was waited for did not happen."""


def wait_until(cond, deadline=10.0, what=None, every=0.005):
    """Call cond() until it returns something true, and return that.

    deadline is in seconds (stretched by SCALE); what
    is for the failure's message, a text or a function that makes one.  An
    OSError in cond() counts as "not yet": files and sockets come late.
    """
    end = time.monotonic() + deadline * SCALE
    while True:
        try:
            value = cond()
        except OSError:
            value = None
        if value:
            return value
        if time.monotonic() > end:
            what = what() if callable(what) else what
            raise Deadline(f"after {deadline * SCALE:g} s still not: "
                           f"{what or cond}")
        time.sleep(every)
