"""Trainer ``r``: runs the script's functions by ``Rscript`` and keeps the model with an entry point that asks R."""

from __future__ import annotations

import shutil
from importlib.resources import files as resources
from pathlib import Path
from typing import ClassVar

import msgspec
from pydantic import Field

from legion_ci.core.errors import ConfigurationError, PluginError, ToolError
from legion_ci.core.files import write_atomic
from legion_ci.settings.schema import TrainSettings
from legion_ci.train import work
from legion_ci.train.protocol import CodeFiles, Trained, TrainJob
from legion_ci.train.r import exchange

_SERVED = ("frames.R", "serve.R")
_INSTALL = "install R and jsonlite (Debian: apt-get install r-base-core r-cran-jsonlite)"


class RSettings(TrainSettings):
    """script: an R file of the model repository with the functions ``train(data, parameters)``, ``predict(model, data)``
    and maybe ``test(model, data)``. packages: R packages that it needs besides those that it names itself.
    """

    script: str = Field(default="model.R", pattern=r"^[^/].*\.[rR]$")
    packages: tuple[str, ...] = ()


class Answered(msgspec.Struct, frozen=True):
    """What ``train.R`` wrote: a model's facts, or what was wrong."""

    metrics: dict[str, float | None] | None = None
    r: str = ""
    packages: dict[str, str] = {}
    attached: list[str] = []
    error: str = ""
    call: str = ""
    missing: list[str] = []
    lacking: list[str] = []


class RTrainer:
    """Trains and tests in R; the model is served by Python, which keeps an R process and speaks to it."""

    Settings: ClassVar[type[TrainSettings]] = RSettings
    needs_data: ClassVar[bool] = True

    def code(self, settings: TrainSettings, folder: Path) -> list[Path]:
        """Every R file of the repository: the script may source them."""
        return CodeFiles().below(folder, ("*.R", "*.r"))

    def train(self, job: TrainJob) -> Trained:
        """Call the script's train, test and predict; raises with all R packages that are missing at once."""
        settings = job.settings
        assert isinstance(settings, RSettings)
        script = job.folder / settings.script
        if not script.is_file():
            raise ConfigurationError(
                "there is no such script", where=f"train.script: {settings.script}", todo="write it"
            )
        program = shutil.which("Rscript")
        if program is None:
            raise PluginError("Rscript is not on PATH", where="train.use: r", todo=_INSTALL)
        made = _clean(job.scratch / "r")
        told, rows = exchange.write(job, script, made, resources("legion_ci.train.r"))
        status = work.run(job, [program, "--vanilla", made / "train.R", told], {"R_DEFAULT_PACKAGES": _DEFAULTS})
        answer = _answer(made / "answer.json", status, settings.script)
        _keep(job, made, answer, self.code(settings, job.folder), settings.script)
        return Trained(
            flavor="gppi",
            n_rows=rows,
            requirements=(),
            metrics={k: v for k, v in (answer.metrics or {}).items() if v is not None},
            parameters={k: str(v) for k, v in settings.parameters.items()},
            tags={"r.version": answer.r, **{f"r.package.{k}": v for k, v in answer.packages.items()}},
        )


_DEFAULTS = "datasets,utils,grDevices,graphics,stats,methods"


def _answer(path: Path, status: int, script: str) -> Answered:
    """What R said; raises ConfigurationError for what the script or the machine lacks, ToolError when its code failed."""
    try:
        answer = msgspec.json.decode(path.read_bytes(), type=Answered)
    except (OSError, msgspec.DecodeError):
        raise ToolError(
            f"{script} ended R (status {status}) without a model", where="train", todo="look at its output above"
        ) from None
    if answer.missing:
        names = ", ".join(answer.missing)
        quoted = ", ".join(f'"{n}"' for n in answer.missing)
        raise ToolError(f"R lacks the packages {names}", where=script, todo=f"in R: install.packages(c({quoted}))")
    if answer.lacking:
        raise ConfigurationError(
            f"has no function {' and no function '.join(answer.lacking)}",
            where=script,
            todo="write it, see the trainer r",
        )
    if answer.error or status != 0:
        raise ToolError(f"{answer.error or f'R ended with status {status}'}{_in(answer.call)}", where=script)
    return answer


def _in(call: str) -> str:
    return f"\n  in {call[:300]}" if call else ""


def _keep(job: TrainJob, made: Path, answer: Answered, code: list[Path], script: str) -> None:
    """Write the model's folder: R's own files, the team's, and the entry point."""
    ours, folder = resources("legion_ci.train.r"), job.model_dir / "r"
    folder.mkdir(parents=True)
    shutil.move(made / "model.rds", folder / "model.rds")
    for path in code:
        target = folder / "code" / path.relative_to(job.folder)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
    for name in _SERVED:
        write_atomic(folder / name, ours.joinpath(name).read_text(encoding="utf-8"))
    kept = {"r": answer.r, "packages": answer.packages, "attached": answer.attached, "script": script}
    write_atomic(folder / "packages.json", msgspec.json.encode(kept))
    write_atomic(job.model_dir / "entrypoint.py", ours.joinpath("entrypoint.py").read_text(encoding="utf-8"))


def _clean(folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder
