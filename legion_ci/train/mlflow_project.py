"""Trainer ``mlflow-project``: an MLproject's entry point, run in this environment, that logs exactly one model."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import ClassVar, Literal

from legion_ci.core.errors import ConfigurationError, ToolError
from legion_ci.settings.schema import TrainSettings
from legion_ci.train import mlproject, work
from legion_ci.train.protocol import CodeFiles, Trained, TrainJob


class MLflowProjectSettings(TrainSettings):
    """uri: folder of the MLproject, relative to the model repository. entrypoint: one of its entry points.

    env_manager: lock (what the MLproject names, or ``environment``, locked and made by uv) or local (this environment).
    """

    uri: str = "."
    entrypoint: str = "main"
    env_manager: Literal["lock", "local"] = "lock"

    def described_in(self, folder: Path) -> Path | None:
        """``environment``, else the conda_env, python_env or uv project that the MLproject has."""
        if self.env_manager == "local":
            return None
        return super().described_in(folder) or mlproject.described_in(folder / self.uri)


class MLflowProjectTrainer:
    """Runs the project as ``mlflow run`` does, in our run, and takes the one model that it logs."""

    Settings: ClassVar[type[TrainSettings]] = MLflowProjectSettings
    needs_data: ClassVar[bool] = False

    def code(self, settings: TrainSettings, folder: Path) -> list[Path]:
        """The project's files."""
        return CodeFiles().below(folder / settings.uri, ("*.py", "*.R", "*.sh", "MLproject", "*.yaml", "*.txt"))  # type: ignore[attr-defined]

    def train(self, job: TrainJob) -> Trained:
        """Run the entry point, then fetch the model, parameters and metrics that it logged."""
        from legion_ci.train.collected import collect

        settings = job.settings
        assert isinstance(settings, MLflowProjectSettings)
        project = job.folder / settings.uri
        if not (project / "MLproject").is_file():
            raise ConfigurationError(
                "there is no MLproject file", where=f"train.uri: {settings.uri}", todo="name the folder that holds it"
            )
        parameters = [w for k, v in settings.parameters.items() for w in ("-P", f"{k}={v}")]
        command: list[str | Path] = [
            sys.executable,
            "-m",
            "mlflow",
            "run",
            project,
            "--env-manager",
            "local",
            "-e",
            settings.entrypoint,
        ]
        env = {"PATH": f"{Path(job.python).parent}:{os.environ.get('PATH', '/usr/bin:/bin')}"}
        status = work.run(job, [*command, "--run-id", job.run_id, *parameters], env)
        if status != 0:
            raise ToolError(
                f"the entry point {settings.entrypoint} ended with status {status}",
                where="train",
                todo="look at its output above",
            )
        return collect(job, job.scratch / "left", "the project")
