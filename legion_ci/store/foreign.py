"""Reads the manifests of trained models that others wrote: Legion's and ODAHU's, JSON or YAML."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from legion_ci.core.errors import ConfigurationError, Problem

MANIFESTS = ("legion.project.yaml", "odahuflow.project.yaml", "odahuflow.model.yaml")
_VERSIONS = ("legionVersion", "odahuflowVersion")
_REQUIRED = (
    ("binaries", "type"), ("binaries", "dependencies"), ("binaries", "conda_path"),
    ("model", "name"), ("model", "version"), ("model", "workDir"), ("model", "entrypoint"),
)  # fmt: skip
_KNOWN = {("binaries", "type"): "python", ("binaries", "dependencies"): "conda"}


@dataclass(frozen=True)
class Foreign:
    """A trained model in a folder. model_dir: what is put on the path of imports. ours: training here wrote it."""

    root: Path
    manifest: Path
    model_dir: Path
    conda: Path
    name: str
    version: str
    entrypoint: str
    run_id: str
    toolchain: str
    ours: bool


def find(root: Path) -> Path:
    """The manifest in a folder, or in the only folder in it; raises ConfigurationError for none."""
    inner: list[Path] = [p for p in root.iterdir() if p.is_dir() and not p.name.startswith(".")]
    folders = [root, *(inner if len(inner) == 1 else [])]
    for folder in folders:
        for name in MANIFESTS:
            if (folder / name).is_file():
                return folder / name
    raise ConfigurationError(
        "is no trained model (it has no manifest)", where=root.name, todo=f"its folder must hold {' or '.join(MANIFESTS[:2])}"
    )  # fmt: skip


def read(root: Path) -> Foreign:
    """The model in a folder; raises ConfigurationError with everything that is wrong with manifest and files."""
    path = find(root)
    content = _content(path)
    problems = list(_problems(content, path))
    if not problems:
        problems = list(_absent(path.parent, content, path))
    if problems:
        raise ConfigurationError(problems)
    model, folder = content["model"], path.parent
    return Foreign(
        root=folder, manifest=path, model_dir=folder / model["workDir"], conda=folder / content["binaries"]["conda_path"],
        name=model["name"], version=model["version"], entrypoint=model["entrypoint"],
        run_id=str(_section(content, "output").get("run_id") or ""),
        toolchain=str(_section(content, "toolchain").get("name") or ""),
        ours=isinstance(content.get("legion"), dict) and "schema_version" in content["legion"],
    )  # fmt: skip


def _content(path: Path) -> dict[str, Any]:
    try:
        text = path.read_text(encoding="utf-8")
        try:
            content = json.loads(text)
        except ValueError:
            content = yaml.safe_load(text)
    except (OSError, UnicodeDecodeError, yaml.YAMLError, RecursionError) as error:
        reason = " ".join(str(error).split())[:200]
        raise ConfigurationError(f"is neither JSON nor YAML ({reason})", where=path.name, todo="correct it") from error
    if not isinstance(content, dict):
        raise ConfigurationError("is not a mapping", where=path.name, todo="write binaries and model into it")
    return content


def _section(content: dict[str, Any], name: str) -> dict[str, Any]:
    found = content.get(name)
    return found if isinstance(found, dict) else {}


def _problems(content: dict[str, Any], path: Path) -> list[Problem]:
    found = []
    for section, field in _REQUIRED:
        value = _section(content, section).get(field)
        place, known = f"{section}.{field}", _KNOWN.get((section, field))
        if value is None:
            found.append(Problem(f"{place} is missing", path.name, "add it"))
        elif not isinstance(value, str) or not value:
            todo = "write it in quotes"
            found.append(Problem(f"{place} must be a text (found {value!r})", path.name, todo))
        elif known and value != known:
            found.append(Problem(f"{place} is {value!r}", path.name, f"only {known!r} is known"))
    if not any(v in content for v in _VERSIONS):
        found.append(Problem(f"{' or '.join(_VERSIONS)} is missing", path.name, "add it, as '1.0'"))
    entrypoint = _section(content, "model").get("entrypoint")
    if isinstance(entrypoint, str) and entrypoint and not all(p.isidentifier() for p in entrypoint.split(".")):
        found.append(
            Problem(f"model.entrypoint {entrypoint!r} is no name of a module", path.name, "name it without .py")
        )
    return found


def _absent(root: Path, content: dict[str, Any], path: Path) -> list[Problem]:
    """Files that are not where the manifest says, or lie outside, or are links."""
    model_dir, conda = root / content["model"]["workDir"], root / content["binaries"]["conda_path"]
    found = []
    for name, place, there in (("model.workDir", model_dir, model_dir.is_dir()), ("binaries.conda_path", conda, conda.is_file())):  # fmt: skip
        if not place.resolve().is_relative_to(root.resolve()):
            found.append(Problem(f"{name} leaves the folder", path.name, "name a place in it"))
        elif not there:
            found.append(
                Problem(f"{name}: there is no {place.relative_to(root)}", path.name, "correct it, or add that")
            )
    links = sorted(p.relative_to(root).as_posix() for p in root.rglob("*") if p.is_symlink())
    if links:
        found.append(Problem(f"holds symbolic links ({', '.join(links[:3])})", root.name, "copy the files instead"))
    if not found and not _module(model_dir, content["model"]["entrypoint"]):
        what = f"model.entrypoint: there is no module {content['model']['entrypoint']} in {model_dir.name}"
        found.append(Problem(what, path.name, "correct the name, or add the module"))
    return found


def _module(folder: Path, name: str) -> bool:
    path = folder.joinpath(*name.split("."))
    return path.with_name(f"{path.name}.py").is_file() or (path / "__init__.py").is_file()
