"""Sweep, soak and trend on the performance page."""

import report_values as values

from legion_ci.report import perf, studies
from legion_ci.report.markup import xml
from legion_ci.report.records import Gate, Story
from legion_ci.results import (
    BudgetResult,
    BuildFigures,
    Change,
    Outcome,
    SoakResult,
    SweepPoint,
    SweepResult,
    Trend,
)
from legion_ci.settings.schema import STAGES

POINTS = tuple(
    SweepPoint(rate=r, throughput=r, kept=r < 400, p50_ms=2.0, p99_ms=r / 10, broken="" if r < 400 else "p99 <script> 40 ms")
    for r in (100.0, 200.0, 400.0)
)  # fmt: skip
SWEEP = SweepResult(
    summary="keeps its budgets up to 200/s",
    points=POINTS,
    highest_rate=200.0,
    knee_rate=200.0,
    advice=("deploy.workers: 2",),
)
SOAK = SoakResult(
    deployment="d", summary="memory grows by 80 MB/h", requests=3600, duration_s=3600.0, memory_mb=((0.0, 100.0), (3600.0, 180.0)),
    figures=(BudgetResult(name="memory < 50MB/h", metric="memory", outcome=Outcome.FAIL, value=80.0, lower=70.0, upper=90.0,
                          bound=50.0, unit="MB/h", message="memory grows"),),
)  # fmt: skip
BUILDS = tuple(
    BuildFigures(run=f"r{i}", at="", version="1", p50_ms=3.0, p99_ms=9.0, throughput=1.0, machine="m") for i in range(3)
)
TREND = Trend(builds=BUILDS, changes=(Change(metric="p99_ms", run="r1", index=1, ratio=1.5),), unlike="cores 2 → 4")


def story(trend=None, *found) -> Story:
    gates = tuple(Gate(s, None, values.perf(trend=trend) if s == "perf" else None) for s in STAGES)
    return Story("r", gates, tuple(Gate(name, None, result) for name, result in found))


def test_everything_that_was_measured_is_drawn_and_told():
    told = story(TREND, ("perf-sweep", SWEEP), ("perf-soak", SOAK))
    page = perf.render(told, "wine", 100)
    assert set(studies.pictures(told)) == {studies.SWEEP, studies.MEMORY, studies.TREND}
    for line in (
        "Keeps its budgets up to 200/s", "deploy.workers: 2", "p99 &lt;script&gt; 40 ms", "memory &lt; 50MB/h", "p99 is ×1.50 since run r1",
        "cores 2 → 4", "[70, 90]",
    ):  # fmt: skip
        assert line in page


def test_nothing_is_told_of_what_was_not_measured():
    assert studies.pictures(story()) == {}
    assert studies.sections(story()) == []
    assert studies.sections(story(Trend(builds=BUILDS[:1]))) == []


def test_a_sweep_without_points_and_a_trend_without_changes_are_shown_too():
    assert "<img" not in "".join(
        map(xml, studies.sections(story(None, ("perf-sweep", SweepResult(summary="nothing")))))
    )
    assert "0 changes found" in xml(studies.sections(story(Trend(builds=BUILDS)))[0])
