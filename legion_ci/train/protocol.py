"""The protocol of trainers: given a job, leave a model in MLflow's format and say what was measured."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Protocol

import msgspec

from legion_ci.core.tools import Tools
from legion_ci.settings.schema import DataSettings, TrainSettings


@dataclass(frozen=True)
class TrainJob:
    """Everything a trainer needs. model_dir: where the model goes (does not exist yet); scratch: may be littered.

    python: the interpreter of the training environment.
    """

    settings: TrainSettings
    data: Mapping[str, DataSettings]
    folder: Path
    model_dir: Path
    scratch: Path
    tracking_uri: str
    run_id: str
    tools: Tools
    python: str | Path = sys.executable

    @property
    def documents(self) -> Path:
        """Where pages for people may go (may not exist): in the run's report, which is archived and published."""
        return documents_of(self.scratch.parent)


def documents_of(work: Path) -> Path:
    """Folder of the pages that training left for people. work: the run's folder."""
    return work / "report" / "training"


class Trained(msgspec.Struct, frozen=True, kw_only=True):
    """What a trainer measured. flavor: sklearn, pyfunc, or gppi when it left an entry point of its own.

    requirements: what the model needs at run time, where the trainer knows better than what it loads here. documents:
    files in ``TrainJob.documents`` that people may want to open.
    """

    flavor: str
    metrics: dict[str, float] = {}
    parameters: dict[str, str] = {}
    tags: dict[str, str] = {}
    n_rows: int = 0
    requirements: tuple[str, ...] | None = None
    documents: tuple[str, ...] = ()


class Trainer(Protocol):
    """A plug-in of the group ``trainers``. ``Settings`` extends the ``train`` section."""

    Settings: ClassVar[type[TrainSettings]]
    needs_data: ClassVar[bool]

    def train(self, job: TrainJob) -> Trained:
        """Train; raises ToolError with the team's own error, ConfigurationError when the job cannot be right."""

    def code(self, settings: TrainSettings, folder: Path) -> list[Path]:
        """The files that the result depends on."""


@dataclass(frozen=True)
class CodeFiles:
    """Python files of a model repository, without tests, data and hidden folders."""

    skipped: frozenset[str] = field(default=frozenset({"tests", "data", "node_modules", "build", "dist", "mlruns"}))

    def below(self, folder: Path, patterns: tuple[str, ...] = ("*.py",)) -> list[Path]:
        """All matching files, sorted."""
        found = {p for pattern in patterns for p in folder.rglob(pattern) if p.is_file()}
        return sorted(p for p in found if not self._hidden(p.relative_to(folder)))

    def _hidden(self, path: Path) -> bool:
        return any(part.startswith(".") or part in self.skipped or part == "__pycache__" for part in path.parts[:-1])
