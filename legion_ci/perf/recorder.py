"""Keeps what the generator sees: every request goes into the histograms of its tick, and the first ones into a raw log.

Nothing grows with the run: once a second what was counted is appended to the log and forgotten.
"""

from __future__ import annotations

import csv
import io
from collections import Counter, defaultdict
from dataclasses import dataclass, field

import msgspec

from legion_ci.core.files import write_atomic
from legion_ci.perf.log import RAW, RAW_COLUMNS, STATUS, TICK_S, TICKS, Status, Tick, on_grid
from legion_ci.perf.plan import Plan

_MOST_FAILURES = 20  # distinct messages kept
_MESSAGE_LENGTH = 200


@dataclass(slots=True)
class Seen:
    """One request. Times in seconds from the start of the run; failure: "" for a good answer."""

    intended_s: float
    sent_s: float
    done_s: float
    name: str
    failure: str = ""
    status: int = 0
    size: int = 0
    late: bool = False


@dataclass
class _Counted:
    answered: Counter[int] = field(default_factory=Counter)
    failed: Counter[int] = field(default_factory=Counter)
    done: int = 0
    late: int = 0


class Recorder:
    """Counts requests and writes them to the run's folder; ``status`` is what is told besides."""

    def __init__(self, plan: Plan) -> None:
        self.status = Status()
        self._plan = plan
        self._counted: dict[int, _Counted] = defaultdict(_Counted)
        self._ticks = plan.file(TICKS).open("ab")
        self._raw = plan.file(RAW).open("ab")
        self._rows = io.StringIO()
        self._writer = csv.writer(self._rows, lineterminator="\n")
        self._writer.writerow(RAW_COLUMNS)

    def put(self, seen: Seen) -> None:
        """Count one request under the moment at which it was meant to start."""
        counted = self._counted[max(0, int(seen.intended_s / TICK_S))]
        cell = on_grid(round((seen.done_s - seen.intended_s) * 1e6))
        (counted.failed if seen.failure else counted.answered)[cell] += 1
        counted.late += seen.late
        if seen.failure:
            self._explain(seen.failure)
        else:
            self._counted[max(0, int(seen.done_s / TICK_S))].done += 1
        self._keep(seen)

    def flush(self) -> None:
        """Append what was counted since the last time, and the account of how it goes."""
        counted, self._counted = self._counted, defaultdict(_Counted)
        for tick, c in sorted(counted.items()):
            line = Tick(tick=tick, answered=dict(c.answered), failed=dict(c.failed), done=c.done, late=c.late)
            self._ticks.write(msgspec.json.encode(line) + b"\n")
        self._ticks.flush()
        self._raw.write(self._rows.getvalue().encode())
        self._raw.flush()
        self._rows.seek(0)
        self._rows.truncate()

    def tell(self) -> None:
        """Write the status file anew."""
        write_atomic(self._plan.file(STATUS), msgspec.json.encode(self.status))

    def _explain(self, failure: str) -> None:
        known = self.status.failures
        text = failure[:_MESSAGE_LENGTH]
        if text not in known and len(known) >= _MOST_FAILURES:
            text = "others"
        known[text] = known.get(text, 0) + 1

    def _keep(self, s: Seen) -> None:
        if self._raw.tell() + self._rows.tell() > self._plan.raw_limit_bytes:
            self.status.raw_lost += 1
            return
        self.status.raw_rows += 1
        intended, sent, done = (round(t * 1e6) for t in (s.intended_s, s.sent_s, s.done_s))
        self._writer.writerow(
            (intended, sent, done, s.status, s.size, int(s.late), s.name, s.failure[:_MESSAGE_LENGTH])
        )
