"""Trainer ``existing``: a model that was made elsewhere, taken from MLflow or from a folder."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from pydantic import Field

from legion_ci.core.errors import ConfigurationError, ToolError
from legion_ci.serving import artefact as trained_models
from legion_ci.settings.schema import TrainSettings
from legion_ci.train.described.description import read_requirements
from legion_ci.train.protocol import CodeFiles, Trained, TrainJob

_MLFLOW = ("models:/", "runs:/")
_PATTERNS = ("*",)


class ExistingSettings(TrainSettings):
    """model: ``models:/name/version``, ``runs:/run/path``, another URI that MLflow knows, or a folder in MLflow's or
    Legion's format, relative to the model repository. tracking_uri: the server that has it; None: the store's.
    """

    model: str = Field(min_length=1)
    tracking_uri: str | None = None


@dataclass(frozen=True)
class Found:
    """A folder with a model. requirements: those that came with it, None when none did."""

    folder: Path
    flavor: str
    requirements: tuple[str, ...] | None


class ExistingTrainer:
    """Takes the model as it is; it is tried in its own locked environment like any other."""

    Settings: ClassVar[type[TrainSettings]] = ExistingSettings
    needs_data: ClassVar[bool] = False

    def code(self, settings: TrainSettings, folder: Path) -> list[Path]:
        """The files of a model in a folder; a model in MLflow is named by what never changes."""
        assert isinstance(settings, ExistingSettings)
        _fixed(settings.model)
        if "://" in settings.model or settings.model.startswith(_MLFLOW):
            return []
        return CodeFiles(frozenset()).below(_folder(settings.model, folder), _PATTERNS)

    def train(self, job: TrainJob) -> Trained:
        """Fetch the model; nothing is trained, and nothing of it is loaded in this process."""
        settings = job.settings
        assert isinstance(settings, ExistingSettings)
        found = look(_fetched(job, settings), settings.model)
        shutil.copytree(found.folder, job.model_dir, symlinks=True, ignore=_OURS)
        return Trained(
            flavor=found.flavor,
            requirements=found.requirements,
            parameters={k: str(v) for k, v in settings.parameters.items()},
            tags={"legion.existing": settings.model},
        )


# What training writes again, from what it sees.
_OURS = shutil.ignore_patterns(
    "requirements.lock", "head_input.*", "head_output.*", "reference_sketch.json", "__pycache__"
)


def look(folder: Path, named: str) -> Found:
    """What is in that folder: a model of MLflow, or a trained model of Legion; raises ConfigurationError for others."""
    if links := [p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_symlink()]:
        raise ConfigurationError(
            f"holds symbolic links ({', '.join(links[:3])})",
            where=f"train.model: {named}",
            todo="copy the files instead",
        )
    if (folder / trained_models.MANIFEST).is_file():
        read = trained_models.read(folder, digest="not needed")
        return Found(read.model_dir, _flavor(read), _requirements(read.model_dir))
    if not (folder / "MLmodel").is_file():
        raise ConfigurationError(
            f"holds neither MLmodel nor {trained_models.MANIFEST}",
            where=f"train.model: {named}",
            todo="name the folder of an MLflow model or of a trained model",
        )
    return Found(folder, trained_models.read_model_dir(folder).flavor, _requirements(folder))


def _flavor(read: trained_models.ModelFolder) -> str:
    if read.flavor == "gppi" and read.entrypoint != "entrypoint":
        raise ConfigurationError(
            f"its entry point is {read.entrypoint}", where=str(read.root), todo="name the module entrypoint.py"
        )
    return read.flavor


def _requirements(model_dir: Path) -> tuple[str, ...] | None:
    path = model_dir / "requirements.txt"
    return read_requirements(path) if path.is_file() else None


def _fetched(job: TrainJob, settings: ExistingSettings) -> Path:
    from legion_ci.store import mlflow

    if "://" not in settings.model and not settings.model.startswith(_MLFLOW):
        return _folder(settings.model, job.folder)
    server = settings.tracking_uri or job.tracking_uri
    try:
        return mlflow.download(settings.model, job.scratch / "existing", server)
    except ToolError as error:
        raise ToolError(
            f"cannot be had from {server} ({error})",
            where=f"train.model: {settings.model}",
            todo="check name and version",
        ) from error


def _folder(model: str, folder: Path) -> Path:
    found = folder / model
    if not found.is_dir():
        raise ConfigurationError(
            "there is no such folder",
            where=f"train.model: {model}",
            todo="name a folder of the model repository, models:/name/version or runs:/run/path",
        )
    return found


def _fixed(model: str) -> None:
    """A name that means another model tomorrow would make a run that cannot be repeated."""
    if not model.startswith("models:/"):
        return
    name, _, version = model.removeprefix("models:/").partition("/")
    if "@" in model or (version and not version.partition("/")[0].isdigit()) or not (version or name.startswith("m-")):
        raise ConfigurationError(
            "does not say which version", where=f"train.model: {model}", todo="name one, as in models:/name/3"
        )
