"""Before any model predicts: which class is positive, and what keeps a metric from being asked of these rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from legion_ci.core.errors import Problem
from legion_ci.quality import labels, slices
from legion_ci.quality.catalogue import CLASS_WISE
from legion_ci.quality.checks import Rows
from legion_ci.quality.metric_settings import MetricSettings
from legion_ci.settings.schema import CheckSettings


def problems(settings: MetricSettings, rows: Rows, where: str) -> list[Problem]:
    """Everything that is wrong with asking this of these rows."""
    found = slices.problems(settings.slices, rows.table, where)
    if settings.definition.form == "user":
        return found
    if settings.query is not None and settings.query not in rows.table.column_names:
        found.append(slices.no_column(settings.query, rows.table, f"{where}.query"))
    if settings.definition.of_classes:
        return [*found, *_class_problems(settings, rows, where)]
    return [*found, *_number_problems(settings, rows, where)]


def positive(settings: CheckSettings, rows: Rows) -> int:
    """Number of the positive class: the check's, the gate's, else the greater of two; −1 when there is none."""
    own = getattr(settings, "positive", None)
    said = own if own is not None else rows.settings.positive
    classes = rows.truth.classes
    if said is not None:
        return classes.number(said)
    return 1 if len(classes.names) == 2 else -1


def _class_problems(settings: MetricSettings, rows: Rows, where: str) -> Iterator[Problem]:
    classes, metric = rows.truth.classes, settings.metric
    if len(classes.names) > labels.MOST:
        yield Problem(
            f"the target has {len(classes.names):,} different values, and {metric} is for classes",
            where,
            "use a metric of numbers: mae, mse, rmse, r2",
        )
        return
    if len(classes.names) < 2:
        yield Problem(
            f"the target has one class only ({classes.names[0]}), and {metric} needs two",
            where,
            "evaluate on rows of both classes",
        )
        return
    if positive(settings, rows) >= 0:
        pass
    elif (said := settings.positive if settings.positive is not None else rows.settings.positive) is not None:
        yield Problem(
            f"there is no class {said!r} in the target", f"{where}.positive", f"there are {', '.join(classes.names)}"
        )
    elif settings.definition.needs_positive or settings.threshold is not None:
        yield Problem(
            f"the target has {len(classes.names)} classes, and {metric} needs to know the positive one",
            where,
            f"set positive to one of {', '.join(classes.names)}",
        )
    if settings.threshold is not None and len(classes.names) > 2 and not settings.definition.needs_positive:
        yield Problem(
            f"a threshold decides between two classes, and the target has {len(classes.names)}",
            f"{where}.threshold",
            "leave it out",
        )


def _number_problems(settings: MetricSettings, rows: Rows, where: str) -> Iterator[Problem]:
    if not rows.truth.is_number:
        yield Problem(
            f"{settings.metric} needs a target of numbers (it is {rows.truth.column.type})",
            where,
            "use a metric of classes",
        )
        return
    values = rows.truth.values
    if not np.isfinite(values).all():
        yield Problem(f"the target is infinite in {int(np.sum(~np.isfinite(values))):,} rows", where, "drop those rows")
    elif settings.query is not None and values.min() < 0:
        yield Problem(
            f"{settings.metric} needs a relevance of 0 or more (the least is {values.min():g})", where, "shift it"
        )
    elif settings.metric == "r2" and np.ptp(values) == 0:
        yield Problem("the target is the same in every row, and r2 needs it to vary", where, "use mae or rmse")


def refused_margins(checks: Sequence[CheckSettings], rows: Rows, places: Sequence[str]) -> list[Problem]:
    """Accuracy with a margin as wide as the minority, good for a model that never names it; unless accompanied."""
    return [
        Problem(
            f"the margin {c.margin:g} of accuracy is as wide as the minority's share ({share:.3g}): a model that never "
            f"says {rows.truth.classes.names[minority]} would pass",
            place,
            "make the margin smaller, or add {metric: recall, versus: champion} (specificity for a negative minority)",
        )
        for c, place in zip(checks, places, strict=True)
        if isinstance(c, MetricSettings) and c.metric == "accuracy" and c.margin and not c.is_alarm
        for minority, share in [_minority(rows)]
        if c.margin >= share and not any(_watches(other, minority, rows) for other in checks)
    ]


def _minority(rows: Rows) -> tuple[int, float]:
    counts = np.bincount(rows.truth.codes, minlength=len(rows.truth.classes.names))
    return int(np.argmin(counts)), float(counts.min() / max(counts.sum(), 1))


def _watches(check: CheckSettings, minority: int, rows: Rows) -> bool:
    """Whether a required check looks at the minority on all rows."""
    if not isinstance(check, MetricSettings) or check.is_alarm or check.metric not in CLASS_WISE:
        return False
    if check.metric == "balanced_accuracy":
        return True
    is_positive = positive(check, rows) == minority
    return not is_positive if check.metric == "specificity" else is_positive
