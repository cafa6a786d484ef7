"""Runs the self-test: models answer once, then the gate judges many worlds made of those answers."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from legion_ci.core.tools import Tools
from legion_ci.gateway.routes import Arm
from legion_ci.quality import metric_judge
from legion_ci.quality.checks import Evidence
from legion_ci.quality.evidence import InvalidAnswer
from legion_ci.quality.metric_settings import MetricSettings
from legion_ci.quality.predictions import Predictor
from legion_ci.quality.question import Question
from legion_ci.quality.sample import Sample, rarer
from legion_ci.quality.selftest import alarm_trials, claims, said
from legion_ci.quality.selftest.alarm_trials import Watch
from legion_ci.quality.selftest.trials import Tally, count
from legion_ci.quality.stage import answered, prepare
from legion_ci.results import ModelRef, SelfTestCheck, SelfTestResult, TrainResult
from legion_ci.settings.schema import DataSettings, QualitySettings

REPLICATES = 399  # of bootstraps in trials: (399 + 1)·α is whole, so that a test's level is that of the gate's own
_ERROR_SHARE = 0.7  # of the time; the rest is for power


def run(
    settings: QualitySettings, data: Mapping[str, DataSettings], *, trained: TrainResult, champion: Arm | None, first: bool,
    folder: Path, work: Path, tools: Tools, find_links: Sequence[str] = (), predictor: Predictor | None = None,
) -> SelfTestResult:  # fmt: skip
    """How often each check is wrong and how often it decides, within ``quality.selftest.time``; errors as the stage's."""
    lighter = settings.model_copy(update={"resamples": REPLICATES})
    live = champion.model if champion else None
    asked = prepare(lighter, data, trained.model, live, first, folder, work, tools, find_links, predictor)
    ours = [c for c in asked.wanted if isinstance(c.settings, MetricSettings)]
    bare = Evidence(asked.rows, None, None, False, settings.checks, tools.progress.say, asked.asker)
    evidence = answered(asked.rows, ours, asked.asker, live, bare) if ours else bare
    questions = [
        Question(c.settings, evidence, getattr(c, "where", "")) for c in ours if isinstance(c.settings, MetricSettings)
    ]
    found = _Test(settings, tools).all(questions)
    found += [said.other(c.settings.use, getattr(c, "where", "")) for c in asked.wanted if c not in ours]
    return _result(settings, found, trained.model, live, len(asked.rows.table), asked.digest)


class _Test:
    """One self-test: how many trials, in how much time, and where they are told."""

    def __init__(self, settings: QualitySettings, tools: Tools) -> None:
        self.settings, self.tools = settings, tools
        self.time_s = settings.selftest.time

    def all(self, questions: Sequence[Question]) -> list[SelfTestCheck]:
        """Every required check by itself, all alarms together."""
        required = [q for q in questions if not q.settings.is_alarm]
        watching = [q for q in questions if q.settings.is_alarm]
        self.time_s /= max(1, len(required) + bool(watching))
        found = [self._claim(q) for q in required]
        return found + (self._alarms(watching) if watching else [])

    def _claim(self, question: Question) -> SelfTestCheck:
        sample = _sample(question)
        if isinstance(sample, str):
            return said.not_tested(question, sample)
        claim = claims.of(question, sample, np.random.default_rng(self._seed(question.settings.title, 0)))
        if isinstance(claim, str):
            return said.not_tested(question, claim)
        title = question.settings.title
        wrong = self._count(title, 1, claim.wrong, _ERROR_SHARE)
        right = self._count(title, 2, claim.right, 1 - _ERROR_SHARE)
        return said.judged(question.settings.title, "require", question.alpha, wrong, right, claim.facts,
                           metric=question.metric.name, where=question.where)  # fmt: skip

    def _alarms(self, questions: Sequence[Question]) -> list[SelfTestCheck]:
        samples = [(q, _sample(q)) for q in questions]
        found = [said.not_tested(q, s) for q, s in samples if isinstance(s, str)]
        watches = [Watch.of(q, s) for q, s in samples if isinstance(s, Sample) and s.champion is not None]
        found += [said.not_tested(q, "an alarm on one model alone has no exchange of models")
                  for q, s in samples if isinstance(s, Sample) and s.champion is None]  # fmt: skip
        return [*found, self._together(watches)] if watches else found

    def _together(self, watches: Sequence[Watch]) -> SelfTestCheck:
        alpha, title = self.settings.alpha, ", ".join(w.question.settings.title for w in watches)
        wrong = self._count(title, 1, lambda rng: alarm_trials.raised(watches, alpha, rng), _ERROR_SHARE)
        planted = alarm_trials.plant(watches, alpha, np.random.default_rng(self._seed(title, 0)))
        facts: dict[str, Any] = {"world": "models exchanged row by row: no slice lost anything"}
        right = None
        if planted is not None:
            found = planted
            right = self._count(title, 2, lambda rng: alarm_trials.seen(watches, found, alpha, rng), 1 - _ERROR_SHARE)
            facts |= {"planted": found.loss, "power_world": f"{found.part.name} lost {found.loss:.3g}, which the gate says it sees in 80 % at the discordance seen"}  # fmt: skip
        return said.judged(f"alarms: {title}", "alarm", alpha, wrong, right, facts,
                           metric=watches[0].question.metric.name, where=watches[0].question.where)  # fmt: skip

    def _count(self, title: str, part: int, trial: Callable[[np.random.Generator], bool], share: float) -> Tally:
        def say(told: str) -> None:
            self.tools.progress.say(f"self-test of {title}, {'error' if part == 1 else 'power'}: {told}")

        return count(trial, self.settings.selftest.runs, self.time_s * share, self._seed(title, part), say)

    def _seed(self, title: str, part: int) -> tuple[int, ...]:
        return (self.settings.seed & 0xFFFFFFFF, zlib.crc32(title.encode()), part)


def _sample(question: Question) -> Sample | str:
    """The rows with answers, or why they cannot be had."""
    if question.settings.versus and question.evidence.champion is None:
        return "first model, no champion"
    if question.settings.versus and question.evidence.same:
        return "the candidate is the champion"
    try:
        sample = metric_judge.sample_of(question)
    except InvalidAnswer as error:
        return str(error)
    rare = rarer(question.metric, sample)
    few = question.too_few(len(sample), rare) if not question.settings.slices else None
    return few.result.message if few else sample


def _result(
    settings: QualitySettings, checks: Sequence[SelfTestCheck], candidate: ModelRef, champion: ModelRef | None, n: int,
    digest: str,
) -> SelfTestResult:  # fmt: skip
    verdict, reason, summary, more = said.overall(checks, n)
    return SelfTestResult(
        verdict=verdict, reason=reason, summary=summary, more_data=more, candidate=candidate, champion=champion,
        checks=tuple(checks), alpha=settings.alpha, n_rows=n, seed=settings.seed, data_digest=digest,
    )  # fmt: skip
