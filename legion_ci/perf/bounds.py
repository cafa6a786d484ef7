"""One-sided bounds in which batches of time, not requests, are the sample: latencies of neighbours are alike.

A share (of slow or failed requests), a mean or a rate is a ratio of two sums over k batches; its standard error comes
from the batches' residuals (Cochran 1977, ratio estimator) with Student's t on k − 1 degrees. Rare events break that
for shares, so that the bound is never tighter than the exact binomial one (Clopper & Pearson 1934) on n / d requests,
where the design effect d is the one that the batches show, but at least 2: a run without a failure is read as if
failures came in pairs. Limit: disturbances that last as long as a batch (a twentieth of the run) are covered less
often.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

BATCHES = 20
DESIGN_EFFECT = 2.0  # the least that is assumed of shares

Floats = NDArray[np.floating[Any]]


def share_bounds(events: Floats, totals: Floats, alpha: float) -> tuple[Floats, Floats]:
    """Lower and upper bound, each at ``alpha``, of the share of events.

    events: (m, k), m questions on the same k batches. totals: (k,), requests a batch, all above 0. Returns two (m,).
    """
    from scipy import special

    n = totals.sum()
    share, error = ratio(events, totals)
    independent = share * (1 - share) / n
    with np.errstate(divide="ignore", invalid="ignore"):
        design = np.where(independent > 0, error**2 / independent, 0.0)
    design = np.maximum(design, DESIGN_EFFECT)
    x, size, half = share * n / design, n / design, student(len(totals) - 1, alpha) * error
    low = np.where(x > 0, special.betaincinv(np.maximum(x, 1e-12), size - x + 1, alpha), 0.0)
    high = np.where(x < size, special.betaincinv(x + 1, np.maximum(size - x, 1e-12), 1 - alpha), 1.0)
    return np.maximum(np.minimum(low, share - half), 0.0), np.minimum(np.maximum(high, share + half), 1.0)


def ratio_bounds(sums: Floats, totals: Floats, alpha: float) -> tuple[float, float, float]:
    """Estimate, lower and upper bound of sum / total: a mean latency or a rate. sums, totals: (k,)."""
    estimate, error = ratio(sums[None, :], totals)
    half = student(len(totals) - 1, alpha) * float(error[0])
    return float(estimate[0]), float(estimate[0]) - half, float(estimate[0]) + half


def ratio(sums: Floats, totals: Floats) -> tuple[Floats, Floats]:
    """Ratio of sums and its standard error over k batches. sums: (m, k); totals: (k,). Returns two (m,)."""
    k = len(totals)
    estimate = sums.sum(axis=1) / totals.sum()
    residual = sums - estimate[:, None] * totals[None, :]
    return estimate, np.sqrt((residual**2).sum(axis=1) * k / (k - 1)) / totals.sum()


def student(degrees: int, alpha: float) -> float:
    """The (1 − alpha) quantile of Student's t."""
    from scipy import special  # here: what only plans a load must not wait for it

    return float(special.stdtrit(degrees, 1 - alpha))


def requests_needed(share: float, alpha: float) -> float:
    """The fewest requests, none of them bad, whose upper bound is below ``share``."""
    return DESIGN_EFFECT * math.log(alpha) / math.log1p(-share)
