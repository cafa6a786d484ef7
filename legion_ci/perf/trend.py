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
from legion_ci.results import BuildFigures, Change, PerfResult, Trend

FEWEST = 8  # builds before anything is said
KEPT = 500  # builds
SHOWN = 60
MACHINE = (
    "cpu",
    "cores",
    "cpu_limit",
    "memory_limit",
    "system",
    "python",
    "locust",
)  # of the fingerprint: what figures depend on
_SEGMENT = 4  # builds on either side of a change
_LEVEL = 0.001


def watched(said: PerfResult, path: Path, run: str, at: str, version: str) -> PerfResult:
    """The result with its trend, after adding it to the history at ``path``; one that measured nothing is not added."""
    if said.reason.startswith("invalid.") or not {"p50", "p99"} <= said.percentiles_ms.keys():
        return said
    machine = {k: said.environment.get(k, "") for k in MACHINE}
    earlier = read(path)
    now = BuildFigures(
        run=run,
        at=at,
        version=version,
        p50_ms=said.percentiles_ms["p50"],
        p99_ms=said.percentiles_ms["p99"],
        throughput=said.achieved_rate,
        machine="; ".join(f"{k} {v}" for k, v in machine.items()),
    )
    builds = tuple(b for b in add(path, now) if b.machine == now.machine)
    before = next((b for b in reversed(earlier) if b.run != run), None)
    trend = Trend(builds=builds[-SHOWN:], changes=changes(builds[-SHOWN:]), unlike=_unlike(before, now))
    return msgspec.structs.replace(said, trend=trend)


def add(path: Path, build: BuildFigures) -> tuple[BuildFigures, ...]:
    """Append a build (a run's second measurement replaces its first); the newest ``KEPT`` are left."""
    builds = (*[b for b in read(path) if b.run != build.run], build)[-KEPT:]
    write_atomic(path, b"".join(msgspec.json.encode(b) + b"\n" for b in builds))
    return builds


def read(path: Path) -> tuple[BuildFigures, ...]:
    """The builds, oldest first; a line that cannot be read is left out."""
    found = []
    for line in path.read_bytes().splitlines() if path.is_file() else ():
        try:
            found.append(msgspec.json.decode(line, type=BuildFigures))
        except (msgspec.DecodeError, msgspec.ValidationError):
            continue
    return tuple(found)


def changes(builds: Sequence[BuildFigures]) -> tuple[Change, ...]:
    """Builds at which p50 or p99 changed; all of machines that are alike."""
    return tuple(c for metric in ("p50_ms", "p99_ms") for c in _changes(builds, metric))


def _unlike(before: BuildFigures | None, now: BuildFigures) -> str:
    """What of the machine differs from the build before, in words."""
    if before is None or before.machine == now.machine:
        return ""
    pairs = zip(before.machine.split("; "), now.machine.split("; "), strict=False)
    return "; ".join(f"{old} → {new}" for old, new in pairs if old != new)


def _changes(builds: Sequence[BuildFigures], metric: str) -> list[Change]:
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
