"""A real Envoy in front of tiny servers, run by a real supervisor."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from deploy_site import Answer, ask, free_port, model_ref, server

from legion_ci.core.progress import Progress
from legion_ci.core.site import Site
from legion_ci.core.tools import Tools
from legion_ci.gateway import apply, process, settings
from legion_ci.gateway.routes import Arm, Routes, add_arm
from legion_ci.gateway.settings import GatewaySettings
from legion_ci.supervise import client

QUIET = Tools(progress=Progress(quiet=True))


@dataclass
class Gateway:
    """The gateway of a site with the servers behind it."""

    site: Site
    port: int = field(default_factory=free_port)
    ports: dict[str, int] = field(default_factory=dict)

    def start(self, names: Sequence[str]) -> None:
        """Servers of those names, as arms without traffic, and Envoy in front of them."""
        settings.write(self.site, GatewaySettings(port=self.port))
        apply.write(self.site)
        self.ports = {name: free_port() for name in names}
        servers = {name: server(name, port) for name, port in self.ports.items()}
        client.apply(self.site, {**servers, process.NAME: process.process(self.site)})
        for name in names:
            self.change(lambda routes, name=name: add_arm(routes, self.arm(name)))

    def restart(self, name: str) -> None:
        """A server that was removed, on its old port."""
        client.apply(self.site, {name: server(name, self.ports[name])})

    def arm(self, name: str) -> Arm:
        """A server as an arm."""
        return Arm(deployment=name, model=model_ref(), endpoint=f"127.0.0.1:{self.ports[name]}")

    def change(self, edit: Callable[[Routes], Routes]) -> Routes:
        """Change the routes and wait until they are in force."""
        return apply.change(self.site, edit, tools=QUIET)

    def ask(self, path: str = "/", unit: str | None = None, **headers: str) -> Answer:
        """One request through Envoy. Underscores in names of headers are dashes."""
        named = {key.replace("_", "-"): value for key, value in headers.items()}
        if unit is not None:
            named["x-legion-unit"] = unit
        return ask(f"http://127.0.0.1:{self.port}{path}", named)

    def arms(self, units: Sequence[str]) -> dict[str, str]:
        """The arm that each unit is given; every request must succeed."""
        found = {}
        for unit in units:
            answer = self.ask(unit=unit)
            assert answer.status == 200
            found[unit] = answer.seen["x-legion-arm"]
        return found
