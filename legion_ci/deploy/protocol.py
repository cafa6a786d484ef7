"""The protocol of deployers: start, list, check and stop servers; they know nothing of traffic."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Protocol

import msgspec

from legion_ci.core import environments
from legion_ci.core.site import Site
from legion_ci.core.tools import Tools
from legion_ci.results import ModelRef
from legion_ci.settings.schema import DeploySettings


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """A model server that should run; kept with the installed package, so that it can be brought back.

    folder: the installed package. use: the deployer's name. own: the settings that only this deployer has. credentials: our
    login to the registry of its image, by reference.
    """

    deployment: str
    model: ModelRef
    folder: str
    use: str = "local"
    workers: int = 1
    unit_header: str = "x-legion-unit"
    capture: bool = True
    ready_timeout_s: float = 120.0
    credentials: str | None = None
    own: dict[str, Any] = {}


class Running(msgspec.Struct, frozen=True, kw_only=True):
    """A server as it is. endpoint: ``host:port`` by which the gateway reaches it; address: by which we do.

    alive: it has a process, ready or not. last: its last lines when it is not well.
    """

    name: str
    endpoint: str
    address: str
    phase: str
    ready: bool
    alive: bool
    pid: int | None = None
    restarts: int = 0
    last: tuple[str, ...] = ()


@dataclass(frozen=True)
class Place:
    """Where models are deployed, and what deploying them needs.

    environment: Python of the environment of a lock file. collector: command of the outcome collector. own: the
    settings that only the site's deployer has.
    """

    site: Site
    tools: Tools
    environment: Callable[[Path], Path]
    collector: tuple[str, ...] = (sys.executable, "-P", "-m", "legion_ci.feedback.collector")
    own: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, site: Site, tools: Tools, find_links: tuple[str, ...] = ()) -> Place:
        """The site with locked environments made by uv."""
        return cls(site, tools, partial(_environment, tools=tools, find_links=find_links))


class Deployer(Protocol):
    """A plug-in of the group ``deployers``, made with a ``Place``. ``Settings`` extends the ``deploy`` section.

    It runs everything of its site: model servers, the gateway and the collector of outcomes. listen: the address on
    which the gateway listens where it runs.
    """

    Settings: ClassVar[type[DeploySettings]]
    listen: ClassVar[str]

    def __init__(self, place: Place) -> None: ...

    def apply(self, wanted: Wanted) -> Running:
        """Have that model server run and be ready.

        One that runs as wanted is left alone, one that does not is healed. Raises ToolError with its last lines.
        """

    def observe(self) -> Mapping[str, Running]:
        """Every model server of this deployer, by deployment."""

    def remove(self, deployment: str) -> None:
        """Stop that model server, if there is one, after it has answered what is in flight."""

    def gateway(self) -> None:
        """Have Envoy run with the files in the site's gateway folder and be ready.

        One that runs by the same bootstrap is left alone: all other files are read again by itself.
        """

    def collector(self, wanted: Wanted) -> str:
        """Have the collector of outcomes run and be ready; its endpoint. wanted: a model server that is deployed."""

    def servers(self) -> Mapping[str, Running]:
        """The gateway and the collector, by these names, as far as they are there."""

    def log(self, server: str) -> str:
        """Where people find the output of a server of the site: a file, or the command that shows it."""

    def supervised(self) -> bool:
        """Whether somebody looks after the servers, so that one that dies is started again."""

    def stop(self) -> None:
        """Stop everything of the site, such that it can be brought back."""

    def leftovers(self) -> Mapping[str, int]:
        """Bytes of what it keeps outside the site for deployments that are gone, by name."""

    def discard(self, leftover: str) -> None:
        """Remove one of these."""


GATEWAY, COLLECTOR = "gateway", "collector"


def _environment(lock: Path, *, tools: Tools, find_links: tuple[str, ...]) -> Path:
    return environments.ensure(lock, tools, find_links)
