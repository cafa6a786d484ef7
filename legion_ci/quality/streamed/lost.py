"""Mean losses added up: exact means, and blocks of rows that are resampled in the rows' place."""

from __future__ import annotations

from typing import Any

import numpy as np

from legion_ci.quality import losses
from legion_ci.quality.estimates import Resampling
from legion_ci.quality.sample import Sample
from legion_ci.quality.statistics.blocks import Blocks
from legion_ci.quality.statistics.estimate import Estimate
from legion_ci.quality.statistics.smooth import Smooth
from legion_ci.quality.streamed.added import Added

METRICS = ("brier", "log_loss", "mae", "mse", "rmse", "pinball")  # functions of mean losses alone


class Lost(Added):
    """Losses of the rows: of the candidate, of the champion, and the gain."""

    def __init__(self, *about: Any) -> None:
        super().__init__(*about)
        self.gains = Blocks(2 if self.paired and self.metric.name == "rmse" else 1)
        self.sums, self.reach = np.zeros(2), 0.0
        self.smooth: list[Smooth] = []

    def take(self, sample: Sample, turn: int) -> None:
        """See ``Added``."""
        single, own = losses.single(self.metric, sample.alone())
        smooth, rows = losses.gain(self.metric, sample) if self.paired else (single, own)
        self.smooth = [single, smooth]
        self.sums[0] += own.sum()
        if self.paired:
            self.sums[1] += losses.single(self.metric, sample.of_champion())[1].sum()
        self.gains.add(rows)
        self.reach = max(self.reach, losses.reach(self.metric, sample))

    def values(self) -> tuple[float, float]:
        """See ``Added``."""
        new, old = (float(self.smooth[0].value(np.array([total / self.n]))) for total in self.sums)
        return new, old

    def estimate(self, resampling: Resampling) -> Estimate:
        """By the bootstrap of the blocks."""
        return self.gains.estimate(
            self.smooth[1], reach=self.reach, replicates=resampling.replicates, rng=resampling.rng()
        )
