"""Trainer ``external``: a program of a third party that speaks Legion's protocol: ``--mt FILE --target FOLDER``."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any, ClassVar

from pydantic import Field

from legion_ci.core.errors import ConfigurationError, Problem, ToolError
from legion_ci.settings.schema import TrainSettings
from legion_ci.train import work
from legion_ci.train.protocol import CodeFiles, Trained, TrainJob

_CACHES = shutil.ignore_patterns("__pycache__", "*.pyc", "requirements.lock", "head_input.*", "head_output.*")


class ExternalSettings(TrainSettings):
    """program: its words; the first one a file of the model repository or a program on PATH. entrypoint, arguments, work_dir,
    envs: what ``mt.json`` says of the training. files: patterns of files that the result depends on.
    """

    program: tuple[str, ...] = Field(min_length=1)
    entrypoint: str = ""
    arguments: tuple[str, ...] = ()
    work_dir: str = "."
    envs: dict[str, str] = Field(default_factory=dict)
    files: tuple[str, ...] = ("*",)


class ExternalTrainer:
    """Runs the program in the model repository and takes the trained model that it leaves, in Legion's or ODAHU's form."""

    Settings: ClassVar[type[TrainSettings]] = ExternalSettings
    needs_data: ClassVar[bool] = False

    def code(self, settings: TrainSettings, folder: Path) -> list[Path]:
        """The files of the repository that the patterns name."""
        assert isinstance(settings, ExternalSettings)
        return CodeFiles().below(folder, settings.files)

    def train(self, job: TrainJob) -> Trained:
        """Write ``mt.json``, run the program, read what it left; raises ToolError with everything that is wrong with it."""
        settings = job.settings
        assert isinstance(settings, ExternalSettings)
        target, told = job.scratch / "target", job.scratch / "mt.json"
        target.mkdir()
        told.write_text(json.dumps(described(job, settings), indent=2))
        words = [
            program(settings.program, job.folder),
            *settings.program[1:],
            "--verbose",
            "--mt",
            told,
            "--target",
            target,
        ]
        status = work.run(job, words, {work.MODEL: str(target), **settings.envs}, job.folder / settings.work_dir)
        if status != 0:
            what = f"{settings.program[0]} ended with status {status}"
            raise ToolError(what, where="train.program", todo="look at its output above")
        return _taken(job, target, settings.program[0])


def program(words: tuple[str, ...], folder: Path) -> str | Path:
    """The program to run: a file of the model repository where there is one of that name, else from PATH."""
    here = folder / words[0]
    if here.is_file():
        return here.resolve()
    if found := shutil.which(words[0]):
        return found
    todo = "name a file of the model repository, or install it"
    raise ConfigurationError(f"there is no program {words[0]!r}", where="train.program", todo=todo)


def described(job: TrainJob, settings: ExternalSettings) -> dict[str, Any]:
    """``mt.json`` as Legion's operator writes it: the training, its integration, its data with their local paths."""
    name = job.folder.name
    spec = {
        "model": {"name": name, "version": job.run_id, "artifactNameTemplate": "{{ .Name }}-{{ .Version }}.zip"},
        "toolchain": "external",
        "entrypoint": settings.entrypoint,
        "args": list(settings.arguments),
        "workDir": settings.work_dir,
        "hyperParameters": {k: str(v) for k, v in settings.parameters.items()},
        "envs": [{"name": k, "value": v} for k, v in settings.envs.items()],
        "data": [{"connection": n, "localPath": getattr(s, "path", ""), "remotePath": ""} for n, s in job.data.items()],
    }
    integration = {"entrypoint": settings.program[0], "defaultImage": "", "additionalEnvironments": settings.envs}
    return {
        "vcs": None, "inputData": [], "outputConn": None,
        "modelTraining": {"id": name, "spec": spec},
        "toolchainIntegration": {"id": "external", "spec": integration},
    }  # fmt: skip


def _taken(job: TrainJob, target: Path, who: str) -> Trained:
    """Move what was left to ``job.model_dir``, whole; with what was logged in the run."""
    from legion_ci.store import foreign, laid_out, mlflow
    from legion_ci.train.described import read as environments

    try:
        left = foreign.read(target)
        needs = environments.read(left.conda, job.tools, job.scratch).requirements
    except ConfigurationError as error:
        raise ToolError([Problem(p.what, f"{who} left {p.where}".strip(), p.todo) for p in error.problems]) from error
    laid_out.lay_out(left, job.scratch / "laid")
    shutil.copytree(job.scratch / "laid" / "legion_model", job.model_dir, ignore=_CACHES)
    store = mlflow.Store(job.tracking_uri, None, "", "", job.scratch / "mlflow.lock")
    stated = {k: str(v) for k, v in job.settings.parameters.items()}
    return Trained(
        flavor=laid_out.flavor_of(job.model_dir), metrics=store.metrics(job.run_id), parameters=stated | store.parameters(job.run_id),
        tags={"legion.external": who}, requirements=needs,
    )  # fmt: skip
