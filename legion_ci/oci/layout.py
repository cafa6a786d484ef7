"""An image as a folder: the OCI image layout, which skopeo, podman, crane and others read (image-layout.md)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec

from legion_ci.core.errors import ToolError
from legion_ci.core.files import write_atomic
from legion_ci.oci.blobs import Blobs
from legion_ci.oci.document import INDEX, INDEXES, MANIFESTS, Descriptor, Index, Manifest, Platform, encode
from legion_ci.oci.image import Built, read

_NAME = "org.opencontainers.image.ref.name"
_VERSION = '{"imageLayoutVersion":"1.0.0"}'


def write(folder: Path, blobs: Blobs, top: Descriptor, name: str, attached: Sequence[Descriptor] = ()) -> Blobs:
    """Write an image (or an index of several) and what refers to it into a layout; blobs are shared where the disk can."""
    target = Blobs(folder)
    for descriptor in (top, *attached):
        for digest in closure(blobs, descriptor):
            blobs.lend(digest, target)
    named = msgspec.structs.replace(top, annotations={**top.annotations, _NAME: name})
    write_atomic(folder / "oci-layout", _VERSION)
    write_atomic(folder / "index.json", encode(Index(manifests=(named, *attached))))
    return target


def top_of(folder: Path) -> Descriptor:
    """The image, or index of images, of a layout; raises ToolError when the folder is not one."""
    try:
        index = msgspec.json.decode((folder / "index.json").read_bytes(), type=Index)
        named = [m for m in index.manifests if not m.artifact_type]
        return named[0]
    except (OSError, msgspec.DecodeError, msgspec.ValidationError, IndexError) as error:
        raise ToolError(f"is not an OCI image layout ({error})", where=str(folder), todo="package again") from error


def image_of(blobs: Blobs, top: Descriptor, platform: Platform) -> Built:
    """The image for a platform; raises ToolError that names those that there are."""
    if top.media_type in MANIFESTS:
        return read(blobs, top)
    entries = msgspec.json.decode(blobs.read(top.digest), type=Index).manifests
    return read(blobs, choose(entries, platform, top.digest))


def choose(entries: Sequence[Descriptor], platform: Platform, where: str) -> Descriptor:
    """The entry of an index for a platform; raises ToolError that names those that there are."""
    for entry in entries:
        if entry.platform and _runs(entry.platform, platform):
            return entry
    there = ", ".join(sorted(str(e.platform) for e in entries if e.platform)) or "none"
    raise ToolError(f"there is no image for {platform} (there are: {there})", where=where)


def closure(blobs: Blobs, top: Descriptor) -> list[str]:
    """Digests of everything that an image or index needs, itself last."""
    if top.media_type in INDEXES:
        index = msgspec.json.decode(blobs.read(top.digest), type=Index)
        return [*(d for m in index.manifests for d in closure(blobs, m)), top.digest]
    if top.media_type not in MANIFESTS:
        return [top.digest]
    manifest = msgspec.json.decode(blobs.read(top.digest), type=Manifest)
    return [*(layer.digest for layer in manifest.layers), manifest.config.digest, top.digest]


def join(blobs: Blobs, images: Sequence[Built]) -> Descriptor:
    """One descriptor for images of several platforms; of a single one its own."""
    if len(images) == 1:
        return images[0].descriptor
    index = Index(manifests=tuple(msgspec.structs.replace(i.descriptor, platform=i.platform) for i in images))
    return blobs.put(encode(index), INDEX)


def _runs(has: Platform, wanted: Platform) -> bool:
    return (has.os, has.architecture) == (wanted.os, wanted.architecture) and wanted.variant in ("", has.variant)
