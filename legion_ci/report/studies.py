"""Sweep, soak and trend on the performance page."""

from __future__ import annotations

from legion_ci.report import marks, parts, wording
from legion_ci.report.markup import Child, Node, html
from legion_ci.report.parts import Column
from legion_ci.report.pictures.curve import Axes, Line, Mark, draw
from legion_ci.report.records import Story
from legion_ci.results import SoakResult, SweepPoint, SweepResult, Trend

SWEEP, MEMORY, TREND = "perf-sweep.svg", "perf-soak.svg", "perf-trend.svg"


def pictures(story: Story) -> dict[str, str]:
    """SVG files of what there is."""
    drawn = {}
    if story.sweep and story.sweep.points:
        drawn[SWEEP] = _sweep_picture(story.sweep)
    if story.soak and story.soak.memory_mb:
        drawn[MEMORY] = _soak_picture(story.soak)
    if story.perf and story.perf.trend and len(story.perf.trend.builds) > 1:
        drawn[TREND] = _trend_picture(story.perf.trend)
    return drawn


def sections(story: Story) -> list[Node]:
    """Their sections."""
    found = []
    if story.perf and story.perf.trend and len(story.perf.trend.builds) > 1:
        found.append(_trend(story.perf.trend))
    if story.sweep:
        found.append(_sweep(story.sweep))
    if story.soak:
        found.append(_soak(story.soak))
    return found


def _sweep(sweep: SweepResult) -> Node:
    columns = (Column("Rate", "num"), Column("Workers", "num"), Column("Good answers", "num"), Column("p50", "num"),
               Column("p99", "num"), Column("Failed", "num"), Column("Held?"))  # fmt: skip
    rows: list[list[Child]] = [
        [f"{p.rate:.4g}/s", str(p.workers or "—"), f"{p.throughput:.4g}/s", wording.quantity(p.p50_ms, "ms"),
         wording.quantity(p.p99_ms, "ms"), wording.share(p.errors), _held(p)]
        for p in sweep.points
    ]  # fmt: skip
    knee = f" Most throughput for its waiting: {sweep.knee_rate:.4g}/s." if sweep.knee_rate else ""
    advice = [html("p", {}, line) for line in sweep.advice]
    return parts.section(
        "How much load it bears",
        html("p", {}, f"{sweep.summary[:1].upper()}{sweep.summary[1:]}.{knee}"),
        advice,
        parts.picture(SWEEP, f"Latency by rate: {sweep.summary}") if sweep.points else None,
        parts.folded("Every rate", parts.table("Sweep", columns, rows)),
    )


def _held(point: SweepPoint) -> str:
    if point.saturated:
        return wording.clip(f"not known: {point.saturated}", 160)
    return "yes" if point.kept else wording.clip(f"no: {point.broken}", 160)


def _sweep_picture(sweep: SweepResult) -> str:
    best = max(sweep.points, key=lambda p: (p.kept, p.rate)).workers  # the others are in the table
    lines = [Line(name, _points(sweep, best, name), kind) for name, kind in (("p99", "accent"), ("p50", "champion"))]
    told = [Mark(sweep.highest_rate, "keeps its budgets")] if sweep.highest_rate else []
    axes = Axes("requests a second", "ms", log_x=True, log_y=True)
    return draw(lines, axes, f"Latency by rate: {sweep.summary}", told)


def _points(sweep: SweepResult, workers: int, name: str) -> list[tuple[float, float]]:
    found = [(p.rate, p.p99_ms if name == "p99" else p.p50_ms) for p in sweep.points if p.workers == workers]
    return sorted((rate, ms) for rate, ms in found if ms)


def _soak(soak: SoakResult) -> Node:
    columns = (
        Column("Limit", "name"),
        Column("Verdict"),
        Column("Growth", "num"),
        Column("Interval", "num"),
        Column("Why"),
    )
    rows: list[list[Child]] = [
        [
            f.name,
            marks.badge(f.outcome),
            *wording.measured(f.value, f.lower, f.upper, f.unit),
            wording.clip(f.message, 200),
        ]
        for f in soak.figures
    ]
    told = f"{wording.count(soak.requests)} requests in {wording.duration(soak.duration_s)}, {wording.count(soak.errors)} failed."
    return parts.section(
        "Long load",
        html("p", {}, told),
        parts.picture(MEMORY, f"Memory over time: {soak.summary}") if soak.memory_mb else None,
        parts.table("Soak", columns, rows),
    )


def _soak_picture(soak: SoakResult) -> str:
    step = max(1, len(soak.memory_mb) // 400)
    return draw([Line("memory", soak.memory_mb[::step])], Axes("seconds", "MB"), f"Memory over time: {soak.summary}")


def _trend(trend: Trend) -> Node:
    items = [
        html("p", {}, f"{c.metric.removesuffix('_ms')} is ×{c.ratio:.2f} since run {c.run}") for c in trend.changes
    ]
    unlike = parts.note(f"Another machine than the build before: {trend.unlike}. Its figures are not compared.")
    return parts.section(
        "Builds before",
        unlike if trend.unlike else None,
        html("p", {}, "Shown, never gating: figures of different days are not a fair comparison; a duel is."),
        parts.picture(TREND, _trend_alt(trend)),
        items,
    )


def _trend_alt(trend: Trend) -> str:
    return f"p50 and p99 of {wording.plural(len(trend.builds), 'load test')}; {wording.plural(len(trend.changes), 'change')} found"


def _trend_picture(trend: Trend) -> str:
    lines = [
        Line("p99", [(float(i), b.p99_ms) for i, b in enumerate(trend.builds)]),
        Line("p50", [(float(i), b.p50_ms) for i, b in enumerate(trend.builds)], "champion"),
    ]
    told = [Mark(float(c.index), f"{c.metric.removesuffix('_ms')} ×{c.ratio:.2f}") for c in trend.changes]
    return draw(lines, Axes("load tests, oldest first", "ms", log_y=True), _trend_alt(trend), told)
