"""The Docker engine: asks which layers it has, hands it those that it lacks, or lets it pull by digest."""

from __future__ import annotations

import io
import json
import os
import pwd
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from legion_ci.core.errors import ServiceError, ToolError, missing_package
from legion_ci.core.tools import Tools
from legion_ci.oci import facts, layout
from legion_ci.oci.blobs import Blobs
from legion_ci.oci.document import Platform, chain_ids
from legion_ci.oci.image import Built
from legion_ci.results import Image

if TYPE_CHECKING:
    import docker

DEFAULT = "unix:///var/run/docker.sock"
_PIECE = 1 << 20
_ANSWER_S = 300
_TODO = "see that it runs, and try again"


def address(told: str | None = None) -> str:
    """Where the engine is: the setting, DOCKER_HOST, or the system's socket."""
    return told or os.environ.get("DOCKER_HOST") or DEFAULT


def connect(told: str | None = None, where: str = "docker") -> docker.DockerClient:
    """A client of the engine that ``told``, DOCKER_HOST or the system's socket names. where: the setting that told it.

    Raises ServiceError when none answers or we have no rights on its socket.
    """
    try:
        import docker
        import requests
        from docker.errors import DockerException
    except ImportError as error:
        raise missing_package(error, "docker") from error
    try:
        client = docker.DockerClient(told, timeout=_ANSWER_S) if told else docker.from_env(timeout=_ANSWER_S)
        client.ping()
    except (DockerException, requests.RequestException, OSError) as error:
        raise _unreachable(address(told), where, error) from error
    return client


def _unreachable(engine: str, where: str, error: Exception) -> ServiceError:
    if "Permission denied" in str(error):
        return ServiceError(
            f"{pwd.getpwuid(os.geteuid()).pw_name} has no rights on {engine}",
            where=where,
            todo="join its group (usermod -aG docker USER, then log in again) or name another engine",
        )
    reason = str(error).rpartition("(")[2].rstrip(")'\" ") or _short(error)
    return ServiceError(
        f"no container engine answers at {engine} ({reason})",
        where=where,
        todo="start it (systemctl start docker) or name its socket with DOCKER_HOST or deploy.engine",
    )


def ensure(client: docker.DockerClient, folder: Path, image: Image, tools: Tools, told: str | None = None) -> str:
    """Have the engine have exactly that image: from ``folder/layout``, else by digest from its registry; the id to run.

    told: our login there by reference; None: Docker's configuration. Raises ToolError when there is neither, or when what the engine got is another image.
    """
    if (folder / facts.LAYOUT).is_dir():
        blobs = Blobs(folder / facts.LAYOUT)
        built = layout.image_of(blobs, layout.top_of(blobs.folder), platform_of(client))
        if not _there(client, built.manifest.config.digest):
            for layer in built.manifest.layers:
                blobs.check(layer.digest)
        return load(client, blobs, built, image.reference, tools)
    return _pulled(client, image, tools, told)


def load(client: docker.DockerClient, blobs: Blobs, built: Built, name: str, tools: Tools) -> str:
    """Hand an image to the engine under a name, only the layers that it lacks; its id.

    An engine that does not take a part (its image store is containerd's) is given the whole.
    """
    with _said("load the image"):
        if not _tag(client, built.manifest.config.digest, name):
            known = set() if _containerd(client) else _chains(client)
            if not (known and _loaded(client, blobs, built, name, known)):
                tools.progress.say(f"loading {name} into the engine ({built.size / 1e6:.1f} MB)")
                _load(client, blobs, built, name, set())
        found = client.images.get(name)
    if _containerd(client) or found.id == built.manifest.config.digest:
        return str(found.id)
    raise ToolError(f"the engine has another image as {name} ({found.id})", where="docker", todo="remove it there")


def platform_of(client: docker.DockerClient) -> Platform:
    """What the engine runs natively."""
    told = client.version()
    return Platform(os=str(told.get("Os") or "linux"), architecture=str(told.get("Arch") or "amd64"))


