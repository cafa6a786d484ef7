"""Stage 5: load the new deployment at 0 % traffic with Locust and hold it to its budgets."""

from __future__ import annotations

from pathlib import Path

from legion_ci.core.tools import Tools
from legion_ci.perf import jtl
from legion_ci.perf.duel import stage as duel
from legion_ci.perf.duel.stage import Arms, Opponents
from legion_ci.perf.log import RAW
from legion_ci.perf.measure import measure
from legion_ci.perf.outcome import result, with_duel
from legion_ci.perf.plan import Plan
from legion_ci.perf.prepare import prepare
from legion_ci.results import DeployResult, DuelResult, PerfResult, TrainResult, Verdict
from legion_ci.settings.schema import PerfSettings

JTL = "perf.jtl"


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
) -> PerfResult:
    """Load ``deployed.direct_url`` and judge the budgets; then the duel with the champion, when one is asked for.

    sample: the artefact's ``head_input.json``. folder: the model repository. work: where ``perf.jtl`` is left,
    and in ``perf/`` the run's log and ``locust.log``. Raises ConfigurationError (settings, locustfile, a plan that
    could not pass), ServiceError (nothing answers), ToolError (Locust or the locustfile failed), PluginError (the extra is missing).
    """
    ready = prepare(settings, deployed, sample, folder, work / "perf")
    question, plan, locustfile = ready.question, ready.plan, ready.locustfile
    planned = "" if question.locustfile else f" at {plan.rate:g}/s"
    tools.progress.say(f"loading {plan.host} for {plan.duration_s:g} s{planned} with {locustfile.name}")
    done = measure(plan, locustfile, folder, tools)
    status = done.status
    rows = jtl.write(plan.file(RAW), work / JTL, status.started_unix, plan.warmup_s, plan.duration_s)
    if status.raw_lost:
        tools.progress.say(f"{JTL} holds the first {rows} requests; {status.raw_lost} more are in the histograms only")
    said = result(done, question.budgets, settings.alpha, deployed, trained, tools.secrets)
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
