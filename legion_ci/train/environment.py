"""The model's environment: what it needs at run time, resolved once into a lock with hashes, and tried."""

from __future__ import annotations

import json
import platform
import shutil
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.metadata import requires
from pathlib import Path

import yaml
from packaging.requirements import Requirement

from legion_ci.core import environments, uv
from legion_ci.core.errors import ConfigurationError, ToolError
from legion_ci.core.files import write_atomic
from legion_ci.core.tools import Tools
from legion_ci.train.described import read as described
from legion_ci.train.described.description import read_requirements

_PREDICT = "legion_ci.serving.predict"


@dataclass(frozen=True)
class Prepared:
    """An environment that was made from a description before training. requirements: lines for pip, ours included."""

    python: Path
    requirements: tuple[str, ...]
    lock: Path


def prepare(path: Path, extras: Sequence[str], tools: Tools, scratch: Path, find_links: Sequence[str] = ()) -> Prepared:
    """Lock what the file describes, with what our server needs, and make the environment to train in.

    extras: ours that training itself needs beside the lock; the environment then holds the lock's exact versions and
    those. Environments are shared by the digest of their lock. Raises ConfigurationError for what cannot be had.
    """
    found = described.read(path, tools, scratch)
    for note in found.notes:
        tools.progress.say(note)
    lines = tuple(sorted({*found.requirements, *_ours("serve")}, key=str.lower))
    if not extras:
        kept = wanted = _compiled(lines, scratch / "environment.lock", path, tools, find_links)
    else:  # what both hold has the same version in both
        more = (*lines, *(r for e in extras for r in _ours(e)))
        wanted = _compiled(more, scratch / "training.lock", path, tools, find_links)
        pinned = (f"-c {wanted.name}", *lines)
        kept = _compiled(pinned, scratch / "environment.lock", path, tools, find_links)
    return Prepared(environments.ensure(wanted, tools, find_links), lines, kept)


def _compiled(lines: Sequence[str], lock: Path, path: Path, tools: Tools, find_links: Sequence[str]) -> Path:
    stated = lock.with_suffix(".in")
    write_atomic(stated, "\n".join(lines) + "\n")
    try:
        with tools.progress.waiting("the lock"):
            uv.compile_lock(stated, lock, tools, find_links)
    except ToolError as error:
        raise ConfigurationError(
            f"its packages cannot be locked together with the model server's: {error}",
            where=str(path),
            todo="correct the names and versions; conda packages that PyPI lacks have to be left out",
        ) from error
    return lock


def describe(artefact: Path, wanted: Iterable[str]) -> None:
    """Write requirements.txt, conda.yaml and python_env.yaml; what our server needs is added."""
    model_dir = artefact / "legion_model"
    lines = sorted({*wanted, *_ours("serve")}, key=str.lower)
    write_atomic(model_dir / "requirements.txt", "\n".join(lines) + "\n")
    conda = {
        "name": "model",
        "channels": ["conda-forge"],
        "dependencies": [f"python={platform.python_version()}", "pip", {"pip": lines}],
    }
    write_atomic(model_dir / "conda.yaml", yaml.safe_dump(conda, sort_keys=False))
    virtualenv = {
        "python": platform.python_version(),
        "build_dependencies": ["pip"],
        "dependencies": ["-r requirements.txt"],
    }
    write_atomic(model_dir / "python_env.yaml", yaml.safe_dump(virtualenv, sort_keys=False))


def lock(artefact: Path, prepared: Prepared | None, tools: Tools, find_links: Sequence[str] = ()) -> Path:
    """Write requirements.lock, resolved once from requirements.txt or before training; returns its environment's Python."""
    model_dir = artefact / "legion_model"
    path = model_dir / "requirements.lock"
    if prepared is not None:
        shutil.copyfile(prepared.lock, path)
    else:
        with tools.progress.waiting("the lock"):
            uv.compile_lock(model_dir / "requirements.txt", path, tools, find_links)
    return environments.ensure(path, tools, find_links)


def predict(python: Path | str, artefact: Path, rows: Path, out: Path, tools: Tools) -> None:
    """Predict an Arrow file in that environment."""
    tools.shell.run([python, "-m", _PREDICT, "--model", artefact, "--input", rows, "--output", out])


def stated(stated: tuple[str, ...] | str, folder: Path) -> list[str]:
    """Requirements that the settings list, or the lines of the file that they name."""
    if not isinstance(stated, str):
        return list(stated)
    path = folder / stated
    if not path.is_file():
        raise ConfigurationError(
            f"there is no file {stated!r}",
            where="train.requirements",
            todo="name a requirements file or list requirements",
        )
    return list(read_requirements(path))


def observed(artefact: Path, tools: Tools, scratch: Path) -> list[str]:
    """What the model loads when it predicts its sample here, in a fresh process."""
    found = scratch / "loaded.json"
    done = tools.shell.run(
        [
            sys.executable,
            "-m",
            "legion_ci.train.probe",
            found,
            _PREDICT,
            "--model",
            artefact,
            "--input",
            scratch / "head_input.arrow",
            "--output",
            scratch / "head_output.arrow",
        ],
        check=False,
    )
    if done.returncode != 0:
        last = (done.stdout.strip().splitlines() or ["no output"])[-1]
        raise ToolError(
            f"the trained model does not predict its own sample in a fresh process ({last})",
            where="train",
            todo="the model may need code or state that is not in the model repository's modules",
        )
    return [f"{name}=={version}" for name, version in json.loads(found.read_text()).items()]


def _ours(extra: str) -> list[str]:
    """What one of our extras needs, the base included, from our own metadata."""
    wanted = [Requirement(line) for line in requires("legion-ci") or []]
    kept = [r for r in wanted if r.marker is None or r.marker.evaluate({"extra": extra})]
    return [str(r).split(";")[0].strip() for r in kept if r.name != "legion-ci"]