def _pulled(client: docker.DockerClient, image: Image, tools: Tools, told: str | None) -> str:
    from legion_ci.oci.credentials import login
    from legion_ci.oci.reference import parse

    if not image.pushed:
        raise ToolError(
            f"the image {image.reference} is neither in the package nor in a registry", todo="package it again"
        )
    name = str(parse(image.reference).at(image.digest))
    with _said(f"pull {name}"):
        if not (found := _there(client, name)):
            tools.progress.say(f"pulling {name}")
            who = login(parse(name).registry, told, tools.secrets, "deploy.credentials")
            found = client.images.pull(
                name, auth_config={"username": who.user, "password": who.password} if who else None
            )
    return str(found.id)


def _there(client: docker.DockerClient, name: str):  # type: ignore[no-untyped-def]
    from docker.errors import ImageNotFound

    try:
        return client.images.get(name)
    except ImageNotFound:
        return None


def _tag(client: docker.DockerClient, config: str, name: str) -> bool:
    """Whether the engine has that image already; it carries the name then."""
    found = _there(client, config)
    if found is None:
        return False
    found.tag(name)
    return True


def _containerd(client: docker.DockerClient) -> bool:
    return "containerd" in json.dumps(client.info().get("DriverStatus") or "")


def _chains(client: docker.DockerClient) -> set[str]:
    """Stacks of layers that the engine has, by chain id; read from the images of ours that it has."""
    found = client.images.list(filters={"label": "org.legion-ci.layers"})
    return {chain for image in found for chain in chain_ids(tuple(image.attrs["RootFS"].get("Layers") or ()))}


def _loaded(client: docker.DockerClient, blobs: Blobs, built: Built, name: str, known: set[str]) -> bool:
    from docker.errors import APIError, ImageLoadError, ImageNotFound

    try:
        _load(client, blobs, built, name, known)
        return _there(client, name) is not None
    except (APIError, ImageLoadError, ImageNotFound):  # a layer went in the meantime
        return False


def _load(client: docker.DockerClient, blobs: Blobs, built: Built, name: str, known: set[str]) -> None:
    client.images.load(_archive(blobs, built, name, known))


def _archive(blobs: Blobs, built: Built, name: str, known: set[str]) -> Iterator[bytes]:
    """``docker load``'s tar, piece by piece; layers whose chain is known are named but not sent."""
    config = built.manifest.config.digest.removeprefix("sha256:")
    names = [f"{layer.digest.removeprefix('sha256:')}.tar.gz" for layer in built.manifest.layers]
    manifest = [{"Config": f"{config}.json", "RepoTags": [name], "Layers": names}]
    yield from _member(f"{config}.json", io.BytesIO(blobs.read(f"sha256:{config}")))
    for chain, layer, file in zip(chain_ids(built.diff_ids), built.manifest.layers, names, strict=True):
        if chain not in known:
            with blobs.path(layer.digest).open("rb") as content:
                yield from _member(file, content)
    yield from _member("manifest.json", io.BytesIO(json.dumps(manifest).encode()))
    yield tarfile.NUL * (2 * tarfile.BLOCKSIZE)


def _member(name: str, content: io.BufferedIOBase) -> Iterator[bytes]:
    info = tarfile.TarInfo(name)
    info.size = content.seek(0, io.SEEK_END)
    content.seek(0)
    yield info.tobuf(tarfile.GNU_FORMAT)
    while piece := content.read(_PIECE):
        yield piece
    yield tarfile.NUL * (-info.size % tarfile.BLOCKSIZE)


@contextmanager
def _said(what: str) -> Iterator[None]:
    """An engine's error as ours."""
    import requests
    from docker.errors import DockerException

    try:
        yield
    except DockerException as error:
        raise ToolError(f"the Docker engine could not {what} ({_short(error)})", where="docker") from error
    except (requests.RequestException, OSError) as error:
        raise ServiceError(f"the Docker engine went away ({_short(error)})", where="docker", todo=_TODO) from error


def _short(error: BaseException) -> str:
    return (str(getattr(error, "explanation", "") or error).strip().splitlines() or [type(error).__name__])[-1][:300]
