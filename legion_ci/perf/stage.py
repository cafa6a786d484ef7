"""Stage 5: load the new deployment at 0 % traffic with Locust and hold it to its budgets."""

from __future__ import annotations

from pathlib import Path

import msgspec

from legion_ci.core.tools import Tools
from legion_ci.perf import figures, jtl, null_server
from legion_ci.perf.duel import stage as duel
from legion_ci.perf.duel.stage import Arms, Opponents
from legion_ci.perf.figures import scopes
from legion_ci.perf.log import RAW
from legion_ci.perf.measure import Run, measure
from legion_ci.perf.outcome import result, with_duel
from legion_ci.perf.plan import Plan
from legion_ci.perf.prepare import Prepared, prepare
from legion_ci.perf.terminal import summary
from legion_ci.perf.watchdog import EarlyStop
from legion_ci.results import DeployResult, DuelResult, PerfResult, TrainResult, Verdict
from legion_ci.settings.schema import PerfSettings

JTL, CSV = "perf.jtl", "perf.csv"


def run(
    settings: PerfSettings,
    *,
    deployed: DeployResult,
    trained: TrainResult,
    sample: Path,
    folder: Path,
    work: Path,
    tools: Tools,
    opponents: Opponents | None = None,
    package: str = "",
) -> PerfResult:
    """Load ``deployed.direct_url`` and judge the budgets; then the duel with the champion, when one is asked for.

    sample: the artefact's ``head_input.json``. folder: the model repository. work: where ``perf.jtl`` and ``perf.csv`` are
    left, and in ``perf/`` the run's log and ``locust.log``. package: digest of what is loaded. Raises ConfigurationError (settings, locustfile, a plan that
    could not pass), ServiceError (nothing answers), ToolError (Locust or the locustfile failed), PluginError (the extra is missing).
    """
    ready = prepare(settings, deployed, sample, folder, work / "perf", tools=tools)
    question, locustfile = ready.question, ready.locustfile
    tools.progress.say(
        f"loading {ready.plan.host} for {ready.plan.duration_s:g} s{_rate(ready)} with {locustfile.name}"
    )
    with null_server.serving() as null:
        plan = msgspec.structs.replace(ready.plan, null=null)
        early = EarlyStop(plan, question.budgets, settings.alpha) if settings.abort_on_fail else None
        done = measure(plan, locustfile, folder, tools, early)
    said = result(done, question.budgets, settings.alpha, deployed, trained, tools.secrets, package)
    _leave(done, said, work, tools)
    if settings.duel is None or opponents is None or said.verdict is Verdict.FAIL:
        return said
    with opponents() as arms:
        return with_duel(said, _duel(settings, arms, plan, locustfile, folder, tools))


def _duel(
    settings: PerfSettings, arms: Arms | None, plan: Plan, locustfile: Path, folder: Path, tools: Tools
) -> DuelResult | None:
    if arms is None or settings.duel is None:
        tools.progress.say("no duel: there is no champion besides this deployment")
        return None
    return duel.run(
        settings.duel, arms=arms, plan=plan, locustfile=locustfile, folder=folder, alpha=settings.alpha, tools=tools
    )


def _rate(ready: Prepared) -> str:
    return "" if ready.question.locustfile else f" at {ready.plan.rate:g}/s"


def _leave(done: Run, said: PerfResult, work: Path, tools: Tools) -> None:
    """The raw requests for Jenkins, the figures as CSV, and the summary on the terminal."""
    lost = done.status.raw_lost
    rows = jtl.write(done.plan.file(RAW), work / JTL, done.status.started_unix, done.warmup_s, done.ended_s)
    if lost:
        tools.progress.say(f"{JTL} holds the first {rows} requests; {lost} more are in the histograms only")
    table = scopes(done)
    figures.write(work / CSV, table)
    tools.progress.say("\n" + summary(said, table))
