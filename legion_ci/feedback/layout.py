"""Where events lie in a feedback store: Legion's key layout, one file an hour and writer, one for each closed day.

A day's folder holds JSON lines that are written to (``YYYYmmddHH_<writer>.jsonl``), frozen ones that nobody writes to any
more (``…+g0003.jsonl``), and at most one Parquet file that counts (``YYYYmmdd+g0003.parquet``): that of the highest
generation. It holds all that was frozen in its generation and before; what of those is still there counts no longer.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from urllib.parse import quote, unquote

ROOT = "model_log"
REQUEST, ANSWER, OUTCOME = "request_response", "response_body", "feedback"
TAGS = (REQUEST, ANSWER, OUTCOME)
LINES, CLOSED = ".jsonl", ".parquet"
_GENERATION = re.compile(r"\+g(\d+)\.(?:jsonl|parquet)$")  # names hold no "+": it is percent-encoded
_DAY = "year=*/month=*/day=*"


def name(text: str) -> str:
    """``text`` as one folder's name: what could leave the folder or hide in it is percent-encoded."""
    safe = quote(text, safe="") or "%00"
    return "%2E" + safe[1:] if safe.startswith(".") else safe


def hour_file(store: Path, tag: str, model: str, version: str, moment: float, writer: str) -> Path:
    """The file of an event at ``moment`` (seconds since the epoch; the hour is UTC's)."""
    at = time.gmtime(moment)
    day = time.strftime("year=%Y/month=%m/day=%d", at)
    return (
        store
        / ROOT
        / tag
        / name(model)
        / name(version)
        / day
        / f"{time.strftime('%Y%m%d%H', at)}_{name(writer)}{LINES}"
    )


def day_folders(store: Path, tag: str, model: str | None = None) -> list[Path]:
    """The days of a model (None: of every model), all versions, sorted."""
    return sorted((store / ROOT / tag).glob(f"{name(model) if model is not None else '*'}/*/{_DAY}"))


def files(store: Path, tag: str, model: str | None, since: float) -> list[Path]:
    """The files of a model (None: of every model) that count and may hold events from ``since`` on, sorted.

    Closing days takes files away: hold ``access.reading`` from here to the last read.
    """
    first = time.strftime("%Y%m%d%H", time.gmtime(max(since, 0.0)))
    found = (p for folder in day_folders(store, tag, model) for p in visible(folder))
    return sorted(
        p for p in found if p.name[: 8 if p.suffix == CLOSED else 10] >= first[: 8 if p.suffix == CLOSED else 10]
    )


def visible(folder: Path) -> list[Path]:
    """The files of a day that count: the Parquet file of the highest generation, and lines that it does not hold."""
    every = [p for p in folder.iterdir() if p.suffix in (LINES, CLOSED) and not p.name.startswith(".")]
    newest = max((p for p in every if p.suffix == CLOSED), key=generation, default=None)
    held = generation(newest) if newest else 0
    lines = [p for p in every if p.suffix == LINES and (generation(p) == 0 or generation(p) > held)]
    return sorted([*lines, *([newest] if newest else [])])


def superseded(folder: Path) -> list[Path]:
    """The files of a day that a Parquet file has taken the place of; lines first, so that the newest file is the last."""
    counted = set(visible(folder))
    return sorted((p for p in folder.iterdir() if generation(p) and p not in counted), key=lambda p: (p.suffix, p.name))


def generation(path: Path) -> int:
    """In which closing a file was frozen or made; 0: it may be written to."""
    match = _GENERATION.search(path.name)
    return int(match[1]) if match else 0


def frozen(path: Path, number: int) -> Path:
    """The name under which the lines of an hour are frozen."""
    return path.with_name(f"{path.name.removesuffix(LINES)}+g{number:04d}{LINES}")


def closed(folder: Path, number: int) -> Path:
    """The name of a day's Parquet file."""
    return folder / f"{''.join(part.partition('=')[2] for part in folder.parts[-3:])}+g{number:04d}{CLOSED}"


def day_of(folder: Path) -> str:
    """A day's folder as ``YYYY-mm-dd``."""
    return "-".join(part.partition("=")[2] for part in folder.parts[-3:])


def day_end(folder: Path) -> float:
    """When a day's folder is over, in seconds since the epoch."""
    import calendar

    return calendar.timegm(time.strptime(day_of(folder), "%Y-%m-%d")) + 86400.0


def model_of(folder: Path) -> tuple[str, str]:
    """The model's name and version that a day's folder is about."""
    return _text(folder.parts[-5]), _text(folder.parts[-4])


def _text(folder_name: str) -> str:
    return "" if folder_name == "%00" else unquote(folder_name)


def size(paths: Iterable[Path]) -> int:
    """Bytes of the files."""
    return sum(p.stat().st_size for p in paths)


def every_day(store: Path) -> Iterator[tuple[str, Path]]:
    """All days of all tags and models: (tag, folder)."""
    return ((tag, folder) for tag in TAGS for folder in day_folders(store, tag))


def iso(moment: float) -> str:
    """A moment as ISO 8601 in UTC with milliseconds."""
    whole = int(moment // 1)
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(whole)) + f".{int((moment - whole) * 1000):03d}Z"
