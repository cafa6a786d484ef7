"""Robustness judged: the candidate on disturbed rows against itself on the same rows undisturbed, as a paired metric."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import msgspec
import pyarrow as pa

from legion_ci.core.errors import Problem, ToolError
from legion_ci.quality import disturbances, metric_judge, metric_plan, outcomes
from legion_ci.quality.checks import Evidence, Finding, Rows
from legion_ci.quality.evidence import Answers
from legion_ci.quality.metric_settings import MetricSettings
from legion_ci.quality.robustness_settings import RobustnessSettings
from legion_ci.quality.slices import no_column
from legion_ci.results import Outcome


def problems(settings: RobustnessSettings, rows: Rows, where: str) -> list[Problem]:
    """Columns that are not there or no features, nothing to disturb, and a metric that does not fit the target."""
    found = [no_column(c, rows.table, f"{where}.columns") for c in settings.columns if c not in rows.table.column_names]
    if (
        not found
        and set(settings.disturb) & {"noise"}
        and not disturbances.numeric(_columns(settings, rows), rows.table)
    ):
        found.append(Problem("there are no numbers to add noise to", f"{where}.disturb", "leave noise out"))
    return [*found, *metric_plan.problems(_metric(settings), rows, where)]


def judge(settings: RobustnessSettings, evidence: Evidence, where: str) -> list[Finding]:
    """One finding a disturbance."""
    return [_of_one(settings, evidence, where, name, table) for name, table in _disturbed(settings, evidence.rows)]


def _disturbed(settings: RobustnessSettings, rows: Rows) -> Iterator[tuple[str, pa.Table]]:
    columns, seed = _columns(settings, rows), rows.settings.seed
    for kind in settings.disturb:
        if kind == "permuted":
            yield from ((f"{c} permuted", disturbances.permuted(rows.table, c, settings.share, seed)) for c in columns)
        elif kind == "noise":
            yield f"noise {settings.noise:g}", disturbances.noise(rows.table, columns, settings.noise, seed)
        elif kind == "missing":
            yield f"{settings.share:.0%} missing", disturbances.missing(rows.table, columns, settings.share, seed)
        else:
            yield (
                f"{settings.share:.0%} out of range",
                disturbances.out_of_range(rows.table, columns, settings.share, seed),
            )


def _columns(settings: RobustnessSettings, rows: Rows) -> tuple[str, ...]:
    return settings.columns or rows.features


def _metric(settings: RobustnessSettings) -> MetricSettings:
    return MetricSettings(
        metric=settings.metric, versus="champion", margin=settings.max_loss, positive=settings.positive,
        threshold=settings.threshold, alpha=settings.alpha, role="require",
    )  # fmt: skip


def _of_one(settings: RobustnessSettings, evidence: Evidence, where: str, name: str, table: pa.Table) -> Finding:
    try:
        disturbed = evidence.asked.predict(table, f"robustness, {name}")
    except ToolError as error:
        told = outcomes.result(settings, where, name, Outcome.FAIL, n=len(table), message=error.problems[0].what)
        return Finding(told, "model_raised")
    own = replace(
        evidence, candidate=Answers(f"{evidence.answers.who}, {name},", disturbed), champion=evidence.answers, same=False,
        checks=(),
    )  # fmt: skip
    [found] = metric_judge.judge(_metric(settings), own, where)
    title = f"{settings.name or settings.use}: {settings.metric}, {name}"
    told = msgspec.structs.replace(found.result, name=title, kind=settings.use, versus="undisturbed")
    lost = told.outcome is Outcome.FAIL and not found.reason
    return replace(found, result=told, reason="not_robust" if lost else found.reason)
