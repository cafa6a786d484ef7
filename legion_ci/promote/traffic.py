"""Changes of the split that an experiment makes (pure), and the one way to put them in force."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import msgspec

from legion_ci.core.errors import OrderError
from legion_ci.core.site import Site
from legion_ci.core.tools import Tools
from legion_ci.gateway import apply, routes
from legion_ci.gateway.routes import WHOLE, Routes

SHADOW = "shadow"


class Traffic(Protocol):
    """The gateway, as promotion sees it."""

    def current(self) -> Routes:
        """The routes, and traffic that follows them."""

    def change(self, edit: Callable[[Routes], Routes], expected_revision: int | None) -> Routes:
        """Change the routes if they still have that revision (else OrderError); returns when traffic follows."""


class GatewayTraffic:
    """The site's gateway."""

    def __init__(self, site: Site, tools: Tools) -> None:
        self._site, self._tools = site, tools

    def current(self) -> Routes:
        """The routes, put in force if that was interrupted."""
        return apply.sync(self._site, tools=self._tools)

    def change(self, edit: Callable[[Routes], Routes], expected_revision: int | None) -> Routes:
        """Compare-and-set, then wait for Envoy."""
        return apply.change(self._site, edit, tools=self._tools, expected_revision=expected_revision)


def name(step: str | float) -> str:
    """A step of the settings as routes and records name it."""
    return SHADOW if step == SHADOW else f"{float(step):g}"


def share(step: str) -> float:
    """The challenger's share at a step, 0..1."""
    return 0.0 if step == SHADOW else float(step) / 100


def begin(routes_: Routes, deployment: str, experiment: str, step: str) -> Routes:
    """Start an experiment at its first step, with its own salt."""
    return to_step(msgspec.structs.replace(routes_, experiment=experiment), deployment, step)


def to_step(routes_: Routes, deployment: str, step: str) -> Routes:
    """Move to a step: a mirror, a share, or everything."""
    if step == SHADOW:
        return msgspec.structs.replace(routes_, mirror=deployment, step=step)
    if share(step) >= 1:
        return routes.promote(routes_, deployment)
    moved = routes.set_share(routes_, deployment, round(share(step) * WHOLE))
    return msgspec.structs.replace(moved, mirror=None, step=step)


def end(routes_: Routes, deployment: str) -> Routes:
    """All traffic back to the champion, no copies, no experiment."""
    back = routes.set_share(routes_, deployment, 0) if routes_.width(deployment) else routes_
    return msgspec.structs.replace(back, mirror=None, step="", experiment="")


def challengers(routes_: Routes) -> list[str]:
    """Deployments other than the champion that get traffic or copies of it."""
    names = {s.deployment for s in routes_.segments} | ({routes_.mirror} if routes_.mirror else set())
    return sorted(names - {routes_.champion})


def undo(routes_: Routes) -> Routes:
    """Rollback: end what runs; when nothing runs, put the previous champion back."""
    running = challengers(routes_)
    if running or routes_.experiment:
        for deployment in running or [""]:
            routes_ = end(routes_, deployment)
        return routes_
    if routes_.previous is None:
        raise OrderError("there is nothing to roll back to", where="rollback", todo="see legion-ci status")
    return routes.promote(routes_, routes_.previous)
