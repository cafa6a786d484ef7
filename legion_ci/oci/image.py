"""Puts layers and a configuration together to an image, and reads images back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from legion_ci.core.errors import ToolError
from legion_ci.oci.blobs import Blobs
from legion_ci.oci.document import CONFIG, LAYER, MANIFEST, Descriptor, Manifest, Platform, encode
from legion_ci.oci.layer import Layer

CREATED = "1970-01-01T00:00:00Z"  # of everything: the time of a build is no input of it
_SECOND = 1_000_000_000  # of the durations in a health check


@dataclass(frozen=True)
class Built:
    """An image of one platform in a store. document: its configuration."""

    descriptor: Descriptor
    manifest: Manifest
    document: Mapping[str, Any]

    @property
    def diff_ids(self) -> tuple[str, ...]:
        """sha256 of each uncompressed layer, the lowest first."""
        return tuple(self.document["rootfs"]["diff_ids"])

    @property
    def platform(self) -> Platform:
        """What it runs on."""
        d = self.document
        return Platform(os=d["os"], architecture=d["architecture"], variant=d.get("variant", ""))

    @property
    def size(self) -> int:
        """Compressed size of all layers in bytes."""
        return sum(layer.size for layer in self.manifest.layers)


@dataclass(frozen=True)
class Run:
    """How a container of the image runs."""

    entrypoint: Sequence[str]
    command: Sequence[str] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    user: str = ""
    folder: str = "/"
    ports: Sequence[int] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    health: Sequence[str] = ()

    def config(self, under: Mapping[str, Any]) -> dict[str, Any]:
        """As an image's ``config``, over that of the image below."""
        variables = dict(line.split("=", 1) for line in under.get("Env") or () if "=" in line)
        made: dict[str, Any] = {
            "Entrypoint": list(self.entrypoint),
            "Cmd": list(self.command),
            "Env": [f"{k}={v}" for k, v in sorted({**variables, **self.environment}.items())],
            "User": self.user or under.get("User", ""),
            "WorkingDir": self.folder,
            "ExposedPorts": {f"{port}/tcp": {} for port in self.ports},
            "Labels": dict(self.labels),
            "StopSignal": "SIGTERM",
        }
        if self.health:
            made["Healthcheck"] = {"Test": ["CMD", *self.health], "Interval": 10 * _SECOND, "Timeout": 5 * _SECOND,
                                   "StartPeriod": 60 * _SECOND, "Retries": 3}  # fmt: skip
        return made


def assemble(
    blobs: Blobs,
    base: Built | None,
    platform: Platform,
    layers: Sequence[tuple[str, Layer]],
    run: Run,
    notes: Mapping[str, str] | None = None,
) -> Built:
    """The image of a base and layers above it, each with what it is (its line of history). notes: annotations."""
    below = base.document if base else {}
    document = {
        "created": CREATED,
        **msgspec.to_builtins(platform),
        "config": run.config(below.get("config") or {}),
        "rootfs": {"type": "layers", "diff_ids": [*(base.diff_ids if base else ()), *(x.diff_id for _, x in layers)]},
        "history": [
            *below.get(
                "history", [{"created": CREATED, "created_by": "base"} for _ in (base.diff_ids if base else ())]
            ),
            *({"created": CREATED, "created_by": f"legion-ci: {what}"} for what, _ in layers),
        ],
    }
    config = blobs.put(encode(document), CONFIG)
    stack = (*(base.manifest.layers if base else ()), *(x.descriptor() for _, x in layers))
    manifest = Manifest(
        config=config, layers=tuple(_as_oci(d) for d in stack), annotations={**run.labels, **(notes or {})}
    )
    described = blobs.put(encode(manifest), MANIFEST, platform=platform)
    return Built(described, manifest, document)


def read(blobs: Blobs, descriptor: Descriptor) -> Built:
    """The image of a manifest in the store; raises ToolError when it is not one."""
    try:
        manifest = msgspec.json.decode(blobs.read(descriptor.digest), type=Manifest)
        document = msgspec.json.decode(blobs.read(manifest.config.digest))
        built = Built(descriptor, manifest, document)
        if len(built.diff_ids) != len(manifest.layers) or not built.platform.architecture:
            raise ValueError("its layers do not match its configuration")
    except (ValueError, KeyError, TypeError) as error:
        raise ToolError(f"is not an image ({error})", where=descriptor.digest) from error
    return built


def _as_oci(layer: Descriptor) -> Descriptor:
    """Docker's name for a gzipped layer as the OCI's."""
    is_docker = layer.media_type == "application/vnd.docker.image.rootfs.diff.tar.gzip"
    return msgspec.structs.replace(layer, media_type=LAYER) if is_docker else layer
