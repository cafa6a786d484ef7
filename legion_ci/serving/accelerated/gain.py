"""How much faster an accelerated form is: both in turn, the ratio with its interval."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable

from legion_ci.serving.accelerated.form import Gain
from legion_ci.serving.model import Model
from legion_ci.serving.rows import Rows

_PAIRS, _BUDGET_S = 30, 5.0
_T = 2.045  # Student's t for 30 pairs, 95 %


def measure(plain: Model, fast: Model, rows: Rows) -> Gain:
    """Time one call of each with these rows, in at least 30 pairs of medians."""
    once = _seconds(plain, rows, 1)
    calls = max(1, min(20, int(_BUDGET_S / _PAIRS / max(once, 1e-6) / 2)))
    timed = [_pair(lambda: _seconds(plain, rows, calls), lambda: _seconds(fast, rows, calls), n) for n in range(_PAIRS)]
    logs = [math.log(a / b) for a, b in timed]
    mean, half = statistics.fmean(logs), _T * statistics.stdev(logs) / math.sqrt(_PAIRS)
    plain_us, fast_us = (round(statistics.median(side) * 1e6, 1) for side in zip(*timed, strict=True))
    return Gain(rows=len(rows.data), plain_us=plain_us, accelerated_us=fast_us, ratio=round(math.exp(mean), 2),
                lower=round(math.exp(mean - half), 2), upper=round(math.exp(mean + half), 2), pairs=_PAIRS)  # fmt: skip


def _pair(one: Callable[[], float], other: Callable[[], float], turn: int) -> tuple[float, float]:
    if turn % 2:
        second = other()
        return one(), second
    return one(), other()


def _seconds(model: Model, rows: Rows, calls: int) -> float:
    times = []
    for _ in range(calls):
        began = time.perf_counter()
        model.predict(rows)
        times.append(time.perf_counter() - began)
    return statistics.median(times)
