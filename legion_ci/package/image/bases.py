"""The image below: made of Debian's packages, from a registry, or from a folder; always known by digest."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec

from legion_ci.core.errors import ConfigurationError
from legion_ci.core.tools import Tools
from legion_ci.oci import debian, layout
from legion_ci.oci.blobs import Blobs
from legion_ci.oci.document import Platform
from legion_ci.oci.image import Built
from legion_ci.oci.reference import parse
from legion_ci.oci.registry import Registry

DEBIAN, FOLDER = "debian", "oci:"
_WHERE = "package.base"
_LABEL = "org.legion-ci.python"
_PYTHONS = ("/usr/local/bin/python3", "/usr/bin/python3")


class Base(msgspec.Struct, frozen=True, kw_only=True):
    """A base image of one platform, its layers in the store. python: program in it. version: ``3.11`` of that."""

    built: Built
    python: str
    version: str

    @property
    def digest(self) -> str:
        """Of its manifest."""
        return self.built.descriptor.digest


def find(name: str, platform: str, blobs: Blobs, registry: Registry | None, tools: Tools) -> Base:
    """The base for a platform ("": its own or this machine's); layers that are not in the store are fetched.

    Raises ConfigurationError when its Python is not known, ToolError or ServiceError when it is not to be had.
    """
    built = _built(name, Platform.parse(platform) if platform else None, blobs, registry, tools)
    return Base(built=built, python=_program(name, built), version=_version(name, built))


def _built(name: str, platform: Platform | None, blobs: Blobs, registry: Registry | None, tools: Tools) -> Built:
    if name == DEBIAN:
        built = debian.ensure(blobs, tools)
        if platform and str(platform) != str(built.platform):
            raise ConfigurationError(
                f"the base image that is made here is for {built.platform}, not for {platform}", where=_WHERE,
                todo="name a base image in a registry that has all package.platforms",
            )  # fmt: skip
        return built
    if name.startswith(FOLDER):
        folder = Blobs(Path(name.removeprefix(FOLDER)).expanduser())
        found = layout.image_of(folder, layout.top_of(folder.folder), platform or here())
        for digest in layout.closure(folder, found.descriptor):
            folder.check(digest)
            folder.lend(digest, blobs)
        return found
    reference = parse(name, _WHERE)
    source = registry if registry and registry.host == reference.registry else Registry.of(reference)
    return source.image(reference, platform or here(), blobs, tools)


def here() -> Platform:
    """What this machine runs."""
    import platform

    machine = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
    return Platform(os="linux", architecture=machine)


def _program(name: str, built: Built) -> str:
    entry = (built.document.get("config") or {}).get("Entrypoint") or []
    if len(entry) == 1 and re.search(r"/python3?[\d.]*$", entry[0]):
        return str(entry[0])
    return _PYTHONS[0] if "PYTHON_VERSION" in _variables(built) else _PYTHONS[1]


def _version(name: str, built: Built) -> str:
    labels = (built.document.get("config") or {}).get("Labels") or {}
    told = labels.get(_LABEL) or _variables(built).get("PYTHON_VERSION", "")
    if found := re.match(r"3\.\d+", told):
        return found.group()
    raise ConfigurationError(
        f"the base image {name} does not say which Python it has", where=_WHERE,
        todo=f"give it the label {_LABEL}=3.11 or the variable PYTHON_VERSION, as the images python:3.11-slim have",
    )  # fmt: skip


def _variables(built: Built) -> dict[str, str]:
    config = built.document.get("config") or {}
    return dict(line.split("=", 1) for line in config.get("Env") or () if "=" in line)
