"""The process in which people's training code runs: ``python -m legion_ci.train.worker JOB``."""

from __future__ import annotations

import importlib
import inspect
import math
import shutil
import sys
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from legion_ci.core.errors import ConfigurationError, LegionError, Problem, ToolError
from legion_ci.core.files import write_atomic
from legion_ci.data import source
from legion_ci.settings.schema import DataSettings
from legion_ci.train import orphan
from legion_ci.train.function import Answer, Work
from legion_ci.train.output import TrainOutput
from legion_ci.train.protocol import Trained


def main(arguments: list[str]) -> int:
    """Train as told in the job file; the result file says how it went."""
    work = msgspec.json.decode(Path(arguments[0]).read_bytes(), type=Work)
    orphan.end_with(work.parent)
    try:
        answer = Answer(trained=_train(work))
    except LegionError as error:
        answer = Answer(exit_code=error.exit_code, problems=tuple((p.what, p.where, p.todo) for p in error.problems))
    write_atomic(Path(work.result), msgspec.json.encode(answer))
    return answer.exit_code


def _train(work: Work) -> Trained:
    folder = Path(work.folder)
    sys.path.insert(0, str(folder))
    function = _function(work.entrypoint, folder)
    data = {
        name: source.load(name, _data_settings(name, use, values), folder) for name, (use, values) in work.data.items()
    }
    output = _call(function, data, dict(work.parameters), work.entrypoint, folder)
    metrics = _metrics(output.metrics, work.entrypoint)
    flavor = _save(output.model, Path(work.model_dir), work.entrypoint, folder)
    rows = data["train"].table.num_rows if "train" in data else 0
    return Trained(
        flavor=flavor,
        n_rows=rows,
        metrics=metrics,
        parameters={k: str(v) for k, v in work.parameters.items()},
        tags={k: str(v) for k, v in output.tags.items()},
    )


def _data_settings(name: str, use: str, values: dict[str, object]) -> DataSettings:
    from legion_ci.core import plugins

    settings: DataSettings = plugins.load("data_sources", use, f"data.{name}").Settings.model_validate(
        values, strict=False
    )
    return settings


def _function(entrypoint: str, folder: Path) -> Callable[..., Any]:
    module_name, _, name = entrypoint.partition(":")
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name == module_name.split(".")[0]:
            raise ConfigurationError(
                f"there is no module {module_name!r} in the model repository",
                where="train.entrypoint",
                todo=f"write {module_name}.py or name another",
            ) from error
        raise ToolError(
            f"{module_name} needs the package {error.name}, which is not installed",
            where="train.entrypoint",
            todo=f"pip install {error.name}",
        ) from error
    except Exception as error:
        raise _own_error(error, module_name, folder) from error
    function = getattr(module, name, None)
    if not callable(function):
        names = ", ".join(sorted(n for n, v in vars(module).items() if inspect.isfunction(v))) or "none"
        raise ConfigurationError(
            f"{module_name} has no function {name!r}", where="train.entrypoint", todo=f"its functions: {names}"
        )
    return function  # type: ignore[no-any-return]


def _call(
    function: Callable[..., Any], data: Mapping[str, Any], parameters: dict[str, Any], entrypoint: str, folder: Path
) -> TrainOutput:
    try:
        result = function(data, parameters)
    except LegionError:
        raise
    except (Exception, SystemExit) as error:
        raise _own_error(error, entrypoint, folder) from error
    output = result if isinstance(result, TrainOutput) else TrainOutput(result)
    if not (hasattr(output.model, "predict") or isinstance(output.model, str | Path)):
        raise ConfigurationError(
            f"{entrypoint} returned {type(output.model).__name__}, not a model",
            where="train.entrypoint",
            todo="return a fitted estimator with predict, a TrainOutput, or the path of an MLflow model",
        )
    return output


def _metrics(found: Mapping[str, Any], entrypoint: str) -> dict[str, float]:
    """Finite numbers by name; NaN says nothing and MLflow's servers differ about it."""

    def number(value: Any) -> float | None:
        try:
            return float(value) if math.isfinite(value) else None
        except (TypeError, ValueError):
            return None

    metrics = {str(name): number(value) for name, value in found.items()}
    problems = [
        Problem(f"the metric {name!r} is not a finite number ({found[name]!r})", entrypoint, "leave it out")
        for name, value in metrics.items()
        if value is None
    ]
    if problems:
        raise ToolError(problems)
    return {name: value for name, value in metrics.items() if value is not None}


def _save(model: Any, model_dir: Path, entrypoint: str, folder: Path) -> str:
    from legion_ci.store import mlflow

    if isinstance(model, str | Path):
        if not (Path(model) / "MLmodel").is_file():
            raise ConfigurationError(
                f"{model} holds no MLmodel file", where="train.entrypoint", todo="return the folder of an MLflow model"
            )
        shutil.copytree(model, model_dir)
        return "sklearn" if "\n  sklearn:" in (model_dir / "MLmodel").read_text() else "pyfunc"
    try:
        return mlflow.save_model(model, model_dir, _own_code(folder))
    except Exception as error:
        raise ToolError(
            f"the model ({type(model).__name__}) cannot be saved ({type(error).__name__}: {error})",
            where=entrypoint,
            todo="return an estimator that can be pickled",
        ) from error


def _own_code(folder: Path) -> list[str]:
    """Top-level modules and packages of the repository that training imported: the model's classes may be in them."""
    found: set[Path] = set()
    for module in list(sys.modules.values()):
        file = getattr(module, "__file__", None)
        if file and (path := Path(file).resolve()).is_relative_to(folder.resolve()):
            found.add(folder / path.relative_to(folder.resolve()).parts[0])
    return sorted(str(p) for p in found if not p.name.startswith("."))


def _own_error(error: BaseException, what: str, folder: Path) -> ToolError:
    """The team's own error: its type, message, and the frames in the team's own files."""
    frames = [
        f
        for f in traceback.extract_tb(error.__traceback__)
        if Path(f.filename).resolve().is_relative_to(folder.resolve())
    ]
    lines = [
        f"  {Path(f.filename).resolve().relative_to(folder.resolve())}:{f.lineno} in {f.name}: {f.line}" for f in frames
    ]
    text = "\n".join([f"{what} raised {type(error).__name__}: {error}", *lines])
    return ToolError([Problem(text, "train")])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
