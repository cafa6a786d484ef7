"""Deployer ``local``: model servers as supervised processes of this machine, on the loopback interface."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from legion_ci.core.errors import ConfigurationError, OrderError, missing_package
from legion_ci.settings.schema import DeploySettings

if TYPE_CHECKING:  # imported with every legion.yaml: nothing heavy here
    from types import ModuleType

    from legion_ci.deploy.protocol import Place, Running, Wanted
    from legion_ci.supervise.process import Actual, Process


class LocalSettings(DeploySettings):
    """Nothing besides the common settings."""


class LocalDeployer:
    """Runs ``python -m legion_ci.serving`` in each model's own environment."""

    Settings: ClassVar[type[DeploySettings]] = LocalSettings
    listen: ClassVar[str] = "127.0.0.1"

    def __init__(self, place: Place) -> None:
        if os.name != "posix":
            raise ConfigurationError(
                "deploy: local does not run on Windows",
                where="deploy.use",
                todo="use Linux, macOS or WSL, or another deployer",
            )
        self._place = place
        self._supervise = _supervisor()

    def apply(self, wanted: Wanted) -> Running:
        """See the protocol. The port is kept while it is the server's own, else chosen anew."""
        lock = Path(wanted.folder) / "requirements.lock"
        if not lock.is_file():
            raise OrderError(
                "the package is no bundle",
                where=wanted.folder,
                todo="say package: {use: bundle}, or deploy: {use: docker}",
            )
        python = self._place.environment(lock)
        port = self._port(wanted.deployment)
        process = self._process(wanted, python, port)
        if not (before := self.observe().get(wanted.deployment)) or not before.ready:
            self._place.tools.progress.say(f"starting {wanted.deployment} on port {port}")
        with self._place.tools.progress.waiting(f"{wanted.deployment} to be ready"):
            self._supervise.apply(self._place.site, {process.name: process})
        return self.observe()[wanted.deployment]

    def observe(self) -> Mapping[str, Running]:
        """See the protocol."""
        return {
            name.removeprefix(_PREFIX): _running(name.removeprefix(_PREFIX), actual)
            for name, actual in self._supervise.observe(self._place.site).items()
            if name.startswith(_PREFIX)
        }

    def remove(self, deployment: str) -> None:
        """See the protocol."""
        self._supervise.remove(self._place.site, [_PREFIX + deployment])

    def gateway(self) -> None:
        """See the protocol."""
        from legion_ci.gateway import process

        self._supervise.apply(self._place.site, {_GATEWAY: process.process(self._place.site)})

    def collector(self, wanted: Wanted) -> str:
        """See the protocol."""
        process = self._collector_process()
        self._supervise.apply(self._place.site, {_COLLECTOR: process})
        return f"127.0.0.1:{process.env[_PORT]}"

    def servers(self) -> Mapping[str, Running]:
        """See the protocol."""
        known = self._supervise.observe(self._place.site)
        return {name: _running(name, known[name]) for name in (_GATEWAY, _COLLECTOR) if name in known}

    def log(self, server: str) -> str:
        """See the protocol."""
        name = server if server in (_GATEWAY, _COLLECTOR) else _PREFIX + server
        return str(self._supervise.log(self._place.site, name))

    def supervised(self) -> bool:
        """See the protocol."""
        return bool(self._supervise.running(self._place.site))

    def stop(self) -> None:
        """See the protocol."""
        self._supervise.stop_all(self._place.site)

    def leftovers(self) -> Mapping[str, int]:
        """See the protocol: everything of a process is in the site."""
        return {}

    def discard(self, leftover: str) -> None:
        """See the protocol."""

    def _collector_process(self) -> Process:
        from legion_ci.deploy import ports
        from legion_ci.gateway import routes
        from legion_ci.supervise.process import Process

        site, processes = self._place.site, self._supervise.observe(self._place.site)
        known = processes.get(_COLLECTOR)
        kept = (routes.read(site).feedback or ":0").rpartition(":")[2]
        port = int(known.process.env[_PORT] if known else kept)
        if not port or not ((known and _lives(known)) or ports.is_free(port)):
            port = ports.choose({int(p.process.env.get(_PORT, 0)) for p in processes.values()})
        return Process(
            name=_COLLECTOR,
            command=(*self._place.collector, "--store", str(site.feedback.resolve()), "--port", str(port)),
            env={_PORT: str(port)},
            cwd=str(site.path.resolve()),
            health=f"http://127.0.0.1:{port}/healthcheck",
            ready_timeout_s=60.0,
        )

    def _port(self, deployment: str) -> int:
        from legion_ci.deploy import ports

        processes = self._supervise.observe(self._place.site)
        kept = {name: int(p.process.env.get(_PORT, 0)) for name, p in processes.items()}
        own = processes.get(_PREFIX + deployment)
        port = kept.get(_PREFIX + deployment, 0)
        if own is not None and port and (own.phase == "ready" or ports.is_free(port)):
            return port
        return ports.choose(avoid=set(kept.values()))

    def _process(self, wanted: Wanted, python: Path, port: int) -> Process:
        from legion_ci.supervise.process import Process

        capture = ("--capture", str(self._place.site.feedback.resolve())) if wanted.capture else ()
        return Process(
            name=_PREFIX + wanted.deployment,
            command=(
                str(python),
                "-P",
                "-m",
                "legion_ci.serving",
                "--model",
                str(Path(wanted.folder) / "artefact"),
                "--port",
                str(port),
                "--host",
                "127.0.0.1",
                "--deployment",
                wanted.deployment,
                "--workers",
                str(wanted.workers),
                "--unit-header",
                wanted.unit_header,
                *capture,
            ),
            env={_PORT: str(port)},
            cwd=wanted.folder,
            health=f"http://127.0.0.1:{port}/healthcheck",
            ready_timeout_s=wanted.ready_timeout_s,
            stop_grace_s=30.0,
        )


_PREFIX = "model-"
_PORT = "LEGION_PORT"
_GATEWAY, _COLLECTOR = "gateway", "collector"


def _running(name: str, actual: Actual) -> Running:
    from legion_ci.deploy.protocol import Running

    address = f"127.0.0.1:{actual.process.env.get(_PORT, '0')}"
    return Running(
        name=name,
        endpoint=address,
        address=address,
        phase=str(actual.phase),
        ready=actual.phase == "ready",
        alive=_lives(actual),
        pid=actual.identity.pid if actual.identity else None,
        restarts=actual.restarts,
        last=actual.last,
    )


def _lives(actual: Actual) -> bool:
    from legion_ci.supervise import identity

    return identity.lives(actual.identity)


def _supervisor() -> ModuleType:
    try:
        from legion_ci.supervise import client
    except ImportError as error:
        raise missing_package(error, "deploy.use") from error
    return client
