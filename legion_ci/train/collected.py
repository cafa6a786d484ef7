"""Takes the one model that a program left in its folder or logged in its MLflow run."""

from __future__ import annotations

import shutil
from pathlib import Path

import msgspec

from legion_ci.core.errors import ToolError
from legion_ci.train import inside
from legion_ci.train.protocol import Trained, TrainJob
from legion_ci.train.saving import flavor_of


class Said(msgspec.Struct, frozen=True):
    """What was given to ``inside.save`` beside the model."""

    metrics: dict[str, float] = {}
    tags: dict[str, str] = {}


def collect(job: TrainJob, left: Path, who: str) -> Trained:
    """Move the model to ``job.model_dir``; with the parameters and metrics that were logged in the run.

    left: the folder where the program may have left it. Raises ToolError unless there is exactly one model.
    """
    from legion_ci.store import mlflow

    store = mlflow.Store(job.tracking_uri, None, "", "", job.scratch / "mlflow.lock")
    logged = store.logged_models(job.run_id)
    count = len(logged) + (left / "MLmodel").is_file()
    if count != 1:
        raise ToolError(f"{who} {_found(left, len(logged), count)}", where="train", todo=_TODO)
    if logged:
        left = mlflow.download(logged[0].artifact_location, job.scratch / "logged")
    shutil.copytree(left, job.model_dir)
    said = _said(left)
    stated = {k: str(v) for k, v in job.settings.parameters.items()}
    return Trained(
        flavor=flavor_of(job.model_dir),
        metrics=store.metrics(job.run_id) | said.metrics,
        parameters=stated | store.parameters(job.run_id),
        tags=said.tags,
    )


_TODO = "log exactly one, with mlflow.<flavour>.log_model, or leave it with legion_ci.train.inside.save"


def _found(left: Path, n_logged: int, count: int) -> str:
    if n_logged and count > n_logged:
        return f"left a model and logged {n_logged} in its run"
    if left.exists() and not n_logged:
        return f"left a folder {left.name} without an MLmodel file"
    return f"logged {n_logged} models in its run"


def _said(left: Path) -> Said:
    path = inside.said_beside(left)
    return msgspec.json.decode(path.read_bytes(), type=Said) if path.is_file() else Said()
