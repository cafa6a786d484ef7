"""What a deployment means for a site's traffic: decided from the routes alone, before anything is done."""

from __future__ import annotations

from dataclasses import dataclass

from legion_ci.core.errors import OrderError
from legion_ci.gateway.routes import Routes


@dataclass(frozen=True)
class Plan:
    """What to do.

    test: run the acceptance tests (not for a deployment that serves users already). disposable: it may be removed when
    it is not accepted. replaced: challengers that make room for it.
    """

    test: bool
    disposable: bool
    replaced: tuple[str, ...] = ()


def plan(routes: Routes, deployment: str, *, first: bool) -> Plan:
    """The plan for that deployment; raises OrderError when the site is not ready for it."""
    if routes.champion is None and not first:
        raise OrderError(
            "this site has no champion",
            where="deploy",
            todo="say --first if this model is to be the first",
        )
    if routes.champion == deployment or routes.width(deployment) > 0:
        return Plan(test=False, disposable=False)
    _refuse_during_experiment(routes, deployment)
    kept = {routes.champion, routes.previous, deployment}
    return Plan(
        test=True,
        disposable=deployment != routes.previous,
        replaced=tuple(a.deployment for a in routes.arms if a.deployment not in kept) if routes.champion else (),
    )


def _refuse_during_experiment(routes: Routes, deployment: str) -> None:
    others = [a.deployment for a in routes.arms if a.deployment not in (routes.champion, deployment)]
    busy = [name for name in others if routes.width(name) or routes.mirror == name]
    if busy:
        shares = ", ".join(_part(routes, name) for name in busy)
        raise OrderError(
            f"an experiment is running ({shares})", where="deploy", todo="promote, rollback or undeploy it first"
        )


def _part(routes: Routes, deployment: str) -> str:
    if routes.mirror == deployment:
        return f"{deployment} gets copies of the traffic"
    return f"{deployment} has {100 * routes.share(deployment):g} % of the traffic"
