"""What the routes say and what was written down, made one: the gateway is the truth about traffic."""

from __future__ import annotations

from dataclasses import dataclass

from legion_ci.core.errors import OrderError
from legion_ci.core.site import Site
from legion_ci.gateway.routes import Routes
from legion_ci.promote import outcome, state, traffic
from legion_ci.promote.state import Experiment, Step
from legion_ci.results import PromoteResult


@dataclass(frozen=True)
class Found:
    """Exactly one: a result (it is over), a running experiment, or neither (none has begun)."""

    result: PromoteResult | None = None
    experiment: Experiment | None = None


def reconcile(site: Site, routes: Routes, deployment: str, now: float) -> Found:
    """Where the promotion of that deployment stands; what was interrupted is written down as the routes tell it."""
    last = state.latest(site, deployment)
    if routes.champion == deployment:
        if last is not None and not last.ended:
            last = _close(site, last, "promoted", outcome.promoted_already(deployment, routes, last))
        return Found(result=outcome.promoted_already(deployment, routes, last))
    if last is None:
        return Found(experiment=_adopted(site, routes, deployment, now))
    if last.ended:
        return _ended(site, last, routes)
    if routes.experiment == last.experiment:
        return Found(experiment=_running(site, last, routes, now))
    if last.intent is not None and last.intent.action == "rollback":  # decided, carried out, not written down
        told = outcome.acted(last.result or outcome.finish(last, routes), routes, deployment)
        return Found(result=_close(site, last, "failed", told).result)
    if not last.steps:  # its beginning was never put in force
        return Found()
    return Found(result=_close(site, last, "rolled_back", outcome.rolled_back(site, last, routes)).result)


def see_that_it_can_begin(routes: Routes, deployment: str) -> None:
    """Raise OrderError when the deployment is not there, or another experiment runs."""
    if routes.arm(deployment) is None:
        raise OrderError(f"{deployment} is not deployed", where="promote", todo="run legion-ci deploy first")
    others = traffic.challengers(routes)
    if routes.experiment or others:
        raise OrderError(
            f"another experiment is running ({routes.experiment or ', '.join(others)}"
            f"{': ' + ', '.join(others) if routes.experiment and others else ''})",
            where="promote",
            todo="wait for it to end, or end it: legion-ci rollback",
        )


def _running(site: Site, last: Experiment, routes: Routes, now: float) -> Experiment:
    intent = last.intent
    if intent is not None and intent.action == "rollback":
        return last
    current = last.but(intent=None, result=None)
    if last.step is None or last.step.name != routes.step:
        started = intent.at if intent is not None and intent.step == routes.step else now
        current = current.but(steps=(*last.steps, Step(name=routes.step, started=started)))
    if current != last:
        state.save(site, current)
    return current


def _adopted(site: Site, routes: Routes, deployment: str, now: float) -> Experiment | None:
    """An experiment that runs and of which nothing is written down (the state folder was lost)."""
    if not routes.experiment or traffic.challengers(routes) != [deployment]:
        return None
    step = Step(name=routes.step, started=now)
    found = Experiment(
        experiment=routes.experiment, deployment=deployment, champion=routes.champion or "", started=0.0, steps=(step,)
    )
    state.save(site, found)
    return found


def _ended(site: Site, last: Experiment, routes: Routes) -> Found:
    """Asked again: the same answer, as long as the champion is the same. Another champion is another question."""
    if last.champion != routes.champion:
        return Found()
    if last.ended == "promoted":
        return Found(result=outcome.rolled_back(site, last, routes))
    return Found(result=outcome.again(site, last, routes))


def _close(site: Site, last: Experiment, how: str, result: PromoteResult) -> Experiment:
    closed = last.but(intent=None, ended=how, result=result)
    state.save(site, closed)
    return closed
