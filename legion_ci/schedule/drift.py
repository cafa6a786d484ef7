"""Drift: the features that users sent lately against the sketches of the data that the champion learnt from.

Population stability index a column, freed of its bias, with its lower bound; columns share the level (Bonferroni).
Rows of one unit may all be alike, so rows count as no more than Kish's effective number, as if they were (L. Kish,
Survey Sampling, 1965, §5.4 with an intraclass correlation of 1): many rows of few users prove little.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa

from legion_ci.data.sketches.counts import Counts
from legion_ci.data.sketches.quantiles import Quantiles
from legion_ci.data.sketches.table import ColumnSketch, TableSketch
from legion_ci.quality import drift_bins
from legion_ci.quality.statistics import divergence
from legion_ci.schedule.decision import Finding, span
from legion_ci.settings.schema import DriftTrigger

BINS = 10


@dataclass(frozen=True)
class Seen:
    """Rows of requests. columns: name to the values, one a row, None where it was not sent. units: who sent each row."""

    columns: Mapping[str, Sequence[Any]]
    units: Sequence[str]


def judge(settings: DriftTrigger, reference: TableSketch, features: Sequence[str], seen: Seen) -> Finding:
    """Whether a column is shown to have drifted. features: of the model; those without a sketch are left out."""
    columns = [c for c in settings.columns or features if c in reference.columns]
    if lacking := [c for c in settings.columns if c not in reference.columns]:
        return Finding("drift", "unknown", f"the champion's training data had no column {', '.join(lacking)}")
    rows = effective(seen.units)
    if rows < settings.min_rows or not columns:
        told = f"{rows:,.0f} rows of users in {span(settings.window)} count, {settings.min_rows:,} are needed"
        return Finding("drift", "unknown", told if columns else "the champion holds no sketch of its features")
    shares = rows / len(seen.units)
    found = {c: _psi(reference.columns[c], seen.columns.get(c, [None] * len(seen.units)), shares) for c in columns}
    level = settings.alpha / len(columns)
    drifted = {c: d for c, d in found.items() if d.interval(level)[0] > settings.limit}
    if drifted:
        return Finding("drift", "yes", _told(drifted, level, settings))
    largest = max(found, key=lambda c: found[c].value)
    told = f"{largest} differs most: psi {found[largest].value:.2g}, not shown to be above {settings.limit:g}"
    return Finding("drift", "no", f"{told} ({len(seen.units):,} rows)")


def _told(drifted: Mapping[str, divergence.Divergence], level: float, settings: DriftTrigger) -> str:
    ordered = sorted(drifted, key=lambda c: drifted[c].value, reverse=True)
    shown = [f"{c} psi {drifted[c].value:.2g}, at least {drifted[c].interval(level)[0]:.2g}" for c in ordered[:3]]
    more = f" and {len(ordered) - 3} more" if len(ordered) > 3 else ""
    return f"drift in {', '.join(shown)}{more} (limit {settings.limit:g})"


def effective(units: Sequence[str]) -> float:
    """Kish's effective number of rows: (Σ n)² / Σ n² over units of n rows."""
    sizes = np.unique(np.asarray(units, dtype=object).astype(str), return_counts=True)[1].astype(float)
    return float(sizes.sum() ** 2 / np.sum(sizes**2)) if len(sizes) else 0.0


def _psi(old: ColumnSketch, values: Sequence[Any], share: float) -> divergence.Divergence:
    bins = drift_bins.both(old, _sketch(old, values), BINS)
    return divergence.psi(bins.old, bins.new * share)


def _sketch(like: ColumnSketch, values: Sequence[Any]) -> ColumnSketch:
    """A sketch of the same kind as the reference: requests carry times as text, and numbers of either kind."""
    if like.is_numeric:
        made = ColumnSketch(Quantiles())
        made.update(pa.array([number(v) for v in values], pa.float64()))
    else:
        made = ColumnSketch(Counts())
        made.update(pa.array([None if v is None else str(v) for v in values], pa.string()))
    return made


def number(value: Any) -> float | None:
    """A number, or a time in ISO 8601 as seconds since 1970 (UTC); None for anything else."""
    if isinstance(value, str):
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            return None
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else None
