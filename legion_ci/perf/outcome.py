"""Makes a run's result: the generator is checked first, since a load that was not as planned judges nobody."""

from __future__ import annotations

import math
import socket
from collections.abc import Sequence
from importlib.metadata import version
from statistics import fmean

import msgspec

from legion_ci.core.errors import ToolError
from legion_ci.core.secrets import Secrets
from legion_ci.perf.batches import EMPTY, Measured
from legion_ci.perf.budgets import Budget
from legion_ci.perf.fingerprint import fingerprint
from legion_ci.perf.histogram import percentiles_ms
from legion_ci.perf.judge import judge, verdicts
from legion_ci.perf.log import Status
from legion_ci.perf.measure import Run
from legion_ci.perf.plan import Plan
from legion_ci.results import BudgetResult, DeployResult, DuelResult, Outcome, PerfResult, TrainResult, Verdict

SATURATED = "invalid.generator_saturated"
# Of the arrivals. What the generator was late is inside the latency (counted from the intended start), so it can only
# make the model look slower: a little of it cannot make a PASS, but more than 1 % might have made a FAIL.
_MOST_LATE, _MOST_LATE_FOR_BLAME = 0.05, 0.01
_MOST_CPU = 0.9  # of one core, on average over the measured seconds
_MOST_STARVED = 0.1  # of its timers woken late


def result(
    load: Run,
    budgets: Sequence[Budget],
    alpha: float,
    deployed: DeployResult,
    trained: TrainResult,
    secrets: Secrets,
    package: str = "",
) -> PerfResult:
    """The verdict with everything behind it. package: its digest. Raises ToolError when no request was sent at all."""
    measured, plan, status = load.measured, load.plan, load.status
    if not measured.requests:
        what = f"sent no request between the warm-up and its end after {status.ended_s:g} s"
        raise ToolError(what, where=str(load.locustfile), todo="give its users tasks that go on until perf.duration")
    judged = [_judged(load, b, alpha) for b in budgets]
    verdict, reason, summary, more = _verdict(load, [b for b, _ in judged], [s for _, s in judged])
    return PerfResult(
        verdict=verdict,
        reason=reason,
        summary=summary,
        more_data=more,
        deployment=deployed.deployment,
        budgets=tuple(b for b, _ in judged),
        percentiles_ms=percentiles_ms(measured.times),
        requests=measured.requests,
        errors=measured.errors,
        planned_rate=plan.rate if status.open_users else None,
        achieved_rate=round(measured.requests / measured.measured_s, 3),
        duration_s=min(plan.duration_s, status.ended_s),
        warmup_s=round(load.warmup_s, 3),
        generator_ms=percentiles_ms(status.null_us),
        series=measured.series,
        error_samples=tuple(secrets.redact(f"{n} × {text}") for text, n in status.failures.items()),
        artefact_digest=trained.model.artefact.digest,
        environment=_environment(load, package),
        tool=tool(status),
    )


def _judged(load: Run, budget: Budget, alpha: float) -> tuple[BudgetResult, float | None]:
    measured = load.about(budget)
    if measured is not None and measured.requests:
        return judge(budget, measured, alpha)
    known = f"requests went to {', '.join(load.endpoints())}" if budget.endpoint else "the load ended before it"
    said, _ = judge(budget, EMPTY, alpha)
    return msgspec.structs.replace(said, message=f"no request was measured; {known}"), None


def with_duel(said: PerfResult, duel: DuelResult | None) -> PerfResult:
    """The result with the duel's: it can only make the verdict worse."""
    if duel is None:
        return said
    said = msgspec.structs.replace(said, duel=duel)
    told = "; ".join(m.message for m in duel.metrics if m.outcome is duel.outcome) or duel.message
    if duel.outcome is Outcome.FAIL:
        return msgspec.structs.replace(
            said, verdict=Verdict.FAIL, reason="slower_than_champion", summary=f"{said.summary}; duel: {told}"
        )
    if duel.outcome is Outcome.INCONCLUSIVE and said.verdict is Verdict.PASS:
        more = f"duel of {duel.pairs} pairs: {told}"
        return msgspec.structs.replace(
            said,
            verdict=Verdict.INCONCLUSIVE,
            reason="duel_undecided",
            summary=f"{said.summary}; {more}",
            more_data=told,
        )
    return msgspec.structs.replace(said, summary=f"{said.summary}; duel: {told}")


