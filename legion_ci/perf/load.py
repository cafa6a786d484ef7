"""The state of one load in the generator: the schedule, which arrivals are still open, and the recorder."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass

from legion_ci.perf.arrivals import Schedule
from legion_ci.perf.recorder import Recorder, Seen
from legion_ci.perf.requests import Request


@dataclass(slots=True, eq=False)
class Arrival:
    """One planned arrival. blocked_s: how late a user came free for it, which is the server's doing, not ours."""

    intended_s: float
    blocked_s: float
    answered: bool = False


class Load:
    """Arrivals are taken by users that are free; each is open until its first request was answered or failed."""

    def __init__(
        self,
        schedule: Schedule,
        recorder: Recorder | None = None,
        late_s: float = math.inf,
        requests: Iterator[Request] | None = None,
    ) -> None:
        self.schedule = schedule
        self.recorder = recorder
        self.late_s = late_s
        self.requests = iter(()) if requests is None else requests
        self._origin: float | None = None
        self._open: set[Arrival] = set()

    def begin(self, lead_s: float = 0.0) -> None:
        """Start the plan's clock, in a moment (``lead_s`` below 0: some time ago)."""
        self._origin = time.perf_counter() + lead_s

    def now_s(self) -> float:
        """Seconds since the start of the plan, on the monotonic clock; starts it when nobody did."""
        if self._origin is None:
            self.begin()
        return time.perf_counter() - (self._origin or 0.0)

    def take(self) -> Arrival | None:
        """The next arrival for a user that is free now; None when the plan is at its end."""
        intended = self.schedule.take()
        if intended is None:
            return None
        arrival = Arrival(intended, max(0.0, self.now_s() - intended))
        self._open.add(arrival)
        return arrival

    def leave(self, arrival: Arrival | None) -> None:
        """The task of an arrival is over, with or without a request."""
        if arrival is not None:
            self._open.discard(arrival)

    def is_late(self, arrival: Arrival, sent_s: float) -> bool:
        """Whether the generator, not a busy user, sent it late."""
        return sent_s - arrival.intended_s - arrival.blocked_s > self.late_s

    def done(self) -> bool:
        """Whether every planned arrival was answered."""
        return self.schedule.head_s is None and not self._open

    def settle(self) -> None:
        """At the end: every arrival that is due and has no answer is a failure as old as it is now."""
        if self.recorder is None:
            return
        now = self.now_s()
        for arrival in [a for a in self._open if not a.answered and a.intended_s <= now]:
            self._fail(arrival.intended_s, now, "no answer when the run ended")
        self._open.clear()
        while self.schedule.overdue(now):
            self._fail(self.schedule.take() or 0.0, now, "not sent: all users were busy until the run ended")

    def _fail(self, intended_s: float, now_s: float, why: str) -> None:
        assert self.recorder is not None
        self.recorder.status.unanswered += 1
        self.recorder.put(Seen(intended_s, now_s, now_s, "arrival", failure=why))
