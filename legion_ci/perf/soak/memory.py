"""Samples the memory of a model server, with its worker processes, while a load goes on."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import psutil

from legion_ci.core.errors import ServiceError
from legion_ci.results import DeployResult

_EVERY_S = 1.0


@dataclass
class Samples:
    """Resident memory over time. times_s: seconds since sampling began; bytes: of all the server's processes."""

    times_s: list[float] = field(default_factory=list)
    bytes: list[float] = field(default_factory=list)


def visible(pid: int | None, deployed: DeployResult) -> int:
    """The server's process; raises ServiceError when it is not a process of this machine."""
    if pid is None or not psutil.pid_exists(pid):
        raise ServiceError(
            f"{deployed.deployment} does not run as a process of this machine, so that its memory cannot be seen",
            where=deployed.site,
            todo="soak where the deployment runs; legion-ci status shows what does",
        )
    return pid


@contextmanager
def sampled(pid: int) -> Iterator[Samples]:
    """Samples, once a second, while the block runs; a server that dies and comes back leaves a gap."""
    samples, stop = Samples(), threading.Event()

    def watch() -> None:
        begun = time.monotonic()
        while not stop.wait(_EVERY_S):
            if (used := resident_bytes(pid)) is not None:
                samples.times_s.append(time.monotonic() - begun)
                samples.bytes.append(float(used))

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield samples
    finally:
        stop.set()
        thread.join()


def resident_bytes(pid: int) -> int | None:
    """Resident memory of a process and its descendants; None when it is gone."""
    try:
        process = psutil.Process(pid)
        return int(sum(p.memory_info().rss for p in [process, *process.children(recursive=True)]))
    except psutil.Error:
        return None
