"""The relays that are measured: how each is started, and what it cost."""

import contextlib
import os
import pathlib
import random
import shutil
import signal
import socket
import subprocess
import time

import machine
from machine import TEELINE, TOOLS

# Sessions at once that a relay is set up for, where the machine lets it have
# so many descriptors: two for each, and some of its own.
SESSIONS = 11000
PIPES = 500


def room():
    """What we keep for files of a sink that records is not for sessions."""
    all_fds = machine.raise_limits()
    return min(SESSIONS, (all_fds - all_fds // 16 - 2 * PIPES - 400) // 2)


# What teeline is run under (bench/profile sets it).
UNDER = []


def free_port():
    """One that no connection of the load takes meanwhile: below the range
    from which the kernel chooses."""
    local = pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range").read_text()
    below = int(local.split()[0])
    ports = range(below // 2, below) if below > 4096 else range(0, 1)
    for _ in range(1000):
        with socket.socket() as s, contextlib.suppress(OSError):
            s.bind(("127.0.0.1", random.choice(ports)))
            return s.getsockname()[1]
    raise RuntimeError("no port is free")


def running(pid):
    """The process and all below it, but for what ours is run under."""
    found = machine.children(pid)
    return found[1:] if UNDER and len(found) > 1 else found


def interrupt(proc, sign):
    for pid in reversed(running(proc.pid)):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, sign)


def wait_listening(port, proc):
    """Until somebody listens there; looks at the kernel's table, since a
    connection would count as a session."""
    want = f"{port:04X}"
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        if proc.poll() is not None:
            name = os.path.basename(proc.args[0])
            raise RuntimeError(f"{name} ended with {proc.returncode}")
        for table in ("/proc/net/tcp", "/proc/net/tcp6"):
            for line in pathlib.Path(table).read_text().splitlines()[1:]:
                field = line.split()
                if field[3] == "0A" and field[1].endswith(":" + want):
                    return
        time.sleep(0.01)
    raise RuntimeError(f"{proc.args[0]} does not listen on {port}")


class Relay:
    """A relay under test; use it as a context.

    program  what must be installed, and
    package  where Debian has it
    records  it writes what passes, perhaps after it was delivered
    most     idle sessions that it is given
    """

    name = "?"
    program = None
    package = None
    records = False
    most = SESSIONS

    def __init__(self, target):
        self.target = target
        self.port = free_port()
        self.dir = machine.new_folder()
        self.proc = None

    @classmethod
    def missing(cls):
        """What must be installed first, or None."""
        if cls.program is None or shutil.which(cls.program):
            return None
        return cls.package or cls.program

    def command(self):
        raise NotImplementedError

    def __enter__(self):
        self.log = open(self.dir / "log", "wb")
        self.proc = subprocess.Popen(
            self.command(), stdin=subprocess.DEVNULL, stdout=self.log,
            stderr=self.log, cwd=self.dir, start_new_session=True)
        try:
            wait_listening(self.port, self.proc)
        except RuntimeError as error:
            Relay.__exit__(self)
            raise RuntimeError(f"{error}: {self.last_words()}") from error
        return self

    def last_words(self):
        said = self.said.strip().splitlines()
        return said[-1] if said else "it said nothing"

    def cpu(self):
        return machine.tree_cpu(self.proc.pid)

    def rss(self):
        return machine.tree_rss(self.proc.pid)

    def settle(self):
        """The writer may still be at it when the last byte was delivered."""
        if not self.records:
            return
        deadline = time.monotonic() + 20
        last = -1.0
        while time.monotonic() < deadline:
            cpu = self.cpu()
            if cpu - last < 0.001:
                return
            last = cpu
            time.sleep(0.1)

    def __exit__(self, *exc):
        interrupt(self.proc, signal.SIGTERM)
        try:
            self.proc.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self.proc.kill()
            self.proc.wait()
        self.log.close()
        self.said = (self.dir / "log").read_text(errors="replace")
        self.wrote = sum(path.stat().st_size for path in self.dir.rglob("*")
                         if path.is_file())
        machine.empty(self.dir)


class Direct:
    """No relay at all: what the two ends can do."""

    name = "direct"
    records = False
    most = SESSIONS

    def __init__(self, target):
        self.port = target

    @staticmethod
    def missing():
        return None

    def __enter__(self):
        return self

    def cpu(self):
        return 0.0

    def rss(self):
        return 0

    def settle(self):
        pass

    def __exit__(self, *exc):
        pass


class Proto(Relay):
    """What the machine allows: bench/proto.c."""

    mode = "relay"

    def command(self):
        return [os.path.join(TOOLS, "proto"), self.mode, str(self.port),
                str(self.target), str(self.dir)]


def proto(mode):
    return type("Proto" + mode, (Proto,),
                {"name": "proto " + mode, "mode": mode,
                 "records": mode != "relay"})


class Haproxy(Relay):
    name = "haproxy"
    program = "haproxy"

    def command(self):
        conf = self.dir / "haproxy.cfg"
        conf.write_text(f"""
global
    nbthread 2
    maxconn {room()}
    maxpipes {PIPES}
    tune.maxaccept 500
defaults
    mode tcp
    option splice-auto
    timeout connect 10s
    timeout client 1h
    timeout server 1h
listen relay
    bind 127.0.0.1:{self.port}
    server s 127.0.0.1:{self.target}
""")
        return ["haproxy", "-f", str(conf), "-db"]


class Nginx(Relay):
    name = "nginx"
    program = "nginx"
    MODULE = pathlib.Path("/usr/lib/nginx/modules/ngx_stream_module.so")

    @classmethod
    def missing(cls):
        if not cls.MODULE.exists():
            return "libnginx-mod-stream"
        return super().missing()

    def command(self):
        conf = self.dir / "nginx.conf"
        conf.write_text(f"""
load_module {self.MODULE};
daemon off; worker_processes 2; pid {self.dir}/pid; error_log stderr crit;
events {{ worker_connections {3 * SESSIONS}; }}
stream {{ server {{ listen 127.0.0.1:{self.port};
         proxy_pass 127.0.0.1:{self.target}; proxy_buffer_size 64k; }} }}
""")
        return ["nginx", "-p", str(self.dir), "-c", str(conf)]


class Socat(Relay):
    """A process for each session."""

    name = "socat"
    program = "socat"
    most = 200

    def command(self):
        return ["socat", "-t", "60", "-b", "131072",
                f"TCP4-LISTEN:{self.port},bind=127.0.0.1,fork,reuseaddr,"
                "backlog=128", f"TCP4:127.0.0.1:{self.target}"]


class Tcpreen(Relay):
    name = "tcpreen raw"
    program = "tcpreen"
    format = "raw"
    records = True

    def command(self):
        return ["tcpreen", "-n", "-q", "-F", "128", "-a", "127.0.0.1",
                "-f", self.format, "-o", str(self.dir / "record"),
                str(self.target), str(self.port)]


class TcpreenHex(Tcpreen):
    name = "tcpreen hex"
    format = "hex"


class Sslsplit(Relay):
    """Its plain TCP; every byte to a file for each connection."""

    name = "sslsplit"
    program = "sslsplit"
    records = True
    sink = ["-S", "DIR"]

    def command(self):
        sink = [a.replace("DIR", str(self.dir)) for a in self.sink]
        user = ["-u", "root"] if os.geteuid() == 0 else []
        return ["sslsplit", *user, *sink, "tcp", "127.0.0.1", str(self.port),
                "127.0.0.1", str(self.target)]


class SslsplitPcap(Sslsplit):
    name = "sslsplit pcap"
    sink = ["-X", "DIR/capture.pcap"]


class Teeline(Relay):
    name = "teeline"
    extra = []

    def command(self):
        sinks = [a.replace("DIR", str(self.dir)) for a in self.extra]
        return [*UNDER, TEELINE, "proxy", "-q", "-f", "none", *sinks,
                f"127.0.0.1:{self.port}", f"127.0.0.1:{self.target}"]


def teeline(name, *extra):
    return type("Teeline" + name, (Teeline,),
                {"name": "teeline " + name, "extra": list(extra),
                 "records": any(word in ("-o", "-w") for word in extra)})
