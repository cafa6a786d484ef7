"""The model's environment: what it needs at run time, resolved once into a lock with hashes, and tried."""

from __future__ import annotations

import json
import platform
import sys
from collections.abc import Sequence
from importlib.metadata import requires
from pathlib import Path

import yaml

from legion_ci.core import environments, uv
from legion_ci.core.errors import ConfigurationError, ToolError
from legion_ci.core.files import write_atomic
from legion_ci.core.tools import Tools

_PREDICT = "legion_ci.serving.predict"


def describe(artefact: Path, stated: tuple[str, ...] | str | None, folder: Path, tools: Tools, scratch: Path) -> None:
    """Write requirements.txt, conda.yaml and python_env.yaml: what was stated, else what the model loads when it predicts here."""
    model_dir = artefact / "legion_model"
    wanted = _stated(stated, folder) if stated is not None else _observed(artefact, tools, scratch)
    lines = sorted({*wanted, *_server()}, key=str.lower)
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


def lock(artefact: Path, tools: Tools, find_links: Sequence[str] = ()) -> Path:
    """Resolve requirements.txt into requirements.lock, once, and prove that the model predicts in it.

    Writes head_output.parquet and .json, the predictions of the samples in the locked environment. Raises ToolError
    when something is missing there: at training, not at serving.
    """
    model_dir = artefact / "legion_model"
    path = model_dir / "requirements.lock"
    with tools.progress.waiting("the lock"):
        uv.compile_lock(model_dir / "requirements.txt", path, tools, find_links)
    python = environments.ensure(path, tools, find_links)
    return python


def predict(python: Path | str, artefact: Path, rows: Path, out: Path, tools: Tools) -> None:
    """Predict an Arrow file in that environment."""
    tools.shell.run([python, "-m", _PREDICT, "--model", artefact, "--input", rows, "--output", out])


def _stated(stated: tuple[str, ...] | str, folder: Path) -> list[str]:
    if not isinstance(stated, str):
        return list(stated)
    path = folder / stated
    if not path.is_file():
        raise ConfigurationError(
            f"there is no file {stated!r}",
            where="train.requirements",
            todo="name a requirements file or list requirements",
        )
    lines = (line.split(" #")[0].strip() for line in path.read_text().splitlines())
    return [line for line in lines if line and not line.startswith("#")]


def _observed(artefact: Path, tools: Tools, scratch: Path) -> list[str]:
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


def _server() -> list[str]:
    """What our model server needs, from our own metadata."""
    stated = requires("legion-ci") or []
    return [
        r.split(";")[0].strip()
        for r in stated
        if "extra ==" not in r or 'extra == "serve"' in r or "extra == 'serve'" in r
    ]
