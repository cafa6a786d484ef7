"""Metrics of counts added up exactly: shares by who was right, tables by truth and answers."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from legion_ci.quality import tables
from legion_ci.quality.estimates import Resampling, right
from legion_ci.quality.sample import Sample
from legion_ci.quality.statistics import cells
from legion_ci.quality.statistics.estimate import Estimate
from legion_ci.quality.statistics.proportion import PairedShare, Share
from legion_ci.quality.statistics.smooth import Smooth
from legion_ci.quality.streamed.added import Added


class Hits(Added):
    """Rows by whether the candidate and the champion are right: neither, champion, candidate, both."""

    def __init__(self, *about: Any) -> None:
        super().__init__(*about)
        self.counts = np.zeros(4, dtype=np.int64)

    def take(self, sample: Sample, turn: int) -> None:
        """See ``Added``."""
        new = right(self.metric, sample, sample.candidate)
        old = np.zeros_like(new) if sample.champion is None else right(self.metric, sample, sample.champion)
        self.counts += np.bincount(new * 2 + old, minlength=4)

    def values(self) -> tuple[float, float]:
        """See ``Added``."""
        _, lost, gained, both = (int(c) for c in self.counts)
        about = int(self.counts.sum())
        return (gained + both) / about, (lost + both) / about

    def estimate(self, resampling: Resampling) -> Estimate:
        """By Tango's or Clopper and Pearson's bounds."""
        _, lost, gained, both = (int(c) for c in self.counts)
        about = int(self.counts.sum())
        return PairedShare(gained, lost, about) if self.paired else Share(gained + both, about)


class Table(Added):
    """Rows by truth and answers: of the candidate, of the champion, of both."""

    def __init__(self, *about: Any) -> None:
        super().__init__(*about)
        self.smooth: list[Smooth] = []
        self.counts: list[NDArray[np.int64]] = []

    def take(self, sample: Sample, turn: int) -> None:
        """See ``Added``."""
        told = [tables.single(self.metric, sample.alone())]
        if self.paired:
            told += [tables.single(self.metric, sample.of_champion()), tables.gain(self.metric, sample)]
        self.smooth = [smooth for smooth, _, _ in told]
        counts = [np.bincount(cell, minlength=size) for _, cell, size in told]
        self.counts = [a + b for a, b in zip(self.counts, counts, strict=True)] if self.counts else counts

    def values(self) -> tuple[float, float]:
        """See ``Added``."""
        found = [float(s.value(c / self.n)) for s, c in zip(self.smooth, self.counts, strict=True)]
        return found[0], found[1] if self.paired else 0.0

    def estimate(self, resampling: Resampling) -> Estimate:
        """By the bootstrap of the cells."""
        counts = self.counts[-1]
        return cells.of_counts(self.smooth[-1], counts, replicates=resampling.replicates, rng=resampling.rng())
