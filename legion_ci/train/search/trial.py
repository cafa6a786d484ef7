"""One trial, a process of its own: trains and measures. ``python -m legion_ci.train.search.trial TRIAL``."""

from __future__ import annotations

import sys
from pathlib import Path

import msgspec

from legion_ci.core import plugins
from legion_ci.core.errors import LegionError
from legion_ci.core.files import write_atomic
from legion_ci.core.progress import Progress
from legion_ci.core.tools import Tools
from legion_ci.data import source
from legion_ci.settings.schema import TrainSettings
from legion_ci.store import manifest
from legion_ci.train import artefact, environment
from legion_ci.train.inside import settings_of
from legion_ci.train.protocol import Trained, Trainer, TrainJob
from legion_ci.train.search import score


class Trial(msgspec.Struct, frozen=True, kw_only=True):
    """What a trial is told. data, judged: (use, settings) of data sets."""

    settings: dict[str, object]
    data: dict[str, tuple[str, dict[str, object]]]
    judged: tuple[str, dict[str, object]]
    metric: str
    folder: str
    scratch: str
    tracking_uri: str
    run_id: str
    python: str


class Reached(msgspec.Struct, frozen=True, kw_only=True):
    """What it says: the metric with what the trainer measured, or why there is none."""

    value: float | None = None
    trained: Trained | None = None
    problem: str = ""


def main(arguments: list[str]) -> int:
    """Make the trial that the file describes; ``reached.json`` beside it says how it went."""
    path = Path(arguments[0])
    told = msgspec.json.decode(path.read_bytes(), type=Trial)
    try:
        reached = _reached(told)
    except LegionError as error:
        reached = Reached(problem=str(error))
    write_atomic(path.with_name("reached.json"), msgspec.json.encode(reached))
    return 0 if reached.value is not None else 1


def _reached(told: Trial) -> Reached:
    trainer: Trainer = plugins.load("trainers", str(told.settings["use"]))()
    job = _job(told, trainer.Settings.model_validate(told.settings, strict=False))
    trained = trainer.train(job)
    return Reached(value=_measured(told, job, trained), trained=trained)


def _job(told: Trial, settings: TrainSettings) -> TrainJob:
    scratch = Path(told.scratch)
    made = scratch / "artefact"
    made.mkdir(parents=True)
    (scratch / "work").mkdir()
    data = {name: settings_of(name, *s) for name, s in told.data.items()}
    tools = Tools(progress=Progress(quiet=True))
    return TrainJob(
        settings, data, Path(told.folder), made / manifest.MODEL_DIR, scratch / "work", told.tracking_uri, told.run_id,
        tools, told.python,
    )  # fmt: skip


def _measured(told: Trial, job: TrainJob, trained: Trained) -> float:
    """The metric on the rows that training did not see, predicted in a process of its own."""
    made = job.model_dir.parent
    artefact.provisional(made, job, trained.flavor)
    manifest.write_sample(job.model_dir, "head_input", *artefact.sample(job))
    judged = source.load("the rows to judge by", settings_of("judged", *told.judged), job.folder)
    rows, answers = job.scratch / "judged.arrow", job.scratch / "answers.arrow"
    artefact.write_arrow(judged.table.select(judged.feature_names), rows)
    environment.predict(job.python, made, rows, answers, job.tools)
    return score.measure(told.metric, artefact.read_arrow(answers), judged.target.to_numpy())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
