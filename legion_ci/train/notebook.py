"""Trainer ``notebook``: a Jupyter notebook of the model repository, executed with parameters and kept as a page."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import msgspec
from pydantic import Field

from legion_ci.settings.schema import TrainSettings
from legion_ci.train import work
from legion_ci.train.protocol import CodeFiles, Trained, TrainJob


class NotebookSettings(TrainSettings):
    """notebook: an .ipynb file of the model repository; parameters replace those of its cell tagged ``parameters``."""

    tools: ClassVar[tuple[str, ...]] = ("train", "notebook")
    notebook: str = Field(default="train.ipynb", pattern=r"^[^/].*\.ipynb$")


class NotebookTrainer:
    """Executes a notebook from its first cell to its last; a page of it, with all outputs, is kept beside the report."""

    Settings: ClassVar[type[TrainSettings]] = NotebookSettings
    needs_data: ClassVar[bool] = False

    def code(self, settings: TrainSettings, folder: Path) -> list[Path]:
        """The notebook, and every Python file of the repository, which it may import."""
        return CodeFiles().below(folder, ("*.py", "*.ipynb"))

    def train(self, job: TrainJob) -> Trained:
        """Execute the notebook, then take the model that it logged or left."""
        from legion_ci.train.collected import collect

        settings = job.settings
        assert isinstance(settings, NotebookSettings)
        left = job.scratch / "left"
        options = {"documents": str(job.documents), "scratch": str(job.scratch)}
        said = work.ask(job, "legion_ci.train.notebook_worker", settings.notebook, model_dir=left, options=options)
        trained = collect(job, left, settings.notebook)
        return msgspec.structs.replace(trained, documents=said.documents)
