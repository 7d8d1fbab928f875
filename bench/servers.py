"""The servers that are measured: how each is configured, started and ended, and what it serves."""

import json
import os
import pwd
import re
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path

from machine import child, free_port, ports_of, tree

HERE = Path(__file__).resolve().parent
CONTENT_1K, CONTENT_1M, CONTENT_10M = 1 << 10, 1 << 20, 10 << 20
FILES = 1000
# Files of which tags and dates are settled for every server: older than file systems' coarsest clock.
FILES_AGE_SECONDS = 3


@dataclass(frozen=True)
class Peer:
    name: str
    program: str
    package: str
    template: str
    command: tuple
    settings: tuple = ()
    # What it takes part in: reading files, with its log on too, writing them, or standing before an upstream.
    variants: tuple = ("read", "logged")
    version: tuple = ("-v",)
    # Of what it serves, all that it takes part in, if it is not all.
    only: tuple = ()
    # Whether Wherefore is compared with it, or it is shown for another reason.
    is_rival: bool = True


WHEREFORE = Peer("wherefore", "wherefore", "", "wherefore.toml", ("{program}", "serve", "--config", "{conf}", "--allow-root"),
                 (("io", "epoll"),), ("read", "logged", "write", "gateway"), ("--version",), is_rival=False)
THROUGH_URING = replace(WHEREFORE, name="wherefore, io_uring", settings=(("io", "io_uring"),),
                        variants=("read", "logged", "gateway"))
# No server: it reads nothing of what it is asked, and answers always the same. Below it none can come.
FLOOR = Peer("bare loop", "wherefore-load", "", "", ("{program}", "floor", "--port", "{port}"), variants=("read",), version=(),
             only=("get", "304", "206", "404"), is_rival=False)
NGINX = ("{program}", "-p", "{scratch}", "-c", "{conf}")
PEERS = [
    WHEREFORE,
    Peer("nginx", "nginx", "nginx", "nginx.conf", NGINX, (("sendfile", "on"),), ("read", "logged", "write", "gateway")),
    # The two tunings differ in how files are sent: before an upstream they are the same.
    Peer("nginx, sendfile off", "nginx", "nginx", "nginx.conf", NGINX, (("sendfile", "off"),), ("read", "logged", "write")),
    Peer("h2o", "h2o", "h2o", "h2o.conf", ("{program}", "-c", "{conf}"), variants=("read", "logged", "gateway")),
    Peer("lighttpd", "lighttpd", "lighttpd", "lighttpd.conf", ("{program}", "-D", "-f", "{conf}")),
    Peer("haproxy", "haproxy", "haproxy", "haproxy.cfg", ("{program}", "-db", "-f", "{conf}"), variants=("gateway",)),
    THROUGH_URING,
    FLOOR,
]


class Server:
    """One that is started, and ended. `cores` are those that it may use."""

    def __init__(self, peer, program, variant, scratch, root, upstream, cores):
        self.peer, self.cores, self.fields = peer, cores, []
        self.process = None
        self.scratch = scratch / f"{variant}-{peer.name.replace(', ', '-').replace(' ', '-')}"
        self.scratch.mkdir(exist_ok=True)
        os.chmod(self.scratch, 0o777)
        self.log = self.scratch / "access.log"
        self.settings = settings(peer, variant, program, self.scratch, root, upstream, len(cores))

    def start(self):
        """Whether it listens: by a socket that is seen to be its own, before anything is sent there."""
        self.port = self.settings["port"] = free_port()
        text, command = filled(self.peer, self.settings)
        Path(self.settings["conf"]).write_text(text)
        with open(self.scratch / "said", "wb") as said, open(self.log, "ab") as log:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=said, cwd=self.scratch,
                                            start_new_session=True, preexec_fn=child(*self.cores))
        for _ in range(500):
            if self.process.poll() is not None:
                break
            if self.port in ports_of(tree(self.process.pid)):
                return True
            time.sleep(0.02)
        say(f"{self.peer.name} did not start: {(self.scratch / 'said').read_text()[-500:]}")
        self.stop()
        return False

    def pids(self):
        return tree(self.process.pid)

    def forget_log(self):
        if self.log.exists():
            os.truncate(self.log, 0)

    def stop(self):
        if self.process is not None:
            end(self.process)


