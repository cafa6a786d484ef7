"""How much of a candidate's answers must be spoilt for its metric to lose exactly so much, on these rows.

A spoilt answer is that of another row. The metric of the mixture is exact: its rows' means are linear in the share.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from scipy import optimize

from legion_ci.quality import losses, tables
from legion_ci.quality.catalogue import Metric
from legion_ci.quality.estimates import right
from legion_ci.quality.evidence import Floats
from legion_ci.quality.sample import Array, Sample
from legion_ci.quality.statistics import delong

_KNOWN = (
    "accuracy", "recall", "specificity", "roc_auc", "precision", "f1", "balanced_accuracy", "brier", "log_loss", "mae", "mse",
    "rmse", "r2",
)  # fmt: skip


def can(metric: Metric) -> bool:
    """Whether losses can be planted in this metric: its mixture is known."""
    return metric.name in _KNOWN


def spoilt(metric: Metric, sample: Sample, rng: np.random.Generator) -> Array:
    """An answer for each row that knows nothing about it: another row's (for areas, that of a negative row)."""
    if metric.family != "area":
        return sample.candidate[rng.permutation(len(sample))]
    negatives = np.concatenate([np.asarray(a)[~sample.is_positive] for a in sides(sample)])
    return np.asarray(rng.choice(negatives, len(sample)))


def spoilable(metric: Metric, sample: Sample) -> np.ndarray:
    """Rows whose answers may be spoilt: for areas the positives, so that the area falls in proportion."""
    return sample.is_positive if metric.family == "area" else np.ones(len(sample), dtype=bool)


def share_for_loss(metric: Metric, sample: Sample, worse: Array, loss: float) -> float | None:
    """Share of answers to spoil so that the candidate's metric is ``loss`` worse; None where nothing spoils so much."""
    value = _value(metric, sample, worse)
    sign = 1.0 if metric.higher_is_better else -1.0
    return _solved(lambda share: sign * (value(0.0) - value(share)) - loss)


def share_for_value(metric: Metric, sample: Sample, worse: Array, wanted: float) -> float | None:
    """Share of answers to spoil so that the candidate's metric is exactly ``wanted``."""
    value = _value(metric, sample, worse)
    sign = 1.0 if metric.higher_is_better else -1.0
    return _solved(lambda share: sign * (wanted - value(share)))


def _solved(short: Callable[[float], float]) -> float | None:
    """Where the function, below 0 at a share of 0, reaches 0."""
    low, high = short(0.0), short(1.0)
    if abs(low) < 1e-15:
        return 0.0
    if low > 0 or high < 0:
        return None
    return float(optimize.brentq(short, 0.0, 1.0, xtol=1e-12))


def sides(sample: Sample) -> Sequence[Array]:
    """The answers that an unspoilt candidate is drawn from: its own, and with a champion both models' in equal parts."""
    return [sample.candidate] if sample.champion is None else [sample.candidate, sample.champion]


def _value(metric: Metric, sample: Sample, worse: Array) -> Callable[[float], float]:
    moments, finish = _moments(metric, sample)
    good = np.mean([moments(a) for a in sides(sample)], axis=0)
    bad = moments(worse)
    return lambda share: finish((1 - share) * good + share * bad)


def _moments(metric: Metric, sample: Sample) -> tuple[Callable[[Array], Floats], Callable[[Floats], float]]:
    """Means of rows by the answers that they are given, and the metric as a function of them."""

    def own(answers: Array) -> Sample:
        return replace(sample, candidate=answers, champion=None)

    if metric.family == "share":
        return lambda a: np.atleast_1d(right(metric, sample, a).mean()), lambda m: float(m[0])
    if metric.family == "area":
        return lambda a: np.atleast_1d(_area(sample, a)), lambda m: float(m[0])
    if metric.family == "cells":
        smooth, _, size = tables.single(metric, own(sample.candidate))
        return (
            lambda a: np.bincount(tables.single(metric, own(a))[1], minlength=size) / len(sample),
            lambda m: float(smooth.value(m)),
        )
    smooth, _ = losses.single(metric, own(sample.candidate))
    return lambda a: losses.single(metric, own(a))[1].mean(axis=0), lambda m: float(smooth.value(m))


def _area(sample: Sample, answers: Array) -> float:
    """Area with these answers on positive rows, and on negative ones those of either model."""
    positive = sample.is_positive
    return float(np.mean([delong.area(positive, np.where(positive, answers, other)) for other in sides(sample)]))
