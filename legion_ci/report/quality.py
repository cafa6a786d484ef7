"""The page of the quality gate: required checks, alarms on slices, what could not be assessed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import groupby

from legion_ci.report import distributions, explain, marks, parts, selftest, wording
from legion_ci.report.layout import PAGES, gate_banner, page
from legion_ci.report.markup import Child, Node, html
from legion_ci.report.parts import Column
from legion_ci.report.pictures.intervals import Bar, against_bounds, side_by_side
from legion_ci.report.records import Story
from legion_ci.results import CheckResult, Outcome, QualityResult

Pictures = dict[str, str]
_WORST, _MOST_PICTURES = 28, 6
_OPEN = 60  # slices in the open table; the others are folded


def pictures(result: QualityResult) -> Pictures:
    """SVG files: the checks on all rows against their bounds, and for each check on slices the worst of them."""
    whole = _whole(result)
    drawn = {"quality-checks.svg": against_bounds([_bar(c) for c in whole], _alt(whole))} if whole else {}
    for file, checks in _families(result):
        axis = f"gain of the candidate, {checks[0].metric}" if checks[0].versus else checks[0].metric
        bars = [_slice_bar(c) for c in explain.worst_first(tuple(checks))[:_WORST]]
        drawn[file] = side_by_side(bars, _slices_alt(checks), axis)
    return drawn | distributions.pictures(result)


def render(story: Story, title: str, most_rows: int) -> str:
    """The page, with at most so many rows a table."""
    gate, result = story.gate("quality"), story.quality
    content: list[Child] = [gate_banner(gate)]
    if result is not None:
        content += [
            _again(result),
            _about(result),
            _checks(result),
            _slices(result, most_rows),
            distributions.sections(result),
            _silent(result, most_rows),
        ]
        content.append(selftest.section(story.selftest) if story.selftest else None)
        content.append(_reading(result))
    return page(story, title, PAGES["quality"], content)


def _again(result: QualityResult) -> Node | None:
    if result.attempts < 2:
        return None
    told = f"These evaluation rows have been asked the same question {result.attempts} times. "
    return parts.note(
        told, "Each further attempt makes a lucky PASS more likely: fresh rows would tell.", kind="warning"
    )


def _about(result: QualityResult) -> Node:
    champion = result.champion
    return parts.facts([
        ("Candidate", [parts.name(f"{result.candidate.name} {result.candidate.version}"), " ", parts.code(wording.short(result.candidate.artefact.digest))]),
        ("Live model", [parts.name(f"{champion.name} {champion.version}"), " ", parts.code(wording.short(champion.artefact.digest))] if champion else "none: the first model"),
        ("Evaluation rows", [wording.count(result.n_rows), " ", parts.code(wording.short(result.data_digest)) if result.data_digest else None]),
        ("α, one-sided", wording.number(result.alpha)),
    ])  # fmt: skip


def _whole(result: QualityResult) -> list[CheckResult]:
    return [c for c in result.checks if not c.slice and c.effect is not None]


def _families(result: QualityResult) -> list[tuple[str, list[CheckResult]]]:
    """Checks on slices by check, those with figures, each with its file name."""
    known = [c for c in result.checks if c.slice and c.effect is not None]
    ordered = sorted(known, key=lambda c: (c.name, c.metric, c.versus, c.at_most))
    groups = groupby(ordered, key=lambda c: (c.name, c.metric, c.versus, c.at_most))
    return [(f"quality-slices-{i}.svg", list(g)) for i, (_, g) in enumerate(groups, 1)][:_MOST_PICTURES]


def _bar(check: CheckResult) -> Bar:
    rows = f"{wording.count(check.n)} rows" if check.n else ""
    return Bar(
        check.name, str(check.outcome), check.effect, check.lower, check.upper, check.bound, check.at_most,
        bool(check.versus), note=", ".join(t for t in (check.role, rows) if t),
    )  # fmt: skip


def _slice_bar(check: CheckResult) -> Bar:
    return Bar(
        check.slice, str(check.outcome), check.effect, check.lower, check.upper, check.bound, check.at_most,
        bool(check.versus), note=f"n {wording.count(check.n)}",
    )  # fmt: skip


def _alt(checks: Sequence[CheckResult]) -> str:
    return "Checks against their bounds: " + "; ".join(f"{c.name}: {c.outcome}, {explain.check(c)}" for c in checks)


def _slices_alt(checks: Sequence[CheckResult]) -> str:
    worst = explain.worst_first(tuple(checks))[:3]
    told = "; ".join(f"{c.slice}: {c.outcome}, {' '.join(explain.measured(c))}" for c in worst)
    return f"{checks[0].name} by slice, worst first: {told}. All are in the table."


_COLUMNS = (
    Column("Check", "name"), Column("Verdict"), Column("Candidate", "num"), Column("Live", "num"), Column("Effect", "num"),
    Column("Interval", "num"), Column("Asked", "num"), Column("Rows", "num"), Column("Why"),
)  # fmt: skip


def _checks(result: QualityResult) -> Node:
    whole = [c for c in result.checks if not c.slice]
    if not whole and not result.checks:
        return parts.section("Checks", parts.note("No checks are configured: this gate can say nothing."))
    shown = _whole(result)
    picture = (
        parts.picture("quality-checks.svg", _alt(shown), "Shaded: where the interval must lie. Dashed: the bound.")
        if shown
        else None
    )
    rows = [_row(c, parts.name(c.name)) for c in explain.worst_first(tuple(whole))]
    return parts.section(
        "Checks on all rows", picture, parts.table("Checks on all rows", _COLUMNS, rows) if rows else None
    )


def _row(check: CheckResult, first: Node) -> list[Child]:
    effect, interval = explain.measured(check)
    why = [wording.clip(check.message, 220), _method(check)]
    figures = [wording.number(v) for v in (check.candidate, check.champion)]
    return [
        first,
        marks.badge(check.outcome),
        *figures,
        effect,
        interval,
        explain.bound(check),
        wording.count(check.n),
        why,
    ]


def _method(check: CheckResult) -> Node | None:
    told = [
        f"{check.method}" if check.method else "", check.role, explain.smallest_loss(check),
        wording.p_value(check.p_value) if check.p_value is not None else "",
        f"{wording.count(check.n_needed)} rows would decide" if check.n_needed and check.outcome is Outcome.INCONCLUSIVE else "",
        check.where,
    ]  # fmt: skip
    return html("small", {}, " · ".join(wording.clip(t, 120) for t in told if t))


_SLICE_COLUMNS = (
    Column("Slice", "name"), Column("Verdict"), Column("Effect", "num"), Column("Interval", "num"),
    Column("Asked", "num"), Column("Rows", "num"), Column("Smallest visible loss", "num"), Column("Check"),
)  # fmt: skip


def _slices(result: QualityResult, most: int) -> Node | None:
    known = [c for c in explain.worst_first(result.checks) if c.slice and c.outcome is not Outcome.NOT_ASSESSED]
    if not known:
        return None
    drawn = [parts.picture(f, _slices_alt(c), _caption(c)) for f, c in _families(result)]
    table = _slice_table("Slices, worst first", known[: min(_OPEN, most)])
    return parts.section("Slices", drawn, table, _others(known, most))


def _slice_table(caption: str, checks: Sequence[CheckResult]) -> Node:
    return parts.table(caption, _SLICE_COLUMNS, [_slice_row(c) for c in checks], "dense")


def _others(known: Sequence[CheckResult], most: int) -> Node | None:
    """The slices that are not among the worst, folded under what they say; a note alone when there is no room."""
    rest = known[_OPEN:most]
    if not rest:
        return _left_out(len(known), most)
    said = Counter(c.outcome for c in known[_OPEN:])
    tally = ", ".join(f"{wording.count(n)} {str(o).lower()}" for o, n in said.items())
    told = f"{wording.plural(len(known) - _OPEN, 'more slice')}: {tally}"
    return parts.folded(told, _slice_table("More slices, worst first", rest), _left_out(len(known), most))


def _caption(checks: Sequence[CheckResult]) -> str:
    shown = f", the worst {_WORST} of {len(checks)}" if len(checks) > _WORST else ""
    return f"{wording.clip(checks[0].name, 80)}: one row a slice, worst first{shown}."


def _slice_row(check: CheckResult) -> list[Child]:
    effect, interval = explain.measured(check)
    visible = wording.number(check.smallest_visible_loss)
    last = [parts.name(check.name, 60)]
    return [
        parts.name(check.slice, 80), marks.badge(check.outcome), effect, interval, explain.bound(check), wording.count(check.n),
        visible, last,
    ]  # fmt: skip


def _silent(result: QualityResult, most: int) -> Node | None:
    silent = [c for c in result.checks if c.slice and c.outcome is Outcome.NOT_ASSESSED]
    if not silent:
        return None
    columns = (Column("Slice", "name"), Column("Rows", "num"), Column("Check"), Column("Why"))
    rows: list[list[Child]] = [
        [parts.name(c.slice, 80), wording.count(c.n), parts.name(c.name, 60), wording.clip(c.message, 120)]
        for c in silent[:most]
    ]
    told = f"{wording.plural(len(silent), 'slice')} not assessed"
    return parts.section(
        "Not assessed", parts.folded(told, parts.table(told, columns, rows, "dense"), _left_out(len(silent), most))
    )


def _left_out(number: int, most: int) -> Node | None:
    if number <= most:
        return None
    return parts.note(f"{wording.count(number - most)} more are in junit-quality.xml and quality.json.")


def _reading(result: QualityResult) -> Node:
    level = wording.share(1 - 2 * result.alpha)
    return parts.folded(
        "How to read this",
        html("p", {}, f"Intervals hold the true value with {level} confidence: each end is a one-sided bound at α. A required check says "
                   "PASS when its interval lies wholly on the good side of the bound, FAIL when wholly on the other, else INCONCLUSIVE."),
        html("p", {}, "Effects against the live model are gains of the candidate: more is always better. An alarm looks for a loss and says "
                   "FAIL only where one is shown; NO ALARM is no proof of equality, which is why the smallest loss that it could see stands beside it."),
    )  # fmt: skip
