"""How many captures could not be kept, by model, version and day: written beside the store's events, read for people."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import msgspec

from legion_ci.core.errors import LegionError
from legion_ci.core.files import write_atomic
from legion_ci.feedback.layout import name

_FOLDER = "dropped"
Key = tuple[str, str, str]  # model, version, day (UTC)


class _Dropped(msgspec.Struct):
    model: str
    version: str
    day: str
    count: int


class Drops:
    """One writer's file of counts."""

    def __init__(self, store: Path, writer: str) -> None:
        self._path = store / _FOLDER / f"{name(writer)}-{time.time_ns()}.json"
        self._written = 0

    def write(self, *counts: Mapping[tuple[str, str, int], int]) -> None:
        """Put the sums on the disk if they have changed; a disk that does not take them is asked again next time.

        counts: by model, version and day (whole days since the epoch).
        """
        total: Counter[tuple[str, str, int]] = Counter()
        for some in counts:
            total.update(dict(some))
        if total.total() == self._written:
            return
        rows = [_Dropped(model, version, _iso(day), count) for (model, version, day), count in total.items()]
        try:
            write_atomic(self._path, msgspec.json.encode(rows))
        except LegionError:
            return
        self._written = total.total()


def _iso(day: int) -> str:
    return time.strftime("%Y-%m-%d", time.gmtime(day * 86400))


def files(store: Path) -> list[Path]:
    """The files of all writers."""
    return sorted((store / _FOLDER).glob("*.json"))


def read(store: Path) -> dict[Key, int]:
    """All writers' counts; a file that is none is passed over."""
    found: Counter[Key] = Counter()
    for path in files(store):
        try:
            rows = msgspec.json.decode(path.read_bytes(), type=list[_Dropped])
        except (OSError, msgspec.DecodeError):
            continue
        for r in rows:
            found[(r.model, r.version, r.day)] += r.count
    return dict(found)
