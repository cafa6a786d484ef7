"""Metrics of a table of counts: F1, precision and balanced accuracy as functions of the cells' shares."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from legion_ci.quality.catalogue import Metric
from legion_ci.quality.evidence import Floats
from legion_ci.quality.sample import Array, Sample
from legion_ci.quality.statistics.smooth import Smooth

Cells = NDArray[np.int64]


def single(metric: Metric, sample: Sample) -> tuple[Smooth, Cells, int]:
    """The metric, the cell of every row, and the number of cells: (truth, answer)."""
    truth, rows = _truth(metric, sample)
    return _metric(metric, rows), truth * 2 + _answer(metric, sample, sample.candidate), rows * 2


def gain(metric: Metric, sample: Sample) -> tuple[Smooth, Cells, int]:
    """The candidate's gain, the cell of every row, and the number of cells: (truth, candidate, champion)."""
    if sample.champion is None:
        raise ValueError("a gain needs a champion")
    truth, rows = _truth(metric, sample)
    new, old = (_answer(metric, sample, a) for a in (sample.candidate, sample.champion))
    return _difference(_metric(metric, rows), rows), truth * 4 + new * 2 + old, rows * 4


def _truth(metric: Metric, sample: Sample) -> tuple[Cells, int]:
    if metric.name == "balanced_accuracy":
        return sample.truth.astype(np.int64), sample.n_classes
    return sample.is_positive.astype(np.int64), 2


def _answer(metric: Metric, sample: Sample, answers: Array) -> Cells:
    """1 where the answer is right (balanced accuracy) or positive (the others)."""
    wanted = sample.truth if metric.name == "balanced_accuracy" else sample.positive
    return np.asarray(answers == wanted).astype(np.int64)


def _metric(metric: Metric, rows: int) -> Smooth:
    if metric.name == "balanced_accuracy":
        return _mean_of_ratios([({2 * c + 1: 1.0}, {2 * c: 1.0, 2 * c + 1: 1.0}) for c in range(rows)], rows * 2)
    missed = {"precision": 0.0, "f1": 1.0}[metric.name]  # weight of missed positives in the denominator
    top = {3: 1.0} if metric.name == "precision" else {3: 2.0}
    return _mean_of_ratios([(top, {3: sum(top.values()), 1: 1.0, 2: missed})], 4)


def _mean_of_ratios(ratios: list[tuple[dict[int, float], dict[int, float]]], cells: int) -> Smooth:
    """The mean of (top · shares)/(bottom · shares); a ratio without anything below is 0, as in scikit-learn."""
    top, bottom = (np.array([[r[part].get(c, 0.0) for c in range(cells)] for r in ratios]) for part in (0, 1))

    def value(shares: Floats) -> Floats:
        above, below = shares @ top.T, shares @ bottom.T
        result: Floats = np.mean(np.where(below > 0, above / np.where(below > 0, below, 1), 0.0), axis=-1)
        return result

    def gradient(shares: Floats) -> Floats:
        above, below = shares @ top.T, shares @ bottom.T
        safe = np.where(below > 0, below, 1)
        to_top, to_bottom = np.where(below > 0, 1 / safe, 0.0), np.where(below > 0, -above / safe**2, 0.0)
        result: Floats = (to_top @ top + to_bottom @ bottom) / len(top)
        return result

    return Smooth(value, gradient)


def _difference(metric: Smooth, rows: int) -> Smooth:
    """metric(candidate's table) − metric(champion's table), over the joint table of shape (rows, 2, 2)."""

    def tables(shares: Floats) -> tuple[Floats, Floats]:
        joint = shares.reshape(*shares.shape[:-1], rows, 2, 2)
        flat = (*shares.shape[:-1], rows * 2)
        return joint.sum(axis=-1).reshape(flat), joint.sum(axis=-2).reshape(flat)

    def value(shares: Floats) -> Floats:
        new, old = tables(shares)
        return metric.value(new) - metric.value(old)

    def gradient(shares: Floats) -> Floats:
        new, old = (metric.gradient(t).reshape(*shares.shape[:-1], rows, 2) for t in tables(shares))
        return (new[..., :, None] - old[..., None, :]).reshape(shares.shape)

    return Smooth(value, gradient)
