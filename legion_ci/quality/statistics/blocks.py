"""Means of blocks of rows in bounded memory, for rows that are too many to be resampled one by one.

Rows are their own blocks until there are too many; then neighbours are joined, again and again. Blocks of independent rows
are independent, so their bootstrap is that of the rows (and where neighbours hang together, blocks respect it).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from legion_ci.quality.statistics import bootstrap
from legion_ci.quality.statistics.bootstrap import NoSpread, Studentised
from legion_ci.quality.statistics.estimate import Estimate
from legion_ci.quality.statistics.smooth import Smooth

Floats = NDArray[np.float64]

MOST = 4096  # blocks that are always kept; twice as many are joined


@dataclass
class Blocks:
    """total: sums of all rows (k,). size: rows of a block. means: of whole blocks (b, k); rest: rows of the next one."""

    width: int
    n: int = 0
    size: int = 1
    total: Floats = field(init=False)
    means: Floats = field(init=False)
    rest: Floats = field(init=False)

    def __post_init__(self) -> None:
        self.total, self.means, self.rest = np.zeros(self.width), np.empty((0, self.width)), np.empty((0, self.width))

    def add(self, rows: Floats) -> None:
        """Take in rows (m, k)."""
        self.n, self.total = self.n + len(rows), self.total + rows.sum(axis=0)
        waiting = np.concatenate([self.rest, rows])
        whole = len(waiting) // self.size
        made = waiting[: whole * self.size].reshape(whole, self.size, self.width).mean(axis=1)
        self.means, self.rest = np.concatenate([self.means, made]), waiting[whole * self.size :].copy()
        while len(self.means) >= 2 * MOST:
            self._join()

    def _join(self) -> None:
        """An odd block out goes (the total still counts its rows), and so do rows of a block that has just begun."""
        pairs = self.means[: len(self.means) // 2 * 2]
        self.means, self.size = pairs.reshape(-1, 2, self.width).mean(axis=1), self.size * 2

    @property
    def mean(self) -> Floats:
        """Of all rows (k,)."""
        return self.total / max(self.n, 1)

    def estimate(self, metric: Smooth, *, reach: float, replicates: int, rng: np.random.Generator) -> Estimate:
        """The studentised bootstrap of the blocks; of the rows themselves while they are few."""
        found = bootstrap.of_rows(metric, self.means, reach=reach, replicates=replicates, rng=rng)
        if self.size == 1:
            return found
        effect = float(metric.value(self.mean))
        if isinstance(found, NoSpread):  # between blocks of rows, and so between rows
            return replace(found, effect=effect, n=self.n)
        if not isinstance(found, Studentised):
            return found
        return replace(found, effect=effect, n=self.n, method=f"{found.method}, blocks of {self.size:,} rows")
