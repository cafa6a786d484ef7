"""A mergeable sketch of numbers: every quantile within a rank error of about 1/k, in memory of a few k numbers.

Equal weights on each level, halved when a level is full (J. I. Munro and M. S. Paterson 1980; G. S. Manku,
S. Rajagopalan and B. G. Lindsay, SIGMOD 1998): of each sorted pair the first or the second is kept, in turn. No chance is
used, so the same rows in the same order always give the same bytes, and an artefact the same digest: the libraries of
KLL sketches draw random bits that cannot be seeded.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

K = 1024
_BLOCK = 1 << 18  # values that are sorted at a time


@dataclass
class Quantiles:
    """levels[h]: values that each stand for 2^h. turns[h]: which of a pair is kept next."""

    k: int = K
    n: int = 0
    minimum: float = math.inf
    maximum: float = -math.inf
    levels: list[Floats] = field(default_factory=list)
    turns: list[int] = field(default_factory=list)

    def update(self, values: Floats) -> None:
        """Take in finite numbers, in any shape; others are the caller's to count."""
        flat = np.ravel(values).astype(np.float64, copy=False)
        for start in range(0, len(flat), _BLOCK):
            block = flat[start : start + _BLOCK]
            self.n += len(block)
            self.minimum = min(self.minimum, float(block.min()))
            self.maximum = max(self.maximum, float(block.max()))
            self._add(0, block)
            self._shrink()

    def merge(self, other: Quantiles) -> None:
        """Take in all that another sketch (of the same k) has seen."""
        if other.k != self.k:
            raise ValueError(f"sketches of different sizes cannot be merged ({self.k} and {other.k})")
        self.n += other.n
        self.minimum, self.maximum = min(self.minimum, other.minimum), max(self.maximum, other.maximum)
        for height, values in enumerate(other.levels):
            self._add(height, values)
        self._shrink()

    def weighted(self) -> tuple[Floats, Floats]:
        """Values in rising order and how many rows each stands for; the weights add up to n."""
        if not self.n:
            return np.empty(0), np.empty(0)
        values = np.concatenate(self.levels)
        weights = np.concatenate([np.full(len(v), 2.0**h) for h, v in enumerate(self.levels)])
        order = np.argsort(values, kind="stable")
        return values[order], weights[order]

    def quantiles(self, shares: Floats) -> Floats:
        """The values below or at which those shares of the rows lie; (q,). Needs at least one row."""
        values, weights = self.weighted()
        reached = np.cumsum(weights)
        at = np.searchsorted(reached, np.asarray(shares) * reached[-1], side="left")
        found: Floats = values[np.minimum(at, len(values) - 1)]
        return found

    def below(self, points: Floats) -> Floats:
        """How many rows are at or below each point; (p,)."""
        values, weights = self.weighted()
        reached = np.concatenate([[0.0], np.cumsum(weights)])
        found: Floats = reached[np.searchsorted(values, points, side="right")]
        return found

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        ends = [self.minimum, self.maximum] if self.n else []
        return {
            "k": self.k,
            "n": self.n,
            "ends": ends,
            "turns": self.turns,
            "levels": [v.tolist() for v in self.levels],
        }

    @classmethod
    def from_dict(cls, told: dict[str, Any]) -> Quantiles:
        """From what ``to_dict`` gave."""
        low, high = told["ends"] or (math.inf, -math.inf)
        levels = [np.asarray(v, dtype=np.float64) for v in told["levels"]]
        return cls(int(told["k"]), int(told["n"]), float(low), float(high), levels, [int(t) for t in told["turns"]])

    def _add(self, height: int, values: Floats) -> None:
        while len(self.levels) <= height:
            self.levels.append(np.empty(0))
            self.turns.append(0)
        self.levels[height] = np.concatenate([self.levels[height], values])

    def _shrink(self) -> None:
        """Halve every level that holds 2k or more, from below; an odd value out stays."""
        height = 0
        while height < len(self.levels):
            values = self.levels[height]
            if len(values) >= 2 * self.k:
                ordered = np.sort(values, kind="stable" if height else None)
                pairs = len(ordered) // 2 * 2
                kept = ordered[self.turns[height] : pairs : 2]
                self.levels[height], self.turns[height] = ordered[pairs:], 1 - self.turns[height]
                self._add(height + 1, kept)
            height += 1
