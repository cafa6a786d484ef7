"""From a metric and its rows to an estimate: which method of ``statistics`` belongs to which metric."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from legion_ci.quality import losses, tables
from legion_ci.quality.catalogue import Metric
from legion_ci.quality.sample import Array, Sample
from legion_ci.quality.statistics import bootstrap, cells, cluster, delong
from legion_ci.quality.statistics.estimate import Estimate
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
    if metric.family == "area":
        return delong.area(sample.is_positive, np.asarray(sample.candidate, dtype=np.float64))
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
    said = answers == sample.positive
    if metric.name == "recall":
        return np.asarray(said[sample.is_positive])
    return np.asarray(~said[~sample.is_positive])


def _share(metric: Metric, sample: Sample, _: Resampling) -> Estimate:
    new = right(metric, sample, sample.candidate)
    if sample.champion is None:
        return Share(int(new.sum()), len(new))
    return PairedShare.of(new, right(metric, sample, sample.champion))


def _area(_: Metric, sample: Sample, __: Resampling) -> Estimate:
    new = np.asarray(sample.candidate, dtype=np.float64)
    if sample.champion is None:
        return delong.single(sample.is_positive, new)
    return delong.paired(sample.is_positive, new, np.asarray(sample.champion, dtype=np.float64))


def _cells(metric: Metric, sample: Sample, resampling: Resampling) -> Estimate:
    smooth, cell, size = (tables.single if sample.champion is None else tables.gain)(metric, sample)
    counts = np.bincount(cell, minlength=size)
    return cells.of_counts(smooth, counts, replicates=resampling.replicates, rng=resampling.rng())


def _loss(metric: Metric, sample: Sample, resampling: Resampling) -> Estimate:
    smooth, rows = (losses.single if sample.champion is None else losses.gain)(metric, sample)
    reach = losses.reach(metric, sample)
    return bootstrap.of_rows(smooth, rows, reach=reach, replicates=resampling.replicates, rng=resampling.rng())


_BY_FAMILY = {"share": _share, "area": _area, "cells": _cells, "loss": _loss}


def _clustered(metric: Metric, sample: Sample) -> cluster.Clustered:
    """By each row's linearised contribution, summed over clusters."""
    effect = point(metric, sample)
    contribution = _contribution(metric, sample, sample.candidate)
    if sample.champion is not None:
        sign = 1 if metric.higher_is_better else -1
        effect = sign * (effect - point(metric, _as_candidate(sample)))
        contribution = sign * (contribution - _contribution(metric, sample, sample.champion))
    codes: NDArray[np.int64] = sample.cluster if sample.cluster is not None else np.arange(len(sample))
    reach = losses.reach(metric, sample) if metric.family == "loss" else 1.0
    return cluster.robust(effect, contribution, codes[_concerned(metric, sample)], reach)


def _contribution(metric: Metric, sample: Sample, answers: Array) -> NDArray[np.float64]:
    own = Sample(sample.truth, answers, None, sample.n_classes, sample.positive)
    if metric.family == "share":
        hits: NDArray[np.float64] = right(metric, own, answers).astype(np.float64)
        return np.asarray(hits - hits.mean())
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


def _as_candidate(sample: Sample) -> Sample:
    if sample.champion is None:
        raise ValueError("there is no champion")
    return Sample(sample.truth, sample.champion, None, sample.n_classes, sample.positive)
