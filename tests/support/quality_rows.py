"""Evaluation rows, models that answer them from a table, and the call of the stage, for tests of the quality gate."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from legion_ci.core.progress import Progress
from legion_ci.core.tools import Tools
from legion_ci.data.files import FileSettings
from legion_ci.gateway.routes import Arm
from legion_ci.quality.metric_settings import MetricSettings
from legion_ci.quality.predictions import Request
from legion_ci.quality.stage import run
from legion_ci.results import Artefact, ModelRef, QualityResult, TrainResult
from legion_ci.settings.schema import QualitySettings


def model(version: str) -> ModelRef:
    return ModelRef(name="m", version=version, artefact=Artefact(uri=f"file:///nowhere/{version}", digest=version * 8))


@dataclass
class TablePredictor:
    """Answers with the table that is kept for each version; notes who was asked."""

    answers: Mapping[str, pa.Table]
    asked: list[str] = field(default_factory=list)

    def predict(self, who: str, model: ModelRef, request: Request) -> pa.Table:
        self.asked.append(f"{who} {model.version}")
        return self.answers[model.version]


@dataclass
class World:
    """A model repository with evaluation rows, and two models' answers on them."""

    folder: Path
    rows: dict[str, Any]
    candidate: dict[str, Any]
    champion: dict[str, Any] | None = None
    said: io.StringIO = field(default_factory=io.StringIO)
    asker: Any = None  # default: answers with the tables above

    def judge(
        self, *checks: MetricSettings, first: bool = False, same: bool = False, target: str | None = "y", **gate: Any
    ) -> QualityResult:
        self.folder.mkdir(exist_ok=True, parents=True)
        pq.write_table(pa.table(self.rows), self.folder / "eval.parquet")
        answers = {"new": pa.table(self.candidate)} | ({"old": pa.table(self.champion)} if self.champion else {})
        self.predictor = self.asker or TablePredictor(answers)
        live = Arm(deployment="d", model=model("new" if same else "old"), endpoint="127.0.0.1:1")
        return run(
            QualitySettings(checks=checks, **gate),
            {"eval": FileSettings(path="eval.parquet", target=target)},
            trained=TrainResult(model=model("new"), tracking_uri="", experiment=""),
            champion=live if self.champion or same else None,
            first=first,
            folder=self.folder,
            work=self.folder / "work",
            tools=Tools(progress=Progress(stream=self.said)),
            predictor=self.predictor,
        )


def labelled(y: np.ndarray, wrong: np.ndarray) -> dict[str, np.ndarray]:
    """Predictions of a 0/1 target that are wrong on the given rows."""
    said = y.copy()
    said[wrong] = 1 - said[wrong]
    return {"prediction": said}


def scored(p: np.ndarray) -> dict[str, np.ndarray]:
    """A binary classifier's answer from the probabilities of class 1."""
    return {"prediction": (p > 0.5).astype(np.int64), "probability_0": 1 - p, "probability_1": p}


def pairs(n: int, gained: int, lost: int, *, both_wrong: int = 0) -> tuple[Sequence[int], Sequence[int]]:
    """Rows that the candidate and the champion get wrong, with exactly that many discordant ones."""
    candidate = [*range(gained, gained + lost), *range(gained + lost, gained + lost + both_wrong)]
    champion = [*range(gained), *range(gained + lost, gained + lost + both_wrong)]
    assert gained + lost + both_wrong <= n
    return candidate, champion
