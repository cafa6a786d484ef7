"""The figures of a load by endpoint and by phase, and as CSV."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import msgspec

from legion_ci.perf.batches import Measured
from legion_ci.perf.histogram import percentiles_ms
from legion_ci.perf.measure import Run

COLUMNS = (
    "scope", "name", "requests", "errors", "error_share", "requests_per_second",
    "p50_ms", "p90_ms", "p95_ms", "p99_ms", "p99.9_ms", "max_ms",
)  # fmt: skip


class Row(msgspec.Struct, frozen=True):
    """Figures of a part of the load. scope: all, endpoint, phase, or generator (its own share: a server that does nothing)."""

    scope: str
    name: str
    requests: int
    errors: int
    rate: float
    percentiles_ms: dict[str, float]

    @property
    def error_share(self) -> float:
        """Failed requests over all, 0..1."""
        return self.errors / self.requests if self.requests else 0.0


def scopes(run: Run) -> tuple[Row, ...]:
    """All requests, each endpoint and each named phase when there are several, and the generator's own share."""
    rows = [_row("all", "", run.measured)]
    if len(endpoints := run.endpoints()) > 1:
        rows.extend(_row("endpoint", e, m) for e in endpoints if (m := run.within(endpoint=e)) and m.requests)
    names = [p.name for p in run.plan.phases if p.name]
    rows.extend(_row("phase", n, m) for n in names if (m := run.within(phase=n)) and m.requests)
    probes = run.status.null_us
    if probes:
        rows.append(Row("generator", "", sum(probes.values()), 0, 0.0, percentiles_ms(probes)))
    return tuple(rows)


def write(path: Path, rows: Sequence[Row]) -> None:
    """One line a row; times in milliseconds, shares 0..1."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        for r in rows:
            times = (r.percentiles_ms.get(c.removesuffix("_ms"), "") for c in COLUMNS[6:])
            writer.writerow((r.scope, r.name, r.requests, r.errors, r.error_share, round(r.rate, 3), *times))


def _row(scope: str, name: str, measured: Measured) -> Row:
    rate = measured.requests / measured.measured_s
    return Row(scope, name, measured.requests, measured.errors, rate, percentiles_ms(measured.times))
