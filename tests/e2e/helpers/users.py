"""Other users of this machine: who starts the program, who lays traps.

    as_nobody(["touch", path])              somebody else has been there
    teeline.spawn([...], prefix=NOBODY)     somebody else starts it
    program = set_uid(teeline, folder, "tcpreen")

Only root can be somebody else; as an ordinary user both are the same, and
what is tested is that nothing of it gets in the user's own way.
"""

import os
import pwd
import shutil
import subprocess

from helpers.peers import TIMEOUT

IS_ROOT = os.geteuid() == 0
OTHER = pwd.getpwnam("nobody") if IS_ROOT else pwd.getpwuid(os.getuid())
NOBODY = (["setpriv", f"--reuid={OTHER.pw_uid}", f"--regid={OTHER.pw_gid}",
           "--clear-groups"] if IS_ROOT else [])


def as_nobody(argv):
    """Run a command as somebody else."""
    subprocess.run([*NOBODY, *map(str, argv)], check=True, timeout=TIMEOUT)


def reachable(folder):
    """The folder, which every user can get to; those above it, too."""
    for one in [folder, *folder.parents]:
        if one.stat().st_uid == os.getuid() and one != one.parent:
            one.chmod(one.stat().st_mode | 0o055)
    return folder


def shared(folder, mode=0o777):
    """A new folder there where everybody may write."""
    one = reachable(folder) / "shared"
    one.mkdir()
    one.chmod(mode)
    return one


def set_uid(teeline, folder, name, mode=0o4755):
    """A copy of the program that runs as its owner, by that name."""
    program = reachable(folder) / name
    shutil.copy(teeline.path, program)
    program.chmod(mode)
    return program


def ids(pid):
    """All user ids that a process has: real, effective, saved, of files."""
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        line, = [line for line in file if line.startswith("Uid:")]
    return {int(word) for word in line.split()[1:]}
