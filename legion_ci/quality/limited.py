"""A module of ours run with a limit on memory: ``python -m legion_ci.quality.limited BYTES MODULE ARGUMENTS``.

Used in models' own environments, so nothing but the standard library is imported before the limit holds.
"""

from __future__ import annotations

import os
import runpy
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from legion_ci.settings.schema import LimitsSettings

_THREADS = (
    "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS", "VECLIB_MAXIMUM_THREADS",
    "POLARS_MAX_THREADS", "LOKY_MAX_CPU_COUNT",
)  # fmt: skip
_QUOTA = Path("/sys/fs/cgroup/cpu.max")  # of a container: microseconds of processor in a period


def main(arguments: list[str]) -> None:
    """Limit this process's own data (not files that it maps), then be the module."""
    memory, module = int(arguments[0]), arguments[1]
    if memory:
        import resource

        resource.setrlimit(resource.RLIMIT_DATA, (memory, memory))
    sys.argv = arguments[1:]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


def command(python: Path, limits: LimitsSettings, module: str, *arguments: str | Path) -> list[str | Path]:
    """The command line of that module under the limits; memory is limited where the system can."""
    memory = limits.memory if sys.platform == "linux" else None
    if memory is None:
        return [python, "-m", module, *arguments]
    return [python, "-m", "legion_ci.quality.limited", str(memory), module, *arguments]


def environment(limits: LimitsSettings, around: Mapping[str, str] | None = None) -> dict[str, str]:
    """Variables of a model's process: as many threads as allowed, unless the caller's own environment says how many."""
    given = os.environ if around is None else around
    threads = str(limits.threads or usable_cores())
    ours = {name: threads for name in _THREADS if limits.threads or name not in given}
    return {"PYTHONPATH": "", "PYTHONDONTWRITEBYTECODE": "1", **ours}


def usable_cores(quota: Path = _QUOTA) -> int:
    """Cores that this process may use: by affinity, and by its container's quota rounded up."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        allowed, period = quota.read_text().split()
        return max(1, min(cores, -(-int(allowed) // int(period))))
    except (OSError, ValueError):  # no such file, or "max"
        return cores


if __name__ == "__main__":
    main(sys.argv[1:])
