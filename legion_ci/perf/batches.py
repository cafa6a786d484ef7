"""Cuts a run's log into batches of time: the warm-up goes, the rest becomes the sample that budgets are judged on."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from legion_ci.perf.bounds import BATCHES, Floats
from legion_ci.perf.histogram import quantile_us
from legion_ci.perf.log import TICK_S, Tick
from legion_ci.results import LoadPoint


@dataclass(frozen=True)
class Measured:
    """What was measured after the warm-up, in k batches of equal time.

    cells_us: (m,) rising HDR cells. answered: (k, m) good answers by batch and cell. failed: (k,). done: (k,) good
    answers that came within the batch. width_s: (k,). late: arrivals sent late by the generator. times: cell -> count
    over all requests, failed ones included. series: second by second, warm-up included.
    """

    cells_us: Floats
    answered: Floats
    failed: Floats
    done: Floats
    width_s: Floats
    late: int
    times: dict[int, int]
    series: tuple[LoadPoint, ...]

    @property
    def totals(self) -> Floats:
        """Requests a batch, (k,)."""
        return np.asarray(self.answered.sum(axis=1) + self.failed)

    @property
    def requests(self) -> int:
        """All requests."""
        return int(self.totals.sum())

    @property
    def errors(self) -> int:
        """Failed requests."""
        return int(self.failed.sum())

    @property
    def measured_s(self) -> float:
        """Seconds that were measured."""
        return float(self.width_s.sum())


EMPTY = Measured(
    cells_us=np.zeros(0),
    answered=np.zeros((1, 0)),
    failed=np.zeros(1),
    done=np.zeros(1),
    width_s=np.ones(1),
    late=0,
    times={},
    series=(),
)


@dataclass
class _Span:
    answered: Counter[int] = field(default_factory=Counter)
    failed: Counter[int] = field(default_factory=Counter)
    done: int = 0


def cut(ticks: Iterable[Tick], duration_s: float, warmup_s: float) -> Measured:
    """Batches of the ticks between ``warmup_s`` and ``duration_s``; requests that were meant to start there count."""
    first, last = round(warmup_s / TICK_S), round(duration_s / TICK_S)
    k = min(BATCHES, last - first)
    edges = first + np.arange(k + 1) * (last - first) // k
    batches, seconds = [_Span() for _ in range(k)], defaultdict[int, _Span](_Span)
    late = 0
    for tick in ticks:
        _add(seconds[int(tick.tick * TICK_S + 1e-9)], tick)
        if first <= tick.tick < last:
            _add(batches[int(np.searchsorted(edges, tick.tick, side="right")) - 1], tick)
            late += tick.late
    return _measured(batches, np.diff(edges) * TICK_S, late, seconds)


def _add(span: _Span, tick: Tick) -> None:
    span.answered.update(tick.answered)
    span.failed.update(tick.failed)
    span.done += tick.done


def _measured(batches: list[_Span], width_s: Floats, late: int, seconds: dict[int, _Span]) -> Measured:
    cells = np.array(sorted(set().union(*(b.answered for b in batches))), dtype=float)
    times: Counter[int] = Counter()
    for batch in batches:
        times.update(batch.answered)
        times.update(batch.failed)
    return Measured(
        cells_us=cells,
        answered=np.array([[b.answered[int(c)] for c in cells] for b in batches], dtype=float).reshape(
            len(batches), -1
        ),
        failed=np.array([b.failed.total() for b in batches], dtype=float),
        done=np.array([b.done for b in batches], dtype=float),
        width_s=width_s,
        late=late,
        times=dict(times),
        series=tuple(_point(s, seconds[s]) for s in sorted(seconds)),
    )


def _point(second: int, span: _Span) -> LoadPoint:
    errors = span.failed.total()
    p50, p99 = (quantile_us(span.answered, q) / 1000 if span.answered else None for q in (0.5, 0.99))
    return LoadPoint(second=second, requests=span.answered.total() + errors, errors=errors, p50_ms=p50, p99_ms=p99)
