"""What the figures of a load test depend on besides the model: the machine and the generator."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path


def fingerprint() -> dict[str, str]:
    """Processor, usable cores, the control group's limits, system, Python and Locust of this machine."""
    return {
        "cpu": _cpu_model(),
        "cores": str(cores()),
        "cpu_limit": _cpu_limit(),
        "memory_limit": _memory_limit(),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "python": platform.python_version(),
        "locust": _version("locust"),
    }


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "none"


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    named = (line.partition(":")[2].strip() for line in lines if line.lower().startswith("model name"))
    return next(named, "") or platform.processor() or platform.machine()


def _cpu_limit() -> str:
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()
    except (OSError, ValueError):
        return "unknown"
    return "none" if quota == "max" else f"{int(quota) / int(period):g} cores"


def _memory_limit() -> str:
    try:
        limit = Path("/sys/fs/cgroup/memory.max").read_text().strip()
        return "none" if limit == "max" else f"{int(limit) / 2**20:.0f} MiB"
    except (OSError, ValueError):
        return "unknown"


def differences(before: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """What differs between two environments, in words; a comparison across them would compare machines."""
    names = dict.fromkeys((*before, *now))
    return [f"{n}: {before.get(n, '–')} → {now.get(n, '–')}" for n in names if before.get(n) != now.get(n)]
