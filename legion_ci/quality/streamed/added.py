"""What is kept of the rows of one slice (or of all) that are gone: one class a family of metrics."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable

import numpy as np

from legion_ci.quality import constants
from legion_ci.quality.catalogue import Metric
from legion_ci.quality.estimates import Resampling
from legion_ci.quality.sample import Sample, rarer_of
from legion_ci.quality.seen import Seen
from legion_ci.quality.statistics.estimate import Estimate

Floor = Callable[[], float | None]


class Added(ABC):
    """Rows of the classes, and what a family adds. paired: with a champion; floor: of a constant answer, for numbers.

    passes: how often the rows must be seen; the number of the pass comes with them.
    """

    passes = 1

    def __init__(self, metric: Metric, paired: bool, positive: int, n_classes: int, floor: Floor) -> None:
        self.metric, self.paired, self.positive, self.floor = metric, paired, positive, floor
        self.n, self.classes = 0, np.zeros(max(n_classes, 1), dtype=np.int64)

    @property
    def rare(self) -> int:
        """Rows that limit what the metric can say."""
        return rarer_of(self.metric, self.classes, self.positive) if self.metric.of_classes else self.n

    def add(self, sample: Sample, turn: int) -> None:
        """Take in rows, in the pass of that number."""
        if turn == 0:
            self.n += len(sample)
            self.classes += sample.counts if self.metric.of_classes else 0
        if len(sample):
            self.take(sample, turn)

    def seen(self) -> Seen:
        """Rows, and values of both models."""
        new, old = self.values()
        return Seen(self.n, self.rare, new, old if self.paired else None, self._floor)

    def _floor(self) -> float | None:
        return constants.of_classes(self.metric, self.classes / self.n) if self.metric.of_classes else self.floor()

    @abstractmethod
    def take(self, sample: Sample, turn: int) -> None:
        """Add up what the family needs of rows, of which there are some."""

    @abstractmethod
    def values(self) -> tuple[float, float]:
        """The metric of the candidate and of the champion (anything where there is none)."""

    @abstractmethod
    def estimate(self, resampling: Resampling) -> Estimate:
        """As ``estimates.estimate`` of all the rows at once."""
