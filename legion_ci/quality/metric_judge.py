"""The check ``metric`` judged: answers made comparable, then decided on all rows or tested slice by slice."""

from __future__ import annotations

from typing import Any

import numpy as np

from legion_ci.core.errors import ToolError
from legion_ci.quality import decision, seen, slice_alarms, units
from legion_ci.quality.checks import Evidence, Finding
from legion_ci.quality.evidence import Answers, InvalidAnswer
from legion_ci.quality.metric_settings import MetricSettings
from legion_ci.quality.question import Question
from legion_ci.quality.sample import Array, Sample, answers_for, rarer
from legion_ci.quality.seen import Seen
from legion_ci.results import Outcome


def judge(settings: MetricSettings, evidence: Evidence, where: str) -> list[Finding]:
    """One finding for all rows, or one a slice. Unusable answers: FAIL of the candidate, ToolError for the champion."""
    question = Question(settings, evidence, where)
    if known := without_rows(question):
        return [known]
    try:
        sample = sample_of(question)
    except InvalidAnswer as error:
        return [unusable(question, str(error), len(evidence.rows.table))]
    if settings.slices:
        return slice_alarms.judge(question, sample)
    return [decided(question, sample)]


def without_rows(question: Question) -> Finding | None:
    """What is known before any row is looked at: no champion, or the same model."""
    if question.settings.versus and question.evidence.champion is None:
        return Finding(question.result(Outcome.NOT_ASSESSED, message="first model, no champion"))
    return decision.same_model(question) if question.settings.versus and question.evidence.same else None


def unusable(question: Question, message: str, n: int) -> Finding:
    """Answers of the candidate that no metric can use."""
    return Finding(question.result(Outcome.FAIL, n=n, message=message), "invalid_predictions")


def decided(question: Question, sample: Sample) -> Finding:
    """What is found on all rows."""
    few = question.too_few(len(sample), rarer(question.metric, sample))
    return few or _all_equal(question, sample) or decision.decide(question, sample)


def sample_of(question: Question) -> Sample:
    """The rows with the answers in the metric's form; raises InvalidAnswer, for the champion ToolError."""
    rows, metric = question.evidence.rows, question.metric
    if metric.form in ("query", "user"):
        return units.sample(question)
    of_classes = metric.of_classes
    champion = question.evidence.champion if question.settings.versus else None
    return Sample(
        truth=rows.truth.codes if of_classes else rows.truth.values,
        candidate=_answers(question, question.evidence.answers),
        champion=None if champion is None else _champion(question, champion),
        n_classes=len(rows.truth.classes.names) if of_classes else 0,
        positive=question.positive,
        cluster=rows.cluster,
    )


def _answers(question: Question, answers: Answers) -> Array:
    return answers_for(
        question.metric, answers, question.evidence.rows.truth, question.positive, question.settings.threshold
    )


def _champion(question: Question, champion: Answers) -> Array:
    try:
        return _answers(question, champion)
    except InvalidAnswer as error:
        raise ToolError(
            str(error), where=question.where, todo="the champion cannot be compared with; look at it first"
        ) from error


def _all_equal(question: Question, sample: Sample) -> Finding | None:
    """A model that answers the same whatever it is asked has learnt nothing, whatever its metric."""
    answers = np.asarray(sample.candidate)
    if len(answers) < 2 or question.metric.form in ("query", "user") or not np.all(answers == answers[0]):
        return None
    return constant(question, seen.of(question.metric, sample))


def constant(question: Question, shown: Seen) -> Finding:
    """What to say about a candidate that always answers the same."""
    message = "the candidate gives the same answer for every row"
    facts: dict[str, Any] = {"n": shown.n, **shown.values}
    return Finding(question.result(Outcome.FAIL, message=message, **facts), "constant_predictions")
