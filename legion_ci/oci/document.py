"""The documents that an image is made of: descriptors, manifests, indexes; encoded the same way every time.

Source: OCI image specification 1.1 (manifest.md, image-index.md, descriptor.md).
"""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
EMPTY = "application/vnd.oci.empty.v1+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_INDEX = "application/vnd.docker.distribution.manifest.list.v2+json"
INDEXES, MANIFESTS = (INDEX, DOCKER_INDEX), (MANIFEST, DOCKER_MANIFEST)


class Platform(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """``os/architecture[/variant]``."""

    os: str
    architecture: str
    variant: str = ""

    @classmethod
    def parse(cls, text: str) -> Platform:
        """The platform that ``linux/amd64`` names."""
        system, _, rest = text.partition("/")
        architecture, _, variant = rest.partition("/")
        return cls(os=system, architecture=architecture, variant=variant)

    def __str__(self) -> str:
        return "/".join(part for part in (self.os, self.architecture, self.variant) if part)


class Descriptor(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """What a blob is, and its sha256 and size."""

    media_type: str
    digest: str
    size: int
    annotations: dict[str, str] = {}
    platform: Platform | None = None
    artifact_type: str = ""


class Manifest(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """One image of one platform, or, with ``subject``, something attached to an image."""

    config: Descriptor
    layers: tuple[Descriptor, ...]
    schema_version: int = 2
    media_type: str = MANIFEST
    artifact_type: str = ""
    subject: Descriptor | None = None
    annotations: dict[str, str] = {}


class Index(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """Manifests by platform, or what refers to an image."""

    manifests: tuple[Descriptor, ...]
    schema_version: int = 2
    media_type: str = INDEX
    annotations: dict[str, str] = {}


def encode(document: Any) -> bytes:
    """JSON with sorted keys: the same document has the same digest. ``schemaVersion`` is always written."""
    built = msgspec.to_builtins(document)
    if isinstance(document, Manifest | Index):
        built = {"schemaVersion": 2, "mediaType": document.media_type, **built}
    return msgspec.json.encode(built, order="sorted")


def digest_of(content: bytes) -> str:
    """``sha256:…`` of bytes."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def describe(content: bytes, media_type: str, **more: Any) -> Descriptor:
    """The descriptor of a document's bytes."""
    return Descriptor(media_type=media_type, digest=digest_of(content), size=len(content), **more)


def chain_ids(diff_ids: tuple[str, ...]) -> tuple[str, ...]:
    """Ids of a stack of layers, each with all below it (image-spec config.md, "Layer ChainID")."""
    chain: list[str] = []
    for diff in diff_ids:
        chain.append(digest_of(f"{chain[-1]} {diff}".encode()) if chain else diff)
    return tuple(chain)
