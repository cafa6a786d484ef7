"""Runs a soak: one long load, and a test on the slope of the server's memory and of its latency."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from legion_ci.core.tools import Tools
from legion_ci.perf.judge import verdicts
from legion_ci.perf.measure import Run, measure
from legion_ci.perf.outcome import SATURATED, saturation
from legion_ci.perf.prepare import prepare
from legion_ci.perf.soak.memory import Samples, sampled, visible
from legion_ci.perf.soak.slope import FEWEST, Slope, slope
from legion_ci.results import BudgetResult, DeployResult, Outcome, SoakResult, Verdict
from legion_ci.settings.schema import PerfSettings

_HOUR_S, _MB = 3600.0, 1e6


def run(
    settings: PerfSettings,
    *,
    deployed: DeployResult,
    sample: Path,
    folder: Path,
    work: Path,
    tools: Tools,
    pid: int | None,
) -> SoakResult:
    """Load for ``perf.soak.duration`` and hold growth to its limits; raises as the stage ``perf``, and ServiceError
    when the server's memory cannot be seen from here. pid: the server's process, if it is one of this machine.
    """
    ready = prepare(settings, deployed, sample, folder, work / "perf", proves=False)
    process = visible(pid, deployed)
    place = Path(ready.plan.folder) / "soak"
    place.mkdir(parents=True, exist_ok=True)
    for left in place.iterdir():
        left.unlink()
    plan = ready.plan.steady(
        host=ready.plan.host,
        rate=ready.plan.rate,
        duration_s=settings.soak.duration,
        warmup_s=ready.plan.warmup_s,
        folder=place,
    )
    tools.progress.say(f"soaking {deployed.deployment} for {plan.duration_s:g} s at {plan.rate:g}/s")
    with sampled(process) as samples:
        done = measure(plan, ready.locustfile, folder, tools)
    return _result(settings, deployed, done, samples)


def _result(settings: PerfSettings, deployed: DeployResult, done: Run, samples: Samples) -> SoakResult:
    soak, alpha = settings.soak, settings.alpha
    points = [p for p in done.measured.series if p.p50_ms is not None and p.second >= done.warmup_s]
    seconds, p50 = [float(p.second) for p in points], [p.p50_ms or 0.0 for p in points]
    figures = (
        _figure("memory", samples.times_s, samples.bytes, soak.memory_mb_per_hour, _HOUR_S / _MB, "MB/h", alpha),
        _figure("latency", seconds, p50, soak.latency_percent_per_hour, None, "%/h", alpha),
    )
    verdict = Verdict(verdicts([f.outcome for f in figures]).value)
    why = saturation(done.plan, done.status, done.measured)
    if why and verdict is not Verdict.FAIL:
        verdict = Verdict.INCONCLUSIVE
    reason = {Verdict.PASS: "", Verdict.FAIL: "grows", Verdict.INCONCLUSIVE: SATURATED if why else "too_short"}[verdict]
    return SoakResult(
        verdict=verdict,
        reason=reason,
        summary="; ".join(
            [*(f.message for f in figures), *([f"the load generator could not keep its plan: {why}"] if why else [])]
        ),
        more_data="make perf.soak.duration longer" if verdict is Verdict.INCONCLUSIVE else "",
        deployment=deployed.deployment,
        figures=figures,
        memory_mb=tuple((round(t, 1), round(b / _MB, 3)) for t, b in zip(samples.times_s, samples.bytes, strict=True)),
        p50_ms=tuple(zip(seconds, p50, strict=True)),
        requests=done.measured.requests,
        errors=done.measured.errors,
        duration_s=done.plan.duration_s,
    )


def _figure(
    name: str,
    times_s: Sequence[float],
    values: Sequence[float],
    limit: float,
    scale: float | None,
    unit: str,
    alpha: float,
) -> BudgetResult:
    """scale: from units a second to the limit's; None: per cent of the mean an hour."""
    budget = f"{name} < {limit:g}{unit}"
    try:
        found = slope(times_s, values, alpha)
    except ValueError:
        message = f"{name}: too few samples (found {len(values)}, needed about {FEWEST})"
        return BudgetResult(
            name=budget, metric=name, outcome=Outcome.INCONCLUSIVE, bound=limit, unit=unit, message=message
        )
    factor = scale if scale is not None else 100 * _HOUR_S / found.level
    return BudgetResult(
        name=budget,
        metric=name,
        outcome=found.judge(limit / factor),
        value=found.value * factor,
        lower=found.lower * factor,
        upper=found.upper * factor,
        bound=limit,
        unit=unit,
        alpha=alpha,
        message=_told(name, found, factor, unit),
    )


def _told(name: str, found: Slope, factor: float, unit: str) -> str:
    low, high = found.lower * factor, found.upper * factor
    return f"{name} grows by {found.value * factor:.3g} {unit} [{low:.3g}, {high:.3g}]"
