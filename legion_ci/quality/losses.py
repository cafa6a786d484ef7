"""Metrics that are smooth functions of row means: losses of probabilities and of numbers, for one model and for two."""

from __future__ import annotations

import numpy as np

from legion_ci.quality.catalogue import Metric
from legion_ci.quality.evidence import Floats
from legion_ci.quality.sample import Array, Sample
from legion_ci.quality.statistics.smooth import MEAN, Smooth


def row_loss(metric: Metric, truth: Array, answers: Array) -> Floats:
    """Loss of every row (n,): squared error of probabilities, −log of the truth's, absolute or squared error.

    The Brier score of two classes is that of the positive class (0..1); of more classes the sum over them (0..2).
    """
    if metric.name == "brier":
        return _brier(truth, answers)
    if metric.name == "log_loss":
        return _log_loss(truth, answers)
    if metric.form in ("query", "user"):  # the answers are each unit's value already
        return np.asarray(answers, dtype=np.float64)
    if metric.name == "pinball":
        share = metric.parameter or 0.5
        short = np.asarray(truth - answers, dtype=np.float64)
        return np.maximum(share * short, (share - 1) * short)
    errors = np.asarray(answers - truth, dtype=np.float64)
    return np.abs(errors) if metric.name == "mae" else errors**2


def _brier(truth: Array, answers: Array) -> Floats:
    hit = np.arange(answers.shape[1]) == truth[:, None]
    squares: Floats = np.sum((answers - hit) ** 2, axis=1)
    return squares / 2 if answers.shape[1] == 2 else squares


def _log_loss(truth: Array, answers: Array) -> Floats:
    tiny = np.finfo(np.float64).eps
    of_truth = answers[np.arange(len(truth)), truth.astype(np.int64)]
    losses: Floats = -np.log(np.clip(of_truth, tiny, 1 - tiny))
    return losses


def single(metric: Metric, sample: Sample) -> tuple[Smooth, Floats]:
    """The metric of one model as a function of the means of rows (n, k)."""
    loss = row_loss(metric, sample.truth, sample.candidate)[:, None]
    if metric.name == "rmse":
        return ROOT, loss
    if metric.name == "r2":
        return EXPLAINED, np.concatenate([loss, _target_moments(sample)], axis=1)
    return MEAN, loss


def gain(metric: Metric, sample: Sample) -> tuple[Smooth, Floats]:
    """How much better the candidate is than the champion, as a function of the means of rows (n, k)."""
    if sample.champion is None:
        raise ValueError("a gain needs a champion")
    old = row_loss(metric, sample.truth, sample.champion)[:, None]
    new = row_loss(metric, sample.truth, sample.candidate)[:, None]
    if metric.name == "rmse":
        return ROOT_GAIN, np.concatenate([old, new], axis=1)
    if metric.name == "r2":
        return EXPLAINED_GAIN, np.concatenate([old - new, _target_moments(sample)], axis=1)
    return MEAN, new - old if metric.higher_is_better else old - new


def reach(metric: Metric, sample: Sample) -> float:
    """How far one row's loss can be from another's: by definition where it is bounded, else as far as was seen."""
    if metric.name == "brier":
        return 1.0 if sample.n_classes == 2 else 2.0
    if metric.name == "r2" or metric.form == "query":
        return 1.0
    models = [sample.candidate] if sample.champion is None else [sample.candidate, sample.champion]
    largest = max(float(np.abs(row_loss(metric, sample.truth, m)).max()) for m in models)
    return float(np.sqrt(largest)) if metric.name == "rmse" else largest


def _target_moments(sample: Sample) -> Floats:
    centred = np.asarray(sample.truth, dtype=np.float64) - np.mean(sample.truth)
    return np.stack([centred, centred**2], axis=1)


def _root_slope(means: Floats) -> Floats:
    return 0.5 / np.sqrt(np.maximum(means, 1e-300))


def _variance(means: Floats) -> Floats:
    result: Floats = np.maximum(means[..., 2] - means[..., 1] ** 2, 1e-300)
    return result


def _explained(means: Floats) -> Floats:
    return 1 - means[..., 0] / _variance(means)


def _explained_gain(means: Floats) -> Floats:
    result: Floats = means[..., 0] / _variance(means)
    return result


def _explained_gain_slope(means: Floats) -> Floats:
    spread, part = _variance(means), means[..., 0]
    return np.stack([1 / spread, 2 * means[..., 1] * part / spread**2, -part / spread**2], axis=-1)


ROOT = Smooth(lambda m: np.sqrt(np.maximum(m[..., 0], 0)), _root_slope)
ROOT_GAIN = Smooth(
    lambda m: np.sqrt(np.maximum(m[..., 0], 0)) - np.sqrt(np.maximum(m[..., 1], 0)),
    lambda m: _root_slope(m) * np.array([1.0, -1.0]),
)
EXPLAINED = Smooth(_explained, lambda m: -_explained_gain_slope(m))
EXPLAINED_GAIN = Smooth(_explained_gain, _explained_gain_slope)
