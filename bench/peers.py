"""The programs that are measured: how each is started, and what it cost."""

import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import time

TICKS = os.sysconf("SC_CLK_TCK")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_listening(port, proc):
    """Until somebody listens there; looks at the kernel's table, since a
    connection would count as a session."""
    want = f"{port:04X}"
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        if proc.poll() is not None:
            raise RuntimeError(f"{proc.args[0]} ended with {proc.returncode}")
        for table in ("/proc/net/tcp", "/proc/net/tcp6"):
            for line in pathlib.Path(table).read_text().splitlines()[1:]:
                field = line.split()
                if field[3] == "0A" and field[1].endswith(":" + want):
                    return
        time.sleep(0.01)
    raise RuntimeError(f"{proc.args[0]} does not listen on {port}")


def children(pid):
    found = [pid]
    for task in pathlib.Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            for child in task.read_text().split():
                found += children(int(child))
        except OSError:
            pass
    return found


def tree_cpu(pid):
    """CPU seconds of a process, its living and its reaped descendants."""
    ticks = 0
    for p in children(pid):
        try:
            stat = pathlib.Path(f"/proc/{p}/stat").read_text()
        except OSError:
            continue
        field = stat.rsplit(")", 1)[1].split()
        ticks += sum(int(field[i]) for i in (11, 12, 13, 14))
    return ticks / TICKS


def tree_rss(pid):
    """Resident bytes of a process tree, private and shared."""
    total = 0
    for p in children(pid):
        for line in pathlib.Path(f"/proc/{p}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                total += int(line.split()[1]) * 1024
    return total


class Relay:
    """A relay under test; use it as a context."""

    name = "?"

    def __init__(self, target):
        self.target = target
        self.port = free_port()
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="bench-", dir=WORK))
        self.proc = None

    def command(self):
        raise NotImplementedError

    def __enter__(self):
        self.log = open(self.dir / "log", "wb")
        self.proc = subprocess.Popen(
            self.command(), stdin=subprocess.DEVNULL, stdout=self.log,
            stderr=self.log, cwd=self.dir, start_new_session=True)
        wait_listening(self.port, self.proc)
        return self

    def cpu(self):
        return tree_cpu(self.proc.pid)

    def rss(self):
        return tree_rss(self.proc.pid)

    def settle(self, want):
        """Until all has been written; CPU is read after that."""

    def __exit__(self, *exc):
        for pid in reversed(children(self.proc.pid)):
            try:
                os.kill(pid, signal.SIGTERM)
            except ProcessLookupError:
                pass
        try:
            self.proc.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self.proc.kill()
            self.proc.wait()
        self.log.close()
        shutil.rmtree(self.dir, ignore_errors=True)


class Direct:
    """No relay at all: what the two ends can do."""

    name = "direct"

    def __init__(self, target):
        self.port = target

    def __enter__(self):
        return self

    def cpu(self):
        return 0.0

    def rss(self):
        return 0

    def settle(self, want):
        pass

    def __exit__(self, *exc):
        pass


class Haproxy(Relay):
    name = "haproxy"

    def command(self):
        conf = self.dir / "haproxy.cfg"
        conf.write_text(f"""
global
    nbthread 2
    maxconn 6000
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
        return ["haproxy", "-f", str(conf), "-db", "-q"]


class Nginx(Relay):
    name = "nginx"

    def command(self):
        conf = self.dir / "nginx.conf"
        module = next(pathlib.Path("/usr/lib/nginx/modules").glob(
            "ngx_stream_module.so"), None)
        load = f"load_module {module};" if module else ""
        conf.write_text(f"""
{load}
daemon off; worker_processes 2; pid {self.dir}/pid; error_log stderr crit;
events {{ worker_connections 20000; }}
stream {{ server {{ listen 127.0.0.1:{self.port};
         proxy_pass 127.0.0.1:{self.target}; proxy_buffer_size 64k; }} }}
""")
        return ["nginx", "-p", str(self.dir), "-c", str(conf)]


class Socat(Relay):
    name = "socat"

    def command(self):
        return ["socat", "-t", "60", "-b", "131072",
                f"TCP4-LISTEN:{self.port},bind=127.0.0.1,fork,reuseaddr",
                f"TCP4:127.0.0.1:{self.target}"]


class Tcpreen(Relay):
    name = "tcpreen raw"
    format = "raw"

    def command(self):
        return ["tcpreen", "-n", "-q", "-F", "128", "-a", "127.0.0.1",
                "-f", self.format, "-o", str(self.dir / "record"),
                str(self.target), str(self.port)]


class TcpreenHex(Tcpreen):
    name = "tcpreen hex"
    format = "hex"


class Teeline(Relay):
    name = "teeline"
    extra = []

    def command(self):
        sinks = [a.replace("DIR", str(self.dir)) for a in self.extra]
        return [TEELINE, "proxy", "-q", "-f", "none", *sinks,
                f"127.0.0.1:{self.port}", f"127.0.0.1:{self.target}"]

    def settle(self, want):
        """The writer may still be at it when the last byte was delivered."""
        if not self.extra:
            return
        deadline = time.monotonic() + 20
        last = -1.0
        while time.monotonic() < deadline:
            cpu = self.cpu()
            if cpu == last:
                return
            last = cpu
            time.sleep(0.1)


def teeline(name, *extra):
    return type("Teeline" + name, (Teeline,),
                {"name": "teeline " + name, "extra": list(extra)})


TEELINE = os.path.abspath(os.environ.get("TEELINE", "build/teeline"))
WORK = os.path.abspath(os.environ.get("BENCH_DIR", "build"))
