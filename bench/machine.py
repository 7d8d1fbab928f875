"""What the machine says of processes and cores: all of it is read from Linux, and nothing is changed."""

import ctypes
import mmap
import os
import platform
import re
import signal
import socket
import time
from pathlib import Path


def distance_ns(one, other, batches=24, times=60):
    """How long a cache line takes from one core to the other and back, and what Python adds to that.

    In a virtual machine the host moves the cores. When they share no cache, the same request costs a multiple.
    """
    shared = mmap.mmap(-1, mmap.PAGESIZE)
    cell = memoryview(shared).cast("Q")
    patience = 500_000
    echo = os.fork()
    if echo == 0:
        os.sched_setaffinity(0, {other})
        for turn in range(1, 2 * batches * times, 2):
            spins = 0
            while cell[0] != turn:
                spins += 1
                if spins > patience:
                    os._exit(1)
            cell[0] = turn + 1
        os._exit(0)
    os.sched_setaffinity(0, {one})
    took, turn = [], 0
    for _ in range(batches):
        began = time.perf_counter_ns()
        for _ in range(times):
            cell[0] = turn + 1
            spins = 0
            while cell[0] != turn + 2 and spins <= patience:
                spins += 1
            turn += 2
            if spins > patience:
                break
        took.append((time.perf_counter_ns() - began) / times)
        if spins > patience:
            break
    os.waitpid(echo, 0)
    # Whoever else has the core makes some of them longer, and none shorter.
    return sorted(took)[len(took) // 4]


def child(*cores):
    """What a started process does first: it keeps to its cores, and ends when this one does."""
    libc = ctypes.CDLL(None)
    pr_set_pdeathsig = 1

    def first():
        os.sched_setaffinity(0, set(cores))
        libc.prctl(pr_set_pdeathsig, signal.SIGTERM)
    return first


def tree(pid):
    """A process and all that it has started."""
    children = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                stat = Path("/proc", entry, "stat").read_text()
            except OSError:
                continue
            parent = int(stat[stat.rindex(")") + 2:].split()[1])
            children.setdefault(parent, []).append(int(entry))
    pids = [pid]
    for parent in pids:
        pids += children.get(parent, [])
    return pids


def cpu_ns(pid):
    """The CPU time of all threads of a process, also of those that have ended, in nanoseconds."""
    cpuclock_sched = 2
    try:
        return time.clock_gettime_ns((~pid << 3) | cpuclock_sched)
    except OSError:
        return 0


def thread_cpu_ns(pid):
    """The CPU time of each thread that there is, by its number."""
    used = {}
    for entry in os.listdir(f"/proc/{pid}/task"):
        try:
            used[entry] = int(Path(f"/proc/{pid}/task/{entry}/schedstat").read_text().split()[0])
        except OSError:
            continue
    return used


def described():
    """The machine, in a few words."""
    linux = re.match(r"[\d.]+", platform.release())
    cpu = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    return f"{cpu[1] if cpu else platform.machine()}, {os.cpu_count()} cores, Linux {linux[0]}"


def core_busy_seconds(core):
    line = re.search(rf"^cpu{core} (.*)$", Path("/proc/stat").read_text(), re.MULTILINE)
    user, nice, system, _idle, _iowait, irq, softirq, steal = map(int, line[1].split()[:8])
    return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")


def memory_kib(pid):
    try:
        return int(re.search(r"^Pss:\s+(\d+)", Path(f"/proc/{pid}/smaps_rollup").read_text(), re.MULTILINE)[1])
    except (OSError, TypeError):
        return 0


def forget_peaks(pids):
    """Has the most memory that each has had counted anew."""
    for pid in pids:
        try:
            Path(f"/proc/{pid}/clear_refs").write_text("5")
        except OSError:
            continue


def peak_kib(pid):
    """The most memory that a process has had resident at once."""
    try:
        return int(re.search(r"^VmHWM:\s+(\d+)", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)[1])
    except (OSError, TypeError):
        return 0


def ports_of(pids):
    """The ports on which these processes listen."""
    sockets = set()
    for pid in pids:
        try:
            for entry in os.scandir(f"/proc/{pid}/fd"):
                if (match := re.fullmatch(r"socket:\[(\d+)\]", os.readlink(entry.path))):
                    sockets.add(match[1])
        except OSError:
            continue
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return {int(row[1].split(":")[1], 16) for row in rows if row[3] == "0A" and row[9] in sockets}


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
