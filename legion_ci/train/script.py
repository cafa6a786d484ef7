"""Trainer ``script``: a Python script of the model repository; what it logs or leaves is the model."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from pydantic import Field

from legion_ci.settings.schema import TrainSettings
from legion_ci.train import work
from legion_ci.train.protocol import CodeFiles, Trained, TrainJob


class ScriptSettings(TrainSettings):
    """script: a Python file of the model repository; it is given the parameters as ``--name value``."""

    tools: ClassVar[tuple[str, ...]] = ("train",)
    script: str = Field(default="train.py", pattern=r"^[^/].*\.py$")


class ScriptTrainer:
    """Runs a script as ``python train.py --name value`` would, in a process of its own."""

    Settings: ClassVar[type[TrainSettings]] = ScriptSettings
    needs_data: ClassVar[bool] = False

    def code(self, settings: TrainSettings, folder: Path) -> list[Path]:
        """Every Python file of the repository."""
        return CodeFiles().below(folder)

    def train(self, job: TrainJob) -> Trained:
        """Run the script, then take the model that it logged or left."""
        from legion_ci.train.collected import collect

        settings = job.settings
        assert isinstance(settings, ScriptSettings)
        left = job.scratch / "left"
        work.ask(job, "legion_ci.train.script_worker", settings.script, model_dir=left)
        return collect(job, left, settings.script)
