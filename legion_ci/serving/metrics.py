"""The server's counters, in Prometheus' text format."""

from __future__ import annotations

import os
import threading
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Mapping

_BOUNDS_S = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Metrics:
    """Requests by route and status, and how long they took. Each server process counts its own."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._requests: Counter[tuple[str, int]] = Counter()
        self._buckets = [0] * (len(_BOUNDS_S) + 1)
        self._seconds = 0.0

    def answered(self, route: str, status: int, seconds: float) -> None:
        """Count one answer of a prediction route."""
        with self._lock:
            self._requests[route, status] += 1
            self._buckets[bisect_left(_BOUNDS_S, seconds)] += 1
            self._seconds += seconds

    def text(self, gauges: Mapping[str, tuple[str, str, float]]) -> bytes:
        """The exposition. gauges: name → (type, help, value) of what others count."""
        with self._lock:
            requests, buckets, seconds = dict(self._requests), list(self._buckets), self._seconds
        lines = [*_counters(requests), *_histogram(buckets, seconds)]
        for name, (kind, about, value) in gauges.items():
            lines += [f"# HELP {name} {about}", f"# TYPE {name} {kind}", f"{name}{{{_process()}}} {value:g}"]
        return ("\n".join(lines) + "\n").encode()


def _counters(requests: Mapping[tuple[str, int], int]) -> Iterable[str]:
    yield "# HELP legion_requests_total Answers of prediction routes by route and HTTP status."
    yield "# TYPE legion_requests_total counter"
    for (route, status), count in sorted(requests.items()):
        yield f'legion_requests_total{{{_process()},route="{route}",status="{status}"}} {count}'
    errors = sum(count for (_, status), count in requests.items() if status >= 500)
    yield "# HELP legion_errors_total Answers with a status of 500 or more."
    yield "# TYPE legion_errors_total counter"
    yield f"legion_errors_total{{{_process()}}} {errors}"


def _histogram(buckets: list[int], seconds: float) -> Iterable[str]:
    name = "legion_request_seconds"
    yield f"# HELP {name} Time from a request's arrival to its answer."
    yield f"# TYPE {name} histogram"
    total = 0
    for bound, count in zip((*map(str, _BOUNDS_S), "+Inf"), buckets, strict=True):
        total += count
        yield f'{name}_bucket{{{_process()},le="{bound}"}} {total}'
    yield f"{name}_sum{{{_process()}}} {seconds:.6f}"
    yield f"{name}_count{{{_process()}}} {total}"


def _process() -> str:
    return f'process="{os.getpid()}"'
