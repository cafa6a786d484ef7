"""A model repository whose site holds days of requests and outcomes."""

from __future__ import annotations

import io
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from legion_ci.core.clock import Clock
from legion_ci.core.progress import Progress
from legion_ci.core.tools import Tools

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC).timestamp()
DAY = 86400.0


class Still(Clock):
    """Always the same moment."""

    def __init__(self, moment: float = NOON) -> None:
        self.moment = moment

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.moment, UTC)


@dataclass(frozen=True)
class Repository:
    """``settings``: its legion.yaml. ``store``: its site's feedback."""

    folder: Path
    more: str = ""

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        told = f"model: {{name: wine}}\nsite: {{path: {self.folder / 'site'}}}\n{self.more}"
        (self.folder / "legion.yaml").write_text(told)

    @property
    def settings(self) -> str:
        return str(self.folder / "legion.yaml")

    @property
    def store(self) -> Path:
        return self.folder / "site" / "feedback"


def tools(moment: float = NOON) -> Tools:
    """Tools whose clock stands still and whose progress is kept."""
    return Tools(clock=Still(moment), progress=Progress(stream=io.StringIO()))


def said(told: Tools) -> str:
    """What the progress said."""
    stream: Any = told.progress.stream
    return str(stream.getvalue())
