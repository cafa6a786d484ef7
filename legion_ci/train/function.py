"""Trainer ``function``: a Python function of the model repository, called in a process of its own."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from pydantic import Field

from legion_ci.settings.schema import TrainSettings
from legion_ci.train import work
from legion_ci.train.protocol import CodeFiles, Trained, TrainJob


class FunctionSettings(TrainSettings):
    """entrypoint: ``module:function`` of the model repository, called with data sets and parameters."""

    tools: ClassVar[tuple[str, ...]] = ("train",)
    entrypoint: str = Field(default="model:train", pattern=r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$")


class FunctionTrainer:
    """Calls the function in a fresh process: it may crash, exit or print what it likes."""

    Settings: ClassVar[type[TrainSettings]] = FunctionSettings
    needs_data: ClassVar[bool] = True

    def code(self, settings: TrainSettings, folder: Path) -> list[Path]:
        """Every Python file of the repository."""
        return CodeFiles().below(folder)

    def train(self, job: TrainJob) -> Trained:
        """Run the worker; its output goes straight to the terminal."""
        settings = job.settings
        assert isinstance(settings, FunctionSettings)
        return work.ask(job, "legion_ci.train.worker", settings.entrypoint)
