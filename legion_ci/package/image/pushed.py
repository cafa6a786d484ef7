"""Images that runs pushed to a registry: which of them nobody needs any more, and how they go, by digest."""

from __future__ import annotations

from collections.abc import Iterable

from legion_ci.core.errors import ServiceError
from legion_ci.core.tools import Tools
from legion_ci.oci import signature
from legion_ci.oci.blobs import shared
from legion_ci.oci.credentials import login
from legion_ci.oci.reference import parse
from legion_ci.oci.registry import Registry, referrers_tag
from legion_ci.package.image.settings import ImageSettings
from legion_ci.results import Image
from legion_ci.settings.schema import PackageSettings


def unneeded(made: Iterable[Image], needed: Iterable[Image]) -> list[Image]:
    """Pushed images of old runs that no newer run and no deployment has, each digest once."""
    kept = {image.digest for image in needed}
    found = {image.digest: image for image in made if image.pushed and image.digest not in kept}
    return list(found.values())


def is_there(image: Image, settings: PackageSettings, tools: Tools) -> bool:
    """Whether the registry still has an image that was pushed; what cannot be asked is taken to be there."""
    try:
        return _registry(image, settings, tools).has(image.digest)
    except ServiceError:
        return True


def remove(image: Image, settings: PackageSettings, tools: Tools) -> bool:
    """Remove an image and what refers to it; False when it was gone already.

    Raises ServiceError when the registry is out of reach, ToolError when it does not allow it. The registry frees the space
    when it next collects its garbage.
    """
    registry, blobs = _registry(image, settings, tools), shared()
    for tag in (signature.tag(image.digest), referrers_tag(image.digest)):
        if registry.has(tag):
            registry.delete(registry.manifest(tag, blobs).digest)
    for digest in (image.sbom, image.provenance):
        if digest:
            registry.delete(digest)
    return registry.delete(image.digest)


def _registry(image: Image, settings: PackageSettings, tools: Tools) -> Registry:
    told = settings if isinstance(settings, ImageSettings) else ImageSettings()
    reference = parse(image.reference)
    who = login(reference.registry, told.credentials, tools.secrets)
    return Registry(reference, who, insecure=told.insecure)
