"""What the deployer ``docker`` does: has the engine run the containers of a site, and finds them again."""

from __future__ import annotations

import time
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from legion_ci.core.errors import LegionError, OrderError, ToolError
from legion_ci.deploy.docker import engine, images, loaded, names, observed, owner, plan
from legion_ci.deploy.docker.containers import Containers
from legion_ci.deploy.protocol import Place, Running, Wanted
from legion_ci.gateway import admin, routes, settings

if TYPE_CHECKING:
    import docker
    from docker.models.containers import Container as Found

    from legion_ci.deploy.docker.container import Container

_LOOK_S = 0.05
_SITE_WIDE = ("engine", "network")


class Runner:
    """The containers of one site on one engine."""

    def __init__(self, place: Place) -> None:
        self._place, self._site = place, place.site
        self._refuse_to_move()

    def apply(self, wanted: Wanted) -> Running:
        """Have a model server run and be ready."""
        image = images.of_package(self._client, Path(wanted.folder), self._place.tools, wanted.credentials)
        loaded.note(self._site, image, wanted.deployment)
        if wanted.capture:
            owner.ready(self._site.feedback)
        secret = {
            name: self._place.tools.secrets.resolve(reference, f"deploy.environment.{name}")
            for name, reference in wanted.own.get("environment", {}).items()
        }
        address = self._address(wanted.deployment, wanted.own)
        return self._run(plan.model(self._site, wanted, image, address, secret), wanted.ready_timeout_s)

    def observe(self) -> Mapping[str, Running]:
        """Model servers by deployment."""
        with engine.calling("looking at containers"):
            return {f.labels[names.NAME]: observed.running(f) for f in self._containers.of_role(names.MODEL)}

    def remove(self, deployment: str) -> None:
        """End a model server."""
        self._containers.remove(names.container(self._site, deployment))

    def gateway(self) -> None:
        """Have Envoy run by the files of the gateway's folder."""
        known = settings.read(self._site)
        if known is None:
            raise OrderError("the gateway has no settings yet", where=str(self._site.gateway), todo="run deploy first")
        owner.ready(self._site.gateway)
        for path, where in ((known.tls.certificate, "certificate"), (known.tls.key, "key")) if known.tls else ():
            owner.require_readable(Path(path), f"deploy.tls.{where}")
        with engine.calling("the gateway's image"):
            image = images.of_gateway(self._client, known.own.get("gateway_image"), self._place.tools)
        wanted = plan.gateway(self._site, known, image)
        self._containers.address(wanted.name, wanted.network)  # the network is there
        self._run(wanted, 30.0, admin.ready_url(self._site))

    def collector(self, wanted: Wanted) -> str:
        """Have the collector run; one that runs well goes on with the image that it has."""
        found = self._containers.find(names.container(self._site, names.COLLECTOR))
        if found is not None and observed.running(found).ready:
            image = str(found.attrs["Image"])
        else:
            image = images.of_package(self._client, Path(wanted.folder), self._place.tools, wanted.credentials)
        for folder in (self._site.feedback, self._site.gateway):
            owner.ready(folder)
        keeper = plan.keeper(self._site, image)
        self._containers.ensure(keeper, lambda f: bool(f.attrs["State"]["Running"]))
        address = self._address(names.COLLECTOR, self._place.own)
        return self._run(plan.collector(self._site, self._place.own, image, address), 60.0).endpoint

    def servers(self) -> Mapping[str, Running]:
        """Gateway and collector, as far as they are there."""
        found = [*self._containers.of_role(names.GATEWAY), *self._containers.of_role(names.COLLECTOR)]
        with engine.calling("looking at containers"):
            return {f.labels[names.NAME]: observed.running(f, self._health(f.labels[names.NAME])) for f in found}

    def log(self, server: str) -> str:
        """The command that shows a server's output."""
        return f"docker logs {names.container(self._site, server)}"

    def answers(self) -> bool:
        """Whether the engine does."""
        try:
            return bool(self._client.ping())
        except LegionError:
            return False

    def stop(self) -> None:
        """Remove all containers of the site, and its network."""
        self._containers.remove_all()

    def leftovers(self) -> Mapping[str, int]:
        """Images of deployments that are gone."""
        return loaded.unneeded(self._client, self._site)

    def discard(self, leftover: str) -> None:
        """Remove such an image from the engine."""
        loaded.discard(self._client, self._site, leftover)

    @cached_property
    def _client(self) -> docker.DockerClient:
        return engine.connect(self._place.own.get("engine"))

    @cached_property
    def _containers(self) -> Containers:
        return Containers(self._client, self._site)

    def _address(self, server: str, own: Mapping[str, Any]) -> str:
        return self._containers.address(names.container(self._site, server), plan.network(self._site, own))

    def _health(self, server: str) -> str:
        return admin.ready_url(self._site) if server == names.GATEWAY else ""

    def _run(self, wanted: Container, timeout_s: float, health: str = "") -> Running:
        """Have it run and be ready. Raises ToolError with its last lines when it ends or does not get ready in time."""
        server, tools = wanted.labels[names.NAME], self._place.tools
        if not self._containers.ensure(wanted, lambda f: observed.running(f, health).ready):
            return observed.running(self._containers.get(wanted.name), health)
        tools.progress.say(f"started {server} as container {wanted.name}")
        end = time.monotonic() + timeout_s
        with tools.progress.waiting(f"{server} to be ready"), engine.calling(f"starting {server}"):
            while True:
                found = self._containers.get(wanted.name)
                if observed.died(found):
                    found.stop(timeout=0)  # the engine would go on starting it
                    raise _dead(found, self.log(server), "does not start")
                if (running := observed.running(found, health)).ready:
                    return running
                if time.monotonic() > end:
                    raise _dead(found, self.log(server), f"was not ready within {timeout_s:g} s")
                time.sleep(_LOOK_S)

    def _refuse_to_move(self) -> None:
        """Engine and network are the whole site's: its containers would not find each other elsewhere."""
        known = settings.read(self._site)
        if known is None or known.use != "docker":
            return
        moved = [k for k in _SITE_WIDE if known.own.get(k) != self._place.own.get(k)]
        others = [arm.deployment for arm in routes.read(self._site).arms] if moved else []
        if others:
            raise OrderError(
                f"changed while {', '.join(others)} is deployed",
                where=", ".join(f"deploy.{k}" for k in moved),
                todo="undeploy everything first, or name another site.path",
            )


def _dead(found: Found, log: str, what: str) -> ToolError:
    name = found.labels[names.NAME]
    lines = "".join(f"\n  | {line}" for line in observed.last(found))
    return ToolError(f"{name} {what}{lines}", where=log)
