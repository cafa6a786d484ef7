"""The protocol of deployers: start, list, check and stop model servers; they know nothing of traffic."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import ClassVar, Protocol

import msgspec

from legion_ci.core import environments
from legion_ci.core.site import Site
from legion_ci.core.tools import Tools
from legion_ci.results import ModelRef
from legion_ci.settings.schema import DeploySettings


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """A model server that should run; kept with the installed package, so that it can be brought back.

    folder: the installed package (``artefact/``, ``requirements.lock``). use: the deployer's name.
    """

    deployment: str
    model: ModelRef
    folder: str
    use: str = "local"
    workers: int = 1
    unit_header: str = "x-legion-unit"
    capture: bool = True
    ready_timeout_s: float = 120.0


class Running(msgspec.Struct, frozen=True, kw_only=True):
    """A model server as it is. endpoint: host:port. last: its last lines when it is not well."""

    deployment: str
    endpoint: str
    phase: str
    ready: bool
    pid: int | None = None
    restarts: int = 0
    last: tuple[str, ...] = ()


@dataclass(frozen=True)
class Place:
    """Where models are deployed, and the programs that they need.

    environment: Python of the environment of a lock file. collector: command of the outcome collector.
    """

    site: Site
    tools: Tools
    environment: Callable[[Path], Path]
    collector: tuple[str, ...] = (sys.executable, "-P", "-m", "legion_ci.feedback.collector")

    @classmethod
    def of(cls, site: Site, tools: Tools, find_links: tuple[str, ...] = ()) -> Place:
        """The site with locked environments made by uv."""
        return cls(site, tools, partial(_environment, tools=tools, find_links=find_links))


class Deployer(Protocol):
    """A plug-in of the group ``deployers``, made with a ``Place``. ``Settings`` extends the ``deploy`` section."""

    Settings: ClassVar[type[DeploySettings]]

    def __init__(self, place: Place) -> None: ...

    def apply(self, wanted: Wanted) -> str:
        """Have that server run and be ready; its endpoint (``host:port``).

        One that runs as wanted is left alone, one that does not is healed. Raises ToolError with its last lines.
        """

    def observe(self) -> Mapping[str, Running]:
        """Every server of this deployer, by deployment."""

    def remove(self, deployment: str) -> None:
        """Stop that server, if there is one, after it has answered what is in flight."""


def _environment(lock: Path, *, tools: Tools, find_links: tuple[str, ...]) -> Path:
    return environments.ensure(lock, tools, find_links)
