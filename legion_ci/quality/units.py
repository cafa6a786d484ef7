"""Metrics whose values are given for each unit: queries of a ranking, rows by a function of the repository."""

from __future__ import annotations

import numpy as np

from legion_ci.core.errors import ToolError
from legion_ci.quality import ranking, slices
from legion_ci.quality.evidence import Answers, Floats, InvalidAnswer
from legion_ci.quality.question import Question
from legion_ci.quality.sample import Sample


def sample(question: Question) -> Sample:
    """One entry a unit, whose answers are the units' values; the metric is their mean."""
    rows = question.evidence.rows
    champion = question.evidence.champion if question.settings.versus else None
    new = _values(question, question.evidence.answers)
    old = None if champion is None else _champion(question, champion)
    cluster = rows.cluster
    if cluster is not None and question.metric.form == "query":
        cluster = cluster[np.unique(_queries(question), return_index=True)[1]]
    return Sample(truth=np.zeros(len(new)), candidate=new, champion=old, cluster=cluster)


def _champion(question: Question, champion: Answers) -> Floats:
    try:
        return _values(question, champion)
    except InvalidAnswer as error:
        raise ToolError(
            str(error), where=question.where, todo="the champion cannot be compared with; look at it first"
        ) from error


def _values(question: Question, answers: Answers) -> Floats:
    if question.metric.form == "user":
        return _called(question, answers)
    k = question.metric.parameter
    relevance = question.evidence.rows.truth.values
    return ranking.by_query(
        question.metric.name, relevance, answers.values(), _queries(question), None if k is None else int(k)
    )


def _queries(question: Question) -> np.ndarray:
    codes = slices.encoded(question.evidence.rows.table.column(question.settings.query or ""))[1]
    return np.unique(codes, return_inverse=True)[1]


def _called(question: Question, answers: Answers) -> Floats:
    table = question.evidence.rows.table
    tables = {"rows": table, "predictions": answers.table}
    told = question.evidence.asked.call(question.metric.name, tables, {}, question.where)
    try:
        values = np.array(told, dtype=np.float64)
    except (TypeError, ValueError):
        values = np.empty(0)
    if values.shape != (len(table),) or not np.isfinite(values).all():
        what = f"{values.size:,} values" if values.ndim == 1 and values.size else type(told).__name__
        raise ToolError(
            f"{question.metric.name} returned {what}, not one finite number for each of {len(table):,} rows",
            where=question.where, todo="return a value a row; for anything else write a check with use: custom",
        )  # fmt: skip
    return values
