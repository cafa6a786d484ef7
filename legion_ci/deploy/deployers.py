"""Who runs a site: the one deployer that its models, gateway and collector have in common."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from legion_ci.core import plugins
from legion_ci.core.errors import OrderError
from legion_ci.core.site import Site
from legion_ci.core.tools import Tools
from legion_ci.deploy.protocol import Deployer, Place
from legion_ci.gateway import routes, settings
from legion_ci.settings.schema import DeploySettings


def of_site(place: Place) -> Deployer:
    """The deployer by which the site runs; ``local`` before the first deployment."""
    known = settings.read(place.site)
    return _made(place, known.use, known.own) if known else _made(place, "local", {})


def chosen(place: Place, told: DeploySettings) -> Deployer:
    """The deployer that ``deploy.use`` names, with its own settings.

    Where another one ran the site and nothing is deployed any more, what it left running is stopped. Raises
    OrderError when something is: a gateway does not reach the servers of another deployer.
    """
    deployer, known = _made(place, told.use, own(told)), settings.read(place.site)
    if known is None or known.use == told.use:
        return deployer
    deployed = ", ".join(arm.deployment for arm in routes.read(place.site).arms)
    if deployed:
        raise OrderError(
            f"this site runs by the deployer {known.use} ({deployed} is deployed)",
            where="deploy.use",
            todo=f"undeploy that first, or name another site.path for {told.use}",
        )
    of_site(place).stop()
    return deployer


def pid_of(site: Site, deployment: str, tools: Tools) -> int | None:
    """The process of a model server, if it runs and is one of this machine."""
    found = of_site(Place.of(site, tools)).observe().get(deployment)
    return found.pid if found else None


def own(told: DeploySettings) -> dict[str, Any]:
    """The settings that only this deployer has, as JSON."""
    return told.model_dump(mode="json", exclude=set(DeploySettings.model_fields))


def _made(place: Place, use: str, more: Mapping[str, Any]) -> Deployer:
    deployer: Deployer = plugins.load("deployers", use, "deploy.use")(dataclasses.replace(place, own=more))
    return deployer
