"""Runs a sweep with Locust: a short load a rate, and where numbers of workers are asked for, one sweep for each."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import msgspec

from legion_ci.core.tools import Tools
from legion_ci.perf.histogram import percentiles_ms
from legion_ci.perf.judge import judge
from legion_ci.perf.measure import Run, measure
from legion_ci.perf.outcome import saturation
from legion_ci.perf.prepare import Prepared, prepare
from legion_ci.perf.sweep.search import sweep
from legion_ci.results import BudgetResult, DeployResult, SweepPoint, SweepResult
from legion_ci.settings.schema import PerfSettings

Served = Callable[[int], AbstractContextManager[str]]  # a copy of the deployment with that many workers: its address


def run(
    settings: PerfSettings,
    *,
    deployed: DeployResult,
    sample: Path,
    folder: Path,
    work: Path,
    tools: Tools,
    served: Served | None = None,
) -> SweepResult:
    """The highest rate at which the budgets' figures hold, and the knee; raises as the stage ``perf``.

    A budget is read, not proved, at each rate: the gate proves. served: for ``perf.sweep.workers``.
    """
    ready = prepare(settings, deployed, sample, folder, work / "perf", proves=False)
    asked = settings.sweep.workers if served else ()
    if not asked or served is None:
        return _sweep(settings, ready, deployed.direct_url, 0, folder, tools)
    found = []
    for workers in asked:
        with served(workers) as url:
            found.append(_sweep(settings, ready, url, workers, folder, tools))
    return _best(found, asked)


def _sweep(settings: PerfSettings, ready: Prepared, url: str, workers: int, folder: Path, tools: Tools) -> SweepResult:
    numbers = itertools.count(1)

    def load(rate: float) -> SweepPoint:
        done = _measure(settings, ready, url, rate, f"{workers}-{next(numbers):02}", folder, tools)
        point = _point(done, ready, settings.alpha, rate, workers)
        latency = "" if point.p99_ms is None else f", p99 {point.p99_ms:.3g} ms"
        held = "held" if point.kept else point.saturated or point.broken
        tools.progress.say(f"sweep: {rate:.4g}/s{f', {workers} workers' if workers else ''}{latency}: {held}")
        return point

    s = settings.sweep
    return sweep(load, start=s.start, most=s.most, factor=s.factor, halvings=s.halvings)


def _measure(
    settings: PerfSettings, ready: Prepared, url: str, rate: float, name: str, folder: Path, tools: Tools
) -> Run:
    place = Path(ready.plan.folder) / "sweep" / name
    place.mkdir(parents=True, exist_ok=True)
    for left in place.iterdir():
        left.unlink()
    plan = ready.plan.steady(
        host=url,
        rate=rate,
        duration_s=settings.sweep.warmup + settings.sweep.run,
        warmup_s=settings.sweep.warmup,
        folder=place,
    )
    return measure(plan, ready.locustfile, folder, tools)


def _point(done: Run, ready: Prepared, alpha: float, rate: float, workers: int) -> SweepPoint:
    measured = done.measured
    judged = [judge(b, measured, alpha)[0] for b in ready.question.budgets if b.kind != "rate"]
    broken = [f"{b.name} does not hold ({_shown(b)})" for b in judged if not _holds(b)]
    figures = percentiles_ms(measured.times)
    saturated = saturation(done.plan, done.status, measured)
    return SweepPoint(
        rate=rate,
        throughput=round(float(measured.done.sum()) / measured.measured_s, 3),
        kept=not broken and not saturated,
        workers=workers,
        p50_ms=figures.get("p50"),
        p99_ms=figures.get("p99"),
        errors=measured.errors / max(1, measured.requests),
        broken="; ".join(broken),
        saturated=saturated,
    )


def _holds(budget: BudgetResult) -> bool:
    return budget.value is not None and budget.bound is not None and budget.value < budget.bound


def _shown(budget: BudgetResult) -> str:
    if budget.value is None:
        return "too many requests failed"
    return f"{100 * budget.value:.3g} %" if budget.unit == "ratio" else f"{budget.value:.3g} {budget.unit}"


def _best(found: list[SweepResult], asked: tuple[int, ...]) -> SweepResult:
    """The number of workers that bore most, and what each bore."""
    rates = [f.highest_rate or 0.0 for f in found]
    best = rates.index(max(rates))
    told = ", ".join(f"{n} workers {r:.4g}/s" for n, r in zip(asked, rates, strict=True))
    return msgspec.structs.replace(
        found[best],
        points=tuple(p for f in found for p in f.points),
        summary=f"{found[best].summary}, with {asked[best]} workers",
        advice=(f"deploy.workers: {asked[best]} ({told})",),
    )
