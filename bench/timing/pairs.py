"""Side-by-side timings: interleaved pairs, the ratio with its interval, and what that says about a limit."""

from __future__ import annotations

import json
import math
import platform
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from scipy.stats import t as student

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Ratio:
    """ours over theirs: the geometric mean over the pairs with its interval; seconds are medians."""

    ratio: float
    lower: float
    upper: float
    ours_s: float
    theirs_s: float
    pairs: int
    pair_sd: float  # of the log-ratio

    def against(self, limit: float) -> str:
        """``met``, ``missed`` or ``undecided``: which side of the limit the whole interval is on."""
        return "met" if self.upper <= limit else "missed" if self.lower > limit else "undecided"


def seconds(work: Callable[[], object]) -> float:
    """How long a call takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def measure(ours: Callable[[], object], theirs: Callable[[], object], pairs: int) -> Ratio:
    """Time both in turn, the first of each pair alternating, after one warm-up of each."""
    ours(), theirs()
    timed = [
        (seconds(ours), seconds(theirs)) if n % 2 else _swapped(seconds(theirs), seconds(ours)) for n in range(pairs)
    ]
    return from_times(timed)


def _swapped(first: float, second: float) -> tuple[float, float]:
    return second, first


def from_times(timed: list[tuple[float, float]]) -> Ratio:
    """The ratio of (ours, theirs) times; the interval is Student's on the log-ratios."""
    logs = [math.log(a / b) for a, b in timed]
    mean, sd = statistics.fmean(logs), statistics.stdev(logs)
    half = float(student.ppf((1 + CONFIDENCE) / 2, len(logs) - 1)) * sd / math.sqrt(len(logs))
    return Ratio(
        ratio=math.exp(mean),
        lower=math.exp(mean - half),
        upper=math.exp(mean + half),
        ours_s=statistics.median(a for a, _ in timed),
        theirs_s=statistics.median(b for _, b in timed),
        pairs=len(timed),
        pair_sd=sd,
    )


def tell(name: str, ratio: Ratio, limit: float | None = None, **more: Any) -> str:
    """Print the JSON and the line for people; returns the verdict on the limit ("" without one)."""
    verdict = ratio.against(limit) if limit is not None else ""
    facts = {"python": platform.python_version(), "platform": platform.platform()}
    print(json.dumps({"bench": name, **asdict(ratio), "limit": limit, "verdict": verdict, **more, **facts}))
    goal = f", goal at most {limit:g}: {verdict}" if limit is not None else ""
    print(
        f"{name}: {ratio.ratio:.2f}× [{ratio.lower:.2f}, {ratio.upper:.2f}] ({ratio.ours_s * 1000:.0f} ms against "
        f"{ratio.theirs_s * 1000:.0f} ms, {ratio.pairs} pairs){goal}",
        file=sys.stderr,
    )
    return verdict
