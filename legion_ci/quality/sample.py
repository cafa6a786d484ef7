"""The rows of one question: truth and answers in the form that the metric reads, for all rows or one slice."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from legion_ci.quality.catalogue import Metric
from legion_ci.quality.evidence import Answers, Floats, Truth

Array = NDArray[np.int64] | Floats

_MEANS = ("accuracy", "brier", "log_loss")  # means of rows, which need no minimum of every one of many classes


@dataclass(frozen=True, eq=False)
class Sample:
    """truth, candidate, champion: one entry a row (probabilities: one row each). positive: its class, or −1."""

    truth: Array
    candidate: Array
    champion: Array | None = None
    n_classes: int = 0
    positive: int = -1
    cluster: NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return len(self.truth)

    def take(self, rows: NDArray[np.intp] | NDArray[np.bool_]) -> Sample:
        """The same for some rows."""
        return replace(
            self,
            truth=self.truth[rows],
            candidate=self.candidate[rows],
            champion=None if self.champion is None else self.champion[rows],
            cluster=None if self.cluster is None else self.cluster[rows],
        )

    def alone(self) -> Sample:
        """The same without champion."""
        return replace(self, champion=None)

    def of_champion(self) -> Sample:
        """The champion in the candidate's place, alone."""
        if self.champion is None:
            raise ValueError("there is no champion")
        return replace(self, candidate=self.champion, champion=None, cluster=None)

    @property
    def counts(self) -> NDArray[np.int64]:
        """Rows of each class."""
        return np.bincount(self.truth.astype(np.int64), minlength=self.n_classes)

    @property
    def is_positive(self) -> NDArray[np.bool_]:
        """Rows of the positive class."""
        return np.asarray(self.truth == self.positive)


def answers_for(metric: Metric, answers: Answers, truth: Truth, positive: int, threshold: float | None) -> Array:
    """A model's answers in the metric's form; raises InvalidAnswer for those that no metric can use."""
    classes = truth.classes if metric.of_classes else None
    if classes is None:
        return answers.values()
    if metric.form == "label":
        if threshold is None:
            return answers.labels(classes)
        above = answers.score(classes, positive) >= threshold
        other = next((c for c in range(len(classes.names)) if c != positive), -1)
        return np.where(above, positive, other if len(classes.names) == 2 else -1).astype(np.int64)
    if metric.form == "score":
        return answers.score(classes, positive)
    return answers.probabilities(classes, positive if positive >= 0 else None)


def rarer(metric: Metric, sample: Sample) -> int:
    """How many rows of the kind that limits what the metric can say: the rarer class, the positives, the rows."""
    return rarer_of(metric, sample.counts, sample.positive) if metric.of_classes else len(sample)


def rarer_of(metric: Metric, counts: NDArray[np.int64], positive: int) -> int:
    """The same for a metric of classes, from the rows of each class."""
    n = int(counts.sum())
    positives = int(counts[positive]) if positive >= 0 else 0
    if metric.name in ("recall", "specificity"):
        return positives if metric.name == "recall" else n - positives
    if metric.name in _MEANS and len(counts) > 2:
        return n
    return min(positives, n - positives) if metric.needs_positive else int(counts.min())
