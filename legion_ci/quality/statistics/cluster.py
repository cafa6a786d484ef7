"""Rows that come in clusters (users, days): linearised effects summed by cluster, CR1 variance, Student's t(G−1).

CR1 as in A. C. Cameron and D. L. Miller, A practitioner's guide to cluster-robust inference, Journal of Human
Resources 50 (2015); the area under the ROC curve by its placement values, after N. A. Obuchowski, Biometrics 53 (1997).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from legion_ci.quality.statistics.estimate import LargeSample

MINIMUM = 50  # clusters below which nothing passes


@dataclass(frozen=True)
class Clustered(LargeSample):
    """A large-sample estimate that rests on ``clusters`` independent clusters."""

    clusters: int = 0


def robust(effect: float, influence: NDArray[np.float64], cluster: NDArray[np.int64], reach: float = 1.0) -> Clustered:
    """From each row's influence (times n, adding up to 0) and the number of its cluster, 0, 1, ….

    reach: how far one cluster's value can be from another's; where none was seen to differ, the standard error is
    2·reach/clusters, about what one differing cluster would give.
    """
    n, used = len(influence), np.unique(cluster)
    groups = len(used)
    sums = np.bincount(cluster, weights=influence)
    variance = groups / (groups - 1) * float(np.sum(sums**2)) / n**2 if groups > 1 else math.inf
    se = math.sqrt(variance)
    se = se if se > 1e-12 * max(1.0, abs(effect)) else 2 * reach / groups
    return Clustered(effect, se, n, f"cluster-robust, CR1, t({groups - 1})", max(groups - 1, 1), groups)
