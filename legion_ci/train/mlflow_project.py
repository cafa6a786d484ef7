"""Trainer ``mlflow-project``: an MLproject's entry point, run in this environment, that logs exactly one model."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import ClassVar

from legion_ci.core.errors import ConfigurationError, ToolError
from legion_ci.settings.schema import TrainSettings
from legion_ci.train.protocol import CodeFiles, Trained, TrainJob


class MLflowProjectSettings(TrainSettings):
    """uri: folder of the MLproject, relative to the model repository. entrypoint: one of its entry points."""

    uri: str = "."
    entrypoint: str = "main"


class MLflowProjectTrainer:
    """Runs the project as ``mlflow run`` does, in our run, and takes the one model that it logs."""

    Settings: ClassVar[type[TrainSettings]] = MLflowProjectSettings
    needs_data: ClassVar[bool] = False

    def code(self, settings: TrainSettings, folder: Path) -> list[Path]:
        """The project's files."""
        return CodeFiles().below(folder / settings.uri, ("*.py", "*.R", "*.sh", "MLproject", "*.yaml", "*.txt"))  # type: ignore[attr-defined]

    def train(self, job: TrainJob) -> Trained:
        """Run the entry point, then fetch the model, parameters and metrics that it logged."""
        settings = job.settings
        assert isinstance(settings, MLflowProjectSettings)
        project = job.folder / settings.uri
        if not (project / "MLproject").is_file():
            raise ConfigurationError(
                "there is no MLproject file", where=f"train.uri: {settings.uri}", todo="name the folder that holds it"
            )
        parameters = [w for k, v in settings.parameters.items() for w in ("-P", f"{k}={v}")]
        job.tools.shell.run(
            [
                sys.executable,
                "-m",
                "mlflow",
                "run",
                project,
                "--env-manager",
                "local",
                "-e",
                settings.entrypoint,
                "--run-id",
                job.run_id,
                *parameters,
            ],
            cwd=job.folder,
            timeout_s=settings.timeout,
            capture=False,
            env={
                "MLFLOW_TRACKING_URI": job.tracking_uri,
                "MLFLOW_REGISTRY_URI": job.tracking_uri,
                "MLFLOW_DISABLE_TELEMETRY": "true",
                "PATH": f"{Path(sys.executable).parent}:{_path()}",
            },
        )
        return _collect(job)


def _path() -> str:
    import os

    return os.environ.get("PATH", "/usr/bin:/bin")


def _collect(job: TrainJob) -> Trained:
    from legion_ci.store import mlflow

    client = mlflow.Store(job.tracking_uri, None, "", "", job.scratch / "mlflow.lock")
    models = client.logged_models(job.run_id)
    if len(models) != 1:
        raise ToolError(
            f"the project logged {len(models)} models in its run",
            where="train",
            todo="log exactly one, with mlflow.<flavour>.log_model",
        )
    downloaded = mlflow.download(models[0].artifact_location, job.scratch / "logged")
    shutil.copytree(downloaded, job.model_dir)
    stated = {k: str(v) for k, v in job.settings.parameters.items()}
    flavor = "sklearn" if "\n  sklearn:" in (job.model_dir / "MLmodel").read_text() else "pyfunc"
    return Trained(flavor=flavor, metrics=client.metrics(job.run_id), parameters=stated | client.parameters(job.run_id))
