"""What a site should run and what it does run, for people and as JSON."""

from __future__ import annotations

import msgspec

NOT_RUNNING = ("gone", "stopped")


class ServerStatus(msgspec.Struct, frozen=True, kw_only=True):
    """One process: a model server, the gateway or the collector. phase ``stopped``: not even asked for."""

    name: str
    phase: str
    pid: int | None = None
    restarts: int = 0
    last: tuple[str, ...] = ()

    @property
    def ready(self) -> bool:
        """Whether it does its work."""
        return self.phase == "ready"


class DeploymentStatus(msgspec.Struct, frozen=True, kw_only=True):
    """A deployment: its part in the traffic, and its server. share: 0..1."""

    deployment: str
    model: str
    version: str
    role: str  # champion | challenger | previous
    share: float
    endpoint: str
    url: str
    server: ServerStatus


class SiteStatus(msgspec.Struct, frozen=True, kw_only=True):
    """A site at one moment. problems: what should run and does not; empty: all is well."""

    site: str
    model: str
    url: str | None = None
    champion: str | None = None
    experiment: str = ""
    step: str = ""
    mirror: str | None = None
    revision: int = 0
    supervised: bool = False
    deployments: tuple[DeploymentStatus, ...] = ()
    servers: tuple[ServerStatus, ...] = ()
    problems: tuple[str, ...] = ()

    def text(self) -> str:
        """Lines for people."""
        if not self.deployments:
            head = [f"{self.model}: nothing is deployed at {self.site}"]
        else:
            champion = self.champion or "none yet"
            head = [f"{self.model}: {self.url or 'no gateway'}, champion {champion}{self._experiment()}"]
        lines = [_deployment_line(d) for d in self.deployments] + [_server_line(s) for s in self.servers]
        return "\n".join([*head, *lines, *self.problems])

    def _experiment(self) -> str:
        mirrored = f", copies to {self.mirror}" if self.mirror else ""
        return f", step {self.step}{mirrored}" if self.step else mirrored


class Done(msgspec.Struct, frozen=True, kw_only=True):
    """What a task did to a site."""

    lines: tuple[str, ...]

    def text(self) -> str:
        """Lines for people."""
        return "\n".join(self.lines)


def _deployment_line(d: DeploymentStatus) -> str:
    running = f"{d.server.phase}, {d.endpoint}" if d.server.ready else d.server.phase
    return f"  {d.deployment:<30} {d.role:<10} {d.share:>6.1%}  version {d.version}  {running}{_restarts(d.server)}"


def _server_line(s: ServerStatus) -> str:
    return f"  {s.name:<30} {s.phase}{_restarts(s)}"


def _restarts(s: ServerStatus) -> str:
    return f", restarted {s.restarts} times" if s.restarts else ""
