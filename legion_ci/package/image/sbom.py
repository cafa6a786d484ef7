"""What is in an image, as a CycloneDX document: the lock's packages with their hashes, Debian's packages, the model."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import NAMESPACE_URL, uuid5

from legion_ci.core.errors import missing_package
from legion_ci.oci.debian import PACKAGES_NOTE
from legion_ci.package.image.bases import Base
from legion_ci.results import ModelRef

if TYPE_CHECKING:
    from cyclonedx.model.component import Component

KIND = "application/vnd.cyclonedx+json"
_PIN = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)==(\S+)(.*?)(?=^[A-Za-z0-9]|\Z)", re.MULTILINE | re.DOTALL)
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")


def write(lock: Path, base: Base, model: ModelRef) -> bytes:
    """The document. The same content has the same bytes: its number comes from the lock, base and model, its time is 1970.

    Raises PluginError when the library is not installed.
    """
    try:
        from cyclonedx.model.bom import Bom
        from cyclonedx.model.component import Component, ComponentType
        from cyclonedx.output.json import JsonV1Dot6
    except ImportError as error:
        raise missing_package(error, "package") from error
    from datetime import UTC, datetime

    about = f"{model.artefact.digest} {base.digest} {lock.read_text()}"
    bom = Bom(serial_number=uuid5(NAMESPACE_URL, about), components=[*_python(lock), *_debian(base)])
    bom.metadata.timestamp = datetime.fromtimestamp(0, UTC)
    bom.metadata.component = Component(
        name=model.name, version=model.version, type=ComponentType.MACHINE_LEARNING_MODEL, bom_ref="model"
    )
    bom.register_dependency(bom.metadata.component, bom.components)
    return str(JsonV1Dot6(bom).output_as_string(indent=1)).encode()


def _python(lock: Path) -> Iterator[Component]:
    from cyclonedx.model import HashAlgorithm, HashType
    from cyclonedx.model.component import Component
    from packageurl import PackageURL

    for name, version, rest in _PIN.findall(lock.read_text()):
        url = PackageURL(type="pypi", name=name.lower().replace("_", "-"), version=version)
        hashes = [HashType(alg=HashAlgorithm.SHA_256, content=h) for h in _HASH.findall(rest)]
        yield Component(
            name=name, version=version, purl=url, bom_ref=url.to_string(), hashes=hashes[:1] if len(hashes) == 1 else ()
        )


def _debian(base: Base) -> Iterator[Component]:
    """Those that a base of ours says it is made of; nothing is known of others."""
    from cyclonedx.model.component import Component
    from packageurl import PackageURL

    for package in base.built.manifest.annotations.get(PACKAGES_NOTE, "").split():
        name, _, version = package.partition("=")
        url = PackageURL(type="deb", namespace="debian", name=name, version=version)
        yield Component(name=name, version=version, purl=url, bom_ref=url.to_string())
