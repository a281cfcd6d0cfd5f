"""Real servers that nobody here wrote, each in a folder of its own.

A port is asked of the kernel and given back before the server binds it, so
somebody else may be faster: then another one is tried.  A server that is not
installed is a failure: `make check` installs all of them.
"""

import os
import pwd
import shutil
import socket
import subprocess
import textwrap

from helpers.wait import SCALE, wait_until


def tool(name):
    """The path of a program that the tests need."""
    path = shutil.which(name, path=os.environ["PATH"] + ":/usr/sbin:/sbin")
    assert path, (f"{name} is not installed: run scripts/install-deps check")
    return path


def free_port(host="127.0.0.1"):
    """A port that was free a moment ago."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as sock:
        sock.bind((host, 0))
        return sock.getsockname()[1]


def run(*argv, expect=0, deadline=60.0, **how):
    """Run a client to its end and return what it printed (bytes).

    stdin is empty unless input= is given; expect=None takes any status;
    stderr=subprocess.STDOUT adds what it complained about.
    """
    how.setdefault("stderr", subprocess.PIPE)
    if "input" not in how:
        how.setdefault("stdin", subprocess.DEVNULL)
    argv = [tool(argv[0]), *map(str, argv[1:])]
    done = subprocess.run(argv, stdout=subprocess.PIPE,
                          timeout=deadline * SCALE, check=False, **how)
    assert expect is None or done.returncode == expect, (
        f"{' '.join(argv)} ended with {done.returncode}:\n"
        f"{done.stdout[-2000:]!r}\n{done.stderr[-2000:]!r}")
    return done.stdout


class RealServer:
    """A server process that listens on a port of its own.

    host, port, target  where
    folder              its files

    With place (helpers/wire.py) it runs there.
    """

    def __init__(self, folder, place=None):
        self.folder = str(folder)
        self.process = None
        self.place = place
        self.host = place.ip if place else "127.0.0.1"
        self._log = open(os.path.join(self.folder, "log"), "ab")
        self.prepare()
        for _ in range(10):
            self.port = free_port()
            self.target = f"{self.host}:{self.port}"
            argv = [*(place.enter if place else []), *self.command()]
            self.process = subprocess.Popen(
                argv, stdin=subprocess.DEVNULL, stdout=self._log,
                stderr=self._log, cwd=self.folder)
            if wait_until(self._answers_or_ended, 20,
                          f"{argv[0]} listening") == "answers":
                return
        raise AssertionError(f"{argv} does not start: {self._log_text()}")

    def prepare(self):
        """Make the files that the port does not change."""

    def command(self):
        """The command line, once per try; may write what names the port."""
        raise NotImplementedError

    def path(self, *parts):
        return os.path.join(self.folder, *parts)

    def write(self, name, text):
        with open(self.path(name), "w", encoding="ascii") as file:
            file.write(textwrap.dedent(text))
        return self.path(name)

    def _log_text(self):
        with open(self.path("log"), "rb") as file:
            return file.read()[-2000:].decode(errors="replace")

    def _answers_or_ended(self):
        if self.process.poll() is not None:
            return "ended"
        if self.place:
            return "answers" if self.place.has_listener(self.port) else None
        with socket.create_connection(("127.0.0.1", self.port), 5):
            return "answers"

    def kill(self):
        """SIGKILL, as the kernel's out-of-memory killer would."""
        self.process.kill()
        self.process.wait()

    def finish(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(10 * SCALE)
            except subprocess.TimeoutExpired:
                self.kill()
        self._log.close()


class Vsftpd(RealServer):
    """vsftpd: anonymous, files in .root, uploads into .root/in.

    Passive data connections are announced as 127.0.0.2, always with the
    port .data_port: a relay that listens there carries them too.
    """

    def prepare(self):
        self.root = self.path("root")
        os.makedirs(self.path("root", "in"))
        os.makedirs(self.path("empty"))
        os.chmod(self.folder, 0o755)
        os.chmod(self.path("root", "in"), 0o777)
        os.chmod(self.path("root"), 0o555)

    def command(self):
        user = pwd.getpwuid(os.getuid()).pw_name
        self.data_port = free_port()
        conf = self.write("conf", f"""\
            listen=YES
            listen_address=127.0.0.1
            listen_port={self.port}
            background=NO
            run_as_launching_user=YES
            nopriv_user={user}
            ftp_username={user}
            anonymous_enable=YES
            anon_root={self.root}
            no_anon_password=NO
            write_enable=YES
            anon_upload_enable=YES
            anon_umask=022
            secure_chroot_dir={self.path("empty")}
            pasv_address=127.0.0.2
            pasv_min_port={self.data_port}
            pasv_max_port={self.data_port}
            connect_from_port_20=NO
            seccomp_sandbox=NO
            xferlog_enable=NO
            ftpd_banner=teeline test
            """)
        return [tool("vsftpd"), conf]

    def finish(self):
        super().finish()
        # vsftpd wants its root without write permission; cleaning up not.
        os.chmod(self.root, 0o755)


class Nginx(RealServer):
    """nginx that serves the files in .root, with sendfile.

    .requests() are the first lines of what it was asked, as it logs them.
    """

    def requests(self):
        with open(self.path("access"), encoding="ascii") as file:
            return file.read().splitlines()

    def prepare(self):
        self.root = self.path("root")
        os.makedirs(self.root)
        os.makedirs(self.path("tmp"))

    def command(self):
        # Whoever runs the tests is root at a place.
        is_root = self.place or os.getuid() == 0
        temporary = "\n".join(
            f"{name}_temp_path {self.path('tmp')};" for name in
            ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        conf = self.write("conf", f"""\
            daemon off;
            master_process off;
            pid {self.path("pid")};
            error_log stderr;
            {"user root;" if is_root else ""}
            events {{ worker_connections 512; }}
            http {{
                log_format asked '$request $status $request_length';
                access_log {self.path("access")} asked;
                sendfile on;
                keepalive_requests 100000;
                {temporary}
                server {{
                    listen {self.target};
                    root {self.root};
                }}
            }}
            """)
        return [tool("nginx"), "-e", self.path("log"), "-c", conf]


class Redis(RealServer):
    """redis-server that keeps everything in memory."""

    def command(self):
        return [tool("redis-server"), "--port", str(self.port), "--bind",
                self.host, "--save", "", "--appendonly", "no", "--dir",
                self.folder, "--daemonize", "no", "--io-threads", "1",
                "--protected-mode", "no"]


class Sshd(RealServer):
    """sshd that lets the user of the tests in, by .key."""

    def prepare(self):
        self.key = self.path("key")
        for name in ("key", "host"):
            run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f",
                self.path(name))
        shutil.copy(self.path("key.pub"), self.path("authorized"))
        if os.getuid() == 0:
            # Where it locks itself in; Debian makes it at start.
            os.makedirs("/run/sshd", mode=0o755, exist_ok=True)

    def command(self):
        conf = self.write("conf", f"""\
            Port {self.port}
            ListenAddress 127.0.0.1
            HostKey {self.path("host")}
            AuthorizedKeysFile {self.path("authorized")}
            PidFile {self.path("pid")}
            StrictModes no
            UsePAM yes
            PasswordAuthentication no
            KbdInteractiveAuthentication no
            PermitRootLogin prohibit-password
            Subsystem sftp internal-sftp
            """)
        return [tool("sshd"), "-D", "-e", "-f", conf]

    def options(self, port):
        """Options of ssh and scp to come in through a port."""
        return ["-F", "none", "-i", self.key, "-o", f"Port={port}",
                "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=no",
                "-o", f"UserKnownHostsFile={self.path('known')}",
                "-o", "LogLevel=ERROR", "-o", "IdentitiesOnly=yes"]