class Upstream:
    """What gateways ask: a process of the load program's, on the core of the load."""

    def __init__(self, program, core):
        self.process = subprocess.Popen([program, "upstream"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                        text=True, start_new_session=True, preexec_fn=child(core))
        line = self.process.stdout.readline()
        if not re.fullmatch(r"listening \d+\n", line):
            sys.exit(f"the upstream did not start: {line}")
        self.port = int(line.split()[1])

    def stop(self):
        end(self.process)


def end(process):
    if process.poll() is not None:
        return
    pids = tree(process.pid)
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        for pid in pids:
            if os.path.exists(f"/proc/{pid}"):
                os.kill(pid, signal.SIGKILL)
        process.wait(10)


def settings(peer, variant, program, scratch, root, upstream, cores):
    log = scratch / "access.log"
    logged = variant == "logged"
    # Who is root has to say that it may stay so; who is not, may not say anything.
    user = pwd.getpwuid(os.geteuid()).pw_name
    logs = {
        "wherefore": "text" if logged else "off",
        "nginx": f"{log} combined" if logged else "off",
        "h2o": f"access-log: {log}" if logged else "",
        "lighttpd": f'accesslog.filename = "{log}"' if logged else "",
        "haproxy": "",
    }
    return {
        "program": program, "port": 0, "root": root, "scratch": scratch, "conf": f"{scratch}/conf",
        "user": user, "as": "" if os.geteuid() else f"user: {user}", "connections": 8000, "descriptors": 20000,
        "log": logs.get(peer.program, ""), "modules": '"mod_accesslog"' if logged else "", "upstream": upstream,
        "cores": cores, "writable": "true" if variant == "write" else "false", **dict(peer.settings),
    }


def filled(peer, values):
    """The configuration and the command. A name that has no value is an error."""
    text = (HERE / "peers" / peer.template).read_text() if peer.template else ""
    text = re.sub(r"@([a-z]+)@", lambda name: str(values[name[1]]), text)
    return text, [part.format(**values) for part in peer.command]


def document_root(scratch):
    root = scratch / "root"
    for folder in ("many", "put"):
        (root / folder).mkdir(parents=True)
    os.chmod(root / "put", 0o777)
    (root / "1k.bin").write_bytes(b"w" * CONTENT_1K)
    (root / "1m.bin").write_bytes(os.urandom(CONTENT_1M))
    (root / "10m.bin").write_bytes(os.urandom(CONTENT_10M))
    for number in range(FILES):
        (root / "many" / f"{number}.bin").write_bytes(b"w" * CONTENT_1K)
    for number in range(256):
        (root / "put" / f"{number}.bin").write_bytes(b"before")
    time.sleep(FILES_AGE_SECONDS)
    return root


def built(*names):
    """These programs, made of the sources that are here; each by itself, as users make it."""
    say(f"building {' and '.join(names)} (cargo build --release)")
    return [built_one(name) for name in names]


def built_one(name):
    command = ["cargo", "build", "--release", "--locked", "-p", name, "--bin", name,
               "--message-format", "json-render-diagnostics"]
    ran = subprocess.run(command, cwd=HERE.parent, stdout=subprocess.PIPE, text=True, timeout=3600)
    if ran.returncode:
        sys.exit("it can't be built")
    made = [json.loads(line) for line in ran.stdout.splitlines()]
    return next(one["executable"] for one in made if one.get("executable") and one["target"]["name"] == name)


def first_line(command, cwd=None):
    try:
        ran = subprocess.run(command, capture_output=True, text=True, cwd=cwd, timeout=20)
    except FileNotFoundError:
        return "unknown"
    return (ran.stdout or ran.stderr).strip().split("\n")[0]


def found(program):
    # Debian puts servers where only root's PATH leads.
    return shutil.which(program, path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")


def say(text):
    print(text, file=sys.stderr, flush=True)
