"""The area under the ROC curve of more than two classes, as scikit-learn averages it: one against the rest, or by pairs.

Means of areas, so a row's contribution is the mean of its contributions (DeLong's placements). By pairs: D. J. Hand and
R. J. Till, Machine Learning 45 (2001) 171-186.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from legion_ci.quality.statistics import delong

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]


def assess(truth: Codes, probabilities: Floats, kind: str) -> tuple[float, Floats]:
    """Value, and what each row moves it by (times n). kind: ovr or ovo. Every class must occur."""
    areas = list(_rest(truth, probabilities) if kind == "ovr" else _pairs(truth, probabilities))
    return float(np.mean([a for a, _ in areas])), np.mean([c for _, c in areas], axis=0)


def _rest(truth: Codes, probabilities: Floats) -> Iterator[tuple[float, Floats]]:
    for code in range(probabilities.shape[1]):
        positive, scores = truth == code, probabilities[:, code]
        yield delong.area(positive, scores), delong.influence(positive, scores)


def _pairs(truth: Codes, probabilities: Floats) -> Iterator[tuple[float, Floats]]:
    for pair in combinations(range(probabilities.shape[1]), 2):
        for positive, other in (pair, pair[::-1]):
            rows = (truth == positive) | (truth == other)
            own, scores = truth[rows] == positive, probabilities[rows, positive]
            moved = np.zeros(len(truth))
            moved[rows] = delong.influence(own, scores) * len(truth) / rows.sum()
            yield delong.area(own, scores), moved
