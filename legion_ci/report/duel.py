"""The duel on the performance page: each figure's ratio with its interval against the margin, and the pairs' noise."""

from __future__ import annotations

from legion_ci.report import marks, parts, wording
from legion_ci.report.markup import Child, Node, html
from legion_ci.report.parts import Column
from legion_ci.report.pictures.intervals import Bar, against_bounds
from legion_ci.results import DuelMetric, DuelResult

PICTURE = "perf-duel.svg"
_CAPTION = "Above 1 the challenger is slower. Shaded: where the interval must lie."


def picture(duel: DuelResult) -> str:
    """The ratios against the margin."""
    return against_bounds([_bar(m, duel) for m in duel.metrics], _alt(duel))


def section(duel: DuelResult) -> Node:
    """Picture and table."""
    columns = (
        Column("Figure", "name"),
        Column("Verdict"),
        Column("Time, challenger / champion", "num"),
        Column("Interval", "num"),
        Column("Noise of a pair", "num"),
        Column("Why"),
    )
    rows: list[list[Child]] = [
        [m.name, marks.badge(m.outcome), f"×{m.ratio:.3f}", f"{m.lower:.3f} to {m.upper:.3f}", f"{100 * m.pair_sd:.1f} %",
         wording.clip(m.message, 260)]
        for m in duel.metrics
    ]  # fmt: skip
    return parts.section(
        "Against the champion",
        html("p", {}, _about(duel)),
        parts.picture(PICTURE, _alt(duel), _CAPTION) if rows else None,
        parts.table("Duel", columns, rows) if rows else None,
    )


def _about(duel: DuelResult) -> str:
    against = "the live champion" if duel.live else "a copy of the champion that was started for it"
    order = f"{sum(duel.challenger_first)} times first"
    pairs = wording.plural(duel.pairs, "pair")
    if not duel.metrics:
        return f"Against {against} ({duel.champion}): {duel.message}"
    return f"Loaded in turn with {against} ({duel.champion}) on the same machine, in {pairs}, the challenger {order}."


def _bar(m: DuelMetric, duel: DuelResult) -> Bar:
    note = wording.plural(duel.pairs, "pair")
    return Bar(m.name, str(m.outcome), m.ratio, m.lower, m.upper, m.bound, at_most=True, note=note)


def _alt(duel: DuelResult) -> str:
    return "Duel: " + "; ".join(
        f"{m.name} {m.outcome}, {m.ratio:.3f} [{m.lower:.3f}, {m.upper:.3f}]" for m in duel.metrics
    )
