"""Ranking metrics, one value a query: NDCG (scikit-learn's, ties averaged), average precision, reciprocal rank."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def by_query(name: str, relevance: Floats, scores: Floats, query: NDArray[np.int64], k: int | None) -> Floats:
    """Values (queries,), in the order of query numbers. Queries without anything relevant have 0."""
    order = np.argsort(query, kind="stable")
    starts = np.flatnonzero(np.diff(query[order], prepend=-1))
    parts = np.split(order, starts[1:])
    return np.array([_METRICS[name](relevance[p], scores[p], k) for p in parts])


def _ndcg(relevance: Floats, scores: Floats, k: int | None) -> float:
    discount = 1 / np.log2(np.arange(len(scores)) + 2)
    if k is not None:
        discount[k:] = 0
    best = float(np.sum(np.sort(relevance)[::-1] * discount))
    if best <= 0:
        return 0.0
    _, group, size = np.unique(-scores, return_inverse=True, return_counts=True)
    gain = np.bincount(group, weights=relevance) / size
    reached = np.cumsum(discount)[np.cumsum(size) - 1]
    return float(np.sum(gain * np.diff(reached, prepend=0.0))) / best


def _average_precision(relevance: Floats, scores: Floats, k: int | None) -> float:
    hits = (relevance[np.argsort(-scores, kind="stable")] > 0)[:k]
    if not hits.any():
        return 0.0
    places = np.arange(1, len(hits) + 1)
    most = int(np.sum(relevance > 0)) if k is None else min(k, int(np.sum(relevance > 0)))
    return float(np.sum(np.cumsum(hits)[hits] / places[hits]) / most)


def _reciprocal_rank(relevance: Floats, scores: Floats, k: int | None) -> float:
    hits = np.flatnonzero((relevance[np.argsort(-scores, kind="stable")] > 0)[:k])
    return 1 / float(hits[0] + 1) if len(hits) else 0.0


_METRICS: dict[str, Callable[[Floats, Floats, int | None], float]] = {
    "ndcg": _ndcg, "map": _average_precision, "mrr": _reciprocal_rank,
}  # fmt: skip
