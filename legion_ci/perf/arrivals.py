"""When requests are due: a planned stream of arrivals that no slow answer can hold up."""

from __future__ import annotations

import itertools
import json
import math
import random
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import msgspec

KINDS = ("poisson", "constant")
_EDGE = 1e-9  # sums of equal gaps may fall just short of the end


class Phase(msgspec.Struct, frozen=True, kw_only=True):
    """A part of a plan. rate: requests a second at its start; rate_end: at its end, a ramp; None: the same."""

    rate: float
    duration_s: float
    name: str = ""
    rate_end: float | None = None

    @property
    def end_rate(self) -> float:
        """Requests a second at its end."""
        return self.rate if self.rate_end is None else self.rate_end

    @property
    def expected(self) -> float:
        """Requests that are expected within it."""
        return (self.rate + self.end_rate) / 2 * self.duration_s

    def when(self, number: float) -> float:
        """Seconds from its start until ``number`` requests are expected (the inverse of the cumulated rate)."""
        if self.end_rate == self.rate:
            return number / self.rate
        slope = (self.end_rate - self.rate) / self.duration_s
        return 2 * number / (self.rate + math.sqrt(max(0.0, self.rate**2 + 2 * slope * number)))


def counts(kind: str, seed: int) -> Iterator[float]:
    """Arrivals of a process of rate 1, endless: sums of exponential gaps (poisson), or 1, 2, 3 … (constant)."""
    if kind not in KINDS:
        raise ValueError(f"{kind!r} is no kind of arrivals; known are {', '.join(KINDS)}")
    draw = random.Random(seed)  # noqa: S311 - a load, not a secret
    return itertools.accumulate(draw.expovariate(1.0) if kind == "poisson" else 1.0 for _ in itertools.repeat(None))


def starts(kind: str, phases: Sequence[Phase], seed: int) -> Iterator[float]:
    """Intended starts in seconds from the start of the run, rising: a process of rate 1 stretched over the phases.

    Poisson arrivals of a changing rate are made exactly (Çınlar 1975: time change by the cumulated rate).
    """
    numbers = counts(kind, seed)
    number, begun_s, before = next(numbers), 0.0, 0.0
    for phase in phases:
        while (due := number - before) < phase.expected - _EDGE * max(1.0, phase.rate):
            yield begun_s + phase.when(max(0.0, due))
            number = next(numbers)
        begun_s, before = begun_s + phase.duration_s, before + phase.expected


def recorded(path: Path) -> list[float]:
    """The starts of a trace that ``perf.trace`` left for the generator."""
    return [float(s) for s in json.loads(path.read_bytes())]


class Schedule:
    """Hands out intended starts in order; with several generators the ``index``-th takes every ``of``-th arrival."""

    def __init__(self, starts_s: Iterable[float], *, index: int = 0, of: int = 1, most: int | None = None) -> None:
        self._starts = itertools.islice(starts_s, index, most, of)
        self.handed_out = 0
        self.head_s = next(self._starts, None)  # the next one; None: there is no more

    def take(self) -> float | None:
        """The next intended start; None when the plan is at its end."""
        due = self.head_s
        if due is not None:
            self.handed_out += 1
            self.head_s = next(self._starts, None)
        return due

    def close(self) -> None:
        """No further arrivals."""
        self._starts, self.head_s = iter(()), None  # type: ignore[assignment]

    def overdue(self, now_s: float) -> bool:
        """Whether an arrival is due that nobody took: all users are busy."""
        return self.head_s is not None and self.head_s < now_s
