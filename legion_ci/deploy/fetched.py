"""The package to deploy, as a folder of this machine; images by what is known of them, signed where that is asked for."""

from __future__ import annotations

from pathlib import Path

import msgspec

from legion_ci.core.errors import ConfigurationError, OrderError, ToolError
from legion_ci.core.tools import Tools
from legion_ci.oci import facts
from legion_ci.results import Image, ModelRef, PackageResult
from legion_ci.settings.schema import DeploySettings
from legion_ci.store import artefacts

_WHERE = "deploy.verify"


def fetch(settings: DeploySettings, packaged: PackageResult, model: ModelRef, work: Path, tools: Tools) -> Path:
    """A folder with the package: of an image in a registry only ``image.json``.

    model: which it must hold. Raises OrderError when it holds another, ConfigurationError when a signature is asked for and
    the package is no image, ToolError when the image has no signature of ``deploy.verify``'s key.
    """
    image = packaged.image
    if packaged.model.artefact.digest != model.artefact.digest:
        raise OrderError(
            "the package holds another model", where=packaged.package.uri, todo="run legion-ci package again"
        )
    if image is None or not image.pushed:
        folder = artefacts.fetch(packaged.package, tools)
    else:
        folder = work / "image"
        facts.write(folder, image)
    if settings.verify is not None:
        _verify(settings, settings.verify, image, folder, tools)
    return folder


def _verify(settings: DeploySettings, key: str, image: Image | None, folder: Path, tools: Tools) -> None:
    if image is None:
        raise ConfigurationError(
            "only images are signed, and the package is none", where=_WHERE, todo="package: {use: docker-rest, sign: …}"
        )
    if not image.signature:
        raise ToolError(f"the image {image.reference} is not signed", where=_WHERE, todo="package it with package.sign")
    pem = tools.secrets.resolve(key, _WHERE).encode()
    if image.pushed:
        _in_registry(settings, image, pem, tools)
    else:
        _in_folder(folder / facts.LAYOUT, image, pem)
    tools.progress.say(f"the signature of {image.reference} is good")


def _in_folder(folder: Path, image: Image, pem: bytes) -> None:
    from legion_ci.oci import layout, signature
    from legion_ci.oci.blobs import Blobs
    from legion_ci.oci.document import MANIFEST, Descriptor

    blobs, top = Blobs(folder), layout.top_of(folder)
    if top.digest != image.digest:
        raise ToolError(f"the package holds another image ({top.digest[:19]})", where=_WHERE, todo="package it again")
    for digest in layout.closure(blobs, top):
        blobs.check(digest)
    signature.verify(blobs, Descriptor(media_type=MANIFEST, digest=image.signature, size=0), image.digest, pem, _WHERE)


def _in_registry(settings: DeploySettings, image: Image, pem: bytes, tools: Tools) -> None:
    from legion_ci.oci import signature
    from legion_ci.oci.blobs import shared
    from legion_ci.oci.credentials import login
    from legion_ci.oci.document import Manifest
    from legion_ci.oci.reference import parse
    from legion_ci.oci.registry import Registry

    reference, blobs = parse(image.reference), shared()
    who = login(reference.registry, settings.credentials, tools.secrets, "deploy.credentials")
    registry = Registry(reference, who, insecure=settings.insecure)
    found = registry.manifest(signature.tag(image.digest), blobs)
    for layer in msgspec.json.decode(blobs.read(found.digest), type=Manifest).layers:
        registry.fetch(layer, blobs, tools)
    signature.verify(blobs, found, image.digest, pem, _WHERE)
