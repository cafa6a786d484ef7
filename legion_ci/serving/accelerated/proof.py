"""Compares the predictions of a model and of its accelerated form, row by row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from legion_ci.serving.model import Model
from legion_ci.serving.predictions import Predictions
from legion_ci.serving.rows import Rows

_CHUNK = 5_000


class NotEqual(Exception):
    """The two do not predict the same; the message tells the first row where."""


@dataclass(frozen=True)
class Comparison:
    """largest: absolute difference below 1, relative above. ties: labels that may be either."""

    largest: float = 0.0
    ties: int = 0


def compare(plain: Model, fast: Model, rows: Sequence[Sequence[Any]], tolerance: float) -> Comparison:
    """Compare on rows; raises NotEqual at the first row beyond the tolerance."""
    largest, ties = 0.0, 0
    for start in range(0, len(rows), _CHUNK):
        part = Rows(rows[start : start + _CHUNK])
        found = _compared(plain.predict(part), fast.predict(part), part.data, tolerance)
        largest, ties = max(largest, found.largest), ties + found.ties
    return Comparison(largest, ties)


def _compared(plain: Predictions, fast: Predictions, rows: Sequence[Any], tolerance: float) -> Comparison:
    if len(plain.columns) != len(fast.values):
        raise NotEqual(f"it predicts {len(fast.values)} columns, the model {len(plain.columns)}")
    largest, ties = 0.0, 0
    for before, after, row in zip(plain.rows(), fast.rows(), rows, strict=True):
        for name, ours, theirs in zip(plain.columns, before, after, strict=True):
            far = difference(ours, theirs)
            if far <= tolerance:
                largest = max(largest, far)
            elif name == plain.columns[0] and _tied(before[1:], tolerance):
                ties += 1
            else:
                raise NotEqual(f"{name} is {theirs!r}, the model's own {ours!r}, for the row {list(row)}")
    return Comparison(largest, ties)


def difference(a: Any, b: Any) -> float:
    """0 for equal values; of numbers the absolute difference below 1 and the relative above; infinite otherwise."""
    if type(a) is not type(b) or not isinstance(a, float):
        return 0.0 if type(a) is type(b) and a == b else float("inf")
    if a == b or (a != a and b != b):
        return 0.0
    far = abs(a - b) / max(1.0, abs(a))
    return far if far == far else float("inf")


def _tied(probabilities: Sequence[Any], tolerance: float) -> bool:
    """Whether the two best classes are so near that rounding decides between them."""
    best = sorted((p for p in probabilities if isinstance(p, float)), reverse=True)[:2]
    return len(best) == 2 and best[0] - best[1] <= tolerance
