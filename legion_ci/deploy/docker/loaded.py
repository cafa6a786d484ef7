"""Images that a site had an engine load: noted by id, so that they, and no others, go when their deployments are gone."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from legion_ci.core.files import write_atomic
from legion_ci.core.site import Site
from legion_ci.deploy.docker.engine import ImageNotFound, calling

if TYPE_CHECKING:
    import docker


def note(site: Site, image: str, deployment: str) -> None:
    """Remember that the engine has an image because of a deployment."""
    known = _read(site)
    if known.get(image) != deployment:
        write_atomic(_path(site), msgspec.json.encode({**known, image: deployment}))


def unneeded(client: docker.DockerClient, site: Site) -> Mapping[str, int]:
    """Bytes of each noted image that nothing installed and no container, whoever's, needs any more, by id."""
    installed = {p.name for p in site.deployments.iterdir()} if site.deployments.is_dir() else set()
    found = {}
    with calling("listing images"):
        for image, deployment in _read(site).items():
            in_use = client.containers.list(all=True, filters={"ancestor": image}, ignore_removed=True)
            if deployment not in installed and not in_use:
                with suppress(ImageNotFound):
                    found[image] = int(client.images.get(image).attrs["Size"])
    return found


def discard(client: docker.DockerClient, site: Site, image: str) -> None:
    """Remove a noted image under all its names; layers that others share stay."""
    with calling(f"removing the image {image[:19]}"), suppress(ImageNotFound):
        for name in client.images.get(image).tags or [image]:
            client.images.remove(name)
    known = {i: d for i, d in _read(site).items() if i != image}
    write_atomic(_path(site), msgspec.json.encode(known))


def _path(site: Site) -> Path:
    return site.path / "engine-images.json"


def _read(site: Site) -> dict[str, str]:
    try:
        return msgspec.json.decode(_path(site).read_bytes(), type=dict[str, str])
    except (OSError, msgspec.DecodeError, msgspec.ValidationError):
        return {}  # nothing is removed that is not noted
