"""The run as the report sees it: each stage's record and typed result, or why they cannot be shown."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import msgspec

from legion_ci.core.errors import ConfigurationError
from legion_ci.report.promoted import Promoted
from legion_ci.results import (
    STUDIES,
    DeployResult,
    ModelRef,
    PackageResult,
    PerfResult,
    PromoteResult,
    QualityResult,
    Record,
    SelfTestResult,
    SoakResult,
    StageResult,
    SweepResult,
    TrainResult,
    Verdict,
    decode_result,
)
from legion_ci.runs import Run
from legion_ci.settings.schema import STAGES

R = TypeVar("R", bound=StageResult)


@dataclass(frozen=True)
class Gate:
    """One stage of the run. problem: why its record cannot be shown, empty when it can or when there is none."""

    stage: str
    record: Record | None = None
    result: StageResult | None = None
    problem: str = ""

    @property
    def ran(self) -> bool:
        """Whether there is a record, readable or not."""
        return self.record is not None or bool(self.problem)


@dataclass(frozen=True)
class Story:
    """All stages of a run, in order."""

    run: str
    gates: tuple[Gate, ...]
    studies: tuple[Gate, ...] = ()
    last: Promoted | None = None

    def gate(self, stage: str) -> Gate:
        """A stage, whether or not it ran."""
        return next(g for g in self.gates if g.stage == stage)

    def _result(self, stage: str, kind: type[R]) -> R | None:
        result = self.gate(stage).result
        return result if isinstance(result, kind) else None

    @property
    def train(self) -> TrainResult | None:
        """What train left."""
        return self._result("train", TrainResult)

    @property
    def quality(self) -> QualityResult | None:
        """What quality left."""
        return self._result("quality", QualityResult)

    @property
    def package(self) -> PackageResult | None:
        """What package left."""
        return self._result("package", PackageResult)

    @property
    def deploy(self) -> DeployResult | None:
        """What deploy left."""
        return self._result("deploy", DeployResult)

    @property
    def perf(self) -> PerfResult | None:
        """What perf left."""
        return self._result("perf", PerfResult)

    @property
    def promote(self) -> PromoteResult | None:
        """What promote left."""
        return self._result("promote", PromoteResult)

    @property
    def sweep(self) -> SweepResult | None:
        """What ``perf --sweep`` left."""
        return next((g.result for g in self.studies if isinstance(g.result, SweepResult)), None)

    @property
    def soak(self) -> SoakResult | None:
        """What ``perf --soak`` left."""
        return next((g.result for g in self.studies if isinstance(g.result, SoakResult)), None)

    @property
    def selftest(self) -> SelfTestResult | None:
        """What ``quality --selftest`` left."""
        return next((g.result for g in self.studies if isinstance(g.result, SelfTestResult)), None)

    @property
    def model(self) -> ModelRef | None:
        """The model that the run is about, from the first stage that names it."""
        named = (self.train and self.train.model, self.quality and self.quality.candidate)
        others = (self.package and self.package.model, self.deploy and self.deploy.model)
        return next((m for m in (*named, *others) if m), None)

    @property
    def subject(self) -> str:
        """The model for people: ``flight-delay 2``, else the run's id."""
        return f"{self.model.name} {self.model.version}" if self.model else f"run {self.run}"

    @property
    def verdict(self) -> Verdict | None:
        """FAIL if any stage says so, else INCONCLUSIVE, else PASS once promote has said so; None: not finished."""
        said = [g.result.verdict for g in self.gates if g.result]
        for verdict in (Verdict.FAIL, Verdict.INCONCLUSIVE):
            if verdict in said:
                return verdict
        return Verdict.PASS if self.promote and not any(g.problem for g in self.gates) else None

    @property
    def decisive(self) -> Gate | None:
        """The stage that decided the run's verdict: the first that failed, else the last that ran."""
        ran = [g for g in self.gates if g.result]
        told = [g for g in ran if g.result and g.result.verdict is self.verdict]
        return (told[0] if self.verdict is Verdict.FAIL else told[-1]) if told else ran[-1] if ran else None


def read(folder: Path) -> Story:
    """Read the records of a run's folder; whatever cannot be read becomes the gate's problem, never an exception."""
    run = Run(folder)
    return Story(folder.resolve().name, tuple(_gate(run, s) for s in STAGES), tuple(_gate(run, s) for s in STUDIES))


def _gate(run: Run, stage: str) -> Gate:
    try:
        record = run.record(stage)
    except ConfigurationError as error:
        told = error.problems[0]
        return Gate(stage, problem=f"{Path(told.where).name} {told.what}; {told.todo}")
    except OSError as error:
        return Gate(stage, problem=f"{stage}.json cannot be read ({error.strerror})")
    if record is None:
        return Gate(stage)
    try:
        return Gate(stage, record, decode_result(stage, record))
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        return Gate(stage, problem=f"{stage}.json holds no result of {stage} ({error}); run legion-ci {stage} again")
