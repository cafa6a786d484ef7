"""Rows that lie on and right beside the splits of a tree model, where a number kept in fewer bits goes astray."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any


def rows(estimator: Any, sample: Any, most: int, seed: int) -> Any:
    """At most that many rows of the sample (array of rows by features), one value of each put beside a split.

    Empty for models without trees, or whose transformations cannot be turned back.
    """
    import numpy as np

    *before, final = [step for _, step in getattr(estimator, "steps", [("", estimator)])]
    found = sorted({(feature, value) for feature, value in _splits(final)})
    if not found or not len(sample):
        return np.empty((0, sample.shape[1]))
    chance = random.Random(seed)  # noqa: S311 - a seeded draw
    chosen = chance.sample(found, min(len(found), most // 5))
    try:
        return _beside(before, sample, chosen, chance)
    except Exception:  # a step that does not transform back
        return np.empty((0, sample.shape[1]))


def _beside(before: list[Any], sample: Any, chosen: list[tuple[int, float]], chance: random.Random) -> Any:
    import numpy as np

    inside = sample
    for step in before:
        inside = step.transform(inside)
    made = []
    for feature, split in chosen:
        row = np.array(inside[chance.randrange(len(inside))], dtype=np.float64)
        for value in _near(split):
            row[feature] = value
            made.append(row.copy())
    table = np.array(made)
    for step in reversed(before):
        table = step.inverse_transform(table)
    return table[np.isfinite(table).all(axis=1)]


def _near(split: float) -> list[float]:
    """The split, and its neighbours in 64 and in 32 bits."""
    import numpy as np

    narrow = np.float32(split)
    narrows = [np.nextafter(narrow, np.float32(end)) for end in (-np.inf, np.inf)]
    return [split, *(float(np.nextafter(split, end)) for end in (-np.inf, np.inf)), *map(float, narrows)]


def _splits(model: Any) -> Iterator[tuple[int, float]]:
    """(feature, threshold) of all trees of scikit-learn's forests, boosted trees and single trees."""
    trees = getattr(model, "estimators_", None)
    members = [model] if trees is None else list(getattr(trees, "flat", trees))
    for member in members:
        tree = getattr(member, "tree_", None)
        if tree is not None:
            inner = tree.feature >= 0
            yield from zip(tree.feature[inner].tolist(), tree.threshold[inner].tolist(), strict=True)
    for stage in getattr(model, "_predictors", ()):
        for predictor in stage:
            nodes = [n for n in predictor.nodes if not n["is_leaf"] and not n["is_categorical"]]
            yield from ((int(n["feature_idx"]), float(n["num_threshold"])) for n in nodes)
