"""Which events people mean: a model's version and a range of days."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from legion_ci.core.errors import ConfigurationError, Problem
from legion_ci.feedback.events import quoted
from legion_ci.settings.schema import parse_duration


@dataclass(frozen=True)
class Selection:
    """version: "" for all. since, until: seconds since the epoch, until is not in it."""

    version: str = ""
    since: float = 0.0
    until: float = float("inf")

    @property
    def condition(self) -> str:
        """As SQL on the fields of every tag."""
        parts = [f"time_unix >= {self.since!r}"] if self.since > 0 else []
        parts += [f"time_unix < {self.until!r}"] if self.until != float("inf") else []
        parts += [f"model_version = {quoted(self.version)}"] if self.version else []
        return " AND ".join(parts) or "true"


def select(version: str, since: str, until: str, now: datetime) -> Selection:
    """The selection that the options name; raises ConfigurationError with all that is not understood.

    since: a day, or a duration before now. until: a day, which is in the range.
    """
    problems: list[Problem] = []
    first = _since(since, now, problems)
    last = _day(until, "--until", problems)
    end = last + timedelta(days=1) if last else None
    if not problems and first and end and first >= end:
        problems.append(Problem(f"no day is from {since} to {until}", "--since", "give an earlier day"))
    if problems:
        raise ConfigurationError(problems)
    return Selection(version, first.timestamp() if first else 0.0, end.timestamp() if end else float("inf"))


def _since(text: str, now: datetime, problems: list[Problem]) -> datetime | None:
    try:
        seconds = parse_duration(text) if text else None
    except ValueError:
        return _day(text, "--since", problems, " or a duration like 7d")
    return now - timedelta(seconds=float(seconds)) if seconds is not None else None


def _day(text: str, where: str, problems: list[Problem], or_what: str = "") -> datetime | None:
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC) if text else None
    except ValueError:
        problems.append(Problem(f"is not a day (found {text!r})", where, f"write one like 2026-11-21{or_what}"))
        return None
