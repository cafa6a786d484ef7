"""What ``package: {use: docker-rest}`` and ``docker-cli`` can be told."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field, field_validator

from legion_ci.settings.schema import Duration, PackageSettings

_PLACES = ("model", "version", "digest", "commit")


class ImageSettings(PackageSettings):
    """image: its name, a template of {model}, {version}, {digest} (of the artefact, 12 digits) and {commit}, with the
    registry in front when it is pushed. base: debian (made here from Debian's packages), a reference in a registry, best by
    digest, or oci:FOLDER. platforms: linux/amd64, linux/arm64; none: the base's own. push: to the registry that the name
    says. insecure: the registry speaks http (loopback may always). credentials: env:NAME or file:PATH with user:password;
    none: Docker's configuration. load: into the Docker engine as well. threads: of numerical libraries in a worker.
    sign: file:PATH of a private key (PEM, P-256) that signs the image. labels: further labels. dockerfile: also write a
    folder with a Dockerfile that makes an image of the same files. build_image: an image with pip and compilers, in which
    BuildKit installs the locked packages, for those that have no wheel.
    """

    makes: ClassVar[str] = "server image"
    image: str = "{model}:{version}"
    base: str = "debian"
    platforms: tuple[str, ...] = ()
    push: bool = False
    insecure: bool = False
    credentials: str | None = None
    load: bool = False
    threads: int = Field(default=1, ge=1, le=256)
    sign: str | None = None
    labels: dict[str, str] = Field(default_factory=dict)
    dockerfile: bool = False
    build_image: str | None = None

    @field_validator("image")
    @classmethod
    def _template(cls, value: str) -> str:
        try:
            value.format(**dict.fromkeys(_PLACES, "x"))
        except (KeyError, IndexError, ValueError) as error:
            raise ValueError(
                f"{value!r} may hold {', '.join(f'{{{p}}}' for p in _PLACES)} ({error} is none)"
            ) from error
        return value

    @field_validator("platforms")
    @classmethod
    def _platforms(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if wrong := [p for p in value if p not in PLATFORMS]:
            raise ValueError(f"{', '.join(wrong)}: known are {', '.join(PLATFORMS)}")
        return value


PLATFORMS = ("linux/amd64", "linux/arm64")


class RestSettings(ImageSettings):
    """host, port: what the server listens on in the container. timeout: for a request to arrive, and to finish at a stop."""

    host: str = "0.0.0.0"  # noqa: S104 - in a container, which publishes what its runner says
    port: int = Field(default=8080, ge=1, le=65535)
    timeout: Duration = Field(default=30.0, ge=1, le=3600)
    workers: int = Field(default=1, ge=1, le=64)


class CliSettings(ImageSettings):
    """Nothing besides the common settings of images."""

    makes: ClassVar[str] = "program image"
