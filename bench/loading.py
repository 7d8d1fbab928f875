"""A run: the load program beside a server, and what that cost the server meanwhile."""

import json
import re
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import report
from machine import child, core_busy_seconds, cpu_ns, distance_ns, forget_peaks, peak_kib
from servers import CONTENT_1K, CONTENT_1M, found, say


@dataclass(frozen=True)
class Workload:
    id: str
    title: str
    path: str = "/1k.bin"
    connections: int = 64
    method: str = "GET"
    fields: tuple = ()
    files: int = 1
    depth: int = 1
    status: int = 200
    content: int = CONTENT_1K
    sends: int = 0
    closing: bool = False
    # The length of WebSocket messages that have to come back, in place of requests.
    octets: int = 0
    # Which servers: as they read, as they read with their logs on, as they write, or as gateways.
    variant: str = "read"
    # Who can't, or would do something else.
    without: tuple = ()
    notes_peak: bool = False
    # For how long it goes on before anything is measured.
    warm: float = 0.2
    note: str = ""


class Load:
    """The load program, with the core that it has, and the server's."""

    def __init__(self, program, core, server_core):
        self.program, self.core, self.server_core = program, core, server_core

    def steady_run(self, server, workload, seconds, attempts):
        """A run during which the cores stayed as far from each other, and nobody else had much of them."""
        for _ in range(attempts):
            before = distance_ns(self.core, self.server_core)
            run = self.run(server, workload, seconds)
            after = distance_ns(self.core, self.server_core)
            run["distance_ns"] = [round(before), round(after)]
            is_steady = max(before, after) <= report.DISTANCE_FACTOR * min(before, after)
            if is_steady and run["others"] <= report.OTHERS_MAX:
                break
        return run

    def run(self, server, workload, seconds):
        """Both clocks are read while the load goes on: rates are compared, and not what begins and ends with it."""
        pids = server.pids()
        if workload.notes_peak:
            forget_peaks(pids)
        asking = subprocess.Popen(self.command(server, workload, seconds), stdin=subprocess.DEVNULL, text=True,
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE, preexec_fn=child(self.core))
        try:
            asking.stdout.readline()
            began = self.clocks(pids)
            line = asking.stdout.readline()
            ended = self.clocks(pids)
            _, complaint = asking.communicate(timeout=30)
        finally:
            asking.kill()
            asking.wait()
        server.forget_log()
        if not line.startswith("measured "):
            sys.exit(f"asking {server.peer.name} for {workload.id} failed: {complaint}")
        got = json.loads(line.removeprefix("measured "))
        elapsed, cpu, busy = (after - before for before, after in zip(began, ended))
        if got["errors"]:
            say(f"  {server.peer.name} answered {got['errors']} times wrongly, or not at all: {got['fault']}")
        answers = whole(workload, got)
        rate = answers / (got["time_us"] / 1e6)
        run = {
            "cost": cpu / 1000 / elapsed / rate if rate else 0.0,
            "requests_per_second": rate, "requests": got["requests"], "errors": got["errors"],
            "p50_us": got["p50_us"], "p99_us": got["p99_us"],
            # How much of its core the server used, and how much others took from it.
            "core": cpu / 1e9 / elapsed, "others": max(0.0, busy - cpu / 1e9) / elapsed,
        }
        return {**run, "peak_kib": sum(map(peak_kib, pids))} if workload.notes_peak else run

    def clocks(self, pids):
        return time.monotonic(), sum(map(cpu_ns, pids)), core_busy_seconds(self.server_core)

    def command(self, server, workload, seconds):
        command = [self.program, "ask", "--port", server.port, "--path", workload.path, "--method", workload.method,
                   "--connections", workload.connections, "--seconds", seconds, "--files", workload.files,
                   "--depth", workload.depth, "--sends", workload.sends, "--status", workload.status,
                   "--closing", "yes" if workload.closing else "no", "--octets", workload.octets, "--warm", workload.warm]
        for field in server.fields:
            command += ["--field", field]
        return [str(part) for part in command]

    def calls(self, server, workload):
        """System calls for a request, by name, in a run that is for this alone: being watched is slow."""
        counts = Path(server.scratch, "calls")
        pids = server.pids()
        command = [found("strace"), "-f", "-c", "-o", str(counts)]
        for pid in pids:
            command += ["-p", str(pid)]
        watcher = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, preexec_fn=child(self.server_core))
        try:
            attached = 0
            while attached < len(pids):
                line = watcher.stderr.readline()
                if not line:
                    return None
                attached += "attached" in line
            asked = subprocess.run(self.command(server, workload, 0.5), stdin=subprocess.DEVNULL, text=True, timeout=60,
                                   stdout=subprocess.PIPE, preexec_fn=child(self.core))
        finally:
            watcher.send_signal(signal.SIGINT)
            watcher.communicate(timeout=20)
        server.forget_log()
        answers = re.search(r"^answered (\d+)$", asked.stdout, re.MULTILINE)
        by_name = {}
        for line in counts.read_text().splitlines() if answers and int(answers[1]) else []:
            columns = line.split()
            if len(columns) >= 5 and columns[3].isdigit() and columns[-1] != "total":
                by_name[columns[-1]] = round(int(columns[3]) / int(answers[1]), 3)
        return dict(sorted(by_name.items(), key=lambda pair: -pair[1]))


def whole(workload, got):
    """How many answers there were; of long ones also the parts that came of those that were not complete."""
    longest = max(workload.content, workload.sends)
    return got["octets"] / longest if longest >= CONTENT_1M else got["requests"]
