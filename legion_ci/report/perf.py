"""The page of the performance gate: budgets, the latency curve, the load over time."""

from __future__ import annotations

from legion_ci.report import duel, explain, marks, parts, studies, wording
from legion_ci.report.layout import PAGES, gate_banner, page
from legion_ci.report.markup import Child, Node, html
from legion_ci.report.parts import Column
from legion_ci.report.pictures import latency, load
from legion_ci.report.pictures.intervals import Bar, against_bounds
from legion_ci.report.records import Story
from legion_ci.results import BudgetResult, PerfResult

CURVE, OVER_TIME, BUDGETS = "perf-latency.svg", "perf-load.svg", "perf-budgets.svg"


def pictures(result: PerfResult) -> dict[str, str]:
    """SVG files: budgets, latency curve, load over time; each only when there is something to draw."""
    drawn = {}
    if result.budgets:
        drawn[BUDGETS] = against_bounds(
            [_bar(b, result.requests) for b in explain.budgets(result)], _budgets_alt(result)
        )
    if result.duel and result.duel.metrics:
        drawn[duel.PICTURE] = duel.picture(result.duel)
    if latency.curve(result):
        drawn[CURVE] = latency.draw(result, _curve_alt(result))
    if result.series:
        drawn[OVER_TIME] = load.draw(result, _load_alt(result))
    return drawn


def render(story: Story, title: str, most_rows: int) -> str:
    """The page."""
    result = story.perf
    content: list[Child] = [gate_banner(story.gate("perf"))]
    if result is not None:
        content += [
            _invalid(result),
            _about(result),
            _budgets(result),
            duel.section(result.duel) if result.duel else None,
            _latency(result),
            _over_time(result),
            studies.sections(story),
            _errors(result),
            _machine(result),
        ]
    return page(story, title, PAGES["perf"], content)


def _invalid(result: PerfResult) -> Node | None:
    if not explain.invalid(result):
        return None
    return parts.note(
        "The load was not as planned, so its figures judge nobody: the budgets are shown, and not assessed.",
        kind="warning",
    )


def _about(result: PerfResult) -> Node:
    planned = f" of {wording.number(result.planned_rate)}/s planned" if result.planned_rate else ""
    return parts.facts([
        ("Deployment", parts.name(result.deployment)),
        ("Requests", f"{wording.count(result.requests)}, {wording.count(result.errors)} failed"),
        ("Rate", f"{wording.number(result.achieved_rate)}/s{planned}"),
        ("Duration", f"{wording.duration(result.duration_s)}, of which {wording.duration(result.warmup_s)} warm-up"),
        ("Load", wording.clip(result.tool, 200)),
    ])  # fmt: skip


def _bar(budget: BudgetResult, requests: int) -> Bar:
    at_most = budget.unit != "1/s"
    return Bar(
        budget.name,
        str(budget.outcome),
        budget.value,
        budget.lower,
        budget.upper,
        budget.bound,
        at_most,
        unit=budget.unit,
        note=f"{wording.count(requests)} requests",
    )


def _budgets_alt(result: PerfResult) -> str:
    return "Budgets: " + "; ".join(f"{b.name}: {b.outcome}, {explain.budget(b)}" for b in explain.budgets(result))


def _budgets(result: PerfResult) -> Node:
    if not result.budgets:
        return parts.section("Budgets", parts.note("No budgets are configured: this gate can say nothing."))
    columns = (
        Column("Budget", "name"),
        Column("Verdict"),
        Column("Measured", "num"),
        Column("Interval", "num"),
        Column("Why"),
    )
    rows: list[list[Child]] = [
        [parts.name(b.name), marks.badge(b.outcome), *wording.measured(b.value, b.lower, b.upper, b.unit),
         [wording.clip(b.message, 220), " ", html("small", {}, wording.clip(b.where, 80))]]
        for b in explain.budgets(result)
    ]  # fmt: skip
    drawn = parts.picture(BUDGETS, _budgets_alt(result), "Shaded: where the interval must lie. Dashed: the budget.")
    return parts.section("Budgets", drawn, parts.table("Budgets", columns, rows))


def _curve_alt(result: PerfResult) -> str:
    told = ", ".join(f"{k} {wording.number(v)} ms" for k, v in result.percentiles_ms.items())
    return f"Latency by percentile: {told}"


def _latency(result: PerfResult) -> Node | None:
    if not latency.curve(result):
        return None
    columns = [Column("Percentile"), *(Column(p, "num") for p in result.percentiles_ms)]
    rows: list[list[Child]] = [["ms", *(wording.number(v) for v in result.percentiles_ms.values())]]
    if own := result.generator_ms:
        rows.append(["generator's own, ms", *(wording.number(own.get(p)) for p in result.percentiles_ms)])
    table = parts.table("Latency", columns, rows)
    return parts.section(
        "Latency",
        parts.picture(
            CURVE, _curve_alt(result), "From the intended start of each request. Both axes give the tail its room."
        ),
        table,
    )


def _load_alt(result: PerfResult) -> str:
    worst = max((p.p99_ms for p in result.series if p.p99_ms is not None), default=None)
    failed = sum(p.errors for p in result.series)
    return (
        f"Load over {wording.plural(len(result.series), 'second')}: {wording.number(result.achieved_rate)} requests a second, "
        f"{wording.plural(failed, 'error')}, the slowest second's p99 {wording.quantity(worst, 'ms')}"
    )


def _over_time(result: PerfResult) -> Node | None:
    return parts.section("Over time", parts.picture(OVER_TIME, _load_alt(result))) if result.series else None


def _errors(result: PerfResult) -> Node | None:
    if not result.error_samples:
        return None
    items = [html("li", {}, parts.name(e, 300)) for e in result.error_samples[:20]]
    return parts.section("Errors", html("ul", {"class": "errors"}, items))


def _machine(result: PerfResult) -> Node | None:
    if not result.environment:
        return None
    pairs = [(k, parts.name(v)) for k, v in result.environment.items()]
    return parts.section("Measured on", parts.facts(pairs, "facts small"))