def saturation(plan: Plan, status: Status, measured: Measured, *, blamed: bool = False) -> str:
    """Why the generator could not keep its plan; empty when it could. blamed: the model is about to be failed."""
    cpu = _cpu(plan, status)
    if status.lost:
        return f"{status.lost} of its {status.workers} processes were lost"
    late = measured.late / max(1, measured.requests)
    if cpu > _MOST_CPU:
        return f"it used {cpu:.0%} of its core"
    if late > (_MOST_LATE_FOR_BLAME if blamed else _MOST_LATE):
        return f"{late:.1%} of the requests left more than {plan.late_s * 1000:g} ms late although a user was free"
    if status.looks_late > _MOST_STARVED * max(1, status.looks):
        return f"it was woken late {status.looks_late} times of {status.looks}: other programs had its core"
    return ""


def _cpu(plan: Plan, status: Status) -> float:
    measured = status.cpu[math.floor(plan.warmup_s) : math.ceil(plan.duration_s)]
    return fmean(measured or status.cpu or [0.0])


def tool(status: Status) -> str:
    """What made the load and how its figures are to be read."""
    kinds = []
    if status.open_users:
        kinds.append(f"arrivals as planned, latency from the intended start ({', '.join(status.open_users)})")
    if status.closed_users:
        kinds.append(
            "closed model: users wait for answers, so that a stall hides most of itself"
            f" ({', '.join(status.closed_users)})"
        )
    if status.workers:
        kinds.append(f"{status.workers} processes")
    unmarked = f"; not marked as load: {', '.join(status.unmarked)}" if status.unmarked else ""
    return f"Locust {version('locust')}, {'; '.join(kinds)}{unmarked}"


def _verdict(
    load: Run, judged: Sequence[BudgetResult], seconds: Sequence[float | None]
) -> tuple[Verdict, str, str, str]:
    summary = _summary(load, judged)
    verdict = Verdict(verdicts([b.outcome for b in judged]).value) if judged else Verdict.INCONCLUSIVE
    if why := saturation(load.plan, load.status, load.measured, blamed=verdict is Verdict.FAIL):
        todo = "lower perf.rate, or run perf on a machine with more free cores"
        return Verdict.INCONCLUSIVE, SATURATED, f"the load generator could not keep its plan: {why}", todo
    if not judged:
        return Verdict.INCONCLUSIVE, "no_budgets", summary, "give perf.budgets, for example 'p99 < 50ms'"
    reason = {Verdict.PASS: "", Verdict.FAIL: "over_budget", Verdict.INCONCLUSIVE: "too_short"}[verdict]
    more = _more(load.plan, judged, seconds) if verdict is Verdict.INCONCLUSIVE else ""
    return verdict, reason, summary, more


def _summary(load: Run, judged: Sequence[BudgetResult]) -> str:
    measured = load.measured
    percentiles = percentiles_ms(measured.times)
    own = percentiles_ms(load.status.null_us)
    share = f" (the generator's own {own['p99']:.3g} ms)" if own else ""
    figures = f"{measured.requests} requests, {measured.errors} errors, p99 {percentiles.get('p99', 0.0):.3g} ms{share}"
    if load.status.stopped:
        figures += f", stopped after {load.status.ended_s:g} s"
    broken = [f"{b.name} {b.outcome.value}: {b.message}" for b in judged if b.outcome is not Outcome.PASS]
    return "; ".join([figures, *broken])


def _more(plan: Plan, judged: Sequence[BudgetResult], seconds: Sequence[float | None]) -> str:
    open_ones = [(b, s) for b, s in zip(judged, seconds, strict=True) if b.outcome is Outcome.INCONCLUSIVE]
    told = [
        f"{b.name}: perf.duration of about {math.ceil(s + plan.warmup_s)}s would decide"
        if s
        else f"{b.name}: {b.message}"
        if b.value is None
        else f"{b.name}: too close to the budget for a run of any reasonable length"
        for b, s in open_ones
    ]
    return "; ".join(told)


def _environment(load: Run, package: str) -> dict[str, str]:
    status = load.status
    return {
        **fingerprint(),
        **({"package": package} if package else {}),
        "host": socket.gethostname(),
        "generator_cpu": f"{_cpu(load.plan, status):.2f}",
        "late": str(load.measured.late),
        "woken_late": f"{status.looks_late}/{status.looks}",
        "unanswered": str(status.unanswered),
        "most_users": str(status.most_users),
        "raw_lost": str(status.raw_lost),
    }
