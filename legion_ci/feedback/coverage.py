"""``feedback.join``: how many answers met their outcome, how long that took, by arm; and the joined rows."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec

from legion_ci.core.errors import ConfigurationError
from legion_ci.core.tools import Tools
from legion_ci.feedback.export import format_of, write
from legion_ci.feedback.join import Joined, joined
from legion_ci.feedback.selection import Selection, select
from legion_ci.settings.load import FILE, load
from legion_ci.settings.schema import parse_duration


class Arm(msgspec.Struct, frozen=True, kw_only=True):
    """One arm. purpose: "" for users' requests, shadow for copies.

    rows: predicted rows; answered: with a prediction; covered: answered rows whose outcome came within the window, of those
    whose window is over (mature). late: came after the window. to_outcome_s: median, 95th percentile and longest time from a
    request to its first outcome, None when there is none.
    """

    arm: str
    purpose: str
    units: int
    requests: int
    rows: int
    answered: int
    mature: int
    covered: int
    late: int
    to_outcome_s: tuple[float, float, float] | None

    @property
    def coverage(self) -> float:
        """Share of mature answered rows with an outcome, 0 when there are none."""
        return self.covered / self.mature if self.mature else 0.0


class Coverage(msgspec.Struct, frozen=True, kw_only=True):
    """All arms, live ones first. unmatched: request ids with outcomes that were never served. fields: of payloads."""

    outcome: str
    window_s: float
    arms: tuple[Arm, ...]
    unmatched: int
    fields: tuple[str, ...]


_ARMS = """
    WITH told AS (SELECT *, prediction IS NOT NULL AS answered, outcome IS NOT NULL AS known,
                         outcome_time - time_unix AS waited, time_unix + $1 <= $2 AS ripe FROM rows)
    SELECT CASE WHEN purpose = 'shadow' THEN deployment ELSE arm END AS who, purpose, count(DISTINCT unit),
           count(DISTINCT request_id), count(*), count(*) FILTER (answered), count(*) FILTER (answered AND ripe),
           count(*) FILTER (answered AND ripe AND known AND waited <= $1), count(*) FILTER (known AND waited > $1),
           CASE WHEN bool_or(known) THEN [quantile_cont(waited, 0.5) FILTER (known),
                quantile_cont(waited, 0.95) FILTER (known), max(waited) FILTER (known)] END
    FROM told GROUP BY who, purpose ORDER BY purpose, who"""


def coverage(found: Joined, outcome: str, window_s: float, now: float, chosen: Selection) -> Coverage:
    """Count a join by arm. now: seconds since the epoch; a row is mature when its window is over by then."""
    import duckdb

    with duckdb.connect() as db:
        db.register("every", found.rows)
        db.execute(f"CREATE TEMP VIEW rows AS {_chosen(chosen)}")
        told = db.execute(_ARMS, [window_s, now]).fetchall()
    names = Arm.__struct_fields__[:-1]
    arms = (Arm(**dict(zip(names, t[:-1], strict=True)), to_outcome_s=tuple(t[-1]) if t[-1] else None) for t in told)
    return Coverage(
        outcome=outcome, window_s=window_s, arms=tuple(arms), unmatched=found.unmatched, fields=found.fields
    )


def _chosen(chosen: Selection) -> str:
    return f"SELECT * FROM every WHERE {chosen.condition}"  # noqa: S608 - values are quoted


def show(
    tools: Tools, settings: str, sets: Sequence[str], outcome: str, experiment: str, window: str, model_version: str,
    since: str, until: str, output: str, format_: str, json: bool,
) -> int:  # fmt: skip
    """Print the coverage; with an output write the joined rows, too."""
    import duckdb

    loaded = load(Path(settings or FILE), sets)
    field = outcome or loaded.settings.promote.outcome or ""
    if not field:
        raise ConfigurationError(
            "no outcome is named", where="--outcome", todo="name the payload's field, or set promote.outcome"
        )  # fmt: skip
    kind = format_of(format_, output) if output else ""
    window_s = loaded.settings.promote.window if not window else _window(window)
    now = tools.clock.now()
    chosen = select(model_version, since, until, now)
    found = joined(
        loaded.site.feedback,
        loaded.settings.model.name,
        experiment=experiment or None,
        outcome=field,
        since=chosen.since,
    )
    told = coverage(found, field, window_s, now.timestamp(), chosen)
    if output:
        with duckdb.connect() as db:
            db.register("every", found.rows)
            tools.progress.say(f"{write(db, _chosen(chosen), output, kind):,} joined rows written to {output}")
    print(msgspec.json.format(msgspec.json.encode(told), indent=2).decode() if json else text(told))
    return 0


def _window(text_: str) -> float:
    try:
        return float(parse_duration(text_))
    except ValueError as error:
        raise ConfigurationError(str(error), where="--window", todo="write one like 10s or 7d") from error


def text(told: Coverage) -> str:
    """The coverage for people."""
    lines = [f"outcome {told.outcome!r}, counted {told.window_s:g} s from the request on"]
    for a in told.arms:
        kind = " (copies)" if a.purpose else ""
        lines.append(
            f"{a.arm}{kind}: {a.requests:,} requests of {a.units:,} units, {a.rows:,} rows, {a.answered:,} answered; "
            f"coverage {a.coverage:.1%} ({a.covered:,} of {a.mature:,} whose window is over), {a.late:,} late"
        )
        if a.to_outcome_s:
            p50, p95, longest = a.to_outcome_s
            lines.append(f"  time to outcome: median {p50:.3g} s, 95 % within {p95:.3g} s, longest {longest:.3g} s")
    if not told.arms:
        lines.append("no request of a user is captured (of this selection)")
    lines.append(f"outcomes that name requests that were never served: {told.unmatched:,}")
    if told.fields and told.outcome not in told.fields:
        lines.append(f"no payload has the field {told.outcome!r}; seen are {', '.join(told.fields)}")
    return "\n".join(lines)
