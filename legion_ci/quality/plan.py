"""Before anything is predicted: the checks, the evaluation rows, and all that is wrong with them, at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from legion_ci.core import plugins
from legion_ci.core.errors import ConfigurationError, OrderError, Problem
from legion_ci.data import stream
from legion_ci.data.source import Dataset, load
from legion_ci.data.stream import Stream
from legion_ci.quality import metric_plan, order, slices
from legion_ci.quality.checks import Check, Rows
from legion_ci.quality.evidence import Truth
from legion_ci.quality.streamed import drawn
from legion_ci.settings.schema import CheckSettings, DataSettings, QualitySettings

EVALUATION = "eval"


def checks(settings: QualitySettings) -> list[Check]:
    """The configured checks, made from their plug-ins."""
    return [_check(c, _place(c, i)) for i, c in enumerate(settings.checks)]


def _place(check: CheckSettings, index: int) -> str:
    return check.origin or f"quality.checks[{index}]"


def _check(settings: CheckSettings, where: str) -> Check:
    plugin = plugins.load("checks", settings.use, where)
    if not isinstance(settings, plugin.Settings):
        raise ConfigurationError(
            f"the check {settings.use!r} is not complete", where=where, todo="load it from legion.yaml"
        )
    check: Check = plugin(settings, where)
    return check


def champion_needed(present: bool, first: bool) -> None:
    """OrderError when there is no champion and nobody said that there is none yet."""
    if not present and not first:
        raise OrderError(
            "there is no champion to compare with, on this site",
            where="quality",
            todo="say --first if this is the first model",
        )


@dataclass(frozen=True)
class Evaluation:
    """The evaluation data set. stream: all of it, where ``dataset`` holds a part of its rows only."""

    dataset: Dataset
    stream: Stream | None = None


def evaluation(data: Mapping[str, DataSettings], gate: QualitySettings, folder: Path, scratch: Path) -> Evaluation:
    """The evaluation data set, read and checked; ConfigurationError when it is not there or cannot be judged on.

    Of one that is too large for ``quality.memory`` some rows are drawn by ``quality.seed``.
    """
    settings = data.get(EVALUATION)
    if settings is None:
        raise ConfigurationError(f"there is no data set {EVALUATION!r} to judge on", where=f"data.{EVALUATION}",
                                 todo=f"add data.{EVALUATION} with a path and a target")  # fmt: skip
    if settings.target is None:
        raise ConfigurationError(
            "no target column is set", where=f"data.{EVALUATION}", todo=f"set data.{EVALUATION}.target"
        )
    found = stream.opened(EVALUATION, settings, folder, gate.memory, scratch)
    if found is None:
        return Evaluation(load(EVALUATION, settings, folder))
    return Evaluation(Dataset(EVALUATION, drawn.rows(found, gate.seed), settings), found)


def rows(settings: QualitySettings, asked: Evaluation, wanted: Sequence[Check], folder: Path, now: datetime) -> Rows:
    """The rows that the checks may be asked of; raises ConfigurationError with every problem of every check."""
    dataset, table = asked.dataset, asked.dataset.table
    target = dataset.settings.target or ""
    truth = Truth(table.column(target), drawn.classes(asked.stream, target, table) if asked.stream else None)
    found = Rows(
        table, truth, settings, features=tuple(dataset.feature_names), target=target, folder=folder, now=now,
        stream=asked.stream,
    )  # fmt: skip
    lost = [*_cluster_problems(settings, table), *order.problems(settings.key, found)]
    found = found if lost else replace(found, cluster=_clusters(settings, table))
    problems = [*lost, *(p for check in wanted for p in check.problems(found))]
    problems += [p for check in wanted for p in _whole_problems(check)] if asked.stream else []
    if not problems:
        places = [_place(c, i) for i, c in enumerate(settings.checks)]
        problems = metric_plan.refused_margins(settings.checks, found, places)
    if problems:
        raise ConfigurationError(dict.fromkeys(problems))
    return found


def _whole_problems(check: Check) -> list[Problem]:
    """Checks that can be asked neither a piece at a time nor of some rows."""
    if not check.settings.needs_all_rows:
        return []
    title = getattr(check.settings, "title", check.settings.name or check.settings.use)
    what = f"{title} needs all rows at once, and they are more than a quarter of quality.memory"
    return [
        Problem(what, getattr(check, "where", ""), "raise quality.memory, or judge on fewer rows (data.eval.where)")
    ]


def _cluster_problems(settings: QualitySettings, table: pa.Table) -> list[Problem]:
    column = settings.cluster
    if column is None:
        return []
    if column not in table.column_names:
        return [slices.no_column(column, table, "quality.cluster")]
    missing = table.column(column).null_count
    what = f"the cluster column {column!r} is missing in {missing:,} rows"
    return [Problem(what, "quality.cluster", "give each of those rows a cluster of its own")] if missing else []


def _clusters(settings: QualitySettings, table: pa.Table) -> NDArray[np.int64] | None:
    return None if settings.cluster is None else slices.encoded(table.column(settings.cluster))[1]
