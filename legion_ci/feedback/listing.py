"""``feedback.list``: what a store holds, by model, version and day."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import msgspec

from legion_ci.core.tools import Tools
from legion_ci.feedback import drops
from legion_ci.feedback.database import opened
from legion_ci.feedback.events import source
from legion_ci.feedback.layout import OUTCOME, REQUEST, day_of, every_day, model_of, size, visible
from legion_ci.feedback.selection import Selection, select
from legion_ci.settings.load import FILE, load

Key = tuple[str, str, str]  # model, version, day


class Stored(msgspec.Struct, kw_only=True):
    """One version on one day. requests: of users; copies: mirrored; other: direct calls and load tests.

    outcomes: as they came, also repeated ones; unmatched: request ids of the day's outcomes that no captured request has.
    bytes: on the disk. dropped: captures that could not be kept.
    """

    model: str
    version: str
    day: str
    requests: int = 0
    copies: int = 0
    other: int = 0
    outcomes: int = 0
    unmatched: int = 0
    bytes: int = 0
    dropped: int = 0


def stored(store: Path, chosen: Selection) -> list[Stored]:
    """What is stored, sorted by model, version and day."""
    found: dict[Key, dict[str, int]] = defaultdict(dict)
    with opened(store, "listing the feedback") as db:
        requests = source(store, REQUEST, None, chosen.since, (*_NAMED, "purpose"))
        outcomes = source(store, OUTCOME, None, chosen.since, _NAMED)
        every = source(store, REQUEST, None, 0.0, ("request_id", "time_unix"))
        for *key, live, copies, other in db.execute(
            _REQUESTS.format(source=requests, where=chosen.condition)
        ).fetchall():
            found[_key(key)] |= {"requests": live, "copies": copies, "other": other}
        told = _OUTCOMES.format(source=outcomes, where=chosen.condition, served=every)
        for *key, count, unmatched in db.execute(told).fetchall():
            found[_key(key)] |= {"outcomes": count, "unmatched": unmatched}
        for key_, amount in _bytes(store, chosen).items():
            found[key_]["bytes"] = amount
    for key_, amount in drops.read(store).items():
        if _within(key_, chosen):
            found[key_]["dropped"] = amount
    return [Stored(model=m, version=v, day=d, **counts) for (m, v, d), counts in sorted(found.items())]


def show(
    tools: Tools, settings: str, sets: Sequence[str], model_version: str, since: str, until: str, json: bool
) -> int:
    """Print the list."""
    site = load(Path(settings or FILE), sets).site
    rows = stored(site.feedback, select(model_version, since, until, tools.clock.now()))
    print(msgspec.json.format(msgspec.json.encode(rows), indent=2).decode() if json else text(rows))
    return 0


def text(rows: Sequence[Stored]) -> str:
    """The list as a table for people, with sums."""
    if not rows:
        return "nothing is stored (of this selection)"
    numbers = ("requests", "copies", "other", "outcomes", "unmatched", "bytes", "dropped")
    table: list[tuple[str, ...]] = [("model", "version", "day", *numbers)]
    table += [(r.model, r.version, r.day, *(f"{getattr(r, n):,}" for n in numbers)) for r in rows]
    table.append(("all", "", "", *(f"{sum(getattr(r, n) for r in rows):,}" for n in numbers)))
    widths = [max(len(line[i]) for line in table) for i in range(len(table[0]))]
    return "\n".join(
        "  ".join(
            cell.ljust(w) if i < 3 else cell.rjust(w) for i, (cell, w) in enumerate(zip(line, widths, strict=True))
        )
        for line in table
    )


_NAMED = ("request_id", "model_name", "model_version", "time_unix")
_DAY = "strftime(make_timestamp((time_unix * 1e6)::BIGINT), '%Y-%m-%d')"
_REQUESTS = f"""
    SELECT coalesce(model_name, ''), coalesce(model_version, ''), {_DAY} AS day, count(*) FILTER (purpose = ''),
           count(*) FILTER (purpose = 'shadow'), count(*) FILTER (coalesce(purpose, '?') NOT IN ('', 'shadow'))
    FROM {{source}} WHERE request_id IS NOT NULL AND time_unix IS NOT NULL AND {{where}} GROUP BY ALL"""  # noqa: S608 - quoted
_OUTCOMES = f"""
    WITH told AS (SELECT * FROM {{source}} WHERE request_id IS NOT NULL AND time_unix IS NOT NULL AND {{where}}),
    served AS (SELECT request_id, min(time_unix) AS since FROM {{served}} GROUP BY request_id)
    SELECT coalesce(model_name, ''), coalesce(model_version, ''), {_DAY} AS day, count(*),
           count(DISTINCT request_id) FILTER (since IS NULL)
    FROM told LEFT JOIN served USING (request_id) GROUP BY ALL"""  # noqa: S608 - paths and values are quoted


def _key(values: Sequence[str]) -> Key:
    return values[0], values[1], values[2]


def _bytes(store: Path, chosen: Selection) -> dict[Key, int]:
    total: dict[Key, int] = defaultdict(int)
    for _, folder in every_day(store):
        key = (*model_of(folder), day_of(folder))
        if _within(key, chosen):
            total[key] += size(visible(folder))
    return total


def _within(key: Key, chosen: Selection) -> bool:
    first = time.strftime("%Y-%m-%d", time.gmtime(chosen.since))
    last = time.strftime("%Y-%m-%d", time.gmtime(chosen.until - 1)) if chosen.until != float("inf") else "9999"
    return first <= key[2] <= last and (not chosen.version or key[1] == chosen.version)
