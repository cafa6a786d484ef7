"""The process in which a team's training function runs: ``python -m legion_ci.train.worker JOB``."""

from __future__ import annotations

import importlib
import inspect
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from legion_ci.core.errors import ConfigurationError, ToolError
from legion_ci.train import inside, saving
from legion_ci.train.faults import answered, output_of, own_error
from legion_ci.train.output import TrainOutput
from legion_ci.train.protocol import Trained
from legion_ci.train.work import Work


def train(work: Work) -> Trained:
    """Call the function with data sets and parameters, and save the model that it returns."""
    folder = Path(work.folder)
    sys.path.insert(0, str(folder))
    called = function(work.entrypoint, folder)
    data = inside.datasets(work)
    output = _call(called, data, dict(work.parameters), work.entrypoint, folder)
    measured = saving.metrics(output.metrics, work.entrypoint)
    flavor = saving.save(output.model, Path(work.model_dir), work.entrypoint, folder)
    return Trained(
        flavor=flavor,
        n_rows=data["train"].table.num_rows if "train" in data else 0,
        metrics=measured,
        parameters={k: str(v) for k, v in work.parameters.items()},
        tags={k: str(v) for k, v in output.tags.items()},
    )


def function(entrypoint: str, folder: Path) -> Callable[..., Any]:
    """The function ``module:name`` of the model repository, which is importable."""
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
        raise lacking(error, module_name) from error
    except Exception as error:
        raise own_error(error, module_name, folder) from error
    found = getattr(module, name, None)
    if not callable(found):
        names = ", ".join(sorted(n for n, v in vars(module).items() if inspect.isfunction(v))) or "none"
        raise ConfigurationError(
            f"{module_name} has no function {name!r}", where="train.entrypoint", todo=f"its functions: {names}"
        )
    return found  # type: ignore[no-any-return]


def lacking(error: ModuleNotFoundError, what: str) -> ToolError:
    """A package that the training environment does not have."""
    return ToolError(
        f"{what} needs the package {error.name}, which is not installed",
        where="train",
        todo=f"pip install {error.name}, or add it to the file that train.environment names",
    )


def _call(
    called: Callable[..., Any], data: Mapping[str, Any], parameters: dict[str, Any], entrypoint: str, folder: Path
) -> TrainOutput:
    output = output_of(lambda: called(data, parameters), entrypoint, folder)
    if not (hasattr(output.model, "predict") or isinstance(output.model, str | Path)):
        raise ConfigurationError(
            f"{entrypoint} returned {type(output.model).__name__}, not a model",
            where="train.entrypoint",
            todo="return a fitted estimator with predict, a TrainOutput, or the path of an MLflow model",
        )
    return output


if __name__ == "__main__":
    sys.exit(answered(train))
