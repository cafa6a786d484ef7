"""What the figures of a load test depend on besides the model: the machine and the generator."""

from __future__ import annotations

import os
import platform
from importlib.metadata import version
from pathlib import Path


def fingerprint() -> dict[str, str]:
    """Processor, usable cores, the control group's limit, system, Python and Locust of this machine."""
    return {
        "cpu": _cpu_model(),
        "cores": str(cores()),
        "cpu_limit": _cpu_limit(),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "python": platform.python_version(),
        "locust": version("locust"),
    }


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
