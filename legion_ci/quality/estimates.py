"""From a metric and its rows to an estimate: which method of ``statistics`` belongs to which metric."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from legion_ci.quality import losses, tables
from legion_ci.quality.catalogue import Metric
from legion_ci.quality.sample import Array, Sample
from legion_ci.quality.statistics import average_precision, bootstrap, cells, cluster, delong, multiclass_auc
from legion_ci.quality.statistics.blocks import Blocks
from legion_ci.quality.statistics.estimate import Estimate, LargeSample
from legion_ci.quality.statistics.proportion import PairedShare, Share
from legion_ci.quality.statistics.smooth import influence


@dataclass(frozen=True)
class Resampling:
    """How many replicates, and the seed that makes them the same every time."""

    replicates: int
    seed: tuple[int, ...]

    def rng(self) -> np.random.Generator:
        """A fresh generator."""
        return np.random.default_rng(self.seed)


def point(metric: Metric, sample: Sample) -> float:
    """The candidate's value of the metric."""
    if metric.family == "share":
        return float(np.mean(right(metric, sample, sample.candidate)))
    if metric.family == "area" and metric.name != "roc_auc":
        return _of_classes(metric, sample, sample.candidate)[0]
    if metric.family == "area":
        return delong.area(sample.is_positive, np.asarray(sample.candidate, dtype=np.float64))
    if metric.family == "ranked":
        return average_precision.value(sample.is_positive, np.asarray(sample.candidate, dtype=np.float64))
    if metric.family == "cells":
        smooth, cell, size = tables.single(metric, sample)
        return float(smooth.value(np.bincount(cell, minlength=size) / len(sample)))
    smooth, rows = losses.single(metric, sample)
    return float(smooth.value(rows.mean(axis=0)))


def estimate(metric: Metric, sample: Sample, resampling: Resampling) -> Estimate:
    """Of the candidate's value; when the sample has a champion, of the candidate's gain (more is better)."""
    if sample.cluster is not None:
        return _clustered(metric, sample)
    return _BY_FAMILY[metric.family](metric, sample, resampling)


def right(metric: Metric, sample: Sample, answers: Array) -> NDArray[np.bool_]:
    """Right (true) or wrong, for the rows that the metric is about: all, the positives, the negatives."""
    if metric.name == "accuracy":
        return np.asarray(answers == sample.truth)
    if metric.name == "top_k_accuracy":
        first = np.argsort(answers, axis=1, kind="stable")[:, ::-1][:, : int(metric.parameter or 1)]
        return np.asarray(np.any(first == sample.truth[:, None], axis=1))
    said = answers == sample.positive
    if metric.name == "recall":
        return np.asarray(said[sample.is_positive])
    return np.asarray(~said[~sample.is_positive])


def _share(metric: Metric, sample: Sample, _: Resampling) -> Estimate:
    new = right(metric, sample, sample.candidate)
    if sample.champion is None:
        return Share(int(new.sum()), len(new))
    return PairedShare.of(new, right(metric, sample, sample.champion))


def _area(metric: Metric, sample: Sample, __: Resampling) -> Estimate:
    if metric.name != "roc_auc":
        return _areas(metric, sample)
    new = np.asarray(sample.candidate, dtype=np.float64)
    if sample.champion is None:
        return delong.single(sample.is_positive, new)
    return delong.paired(sample.is_positive, new, np.asarray(sample.champion, dtype=np.float64))


def _areas(metric: Metric, sample: Sample) -> Estimate:
    effect, moved = _of_classes(metric, sample, sample.candidate)
    if sample.champion is not None:
        old, old_moved = _of_classes(metric, sample, sample.champion)
        effect, moved = effect - old, moved - old_moved
    n = len(sample)
    se = float(np.sqrt(np.sum(moved**2) / (n * max(n - 1, 1))))
    if not se > 1e-12:
        return bootstrap.NoSpread(effect, int(np.bincount(sample.truth.astype(np.int64)).min()), 1.0)
    return LargeSample(effect, se, n, "DeLong, mean over classes")


def _of_classes(metric: Metric, sample: Sample, answers: Array) -> tuple[float, NDArray[np.float64]]:
    """Value and contributions of an area of several classes."""
    scores = np.asarray(answers, dtype=np.float64)
    return multiclass_auc.assess(sample.truth.astype(np.int64), scores, metric.name.rpartition("_")[2])


def _ranked(_: Metric, sample: Sample, resampling: Resampling) -> Estimate:
    old = None if sample.champion is None else np.asarray(sample.champion, dtype=np.float64)
    new = np.asarray(sample.candidate, dtype=np.float64)
    return average_precision.estimate(
        sample.is_positive, new, old, replicates=resampling.replicates, rng=resampling.rng()
    )


def _cells(metric: Metric, sample: Sample, resampling: Resampling) -> Estimate:
    smooth, cell, size = (tables.single if sample.champion is None else tables.gain)(metric, sample)
    counts = np.bincount(cell, minlength=size)
    return cells.of_counts(smooth, counts, replicates=resampling.replicates, rng=resampling.rng())


def _loss(metric: Metric, sample: Sample, resampling: Resampling) -> Estimate:
    smooth, rows = (losses.single if sample.champion is None else losses.gain)(metric, sample)
    added = Blocks(rows.shape[1])
    added.add(rows)
    reach = losses.reach(metric, sample)
    return added.estimate(smooth, reach=reach, replicates=resampling.replicates, rng=resampling.rng())


_BY_FAMILY = {"share": _share, "area": _area, "cells": _cells, "ranked": _ranked, "loss": _loss}


def _clustered(metric: Metric, sample: Sample) -> cluster.Clustered:
    """By each row's linearised contribution, summed over clusters."""
    effect = point(metric, sample)
    contribution = _contribution(metric, sample, sample.candidate)
    if sample.champion is not None:
        sign = 1 if metric.higher_is_better else -1
        effect = sign * (effect - point(metric, sample.of_champion()))
        contribution = sign * (contribution - _contribution(metric, sample, sample.champion))
    codes: NDArray[np.int64] = sample.cluster if sample.cluster is not None else np.arange(len(sample))
    reach = losses.reach(metric, sample) if metric.family == "loss" else 1.0
    return cluster.robust(effect, contribution, codes[_concerned(metric, sample)], reach)


def _contribution(metric: Metric, sample: Sample, answers: Array) -> NDArray[np.float64]:
    own = Sample(sample.truth, answers, None, sample.n_classes, sample.positive)
    if metric.family == "share":
        hits: NDArray[np.float64] = right(metric, own, answers).astype(np.float64)
        return np.asarray(hits - hits.mean())
    if metric.family == "area" and metric.name != "roc_auc":
        return _of_classes(metric, own, answers)[1]
    if metric.family == "ranked":
        return average_precision.influence(own.is_positive, np.asarray(answers, dtype=np.float64))
    if metric.family == "area":
        return delong.influence(own.is_positive, np.asarray(answers, dtype=np.float64))
    if metric.family == "cells":
        smooth, cell, size = tables.single(metric, own)
        return influence(smooth, np.eye(size)[cell])
    smooth, rows = losses.single(metric, own)
    return influence(smooth, rows)


def _concerned(metric: Metric, sample: Sample) -> NDArray[np.bool_]:
    if metric.name == "recall":
        return sample.is_positive
    return ~sample.is_positive if metric.name == "specificity" else np.ones(len(sample), dtype=bool)
