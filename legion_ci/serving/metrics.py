"""The server's counters over all its processes, in Prometheus' text format."""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence

from legion_ci.serving.board import Board, Row

ROUTES = ("/api/model/invoke", "/invocations", "/v2/infer")
STATUSES = (200, 400, 405, 408, 413, 415, 500, 503)
_BOUNDS_S = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
# name → (type, help); their slots follow the process's id
_WATCHED = {
    "legion_ready": ("gauge", "1 when the model predicts in every worker process."),
    "legion_dropped_captures_total": ("counter", "Captures that could not be kept."),
    "legion_waiting_requests": ("gauge", "Requests in the queue."),
    "legion_model_calls_total": ("counter", "Calls of the model."),
    "legion_model_rows_total": ("counter", "Rows predicted."),
}
_SECONDS = 1 + len(_WATCHED)
_BUCKETS = _SECONDS + 1
_REQUESTS = _BUCKETS + len(_BOUNDS_S) + 1
SLOTS = _REQUESTS + len(ROUTES) * len(STATUSES)

# What others count: ready, dropped captures, waiting requests, calls, rows.
Watch = Callable[[], Sequence[float]]


class Metrics:
    """Requests by route and status, and how long they took. watch: asked for what others count."""

    def __init__(self, board: Board | None = None) -> None:
        self._board = board or Board.alone(SLOTS)
        self._own = self._board.own
        kinds = enumerate((kind for kind, _ in _WATCHED.values()), start=1)
        self._before = [self._own[slot] if kind == "counter" else 0.0 for slot, kind in kinds]
        self._lock = threading.Lock()
        self.watch: Watch = lambda: (0.0,) * len(_WATCHED)

    def answered(self, route: str, status: int, seconds: float) -> None:
        """Count one answer of a prediction route."""
        with self._lock:
            own = self._own
            own[_request(route, status)] += 1
            own[_BUCKETS + bisect_left(_BOUNDS_S, seconds)] += 1
            own[_SECONDS] += seconds
        self.look()

    def look(self) -> None:
        """Write down what others count, for the other processes to tell."""
        for slot, value in enumerate(self.watch(), start=1):
            self._own[slot] = self._before[slot - 1] + value

    def text(self) -> bytes:
        """The exposition: sums over all processes."""
        self.look()
        rows = self._board.taken
        totals = [sum(row[slot] for row in rows) for slot in range(SLOTS)]
        lines = [*_counters(totals), *_histogram(totals), *_watched(totals, rows)]
        lines += _one("legion_workers", "gauge", "Worker processes that have started.", len(rows))
        return ("\n".join(lines) + "\n").encode()


def _request(route: str, status: int) -> int:
    return _REQUESTS + ROUTES.index(route) * len(STATUSES) + STATUSES.index(status)


def _counters(totals: Sequence[float]) -> Iterable[str]:
    yield "# HELP legion_requests_total Answers of prediction routes by route and HTTP status."
    yield "# TYPE legion_requests_total counter"
    errors = 0.0
    for route in ROUTES:
        for status in STATUSES:
            count = totals[_request(route, status)]
            errors += count if status >= 500 else 0
            if count:
                yield f'legion_requests_total{{route="{route}",status="{status}"}} {count:.0f}'
    yield from _one("legion_errors_total", "counter", "Answers with a status of 500 or more.", errors)


def _histogram(totals: Sequence[float]) -> Iterable[str]:
    name = "legion_request_seconds"
    yield f"# HELP {name} Time from a request's arrival to its answer."
    yield f"# TYPE {name} histogram"
    count = 0.0
    for slot, bound in enumerate((*map(str, _BOUNDS_S), "+Inf"), start=_BUCKETS):
        count += totals[slot]
        yield f'{name}_bucket{{le="{bound}"}} {count:.0f}'
    yield f"{name}_sum {totals[_SECONDS]:.6f}"
    yield f"{name}_count {count:.0f}"


def _watched(totals: Sequence[float], rows: Sequence[Row]) -> Iterable[str]:
    for slot, (name, (kind, about)) in enumerate(_WATCHED.items(), start=1):
        value = min(row[slot] for row in rows) if name == "legion_ready" else totals[slot]
        yield from _one(name, kind, about, value)


def _one(name: str, kind: str, about: str, value: float) -> Iterable[str]:
    return f"# HELP {name} {about}", f"# TYPE {name} {kind}", f"{name} {value:.0f}"
