"""The plug-in ``docker`` and its settings; what it does is in ``runner``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import BeforeValidator, Field

from legion_ci.core.errors import missing_package
from legion_ci.settings.schema import DeploySettings, parse_size

if TYPE_CHECKING:  # imported with every legion.yaml: nothing heavy here
    from legion_ci.deploy.docker.runner import Runner
    from legion_ci.deploy.protocol import Place, Running, Wanted

Size = Annotated[int, BeforeValidator(parse_size), Field(ge=6 << 20)]  # engines refuse less
Reference = Annotated[str, Field(pattern=r"^(env|file):.+")]


class DockerSettings(DeploySettings):
    """Containers. engine: its socket; None: DOCKER_HOST, else the system's. network: None: one of the site's own.

    gateway_image: an image that starts Envoy, instead of ours. The others are about the model server: memory, cpus, pids: its
    limits. tmp: size of /tmp, all that it may write besides feedback. log_size, log_files: what is kept of its output.
    restart: what the engine does when it ends. environment: each by reference, ``env:NAME`` or ``file:PATH``.
    """

    takes: ClassVar[str] = "server image"
    use: str = "docker"
    engine: str | None = Field(default=None, pattern=r"^unix://.+")
    network: str | None = Field(default=None, pattern=r"^[a-zA-Z0-9][a-zA-Z0-9_.-]+$")
    memory: Size | None = None
    cpus: float | None = Field(default=None, gt=0)
    pids: int = Field(default=512, ge=16)
    restart: Literal["unless-stopped", "always", "on-failure", "no"] = "unless-stopped"
    environment: dict[str, Reference] = Field(default_factory=dict)
    tmp: Size = 64 << 20
    log_size: Size = 10 << 20
    log_files: int = Field(default=3, ge=1, le=100)
    gateway_image: str | None = None


class DockerDeployer:
    """Runs images that a packager made; see ``runner.Runner``."""

    Settings: ClassVar[type[DeploySettings]] = DockerSettings
    listen: ClassVar[str] = "0.0.0.0"  # noqa: S104 - inside its container; what is published is on loopback

    def __init__(self, place: Place) -> None:
        self._runner = _runner(place)

    def apply(self, wanted: Wanted) -> Running:
        """See the protocol."""
        return self._runner.apply(wanted)

    def observe(self) -> Mapping[str, Running]:
        """See the protocol."""
        return self._runner.observe()

    def remove(self, deployment: str) -> None:
        """See the protocol."""
        self._runner.remove(deployment)

    def gateway(self) -> None:
        """See the protocol."""
        self._runner.gateway()

    def collector(self, wanted: Wanted) -> str:
        """See the protocol."""
        return self._runner.collector(wanted)

    def servers(self) -> Mapping[str, Running]:
        """See the protocol."""
        return self._runner.servers()

    def log(self, server: str) -> str:
        """See the protocol."""
        return self._runner.log(server)

    def supervised(self) -> bool:
        """See the protocol: the engine looks after containers."""
        return self._runner.answers()

    def stop(self) -> None:
        """See the protocol."""
        self._runner.stop()

    def leftovers(self) -> Mapping[str, int]:
        """See the protocol: images in the engine."""
        return self._runner.leftovers()

    def discard(self, leftover: str) -> None:
        """See the protocol."""
        self._runner.discard(leftover)


def _runner(place: Place) -> Runner:
    try:
        from legion_ci.deploy.docker.runner import Runner
    except ImportError as error:
        raise missing_package(error, "deploy.use") from error
    return Runner(place)
