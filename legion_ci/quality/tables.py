"""Metrics of a table of counts: F1, precision, balanced accuracy and MCC as functions of the cells' shares."""

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
    if metric.name == "mcc":
        width = sample.n_classes + 1  # one more for an answer that is none of the classes
        return (
            correlation(sample.n_classes),
            _code(sample.truth) * width + _said(sample, sample.candidate),
            sample.n_classes * width,
        )
    truth, rows = _truth(metric, sample)
    return _metric(metric, rows), truth * 2 + _answer(metric, sample, sample.candidate), rows * 2


def gain(metric: Metric, sample: Sample) -> tuple[Smooth, Cells, int]:
    """The candidate's gain, the cell of every row, and the number of cells: (truth, candidate, champion)."""
    if sample.champion is None:
        raise ValueError("a gain needs a champion")
    if metric.name == "mcc":
        k, width = sample.n_classes, sample.n_classes + 1
        cell = (_code(sample.truth) * width + _said(sample, sample.candidate)) * width + _said(sample, sample.champion)
        return _difference(correlation(k), k, width), cell, k * width * width
    truth, rows = _truth(metric, sample)
    new, old = (_answer(metric, sample, a) for a in (sample.candidate, sample.champion))
    return _difference(_metric(metric, rows), rows), truth * 4 + new * 2 + old, rows * 4


def _code(values: Array) -> Cells:
    return np.asarray(values).astype(np.int64)


def _said(sample: Sample, answers: Array) -> Cells:
    return np.where(answers < 0, sample.n_classes, answers).astype(np.int64)


def correlation(k: int) -> Smooth:
    """Matthews' correlation of k classes (J. Gorodkin 2004): cells (truth, answer), k × (k + 1), the last answer is no class."""
    width = k + 1

    def parts(shares: Floats) -> tuple[Floats, Floats, Floats, Floats, Floats]:
        table = shares.reshape(*shares.shape[:-1], k, width)
        true, said = table.sum(axis=-1), table.sum(axis=-2)
        hits = np.trace(table, axis1=-2, axis2=-1)
        top = hits - np.sum(true * said[..., :k], axis=-1)
        return top, 1 - np.sum(said**2, axis=-1), 1 - np.sum(true**2, axis=-1), true, said

    def value(shares: Floats) -> Floats:
        top, by_said, by_true, _, _ = parts(shares)
        below = np.sqrt(np.maximum(by_said * by_true, 0))
        result: Floats = np.where(below > 1e-12, top / np.where(below > 1e-12, below, 1), 0.0)
        return result

    def gradient(shares: Floats) -> Floats:
        top, by_said, by_true, true, said = (
            p[..., None, None] if p.ndim == shares.ndim - 1 else p for p in parts(shares)
        )
        below = np.sqrt(np.maximum(by_said * by_true, 1e-24))
        padded = np.concatenate([true, np.zeros((*true.shape[:-1], 1))], axis=-1)
        of_top = np.eye(k, width) - padded[..., None, :] - said[..., :k, None]
        of_below = (
            (said[..., None, :] / np.maximum(by_said, 1e-12) + true[..., :, None] / np.maximum(by_true, 1e-12))
            * top
            / below
        )
        result: Floats = (of_top / below + of_below).reshape(shares.shape)
        return result

    return Smooth(value, gradient)


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


def _difference(metric: Smooth, rows: int, width: int = 2) -> Smooth:
    """metric(candidate's table) − metric(champion's table), over the joint table of shape (rows, width, width)."""

    cell = np.arange(rows * width * width).reshape(rows, width, width)
    one = np.eye(rows * width)[cell // (width * width) * width + cell // width % width].reshape(cell.size, -1)
    other = np.eye(rows * width)[cell // (width * width) * width + cell % width].reshape(cell.size, -1)

    def value(shares: Floats) -> Floats:
        return metric.value(shares @ one) - metric.value(shares @ other)

    def gradient(shares: Floats) -> Floats:
        result: Floats = metric.gradient(shares @ one) @ one.T - metric.gradient(shares @ other) @ other.T
        return result

    return Smooth(value, gradient)
