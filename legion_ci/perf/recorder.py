"""Keeps what the generator sees: every request goes into the histograms of its tick, and the first ones into a raw log.

Nothing grows with the run: once a second what was counted is handed on and forgotten.
"""

from __future__ import annotations

import csv
import io
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Protocol

import msgspec

from legion_ci.core.files import write_atomic
from legion_ci.perf.log import RAW, RAW_COLUMNS, STATUS, TICK_S, TICKS, Status, Tick, on_grid
from legion_ci.perf.plan import Plan

_MOST_FAILURES = 20  # distinct messages kept
_MOST_NAMES = 50  # endpoints that are told apart; further ones are ``others``
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


class Out(Protocol):
    """Where pieces of the log go: files, or a message to Locust's master."""

    def piece(self, ticks: bytes, rows: bytes, status: Status) -> None:
        """Lines of the log, lines of the raw log, and the account so far."""


class Files:
    """The log in the run's folder; what several generators send is appended as it comes, since histograms add."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._ticks = plan.file(TICKS).open("ab")
        self._raw = plan.file(RAW).open("ab")
        if not self._raw.tell():
            self._raw.write((",".join(RAW_COLUMNS) + "\n").encode())
            self._raw.flush()

    def piece(self, ticks: bytes, rows: bytes, status: Status) -> None:
        """Append; the status is told by ``tell``."""
        for file, content in ((self._ticks, ticks), (self._raw, rows)):
            file.write(content)
            file.flush()

    def tell(self, status: Status) -> None:
        """Write the status file anew."""
        write_atomic(self._plan.file(STATUS), msgspec.json.encode(status))


class Recorder:
    """Counts requests and hands them on; ``status`` is what is told besides. share: of the raw log's limit."""

    def __init__(self, plan: Plan, out: Out | None = None, share: float = 1.0) -> None:
        self.status = Status()
        self._out = out or Files(plan)
        self._counted: dict[tuple[int, str], _Counted] = defaultdict(_Counted)
        self._names: set[str] = set()
        self._rows = io.StringIO()
        self._writer = csv.writer(self._rows, lineterminator="\n")
        self._written, self._limit_bytes = 0, plan.raw_limit_bytes * share

    def put(self, seen: Seen) -> None:
        """Count one request under the moment at which it was meant to start."""
        name = self._known(seen.name)
        counted = self._counted[max(0, int(seen.intended_s / TICK_S)), name]
        cell = on_grid(round(seen.done_s * 1e6) - round(seen.intended_s * 1e6))  # as the raw log has it
        (counted.failed if seen.failure else counted.answered)[cell] += 1
        counted.late += seen.late
        if seen.failure:
            self._explain(seen.failure)
        else:
            self._counted[max(0, int(seen.done_s / TICK_S)), name].done += 1
        self._keep(seen)

    def null(self, latency_s: float) -> None:
        """Count one probe of the server that does nothing."""
        cell = on_grid(round(latency_s * 1e6))
        self.status.null_us[cell] = self.status.null_us.get(cell, 0) + 1

    def flush(self) -> None:
        """Hand on what was counted since the last time, and the account of how it goes."""
        counted, self._counted = self._counted, defaultdict(_Counted)
        lines = [
            msgspec.json.encode(
                Tick(tick=t, name=n, answered=dict(c.answered), failed=dict(c.failed), done=c.done, late=c.late)
            )
            for (t, n), c in sorted(counted.items())
        ]
        rows = self._rows.getvalue().encode()
        self._written += len(rows)
        self._out.piece(b"".join(line + b"\n" for line in lines), rows, self.status)
        self._rows.seek(0)
        self._rows.truncate()

    def _known(self, name: str) -> str:
        if name not in self._names:
            if len(self._names) >= _MOST_NAMES:
                return "others"
            self._names.add(name)
        return name

    def _explain(self, failure: str) -> None:
        known = self.status.failures
        text = failure[:_MESSAGE_LENGTH]
        if text not in known and len(known) >= _MOST_FAILURES:
            text = "others"
        known[text] = known.get(text, 0) + 1

    def _keep(self, s: Seen) -> None:
        if self._written + self._rows.tell() > self._limit_bytes:
            self.status.raw_lost += 1
            return
        self.status.raw_rows += 1
        intended, sent, done = (round(t * 1e6) for t in (s.intended_s, s.sent_s, s.done_s))
        self._writer.writerow(
            (intended, sent, done, s.status, s.size, int(s.late), s.name, s.failure[:_MESSAGE_LENGTH])
        )
