"""Writes what training code made as a model in MLflow's format."""

from __future__ import annotations

import math
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from legion_ci.core.errors import ConfigurationError, Problem, ToolError


def flavor_of(model_dir: Path) -> str:
    """How the server loads that MLflow model: ``sklearn`` directly, anything else as ``pyfunc``."""
    return "sklearn" if "\n  sklearn:" in (model_dir / "MLmodel").read_text() else "pyfunc"


def save(model: Any, model_dir: Path, entrypoint: str, folder: Path) -> str:
    """Write a fitted model (or copy an MLflow model's folder) to ``model_dir``; returns its flavour."""
    from legion_ci.store import mlflow

    if isinstance(model, str | Path):
        if not (Path(model) / "MLmodel").is_file():
            raise ConfigurationError(
                f"{model} holds no MLmodel file", where="train.entrypoint", todo="return the folder of an MLflow model"
            )
        shutil.copytree(model, model_dir)
        return flavor_of(model_dir)
    try:
        return mlflow.save_model(model, model_dir, own_code(folder))
    except Exception as error:
        raise ToolError(
            f"the model ({type(model).__name__}) cannot be saved ({type(error).__name__}: {error})",
            where=entrypoint,
            todo="return an estimator that can be pickled",
        ) from error


def own_code(folder: Path) -> list[str]:
    """Top-level modules and packages of the repository that training imported: the model's classes may be in them."""
    found: set[Path] = set()
    for module in list(sys.modules.values()):
        file = getattr(module, "__file__", None)
        if file and (path := Path(file).resolve()).is_relative_to(folder.resolve()):
            found.add(folder / path.relative_to(folder.resolve()).parts[0])
    return sorted(str(p) for p in found if not p.name.startswith("."))


def metrics(found: Mapping[str, Any], entrypoint: str) -> dict[str, float]:
    """Finite numbers by name; NaN says nothing and MLflow's servers differ about it."""

    def number(value: Any) -> float | None:
        try:
            return float(value) if math.isfinite(value) else None
        except (TypeError, ValueError):
            return None

    numbers = {str(name): number(value) for name, value in found.items()}
    problems = [
        Problem(f"the metric {name!r} is not a finite number ({found[name]!r})", entrypoint, "leave it out")
        for name, value in numbers.items()
        if value is None
    ]
    if problems:
        raise ToolError(problems)
    return {name: value for name, value in numbers.items() if value is not None}


def save_spark(model: Any, model_dir: Path, entrypoint: str, folder: Path) -> str:
    """Write a fitted Spark pipeline; returns its flavour."""
    from legion_ci.store import mlflow

    try:
        mlflow.save_spark_model(model, model_dir, own_code(folder))
    except Exception as error:
        raise ToolError(
            f"the pipeline cannot be saved ({type(error).__name__}: {str(error).splitlines()[0]})",
            where=entrypoint,
            todo="return a PipelineModel whose stages can be written",
        ) from error
    return "pyfunc"
