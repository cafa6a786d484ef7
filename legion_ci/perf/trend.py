"""Earlier builds' figures on this site and the builds at which they changed: shown as a watchdog, never gating.

Change points come from ruptures' PELT on log latencies (Killick, Fearnhead & Eckley 2012) and are kept only
when the two segments differ by Welch's test, as noise alone would otherwise be told every few builds.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np

from legion_ci.core.files import write_atomic

FEWEST = 8  # builds before anything is said
KEPT = 500  # builds
_SEGMENT = 4  # builds on either side of a change
_LEVEL = 0.001


class Build(msgspec.Struct, frozen=True, kw_only=True):
    """Figures of one build. machine: what must be equal for figures to be compared."""

    run: str
    at: str
    version: str
    p50_ms: float
    p99_ms: float
    throughput: float
    machine: str


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """From build ``run`` on, the figure is ``ratio`` times what it was."""

    metric: str
    run: str
    index: int
    ratio: float


def add(path: Path, build: Build) -> tuple[Build, ...]:
    """Append a build (a run's second measurement replaces its first); the newest ``KEPT`` are left."""
    builds = (*[b for b in read(path) if b.run != build.run], build)[-KEPT:]
    write_atomic(path, b"".join(msgspec.json.encode(b) + b"\n" for b in builds))
    return builds


def read(path: Path) -> tuple[Build, ...]:
    """The builds, oldest first; a line that cannot be read is left out."""
    found = []
    for line in path.read_bytes().splitlines() if path.is_file() else ():
        try:
            found.append(msgspec.json.decode(line, type=Build))
        except (msgspec.DecodeError, msgspec.ValidationError):
            continue
    return tuple(found)


def changes(builds: Sequence[Build], machine: str) -> tuple[Change, ...]:
    """Builds at which p50 or p99 changed, among those on a machine like this."""
    alike = [b for b in builds if b.machine == machine]
    return tuple(c for metric in ("p50_ms", "p99_ms") for c in _changes(alike, metric))


def _changes(builds: Sequence[Build], metric: str) -> list[Change]:
    values = [getattr(b, metric) for b in builds]
    if len(values) < FEWEST or min(values) <= 0:
        return []
    y = np.log(values)
    cuts = [0, *_cuts(y), len(y)]
    return [
        Change(metric=metric, run=builds[at].run, index=at, ratio=float(np.exp(y[at:end].mean() - y[start:at].mean())))
        for start, at, end in zip(cuts, cuts[1:], cuts[2:], strict=False)
        if _differ(y[start:at], y[at:end])
    ]


def _cuts(y: np.ndarray) -> list[int]:
    import ruptures

    noise = max(float(np.median(np.abs(np.diff(y)))) / 0.954, 1e-6)  # MAD of differences, so that steps do not count
    penalty = 3 * np.log(len(y)) * noise**2
    found = ruptures.Pelt(model="l2", min_size=_SEGMENT, jump=1).fit(y.reshape(-1, 1)).predict(pen=penalty)
    return [int(i) for i in found[:-1]]


def _differ(before: np.ndarray, after: np.ndarray) -> bool:
    from scipy import stats

    with np.errstate(divide="ignore", invalid="ignore"):
        return bool(stats.ttest_ind(before, after, equal_var=False).pvalue < _LEVEL)
