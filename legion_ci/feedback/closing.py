"""Closes past days: their JSON lines become one Parquet file, and every reader sees each event once at every moment.

Lines are frozen by a new name, under which nobody writes; a Parquet file of the next generation is made of all that
counts; its rename is the moment in which it takes their place; then they are removed. Whatever is interrupted, the next
closing goes on from what the names say.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from legion_ci.core.errors import ToolError
from legion_ci.core.lock import locked
from legion_ci.feedback import access
from legion_ci.feedback.database import connected
from legion_ci.feedback.events import FIELDS, of_files, quoted
from legion_ci.feedback.layout import CLOSED, LINES, closed, day_end, every_day, frozen, generation, superseded, visible

AFTER_S = 3600.0  # after a day's end: until then late events are common
_LOCK = "upkeep.lock"


class Disk:
    """What changes files; replaced in tests, which interrupt it at each call."""

    def rename(self, old: Path, new: Path) -> None:
        """Give a file another name, at once, durably."""
        old.rename(new)
        sync_folder(new.parent)

    def remove(self, path: Path) -> None:
        """Remove a file."""
        path.unlink(missing_ok=True)

    def sync(self, path: Path) -> None:
        """Return when the file is on the disk."""
        fd = os.open(path, os.O_RDONLY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)


def sync_folder(folder: Path) -> None:
    """Return when the names in the folder are on the disk."""
    Disk().sync(folder)


@dataclass(frozen=True)
class ClosedDay:
    """One day of one tag, version and model, as it was closed."""

    folder: Path
    rows: int
    bytes_before: int
    bytes_after: int


def upkeep(store: Path) -> AbstractContextManager[None]:
    """Held by whoever changes files, one at a time."""
    return locked(store / _LOCK, what="upkeep of the feedback store")


def open_days(store: Path, now: float) -> list[tuple[str, Path]]:
    """Past days that hold lines (tag, folder)."""
    past = ((tag, f) for tag, f in every_day(store) if day_end(f) + AFTER_S <= now)
    return [(tag, f) for tag, f in past if superseded(f) or any(p.suffix == LINES for p in visible(f))]


def close_days(store: Path, now: float, disk: Disk | None = None) -> Iterator[ClosedDay]:
    """Close every past day that is not closed, or not wholly. now: seconds since the epoch."""
    if not open_days(store, now):
        return
    with upkeep(store):
        for tag, folder in open_days(store, now):
            if done := close(store, tag, folder, disk or Disk()):
                yield done


def close(store: Path, tag: str, folder: Path, disk: Disk) -> ClosedDay | None:
    """Close one day; None when there was nothing but remains of an earlier closing. Raises ToolError, changing nothing."""
    tidy(store, folder, disk)
    if all(p.suffix == CLOSED for p in visible(folder)):
        return None
    number = freeze(store, folder, disk)
    inputs = visible(folder)
    target = closed(folder, number)
    made = target.with_name(f".{target.name}.tmp")
    rows = _write(tag, inputs, made)
    disk.sync(made)
    before = sum(p.stat().st_size for p in inputs)
    with access.alone(store):
        disk.rename(made, target)
    tidy(store, folder, disk)
    return ClosedDay(folder, rows, before, target.stat().st_size)


def freeze(store: Path, folder: Path, disk: Disk) -> int:
    """Give the lines that may be written to names of the next generation, which is returned."""
    number = max((generation(p) for p in folder.iterdir()), default=0) + 1
    for path in [p for p in visible(folder) if generation(p) == 0]:
        with access.held(path), access.alone(store):
            disk.rename(path, frozen(path, number))
    return number


def tidy(store: Path, folder: Path, disk: Disk) -> None:
    """Remove what no longer counts: superseded files, and those that were being made when their maker died."""
    for path in folder.glob(".*.tmp"):
        disk.remove(path)
    if gone := superseded(folder):
        with access.alone(store):
            for path in gone:
                disk.remove(path)


def _write(tag: str, inputs: list[Path], target: Path) -> int:
    """Make a Parquet file of all events of the inputs; ToolError when it does not hold as many as readers see."""
    fields = FIELDS[tag]
    seen = of_files(inputs, {n: fields[n] for n in ("request_id", "time_unix")})
    with connected(f"closing {target.parent}") as db:
        query = f"SELECT * FROM {of_files(inputs, fields)} WHERE request_id IS NOT NULL ORDER BY time_unix, request_id"  # noqa: S608 - paths are quoted
        written = _number(
            db.execute(f"COPY ({query}) TO {quoted(str(target))} (FORMAT parquet, COMPRESSION zstd)").fetchone
        )
        counted = f"SELECT coalesce(sum(n), 0)::BIGINT FROM (SELECT request_id, time_unix, count(*) AS n FROM {seen} WHERE request_id IS NOT NULL GROUP BY ALL)"  # noqa: S608
        wanted = _number(db.execute(counted).fetchone)
    if written != wanted:
        target.unlink()
        raise ToolError(
            f"{wanted} events are read, but only {written} of them fit into Parquet", where=str(target.parent),
            todo="see which lines have fields of other types; the day stays as it is",
        )  # fmt: skip
    return written


def _number(fetch: Callable[[], object]) -> int:
    row = fetch()
    return int(row[0]) if isinstance(row, tuple) else 0
