"""Stage ``promote``: look at the evidence and move the traffic one step, hold, or roll back."""

from __future__ import annotations

from pathlib import Path

from legion_ci.core.errors import ConfigurationError, LegionError, OrderError, Problem
from legion_ci.core.lock import locked
from legion_ci.core.site import Site
from legion_ci.core.tools import Tools
from legion_ci.gateway import routes as gateway
from legion_ci.promote import guardrails, outcome, scores
from legion_ci.promote.look import Looker, Reader
from legion_ci.promote.traffic import GatewayTraffic, Traffic
from legion_ci.results import DeployResult, PerfResult, PromoteResult, QualityResult, Verdict
from legion_ci.settings.schema import PromoteSettings


def run(
    settings: PromoteSettings,
    *,
    quality: QualityResult | None,
    perf: PerfResult | None,
    deployed: DeployResult,
    site: Site,
    work: Path,
    first: bool,
    tools: Tools,
    traffic: Traffic | None = None,
    read: Reader | None = None,
) -> PromoteResult:
    """Look once, or with ``settings.in_build`` every ``look_every`` seconds until it is decided or the time is over.

    first: there is no champion, the deployment becomes it. Raises ConfigurationError for settings that cannot be
    followed, OrderError when another look is going on, nothing is deployed or another experiment runs.
    """
    _check(settings)
    gate = traffic or GatewayTraffic(site, tools)
    with locked(site.locks / "promote.lock", wait=False, what="promotion"):
        if refused := _refused(quality, perf, deployed):
            return refused
        held_by = _held_by(quality, perf)
        if gate.current().champion is None:
            return _first(gate, deployed, first, held_by)
        cap = held_by if settings.on_inconclusive == "stop" or "shadow" not in settings.steps else ""
        if cap and gate.current().champion != deployed.deployment and not _begun(gate, deployed):
            return outcome.held_before(deployed, gate.current(), cap)
        looker = Looker(settings, deployed, site, tools, gate, held_by, read)
        return _keep_looking(looker, settings, tools)


def _keep_looking(looker: Looker, settings: PromoteSettings, tools: Tools) -> PromoteResult:
    end = looker.now + settings.in_build
    while True:
        result = looker.look()
        tools.progress.say(f"promote: {result.summary}")
        over = result.verdict is not Verdict.INCONCLUSIVE or looker.now + settings.look_every > end
        if over or settings.in_build <= 0:
            return result
        with tools.progress.waiting("evidence", every_s=30.0):
            tools.clock.sleep(settings.look_every)


def _check(settings: PromoteSettings) -> None:
    problems: list[Problem] = []
    for check in (
        lambda: scores.check(settings.metric, settings.origin),
        lambda: guardrails.parse(settings.guardrails, settings.origin),
        lambda: _check_steps(settings),
    ):
        try:
            check()
        except LegionError as error:
            problems += error.problems
    if problems:
        raise ConfigurationError(problems)


def _check_steps(settings: PromoteSettings) -> None:
    if len(settings.steps) < 2:
        raise ConfigurationError(
            "promote.steps has nothing to see evidence in", where=settings.origin,
            todo="put shadow or a percentage before 100",
        )  # fmt: skip
    if settings.missing == "negative" and (settings.positive is None or not scores.is_classification(settings.metric)):
        raise ConfigurationError(
            "promote.missing: negative needs a class metric and promote.positive", where=settings.origin,
            todo="say which class is reported when it happens",
        )  # fmt: skip


def _refused(quality: QualityResult | None, perf: PerfResult | None, deployed: DeployResult) -> PromoteResult | None:
    """FAIL of an earlier gate: nothing moves."""
    for name, gate in (("quality", quality), ("perf", perf)):
        if gate is not None and gate.verdict is Verdict.FAIL:
            return PromoteResult(
                verdict=Verdict.FAIL, reason=f"{name}_failed", summary=f"{name} said FAIL: {gate.summary}",
                action="none", deployment=deployed.deployment, champion=deployed.champion,
            )  # fmt: skip
    return None


def _held_by(quality: QualityResult | None, perf: PerfResult | None) -> str:
    gates = (("quality", quality), ("perf", perf))
    return next((n for n, g in gates if g is not None and g.verdict is Verdict.INCONCLUSIVE), "")


def _begun(gate: Traffic, deployed: DeployResult) -> bool:
    """Whether its experiment runs: then it is looked at, and may be rolled back, but does not move on."""
    routes = gate.current()
    return bool(routes.experiment) and (routes.width(deployed.deployment) > 0 or routes.mirror == deployed.deployment)


def _first(gate: Traffic, deployed: DeployResult, first: bool, held_by: str) -> PromoteResult:
    before = gate.current()
    if not first:
        raise OrderError(
            "this site has no champion", where="promote", todo="say --first if this model is to be the first"
        )
    if held_by:
        return outcome.held_before(deployed, before, held_by)
    after = gate.change(lambda r: gateway.promote(r, deployed.deployment), expected_revision=before.revision)
    return PromoteResult(
        summary=f"{deployed.deployment} is the first champion", action="promoted", deployment=deployed.deployment,
        step="100", share_before=0.0, share_after=after.share(deployed.deployment),
    )  # fmt: skip
