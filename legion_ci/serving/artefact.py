"""Reads what an artefact folder says about itself: name, version, flavour, where its files are."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from legion_ci.core.errors import ConfigurationError
from legion_ci.core.files import digest_tree
from legion_ci.serving.accelerated import form

MANIFEST = "legion.project.yaml"
MODEL_DIR = "legion_model"
FLAVORS = ("sklearn", "pyfunc", "gppi")


@dataclass(frozen=True)
class ModelFolder:
    """A model on disk. model_dir: the folder with MLmodel, samples and code; entrypoint: its GPPI module's name.

    accelerated: the folder with its faster form, packaged beside it, which is served in its stead.
    """

    root: Path
    model_dir: Path
    name: str
    version: str
    flavor: str
    entrypoint: str = "entrypoint"
    digest: str = ""
    accelerated: Path | None = None


def read(root: Path, digest: str = "") -> ModelFolder:
    """The model in an artefact folder; raises ConfigurationError when the folder is not one.

    digest: the artefact's digest when it is known already; computed from all files otherwise.
    """
    manifest = _manifest(root / MANIFEST)
    model = _section(manifest, "model", root)
    model_dir = root / str(model.get("workDir") or MODEL_DIR)
    if not model_dir.resolve().is_relative_to(root.resolve()) or not model_dir.is_dir():
        raise ConfigurationError(f"there is no model folder {model_dir.name}", where=str(root), todo="train it again")
    return ModelFolder(
        root=root,
        model_dir=model_dir,
        name=str(model.get("name") or "model"),
        version=str(model.get("version") or "0"),
        flavor=_flavor(_section(manifest, "legion", root), model_dir),
        entrypoint=str(model.get("entrypoint") or "entrypoint"),
        digest=digest or digest_tree(root),
        accelerated=form.beside(root),
    )


def read_model_dir(model_dir: Path) -> ModelFolder:
    """The model whose ``legion_model`` folder that is, with or without the manifest beside it; no digest."""
    if (model_dir.parent / MANIFEST).is_file():
        return replace(read(model_dir.parent, digest="unknown"), digest="")
    flavor = _flavor({}, model_dir)
    return ModelFolder(model_dir.parent, model_dir, name="model", version="0", flavor=flavor)


def mlmodel(model_dir: Path) -> dict[str, Any]:
    """The content of MLmodel; empty when there is none."""
    path = model_dir / "MLmodel"
    return _yaml(path) if path.is_file() else {}


def _manifest(path: Path) -> dict[str, Any]:
    if not path.parent.is_dir():
        raise ConfigurationError("there is no such folder", where=str(path.parent), todo="name an artefact folder")
    if not path.is_file():
        todo = f"name the folder that holds {MANIFEST}"
        raise ConfigurationError("is not a model artefact (no manifest)", where=str(path), todo=todo)
    return _yaml(path)


def _yaml(path: Path) -> dict[str, Any]:
    try:
        content = yaml.safe_load(path.read_bytes())
    except (OSError, yaml.YAMLError, UnicodeDecodeError) as error:
        reason = str(error).splitlines()[0]
        raise ConfigurationError(f"cannot be read ({reason})", where=str(path), todo="train the model again") from error
    if not isinstance(content, dict):
        raise ConfigurationError("is not a mapping", where=str(path), todo="train the model again")
    return content


def _section(manifest: dict[str, Any], name: str, root: Path) -> dict[str, Any]:
    section = manifest.get(name) or {}
    if not isinstance(section, dict):
        raise ConfigurationError(f"{name} is not a mapping", where=str(root / MANIFEST), todo="train the model again")
    return section


def _flavor(legion: dict[str, Any], model_dir: Path) -> str:
    said = legion.get("flavor")
    if said is None:
        flavors = mlmodel(model_dir).get("flavors") or {}
        return "sklearn" if "sklearn" in flavors else "pyfunc" if flavors else "gppi"
    if said not in FLAVORS:
        where, todo = str(model_dir.parent / MANIFEST), f"known are {', '.join(FLAVORS)}"
        raise ConfigurationError(f"legion.flavor {said!r} is not known", where=where, todo=todo)
    return str(said)
