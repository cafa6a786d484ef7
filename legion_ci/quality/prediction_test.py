"""Prediction tests judged: the candidate answers the pinned rows, and every other answer than the expected one is listed."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyarrow import parquet

from legion_ci.core.errors import ConfigurationError, Problem, ToolError
from legion_ci.data.files import FileSettings
from legion_ci.data.source import open_source, plain
from legion_ci.quality import outcomes
from legion_ci.quality.checks import Candidate, Evidence, Finding, Rows
from legion_ci.quality.labels import key
from legion_ci.quality.prediction_test_settings import PredictionTestSettings
from legion_ci.quality.slices import no_column
from legion_ci.results import Outcome

SHOWN = 5  # failing rows in the message; all are in the record up to:
LISTED = 1000


@dataclass(frozen=True)
class Pinned:
    """The features, and for each row the expected answers by column with the tolerance."""

    table: pa.Table
    expected: list[tuple[dict[str, Any], float]]


def problems(settings: PredictionTestSettings, rows: Rows, where: str) -> list[Problem]:
    """Files and columns that are not there."""
    if settings.path is None:
        return []
    try:
        table = _file(settings, rows.folder)
    except ConfigurationError as error:
        return [Problem(p.what, f"{where}.path", p.todo) for p in error.problems]
    lacking = [
        no_column(c, table, f"{where}.expected") for c in settings.expected.values() if c not in table.column_names
    ]
    return lacking or ([] if table.num_rows else [Problem("the file has no rows", f"{where}.path", "pin some rows")])


def judge(settings: PredictionTestSettings, evidence: Evidence, where: str) -> list[Finding]:
    """One finding; a model that raises FAILs with its error."""
    candidate = evidence.asked
    pinned = _pinned(settings, evidence.rows, candidate, where)
    n = len(pinned.expected)
    try:
        answers = candidate.predict(pinned.table, settings.name or "pinned rows")
    except ToolError as error:
        told = outcomes.result(settings, where, "", Outcome.FAIL, n=n, message=error.problems[0].what)
        return [Finding(told, "model_raised")]
    wrong = list(_wrong(pinned, answers, where))
    rows = len({w["row"] for w in wrong})
    message = f"all {n:,} rows are answered as expected"
    if wrong:
        first = "; ".join(
            f"row {w['row']}: {w['column']} {w['answer']}, expected {w['expected']}" for w in wrong[:SHOWN]
        )
        message = f"{rows:,} of {n:,} rows are answered otherwise: {first}" + ("; …" if len(wrong) > SHOWN else "")
    outcome = Outcome.FAIL if wrong else Outcome.PASS
    told = outcomes.result(
        settings, where, "", outcome, candidate=rows / n, bound=0.0, at_most=True, n=n, message=message, method="compared",
        details=tuple(wrong[:LISTED]),
    )  # fmt: skip
    return [Finding(told, "wrong_answers" if wrong else "")]


def _file(settings: PredictionTestSettings, folder: Path) -> pa.Table:
    path = settings.path or ""
    use = "csv" if path.endswith(".csv") else "parquet"
    return plain(open_source("prediction-test", FileSettings(use=use, path=path), folder).table())


def _pinned(settings: PredictionTestSettings, rows: Rows, candidate: Candidate, where: str) -> Pinned:
    if settings.path is not None:
        table = _file(settings, rows.folder)
        columns = {answer: table.column(c).to_pylist() for answer, c in settings.expected.items()}
        expected = [({a: v[i] for a, v in columns.items()}, settings.tolerance) for i in range(len(table))]
        return Pinned(table.drop_columns(list(dict.fromkeys(settings.expected.values()))), expected)
    expected = [(r.expect, settings.tolerance if r.tolerance is None else r.tolerance) for r in settings.rows]
    return Pinned(_inline([r.input for r in settings.rows], candidate.artefact(), where), expected)


def _inline(inputs: list[dict[str, Any]], artefact: Path, where: str) -> pa.Table:
    """Rows with the types that the model was trained on; a feature that a row leaves out is missing there."""
    schema = parquet.read_schema(artefact / "legion_model" / "head_input.parquet")
    columns, found = {}, []
    for name in dict.fromkeys(c for row in inputs for c in row):
        values = [row.get(name) for row in inputs]
        if name not in schema.names:
            found.append(no_column(name, schema.empty_table(), f"{where}.rows"))
            continue
        try:
            columns[name] = pa.array(values, from_pandas=True).cast(schema.field(name).type)
        except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError) as error:
            found.append(
                Problem(
                    f"{name} cannot be {schema.field(name).type} ({error})",
                    f"{where}.rows",
                    "write it as the data have it",
                )
            )
    if found:
        raise ConfigurationError(found)
    return pa.table(columns)


def _wrong(pinned: Pinned, answers: pa.Table, where: str) -> Iterator[dict[str, Any]]:
    wanted = dict.fromkeys(c for expect, _ in pinned.expected for c in expect)
    if lacking := [no_column(c, answers, f"{where}.expected") for c in wanted if c not in answers.column_names]:
        raise ConfigurationError(lacking)
    columns = {c: answers.column(c).to_pylist() for c in wanted}
    for row, (expect, tolerance) in enumerate(pinned.expected):
        for column, value in expect.items():
            if not _equal(columns[column][row], value, tolerance):
                yield {"row": row, "column": column, "answer": columns[column][row], "expected": value}


def _equal(answer: Any, expected: Any, tolerance: float) -> bool:
    if all(isinstance(v, int | float) and not isinstance(v, bool) for v in (answer, expected)):
        return math.isfinite(answer) and abs(answer - expected) <= tolerance
    return answer is not None and key(answer) == key(expected)
