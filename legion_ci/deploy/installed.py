"""Installed packages of a site: one folder a deployment, put there all or nothing, with what is wanted of it."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import msgspec

from legion_ci.core.errors import OrderError, ToolError
from legion_ci.core.files import digest_tree, unwritable, write_atomic
from legion_ci.core.site import Site
from legion_ci.deploy.protocol import Wanted
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
    """Copy a package (``artefact/``, ``requirements.lock``) into the site; one that is there whole is left alone.

    Raises OrderError when the package does not hold the model's artefact.
    """
    target = folder_of(site, deployment)
    if (target / LOCK).is_file() and _digest(target) == model.artefact.digest:
        return target
    if not (package / LOCK).is_file() or _digest(package) != model.artefact.digest:
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
        shutil.copytree(package, half / "new")
        if target.exists():
            target.replace(half / "old")
        (half / "new").replace(target)
    finally:
        shutil.rmtree(half, ignore_errors=True)


def _digest(folder: Path) -> str:
    return digest_tree(folder / ARTEFACT) if (folder / ARTEFACT).is_dir() else ""
