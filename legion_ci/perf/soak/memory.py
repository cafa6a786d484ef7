"""Samples the memory of a supervised model server, with its worker processes, while a load goes on."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from legion_ci.core.errors import ServiceError
from legion_ci.core.site import Site
from legion_ci.supervise import client

_EVERY_S = 1.0


@dataclass
class Samples:
    """Resident memory over time. times_s: seconds since sampling began; bytes: of all the server's processes."""

    times_s: list[float] = field(default_factory=list)
    bytes: list[float] = field(default_factory=list)


def pid_of(site: Path, deployment: str) -> int:
    """The server's process; raises ServiceError when it is not a process of this machine."""
    actual = client.observe(Site(path=site, model="")).get(f"model-{deployment}")
    if actual is None or actual.identity is None or not psutil.pid_exists(actual.identity.pid):
        raise ServiceError(
            f"{deployment} does not run as a process of this machine, so that its memory cannot be seen",
            where=str(site),
            todo="soak where the deployment is local; legion-ci status shows what runs",
        )
    return actual.identity.pid


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
