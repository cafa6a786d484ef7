"""Installed packages of a site: one folder a deployment, put there all or nothing, with what is wanted of it."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

import msgspec

from legion_ci.core.errors import OrderError, ToolError
from legion_ci.core.files import digest_tree, unwritable, write_atomic
from legion_ci.core.site import Site
from legion_ci.deploy.protocol import Wanted
from legion_ci.oci import facts
from legion_ci.results import ModelRef

FACTS, ARTEFACT, LOCK = "deployment.json", "artefact", "requirements.lock"
_HALF = ".install-"


def deployment_id(model: ModelRef) -> str:
    """Name of a deployment: the same artefact has the same."""
    return f"{model.name}-{model.artefact.digest[:8]}"


def folder_of(site: Site, deployment: str) -> Path:
    """Where a deployment's package is installed."""
    return site.deployments / deployment


def install(site: Site, package: Path, deployment: str, model: ModelRef) -> Path:
    """Put a package into the site; one that is there whole is left alone.

    It holds the model itself (``artefact/``, ``requirements.lock``) or is an image (``image.json``, maybe ``layout/``).
    Raises OrderError when it does not hold the model's artefact.
    """
    target = folder_of(site, deployment)
    if _holds(target, package, model):
        return target
    if not _holds(package, package, model):
        raise OrderError(
            "the package does not hold the trained artefact", where=str(package), todo="run legion-ci package again"
        )
    try:
        _copy(package, target)
    except (OSError, shutil.Error) as error:
        cause = error if isinstance(error, OSError) else OSError(str(error))
        raise unwritable(target, cause) from error
    return target


def save(site: Site, wanted: Wanted) -> None:
    """Keep what is wanted of an installed package."""
    write_atomic(folder_of(site, wanted.deployment) / FACTS, msgspec.json.format(msgspec.json.encode(wanted), indent=2))


def read(site: Site, deployment: str) -> Wanted:
    """What is wanted of an installed package; raises ToolError when it was tampered with or is gone."""
    path = folder_of(site, deployment) / FACTS
    try:
        return msgspec.json.decode(path.read_bytes(), type=Wanted)
    except (OSError, msgspec.DecodeError, msgspec.ValidationError) as error:
        raise ToolError(
            f"the installed package cannot be read ({error})", where=str(path), todo="deploy that model again"
        ) from error


def forget(site: Site, deployment: str) -> None:
    """Remove an installed package."""
    shutil.rmtree(folder_of(site, deployment), ignore_errors=True)


def _copy(package: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    for left in target.parent.glob(f"{_HALF}*"):  # of an installation that was interrupted; we hold the site's lock
        shutil.rmtree(left, ignore_errors=True)
    half = Path(tempfile.mkdtemp(prefix=_HALF, dir=target.parent))
    try:
        is_image = (package / facts.FILE).is_file()
        shutil.copytree(package, half / "new", copy_function=_linked_or_copied if is_image else shutil.copy2)
        if target.exists():
            target.replace(half / "old")
        (half / "new").replace(target)
    finally:
        shutil.rmtree(half, ignore_errors=True)


def _linked_or_copied(source: str, target: str) -> None:
    """An image's blobs are never changed: where the disk allows it, all deployments share one file."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def _holds(folder: Path, package: Path, model: ModelRef) -> bool:
    """Whether a folder is the package, whole: it was put there in one piece."""
    if (package / facts.FILE).is_file():
        return (folder / facts.FILE).is_file() and (folder / facts.FILE).read_bytes() == (
            package / facts.FILE
        ).read_bytes()
    artefact = folder / ARTEFACT
    return (folder / LOCK).is_file() and artefact.is_dir() and digest_tree(artefact) == model.artefact.digest
