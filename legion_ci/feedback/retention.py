"""Which days of feedback are past their time, or more than there is room for: whole days, the oldest first."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from legion_ci.feedback.layout import LINES, day_end, every_day

Outlived = tuple[Path, str]  # a day's folder of one tag and version, and why it goes


def outlived(
    store: Path, *, retain_s: float, retain_bytes: int | None, now: float, needed_from: float
) -> list[Outlived]:
    """Days that go, oldest first. retain_s: kept after a day's end. retain_bytes: of all days together; None: no limit.

    now: seconds since the epoch. needed_from: days that end after it stay: a running experiment reads them; so does today.
    """
    days: dict[float, list[Path]] = defaultdict(list)
    for _, folder in every_day(store):
        days[day_end(folder)].append(folder)
    total = sum(size(f) for folders in days.values() for f in folders)
    gone: list[Outlived] = []
    for end in sorted(days):
        if end > min(now, needed_from):
            break
        why = _why(now - end, retain_s, total, retain_bytes)
        if why:
            gone += [(folder, why) for folder in days[end] if any(folder.iterdir())]
            total -= sum(size(f) for f in days[end])
    return gone


def _why(age_s: float, retain_s: float, total: int, most: int | None) -> str:
    if age_s > retain_s:
        return f"{age_s / 86400:.0f} days old"
    return (
        f"{total / 1e6:.1f} MB of feedback are more than {most / 1e6:.1f} MB"
        if most is not None and total > most
        else ""
    )


def size(folder: Path) -> int:
    """Bytes of a day's folder."""
    return sum(p.stat().st_size for p in folder.iterdir() if p.is_file())


def removed_in_order(folder: Path) -> Iterable[Path]:
    """A day's files, in the order in which they may go: what replaced others last."""
    return sorted(folder.iterdir(), key=lambda p: (p.suffix != LINES, p.name))
