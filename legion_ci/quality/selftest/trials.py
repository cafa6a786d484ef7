"""Repeated judgements, counted: as many as asked for, or as the time allows; and how sure the share is."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from legion_ci.quality.statistics.proportion import Share

CONFIDENCE = 0.01  # one-sided, of the bounds that are reported
_AT_LEAST = 10  # trials, however slow


@dataclass(frozen=True)
class Tally:
    """How often the gate said what was counted."""

    hits: int
    runs: int

    @property
    def rate(self) -> float:
        """The share."""
        return self.hits / self.runs

    @property
    def bounds(self) -> tuple[float, float]:
        """Exact lower and upper 99 % bound of the share (Clopper and Pearson)."""
        return Share(self.hits, self.runs).interval(CONFIDENCE)


def count(
    trial: Callable[[np.random.Generator], bool], runs: int, seconds: float, seed: tuple[int, ...],
    say: Callable[[str], None] = lambda _: None,
) -> Tally:  # fmt: skip
    """``runs`` trials, fewer when ``seconds`` are over; the i-th is the same whatever the machine's speed."""
    hits, done, begun, told = 0, 0, time.monotonic(), 0
    for i in range(runs):
        if i >= _AT_LEAST and time.monotonic() - begun > seconds:
            break
        hits += bool(trial(np.random.default_rng((*seed, i))))
        done += 1
        if done * 4 // runs > told:
            told = done * 4 // runs
            say(f"{done:,} of {runs:,} trials")
    return Tally(hits, done)
