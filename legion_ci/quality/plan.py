"""Before anything is predicted: the checks, the evaluation rows, and all that is wrong with them, at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from legion_ci.core import plugins
from legion_ci.core.errors import ConfigurationError, OrderError, Problem
from legion_ci.data.source import Dataset, load
from legion_ci.quality import metric_plan, order, slices
from legion_ci.quality.checks import Check, Rows
from legion_ci.quality.evidence import Truth
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


def evaluation(data: Mapping[str, DataSettings], folder: Path) -> Dataset:
    """The evaluation data set, read and checked; ConfigurationError when it is not there or cannot be judged on."""
    settings = data.get(EVALUATION)
    if settings is None:
        raise ConfigurationError(f"there is no data set {EVALUATION!r} to judge on", where=f"data.{EVALUATION}",
                                 todo=f"add data.{EVALUATION} with a path and a target")  # fmt: skip
    if settings.target is None:
        raise ConfigurationError(
            "no target column is set", where=f"data.{EVALUATION}", todo=f"set data.{EVALUATION}.target"
        )
    return load(EVALUATION, settings, folder)


def rows(settings: QualitySettings, dataset: Dataset, wanted: Sequence[Check], folder: Path, now: datetime) -> Rows:
    """The rows that the checks may be asked of; raises ConfigurationError with every problem of every check."""
    truth = Truth(dataset.table.column(dataset.settings.target))
    lost = [*_cluster_problems(settings, dataset.table), *order.problems(settings.key, dataset.table)]
    found = Rows(
        dataset.table, truth, settings, None if lost else _clusters(settings, dataset.table),
        features=tuple(dataset.feature_names), target=dataset.settings.target or "", folder=folder, now=now,
    )  # fmt: skip
    problems = [*lost, *(p for check in wanted for p in check.problems(found))]
    if not problems:
        places = [_place(c, i) for i, c in enumerate(settings.checks)]
        problems = metric_plan.refused_margins(settings.checks, found, places)
    if problems:
        raise ConfigurationError(dict.fromkeys(problems))
    return found


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
