"""The clock that stages are given, so that tests can hold it still."""

from __future__ import annotations

import time
from datetime import UTC, datetime


class Clock:
    """Wall time in UTC, and sleeping."""

    def now(self) -> datetime:
        """Now, in UTC."""
        return datetime.now(UTC)

    def sleep(self, seconds: float) -> None:
        """Wait that many seconds."""
        time.sleep(seconds)


def stamp(moment: datetime) -> str:
    """A moment as ISO 8601 in UTC with milliseconds, as records hold it."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
