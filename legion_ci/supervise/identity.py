"""Who a process is: pid, start time and boot, so that a recycled pid is never taken for ours."""

from __future__ import annotations

import os
import signal
import sys
from contextlib import suppress
from functools import cache
from pathlib import Path

import msgspec
import psutil

MARK = "LEGION_SUPERVISED"  # in the environment of every supervised process: <folder>:<name>


class Identity(msgspec.Struct, frozen=True, kw_only=True):
    """A process of this machine. start: clock ticks since boot (Linux), else seconds since the epoch."""

    pid: int
    start: str
    boot: str


@cache
def boot_id() -> str:
    """What differs after every reboot."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return f"{psutil.boot_time():.0f}"


def of(pid: int) -> Identity | None:
    """Identity of a living process; None when there is none, or only what is left of it (a zombie)."""
    start = _start_linux(pid) if sys.platform == "linux" else _start_elsewhere(pid)
    return Identity(pid=pid, start=start, boot=boot_id()) if start else None


def lives(identity: Identity | None) -> bool:
    """Whether that very process still runs."""
    return identity is not None and of(identity.pid) == identity


def _start_linux(pid: int) -> str:
    """Field 22 of /proc/PID/stat: unlike psutil's time it does not move when the clock is set."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if fields[0] in "ZX" else fields[19]


def _start_elsewhere(pid: int) -> str:
    try:
        process = psutil.Process(pid)
        return "" if process.status() == psutil.STATUS_ZOMBIE else f"{process.create_time():.3f}"
    except psutil.Error:
        return ""


def marked(mark: str) -> list[int]:
    """Pids of our user's living processes that carry ``mark`` in their environment."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            if process.environ().get(MARK) == mark and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process.pid)
    return found


def leader(mark: str) -> Identity | None:
    """The session leader among the marked: a child that its supervisor had no time to write down."""
    for pid in marked(mark):
        with suppress(OSError):
            if os.getsid(pid) == pid:
                return of(pid)
    return None


def signal_group(identity: Identity, sign: signal.Signals) -> None:
    """Signal the whole group of a living leader; nothing when it is not that process any more."""
    if lives(identity):
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(identity.pid, sign)


def sweep(mark: str) -> None:
    """Kill what a dead leader left behind: only processes that carry the mark."""
    for pid in marked(mark):
        with suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)
