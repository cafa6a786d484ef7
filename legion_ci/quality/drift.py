"""Drift judged: sketches of the evaluation rows against those of the training data, column by column."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from legion_ci.core.errors import OrderError
from legion_ci.data.sketches import table as sketches
from legion_ci.data.sketches.table import ColumnSketch, TableSketch
from legion_ci.quality import drift_bins, outcomes
from legion_ci.quality.checks import Evidence, Finding
from legion_ci.quality.drift_settings import NUMERIC_ONLY, DriftSettings
from legion_ci.quality.statistics import divergence
from legion_ci.quality.statistics.divergence import Divergence
from legion_ci.results import Outcome

REFERENCE = Path("legion_model") / "reference_sketch.json"
_FINE = 200  # cut points of ks and wasserstein


def judge(settings: DriftSettings, evidence: Evidence, where: str) -> list[Finding]:
    """One finding a column and measure; INCONCLUSIVE when the model was trained without a reference."""
    try:
        reference = sketches.decode((evidence.asked.artefact() / REFERENCE).read_bytes())
    except FileNotFoundError:
        return [
            _silent(
                settings, where, "", "the model holds no sketch of its training data; train it again", "no_reference"
            )
        ]
    except ValueError as error:
        raise OrderError(
            f"the model's {REFERENCE.name} cannot be read ({error})", where=where, todo="train again"
        ) from error
    columns = settings.columns or tuple(c for c in evidence.rows.features if c in reference.columns)
    seen = TableSketch.of(evidence.rows.batches(columns))
    return [
        f for c in columns for f in _of_column(settings, evidence, where, c, reference.columns.get(c), seen.columns[c])
    ]


def _of_column(
    settings: DriftSettings, evidence: Evidence, where: str, column: str, old: ColumnSketch | None, new: ColumnSketch
) -> list[Finding]:
    if old is None:
        return [_silent(settings, where, column, "the training data had no such column", "no_reference")]
    if old.is_numeric != new.is_numeric:
        message = f"it was a column of {_kind(old)} in training and is one of {_kind(new)} now"
        found = outcomes.result(settings, where, column, Outcome.FAIL, n=new.n, message=message, column=column)
        return [Finding(found, "drift")]
    alpha = settings.alpha or evidence.rows.settings.alpha
    fit = [
        m
        for m in settings.measures
        if (old.is_numeric and m != "chi2") or (not old.is_numeric and m not in NUMERIC_ONLY)
    ]
    if (old.n - old.missing == 0 or new.n - new.missing == 0) and set(fit) & set(NUMERIC_ONLY):
        return [_silent(settings, where, column, "all values are missing", "too_few_rows")]
    return [_measured(settings, where, column, m, old, new, alpha) for m in fit]


def _measured(
    settings: DriftSettings, where: str, column: str, measure: str, old: ColumnSketch, new: ColumnSketch, alpha: float
) -> Finding:
    found, bins = _MEASURES[measure](old, new, settings.bins)
    details = tuple(
        {"bin": b, "training": float(p), "evaluation": float(q)}
        for b, p, q in zip(bins.names, bins.old / bins.old.sum(), bins.new / bins.new.sum(), strict=True)
    )
    finding = outcomes.bounded(
        settings, where, f"{column} {measure}", effect=found.value, interval=found.interval(alpha), bound=settings.limit(measure),
        metric=measure, column=column, n=new.n, alpha=alpha, method=_METHOD[measure], details=details[:60],
    )  # fmt: skip
    return Finding(finding.result, "drift" if finding.result.outcome is Outcome.FAIL else finding.reason)


Measured = tuple[Divergence, drift_bins.Bins]


def _psi(old: ColumnSketch, new: ColumnSketch, bins: int) -> Measured:
    found = drift_bins.both(old, new, bins)
    return divergence.psi(found.old, found.new), found


def _jensen_shannon(old: ColumnSketch, new: ColumnSketch, bins: int) -> Measured:
    found = drift_bins.both(old, new, bins)
    return divergence.jensen_shannon(found.old, found.new), found


def _chi2(old: ColumnSketch, new: ColumnSketch, bins: int) -> Measured:
    found = drift_bins.both(old, new, bins)
    return divergence.cramers_v(found.old, found.new), found


def _ks(old: ColumnSketch, new: ColumnSketch, bins: int) -> Measured:
    fine = drift_bins.fine(old, new, _FINE)
    return divergence.kolmogorov_smirnov(fine.old, fine.new), drift_bins.both(old, new, bins)


def _wasserstein(old: ColumnSketch, new: ColumnSketch, bins: int) -> Measured:
    fine = drift_bins.fine(old, new, _FINE)
    return divergence.wasserstein(fine.old, fine.new, np.diff(fine.points) / fine.scale), drift_bins.both(
        old, new, bins
    )


_MEASURES: dict[str, Callable[[ColumnSketch, ColumnSketch, int], Measured]] = {
    "psi": _psi, "jensen_shannon": _jensen_shannon, "chi2": _chi2, "ks": _ks, "wasserstein": _wasserstein,
}  # fmt: skip
_METHOD = {
    "psi": "population stability index, bias removed, delta method",
    "jensen_shannon": "Jensen-Shannon distance, bias removed, delta method",
    "chi2": "χ² as Cramér's V, bias removed, delta method",
    "ks": "Kolmogorov-Smirnov distance, normal law at its place",
    "wasserstein": "Wasserstein distance in standard deviations, delta method",
}


def _silent(settings: DriftSettings, where: str, column: str, message: str, reason: str) -> Finding:
    found = outcomes.result(settings, where, column, Outcome.INCONCLUSIVE, message=message, column=column)
    return Finding(found, reason)


def _kind(sketch: ColumnSketch) -> str:
    return "numbers" if sketch.is_numeric else "values"
