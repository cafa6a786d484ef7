"""What a look leaves behind: results and lines for people."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from legion_ci.core.site import Site
from legion_ci.gateway.routes import Routes
from legion_ci.promote import state
from legion_ci.promote.decision import Decision
from legion_ci.promote.evidence import SHADOW
from legion_ci.promote.sight import Sight
from legion_ci.promote.state import Experiment
from legion_ci.results import DeployResult, PromoteResult, Verdict


def at(step: str) -> str:
    """A step for people."""
    return step if step == SHADOW else f"{step} %"


def held_before(deployed: DeployResult, routes: Routes, gate: str) -> PromoteResult:
    """No traffic moves because an earlier gate did not decide."""
    return PromoteResult(
        verdict=Verdict.INCONCLUSIVE, reason=f"hold.{gate}", action="hold", deployment=deployed.deployment,
        champion=routes.champion, summary=f"{gate} was INCONCLUSIVE: {deployed.deployment} stays at 0 %",
        more_data=f"decide {gate} first, or set promote.on_inconclusive: shadow", share_before=deployed.share,
        share_after=routes.share(deployed.deployment),
    )  # fmt: skip


def begun(new: Experiment, step: str, before: Routes, after: Routes, next_look_at: str | None) -> PromoteResult:
    """The experiment has begun; there is nothing to see yet."""
    return PromoteResult(
        verdict=Verdict.INCONCLUSIVE, reason="hold.ramping", action="advance", deployment=new.deployment,
        champion=new.champion, step=step, share_before=before.share(new.deployment),
        share_after=after.share(new.deployment), next_look_at=next_look_at,
        summary=f"{new.deployment} begins at {at(step)} against {new.champion}",
        more_data="send traffic and outcomes, then look again: legion-ci promote",
    )  # fmt: skip


def of(
    sight: Sight, decision: Decision, running: Experiment, routes: Routes, following: str, digest: str,
    next_look_at: str | None,
) -> PromoteResult:  # fmt: skip
    """The result of a decision; shares are those before it is carried out."""
    share = routes.share(running.deployment)
    action, verdict, reason = decision.action, Verdict.INCONCLUSIVE, decision.reason
    summary = decision.why
    if action == "rollback":
        verdict, summary = Verdict.FAIL, f"rolled back from {at(sight.step.name)}: {decision.why}"
    elif action == "advance" and following == "100":
        action, verdict, summary = "promoted", Verdict.PASS, f"{running.deployment} is the champion: {decision.why}"
    elif action == "advance":
        reason, summary = "hold.ramping", f"{at(sight.step.name)} → {at(following)}: {decision.why}"
    else:
        summary = f"held at {at(sight.step.name)}: {decision.why}"
    return PromoteResult(
        verdict=verdict, reason=reason, summary=summary, more_data=_more(decision, action, following), action=action,
        deployment=running.deployment, champion=running.champion, step=sight.step.name, share_before=share,
        share_after=share, claims=sight.claims, units=_units(sight), coverage=_coverage(sight),
        sample_ratio_p=None if sight.step.name == SHADOW else sight.sample_ratio_p,
        next_look_at=None if action == "promoted" else next_look_at, evidence_digest=digest,
    )  # fmt: skip


def _more(decision: Decision, action: str, following: str) -> str:
    return f"look again at {at(following)}: legion-ci promote" if action == "advance" else decision.more


def _units(sight: Sight) -> dict[str, int]:
    return {
        "champion": sight.seen[0], "challenger": sight.seen[1], "champion_mature": sight.mature[0],
        "challenger_mature": sight.mature[1],
    }  # fmt: skip


def _coverage(sight: Sight) -> dict[str, float]:
    return {"champion": round(sight.coverage[0], 6), "challenger": round(sight.coverage[1], 6)}


def look(
    sight: Sight, decision: Decision, time: str, routes: Routes, deployment: str, result: PromoteResult
) -> dict[str, Any]:
    """One look for the history that pictures are drawn from."""
    return {
        "time": time, "step": sight.step.name, "share": routes.share(deployment), "action": result.action,
        "reason": result.reason, "why": decision.why, "units": _units(sight), "coverage": _coverage(sight),
        "sample_ratio_p": sight.sample_ratio_p, "evidence_digest": result.evidence_digest,
        "claims": {
            c.name: {"outcome": str(c.outcome), "effect": c.effect, "lower": c.lower, "upper": c.upper, "bound": c.bound}
            for c in sight.claims
        },
    }  # fmt: skip


def with_looks(result: PromoteResult, looks: tuple[dict[str, Any], ...]) -> PromoteResult:
    """The result with the history."""
    return replace(result, looks=looks)


def acted(result: PromoteResult, after: Routes, deployment: str) -> PromoteResult:
    """The result after it was carried out."""
    return replace(result, share_after=after.share(deployment))


def overtaken(running: Experiment, routes: Routes, result: PromoteResult | None) -> PromoteResult:
    """Somebody else changed the routes between look and act: nothing was moved."""
    base = result or finish(running, routes)
    return replace(
        base, verdict=Verdict.INCONCLUSIVE, reason="hold.routes_changed", action="hold",
        summary="the routes changed during the look, so nothing was moved", more_data="look again: legion-ci promote",
    )  # fmt: skip


def finish(running: Experiment, routes: Routes) -> PromoteResult:
    """A rollback that was decided earlier and is carried out now."""
    why = running.intent.why if running.intent else ""
    return PromoteResult(
        verdict=Verdict.FAIL, reason="claim_failed", summary=f"rolled back: {why}", action="rollback",
        deployment=running.deployment, champion=running.champion, step=running.step.name if running.step else "",
        share_before=routes.share(running.deployment), looks=running.looks,
    )  # fmt: skip


def promoted_already(deployment: str, routes: Routes, last: Experiment | None) -> PromoteResult:
    """It has all traffic; the evidence of its promotion is shown again."""
    if last is not None and last.result is not None and last.result.action == "promoted":
        return replace(last.result, share_after=routes.share(deployment))
    return PromoteResult(
        verdict=Verdict.PASS, summary=f"{deployment} is the champion", action="none", deployment=deployment,
        champion=routes.champion, share_before=routes.share(deployment), share_after=routes.share(deployment),
        looks=last.looks if last else (),
    )  # fmt: skip


def rolled_back(site: Site, last: Experiment, routes: Routes) -> PromoteResult:
    """Somebody ended it from outside: that stands until somebody says otherwise."""
    return PromoteResult(
        verdict=Verdict.FAIL, reason="rolled_back", action="none", deployment=last.deployment, champion=routes.champion,
        summary=f"{last.deployment} was rolled back by hand", more_data=_to_try_again(site, last),
        share_before=routes.share(last.deployment), share_after=routes.share(last.deployment), looks=last.looks,
        step=last.step.name if last.step else "",
    )  # fmt: skip


def again(site: Site, last: Experiment, routes: Routes) -> PromoteResult:
    """The verdict of an experiment that has ended, told again; nothing is done."""
    told = last.result or rolled_back(site, last, routes)
    share = routes.share(last.deployment)
    return replace(
        told, verdict=Verdict.FAIL, action="none", share_before=share, share_after=share, next_look_at=None,
        more_data=_to_try_again(site, last),
    )  # fmt: skip


def _to_try_again(site: Site, last: Experiment) -> str:
    return f"train another model; to try this one again, remove {state.path(site, last.experiment)}"
