"""When requests are due: a planned stream of arrivals that no slow answer can hold up."""

from __future__ import annotations

import random
from collections.abc import Iterator

KINDS = ("poisson", "constant")
_EDGE_S = 1e-9  # sums of equal gaps may fall just short of the end


def gaps(kind: str, rate: float, seed: int) -> Iterator[float]:
    """Seconds between arrivals, endless; rate in 1/s. Poisson: independent exponential gaps, constant: all 1 / rate."""
    if kind not in KINDS:
        raise ValueError(f"{kind!r} is no kind of arrivals; known are {', '.join(KINDS)}")
    draw = random.Random(seed)  # noqa: S311 - a load, not a secret
    while True:
        yield draw.expovariate(rate) if kind == "poisson" else 1.0 / rate


class Schedule:
    """Hands out intended starts in order, in seconds from the start of the run, until ``duration_s``."""

    def __init__(self, kind: str, rate: float, duration_s: float, seed: int = 0) -> None:
        self._gaps = gaps(kind, rate, seed)
        self._duration_s = duration_s
        self.handed_out = 0
        self.head_s: float | None = None  # the next one; None: there is no more
        self._advance(0.0)

    def take(self) -> float | None:
        """The next intended start; None when the plan is at its end."""
        due = self.head_s
        if due is not None:
            self.handed_out += 1
            self._advance(due)
        return due

    def overdue(self, now_s: float) -> bool:
        """Whether an arrival is due that nobody took: all users are busy."""
        return self.head_s is not None and self.head_s < now_s

    def _advance(self, after_s: float) -> None:
        due = after_s + next(self._gaps)
        self.head_s = due if due < self._duration_s - _EDGE_S else None
