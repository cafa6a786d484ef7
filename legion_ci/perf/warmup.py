"""Finds where a run becomes stationary, so that as much as is warm-up is cut, and no more.

MSER-5 (White 1997; Franklin & White 2008): of the means of batches of five observations (here: logarithms of the mean
latency of 0.1 s), cut the first d that minimise Σ(y − ȳ)² / (n − d)² over what is left. The logarithm keeps one stall
from outweighing everything. Never more than ``warmup`` is cut: what comes later is the server's, whatever it looks like.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence

from legion_ci.perf.log import TICK_S, Tick

BATCH = 5
FEWEST = 10  # batches below which nothing can be said


def steady_from(ticks: Iterable[Tick], most_s: float, until_s: float) -> float:
    """Seconds from the start of the run that are warm-up, at most ``most_s``; all of it when the run is too short.

    until_s: the end of what is one load (of the first phase). Failed requests are not looked at.
    """
    sums: dict[int, float] = defaultdict(float)
    answers: dict[int, int] = defaultdict(int)
    for tick in ticks:
        if tick.tick * TICK_S < until_s - 1e-9:
            sums[tick.tick] += sum(cell * n for cell, n in tick.answered.items())
            answers[tick.tick] += sum(tick.answered.values())
    whole = [t for t in sorted(sums) if answers[t]]
    means = [math.log(sums[t] / answers[t]) for t in whole]
    batches = [math.fsum(means[i : i + BATCH]) / BATCH for i in range(0, len(means) - BATCH + 1, BATCH)]
    if len(batches) < FEWEST:
        return most_s
    starts_s = [whole[i * BATCH] * TICK_S for i in range(len(batches))]
    possible = sum(1 for s in starts_s[: len(batches) // 2 + 1] if s <= most_s)
    cut = mser(batches, possible)
    return min(most_s, starts_s[cut]) if cut else 0.0


def mser(values: Sequence[float], possible: int) -> int:
    """How many of the first values to cut, below ``possible``; the fewest where several are as good."""
    best, least = 0, math.inf
    for d in range(max(1, possible)):
        kept = values[d:]
        mean = math.fsum(kept) / len(kept)
        squares = math.fsum((v - mean) ** 2 for v in kept)
        if (statistic := squares / len(kept) ** 2) < least:
            best, least = d, statistic
    return best
