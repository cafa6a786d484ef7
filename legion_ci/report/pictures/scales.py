"""From data to pixels: linear and logarithmic scales with round ticks, safe for any finite numbers."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Scale:
    """Maps ``low..high`` to the pixels ``start..end``; what lies outside is put at the edge."""

    low: float
    high: float
    start: float
    end: float
    logarithmic: bool = False

    def __call__(self, value: float) -> float:
        """The pixel of a value."""
        low, high, v = self._inner(self.low), self._inner(self.high), self._inner(value)
        part = (v / 2 - low / 2) / (high / 2 - low / 2)  # halved: the span of two huge floats is none
        return self.start + min(1.0, max(0.0, part)) * (self.end - self.start)

    def holds(self, value: float) -> bool:
        """Whether a value lies within."""
        return self.low <= value <= self.high

    def _inner(self, value: float) -> float:
        return math.log10(max(value, 1e-300)) if self.logarithmic else value

    def ticks(self, most: int = 5) -> tuple[float, ...]:
        """Round values within the scale."""
        return _decades(self.low, self.high, most) if self.logarithmic else _steps(self.low, self.high, most)


def spanning(
    values: Iterable[float | None], start: float, end: float, *, room: float = 0.06, least: float = 0.0
) -> Scale:
    """A linear scale that shows all finite values with some room at both sides; ``least``: the smallest span."""
    known = [v for v in values if v is not None and math.isfinite(v) and abs(v) < 1e300] or [0.0]
    low, high = min(known), max(known)
    span = max(high - low, least, abs(high) * 1e-6, 1e-9)
    middle = low / 2 + high / 2
    half = max(high - low, span) / 2 * (1 + 2 * room)
    return Scale(middle - half, middle + half, start, end)


def from_zero(values: Iterable[float | None], start: float, end: float, *, least: float = 1e-9) -> Scale:
    """A linear scale from nought to a little over the largest value."""
    known = [v for v in values if v is not None and math.isfinite(v) and v < 1e300]
    return Scale(0.0, max([*known, least]) * 1.08, start, end)


def logarithmic(values: Iterable[float | None], start: float, end: float) -> Scale:
    """A logarithmic scale with room for all positive values, at least a factor of four."""
    known = [v for v in values if v is not None and 0 < v < 1e300] or [1.0]
    low, high = min(known) / 1.25, max(known) * 1.25
    if high / low < 4:
        widen = math.sqrt(4 * low / high)
        low, high = low / widen, high * widen
    return Scale(low, high, start, end, logarithmic=True)


def _steps(low: float, high: float, most: int) -> tuple[float, ...]:
    span = high - low
    if not math.isfinite(span) or span <= 0 or span < max(abs(low), abs(high)) * 1e-12:
        return ()
    raw = span / max(1, most)
    size = 10.0 ** math.floor(math.log10(raw))
    step = next(size * m for m in (1, 2, 2.5, 5, 10) if size * m >= raw * (1 - 1e-9))
    first = math.ceil(low / step - 1e-9)
    return tuple(round(i * step, 12) + 0.0 for i in range(first, first + most + 2) if i * step <= high + step * 1e-9)


def _decades(low: float, high: float, most: int) -> tuple[float, ...]:
    bottom, top = math.floor(math.log10(low)), math.ceil(math.log10(high))
    for factors in ((1, 2, 5), (1, 3), (1,)):
        found = [f * 10.0**e for e in range(bottom, top + 1) for f in factors if low <= f * 10.0**e <= high]
        if len(found) <= most:
            break
    every = math.ceil(len(found) / most) if found else 1
    return tuple(found[::every])
