"""Average precision: its value, what each row contributes, and bounds by a bootstrap of rows that is studentised by these.

The value is scikit-learn's: Σ over positive rows of the precision at their score, over the number of positive rows. It is
a smooth function of the rows' weights, whose derivative gives the standard error of every replicate.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from legion_ci.quality.statistics.blocks import Blocks
from legion_ci.quality.statistics.bootstrap import NoSpread, Studentised, ratio
from legion_ci.quality.statistics.estimate import Estimate
from legion_ci.quality.statistics.smooth import MEAN

Floats = NDArray[np.float64]
MOST = 10_000  # rows up to which rows are ranked anew in every replicate; beyond, their contributions are resampled
_CELLS = 400_000  # of a piece: replicates × rows


@dataclass(frozen=True, eq=False)
class Ranking:
    """Rows by falling score. first, last: places of the first and last row with the same score."""

    order: NDArray[np.intp]
    positive: Floats
    first: NDArray[np.intp]
    last: NDArray[np.intp]

    @classmethod
    def of(cls, positive: NDArray[np.bool_], scores: Floats) -> Ranking:
        """positive, scores: one a row."""
        order = np.argsort(-scores, kind="stable")
        ranked = -scores[order]
        first = np.searchsorted(ranked, ranked, side="left")
        last = np.searchsorted(ranked, ranked, side="right") - 1
        return cls(order, positive[order].astype(np.float64), first, last)

    def assess(self, weights: Floats) -> tuple[Floats, Floats]:
        """Value (r,) and contributions (r, n), rows in their own order, for weights (r, n)."""
        w = weights[:, self.order]
        hits = w * self.positive
        above, all_above = np.cumsum(hits, axis=1)[:, self.last], np.maximum(np.cumsum(w, axis=1)[:, self.last], 1e-12)
        precision, positives = above / all_above, np.maximum(hits.sum(axis=1), 1e-12)
        value = np.sum(hits * precision, axis=1) / positives
        gain, loss = _from_here(hits / all_above, self.first), _from_here(hits * above / all_above**2, self.first)
        moved = self.positive * (precision - value[:, None] + gain) - loss
        contributions = np.empty_like(moved)
        contributions[:, self.order] = moved * (w.sum(axis=1) / positives)[:, None]
        return value, contributions


def _from_here(values: Floats, places: NDArray[np.intp]) -> Floats:
    """Sums of the values at and after those places."""
    found: Floats = np.cumsum(values[:, ::-1], axis=1)[:, ::-1][:, places]
    return found


def value(positive: NDArray[np.bool_], scores: Floats) -> float:
    """Average precision."""
    return float(Ranking.of(positive, scores).assess(np.ones((1, len(scores))))[0][0])


def influence(positive: NDArray[np.bool_], scores: Floats) -> Floats:
    """What each row moves the value by (times n), to first order; adds up to 0."""
    found: Floats = Ranking.of(positive, scores).assess(np.ones((1, len(scores))))[1][0]
    return found


def estimate(
    positive: NDArray[np.bool_], scores: Floats, champion: Floats | None, *, replicates: int, rng: np.random.Generator
) -> Estimate:
    """Of one model, or of its gain over a champion on the same rows."""
    rankings = [Ranking.of(positive, s) for s in (scores, champion) if s is not None]
    n = len(positive)
    effect, se = (v[0] for v in _assess(rankings, np.ones((1, n))))
    if not se > 1e-12:
        return NoSpread(float(effect), min(int(positive.sum()), n - int(positive.sum())), 1.0)
    if n > MOST:
        return _linearised(float(effect), float(se), rankings, replicates, rng)
    size = max(1, _CELLS // n)
    errors = []
    for done in range(0, replicates, size):
        again, spread = _assess(rankings, _weights(min(size, replicates - done), n, rng))
        errors.append(ratio(again - effect, spread))
    return Studentised(float(effect), float(se), n, np.sort(np.concatenate(errors)))


def _linearised(
    effect: float, se: float, rankings: list[Ranking], replicates: int, rng: np.random.Generator
) -> Estimate:
    """What rows contribute is resampled in their place: its skewness counts, the curvature of the metric does not."""
    parts = [r.assess(np.ones((1, len(r.order))))[1][0] for r in rankings]
    added = Blocks(1)
    added.add((parts[0] if len(parts) == 1 else parts[0] - parts[1])[:, None])
    found = added.estimate(MEAN, reach=1.0, replicates=replicates, rng=rng)
    errors = found.errors if isinstance(found, Studentised) else np.zeros(1)
    return Studentised(effect, se, added.n, errors, "linearised average precision, studentised bootstrap")


def _weights(replicates: int, n: int, rng: np.random.Generator) -> Floats:
    drawn = rng.integers(0, n, size=(replicates, n)) + np.arange(replicates)[:, None] * n
    return np.bincount(drawn.ravel(), minlength=replicates * n).reshape(replicates, n).astype(np.float64)


def _assess(rankings: list[Ranking], weights: Floats) -> tuple[Floats, Floats]:
    """Effect and standard error of each replicate."""
    values, parts = zip(*(r.assess(weights) for r in rankings), strict=True)
    effect, part = (values[0], parts[0]) if len(rankings) == 1 else (values[0] - values[1], parts[0] - parts[1])
    n = weights.shape[1]
    return effect, np.sqrt(np.sum(weights * part**2, axis=1) / (n * max(n - 1, 1)))
