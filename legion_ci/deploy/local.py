"""Deployer ``local``: model servers as supervised processes of this machine, on the loopback interface."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from legion_ci.core.errors import ConfigurationError, missing_package
from legion_ci.settings.schema import DeploySettings

if TYPE_CHECKING:  # imported with every legion.yaml: nothing heavy here
    from types import ModuleType

    from legion_ci.deploy.protocol import Place, Running, Wanted
    from legion_ci.supervise.process import Process


class LocalSettings(DeploySettings):
    """Nothing besides the common settings."""


class LocalDeployer:
    """Runs ``python -m legion_ci.serving`` in each model's own environment."""

    Settings: ClassVar[type[DeploySettings]] = LocalSettings

    def __init__(self, place: Place) -> None:
        if os.name != "posix":
            raise ConfigurationError(
                "deploy: local does not run on Windows",
                where="deploy.use",
                todo="use Linux, macOS or WSL, or another deployer",
            )
        self._place = place
        self._supervise = _supervisor()

    def apply(self, wanted: Wanted) -> str:
        """See the protocol. The port is kept while it is the server's own, else chosen anew."""
        python = self._place.environment(Path(wanted.folder) / "requirements.lock")
        port = self._port(wanted.deployment)
        process = self._process(wanted, python, port)
        if not (before := self.observe().get(wanted.deployment)) or not before.ready:
            self._place.tools.progress.say(f"starting {wanted.deployment} on port {port}")
        with self._place.tools.progress.waiting(f"{wanted.deployment} to be ready"):
            self._supervise.apply(self._place.site, {process.name: process})
        return f"127.0.0.1:{port}"

    def observe(self) -> Mapping[str, Running]:
        """See the protocol."""
        from legion_ci.deploy.protocol import Running

        found = {}
        for name, actual in self._supervise.observe(self._place.site).items():
            if name.startswith(_PREFIX):
                deployment, port = name.removeprefix(_PREFIX), actual.process.env.get(_PORT, "0")
                found[deployment] = Running(
                    deployment=deployment,
                    endpoint=f"127.0.0.1:{port}",
                    phase=str(actual.phase),
                    ready=actual.phase == "ready",
                    pid=actual.identity.pid if actual.identity else None,
                    restarts=actual.restarts,
                    last=actual.last,
                )
        return found

    def remove(self, deployment: str) -> None:
        """See the protocol."""
        self._supervise.remove(self._place.site, [_PREFIX + deployment])

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


def _supervisor() -> ModuleType:
    try:
        from legion_ci.supervise import client
    except ImportError as error:
        raise missing_package(error, "deploy.use") from error
    return client
