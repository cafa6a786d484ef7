"""Whether a figure grows with time: a one-sided test on the slope of batch means, for memory and latency in a soak."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import special

from legion_ci.perf.bounds import BATCHES, Floats
from legion_ci.results import Outcome

_SETTLING = 0.1  # of the run, cut from its start: caches fill, pools grow
FEWEST = 2 * BATCHES


@dataclass(frozen=True)
class Slope:
    """Growth a second with its one-sided bounds; level: the mean. n: samples after settling."""

    value: float
    lower: float
    upper: float
    level: float
    n: int

    def judge(self, limit: float) -> Outcome:
        """FAIL: grows faster than ``limit`` a second; PASS: does not; else not known."""
        if self.lower > limit:
            return Outcome.FAIL
        return Outcome.PASS if self.upper < limit else Outcome.INCONCLUSIVE


def slope(times_s: Sequence[float], values: Sequence[float], alpha: float) -> Slope:
    """Least-squares slope over ``BATCHES`` batch means of equal time, Student's t on BATCHES − 2 degrees.

    Neighbouring samples are alike, batch means hardly are, as long as what disturbs is shorter than a batch. Raises
    ValueError below ``FEWEST`` samples.
    """
    t, y = np.asarray(times_s, dtype=float), np.asarray(values, dtype=float)
    settled = t >= t.min() + _SETTLING * (t.max() - t.min()) if len(t) else np.zeros(0, dtype=bool)
    t, y = t[settled], y[settled]
    if len(t) < FEWEST:
        raise ValueError(f"a slope needs {FEWEST} samples after settling (found {len(t)})")
    centre, mean = _means(t, y)
    x = centre - centre.mean()
    value = float((x * mean).sum() / (x**2).sum())
    residual = mean - mean.mean() - value * x
    degrees = len(mean) - 2
    error = float(np.sqrt((residual**2).sum() / degrees / (x**2).sum()))
    half = float(special.stdtrit(degrees, 1 - alpha)) * error
    return Slope(value, value - half, value + half, float(mean.mean()), len(t))


def _means(t: Floats, y: Floats) -> tuple[Floats, Floats]:
    edges = np.linspace(t.min(), t.max(), BATCHES + 1)
    batch = np.clip(np.searchsorted(edges, t, side="right") - 1, 0, BATCHES - 1)
    count = np.bincount(batch, minlength=BATCHES)
    kept = count > 0
    return (
        (np.bincount(batch, t, BATCHES) / np.maximum(count, 1))[kept],
        (np.bincount(batch, y, BATCHES) / np.maximum(count, 1))[kept],
    )
