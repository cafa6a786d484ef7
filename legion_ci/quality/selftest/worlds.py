"""Worlds in which the truth is known, made from the user's rows: equal models by exchange, worse ones by spoiling."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from legion_ci.quality.catalogue import Metric
from legion_ci.quality.sample import Array, Sample
from legion_ci.quality.selftest import planting

Rows = NDArray[np.intp]


@dataclass(frozen=True)
class World:
    """Rows with both models' answers, and for each row a spoilt one."""

    metric: Metric
    sample: Sample
    worse: Array

    @classmethod
    def of(cls, metric: Metric, sample: Sample, rng: np.random.Generator) -> World:
        """Scores are replaced by their ranks, as two models' are exchanged and only their order counts."""
        if metric.form == "score" and sample.champion is not None:
            sample = replace(sample, candidate=_ranks(sample.candidate), champion=_ranks(sample.champion))
        return cls(metric, sample, planting.spoilt(metric, sample, rng))

    def draw(self, rng: np.random.Generator, share: float) -> Sample:
        """As many rows (clusters) drawn with replacement, models exchanged, that share of the candidate's spoilt."""
        rows, cluster = redrawn(self.sample, rng)
        drawn = replace(self.sample.take(rows), cluster=cluster)
        even = drawn if drawn.champion is None else exchanged(drawn, rng)
        return spoil(self.metric, even, self.worse[rows], share, rng)


def _ranks(scores: Array) -> NDArray[np.float64]:
    found: NDArray[np.float64] = stats.rankdata(scores) / len(scores)
    return found


def redrawn(sample: Sample, rng: np.random.Generator) -> tuple[Rows, NDArray[np.int64] | None]:
    """Row numbers drawn with replacement; whole clusters where there are any, each draw a cluster of its own."""
    if sample.cluster is None:
        return rng.integers(0, len(sample), len(sample)), None
    order = np.argsort(sample.cluster, kind="stable")
    groups = np.split(order, np.flatnonzero(np.diff(sample.cluster[order])) + 1)
    chosen = [groups[g] for g in rng.integers(0, len(groups), len(groups))]
    return np.concatenate(chosen), np.repeat(np.arange(len(chosen)), [len(c) for c in chosen])


def coin(sample: Sample, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Heads or tails of each row, the same for the rows of a cluster."""
    if sample.cluster is None:
        return rng.random(len(sample)) < 0.5
    _, codes = np.unique(sample.cluster, return_inverse=True)
    heads: NDArray[np.bool_] = (rng.random(int(codes.max()) + 1) < 0.5)[codes]
    return heads


def exchanged(sample: Sample, rng: np.random.Generator) -> Sample:
    """Candidate and champion exchanged where the coin says so: then neither is better."""
    if sample.champion is None:
        raise ValueError("models are exchanged for each other; there is no champion")
    heads = _wide(coin(sample, rng), sample.candidate)
    return replace(
        sample,
        candidate=np.where(heads, sample.champion, sample.candidate),
        champion=np.where(heads, sample.candidate, sample.champion),
    )


def spoil(metric: Metric, sample: Sample, worse: Array, share: float, rng: np.random.Generator) -> Sample:
    """That share of the candidate's answers, by chance, replaced by the worse ones."""
    if not share:
        return sample
    hit = (rng.random(len(sample)) < share) & planting.spoilable(metric, sample)
    return replace(sample, candidate=np.where(_wide(hit, sample.candidate), worse, sample.candidate))


def _wide(rows: NDArray[np.bool_], answers: Array) -> NDArray[np.bool_]:
    return rows[:, None] if np.ndim(answers) == 2 else rows
