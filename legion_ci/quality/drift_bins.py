"""Two sketches of a column counted in the same bins: at quantiles of the training data, or by value."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from legion_ci.data.sketches.counts import Counts
from legion_ci.data.sketches.quantiles import Quantiles
from legion_ci.data.sketches.table import ColumnSketch

Floats = NDArray[np.float64]
MISSING, OTHER = "(missing)", "(other)"
_RARE = 0.005  # share of the training data below which values are counted together


@dataclass(frozen=True)
class Bins:
    """Counts of the training data and of the rows seen, by bin."""

    names: tuple[str, ...]
    old: Floats
    new: Floats


@dataclass(frozen=True)
class Fine:
    """Counts at points: cut points with the values between them moved up. scale: the training data's spread."""

    points: Floats
    old: Floats
    new: Floats
    scale: float


def both(old: ColumnSketch, new: ColumnSketch, bins: int) -> Bins:
    """Bins that both are counted in; missing values are a bin when there are any."""
    if isinstance(old.values, Quantiles) and isinstance(new.values, Quantiles):
        found = _numbers(old.values, new.values, bins)
    elif isinstance(old.values, Counts) and isinstance(new.values, Counts):
        found = _values(old.values, new.values)
    else:
        raise TypeError("sketches of different kinds have no bins in common")
    if not old.missing + new.missing:
        return found
    return Bins((*found.names, MISSING), np.append(found.old, old.missing), np.append(found.new, new.missing))


def fine(old: ColumnSketch, new: ColumnSketch, cuts: int) -> Fine:
    """Both at the same points: quantiles of each of them."""
    if not (isinstance(old.values, Quantiles) and isinstance(new.values, Quantiles)):
        raise TypeError("only numbers have distances")
    shares = np.linspace(0, 1, cuts + 1)[1:]
    ends = [old.values.maximum, new.values.maximum]
    points = np.unique(np.concatenate([old.values.quantiles(shares), new.values.quantiles(shares), ends]))
    counted = [np.diff(sketch.below(points), prepend=0.0) for sketch in (old.values, new.values)]
    return Fine(points, counted[0], counted[1], _scale(old.values))


def _scale(sketch: Quantiles) -> float:
    """Standard deviation; 1 for a column that never varied."""
    values, weights = sketch.weighted()
    mean = float(np.average(values, weights=weights))
    spread = float(np.sqrt(np.average((values - mean) ** 2, weights=weights)))
    return spread if spread > 0 else 1.0


def _numbers(old: Quantiles, new: Quantiles, bins: int) -> Bins:
    """Right-closed bins; a column of few values has fewer, and one more on each side of what training saw."""
    if not old.n:
        return Bins(("any value",), np.array([0.0]), np.array([float(new.n)]))
    cuts = np.unique(old.quantiles(np.linspace(0, 1, bins + 1)[1:-1]))
    if len(cuts) < bins - 1:  # few values: what is below all of them is something new
        cuts = np.unique([np.nextafter(old.minimum, -np.inf), *cuts])
    counted = [
        np.diff(np.concatenate([[0.0], s.below(cuts), [float(s.n)]])) if s.n else np.zeros(len(cuts) + 1)
        for s in (old, new)
    ]
    texts = [f"{c:.6g}" for c in cuts]
    names = [f"≤ {texts[0]}", *(f"{a} – {b}" for a, b in pairwise(texts)), f"> {texts[-1]}"]
    return Bins(tuple(names), counted[0], counted[1])


def _values(old: Counts, new: Counts) -> Bins:
    """By value, the rare ones of the training data and those that it did not have together."""
    kept = sorted(v for v, c in old.counts.items() if c >= _RARE * max(old.n, 1))
    counted = [[float(s.counts.get(v, 0)) for v in kept] for s in (old, new)]
    rest = [float(s.n) - sum(c) for s, c in zip((old, new), counted, strict=True)]
    return Bins((*kept, OTHER), np.array([*counted[0], rest[0]]), np.array([*counted[1], rest[1]]))
