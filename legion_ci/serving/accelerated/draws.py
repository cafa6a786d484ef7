"""Draws random rows that a model may meet, from the ranges and categories of its sample."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from legion_ci.serving.signature import Column, Sample

_NULLS, _BEYOND = 0.1, 0.1


def rows(sample: Sample, count: int, seed: int) -> list[list[Any]]:
    """``count`` rows, every column on its own: values of the sample, between them, and a little beyond them."""
    chance = random.Random(seed)  # noqa: S311 - a seeded draw
    draws = [_drawer(c, [row[i] for row in sample.data], chance) for i, c in enumerate(sample.signature().columns)]
    return [[draw() for draw in draws] for _ in range(count)]


def _drawer(column: Column, values: list[Any], chance: random.Random) -> Callable[[], Any]:
    known = sorted({v for v in values if v is not None})
    draw = _of_known(column, known, chance)
    if not column.nullable:
        return draw
    return lambda: None if not known or chance.random() < _NULLS else draw()


def _of_known(column: Column, known: list[Any], chance: random.Random) -> Callable[[], Any]:
    if column.kind == "boolean":
        return lambda: chance.random() < 0.5
    if column.kind not in ("number", "integer") or not known:
        return lambda: chance.choice(known) if known else None
    low, high = known[0], known[-1]
    beyond = (high - low) * _BEYOND or abs(high) * _BEYOND or 1.0
    if column.kind == "integer":
        return lambda: chance.randint(int(low - beyond), int(high + beyond))
    return lambda: _number(known, low - beyond, high + beyond, chance)


def _number(known: list[float], low: float, high: float, chance: random.Random) -> float:
    """Anywhere in the range, on a value of the sample, or halfway between two, where trees like to split."""
    what = chance.random()
    if what < 0.6:
        return chance.uniform(low, high)
    if what < 0.8:
        return float(chance.choice(known))
    return (chance.choice(known) + chance.choice(known)) / 2
