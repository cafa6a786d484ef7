"""Fairness judged: rates of each group against the reference group's."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from legion_ci.core.errors import Problem
from legion_ci.quality import metric_plan, outcomes, slices
from legion_ci.quality.catalogue import METRICS
from legion_ci.quality.checks import Alarm, Evidence, Finding, Rows
from legion_ci.quality.evidence import InvalidAnswer
from legion_ci.quality.fairness_settings import FairnessSettings
from legion_ci.quality.labels import key
from legion_ci.quality.sample import answers_for
from legion_ci.quality.statistics.estimate import POWER, z
from legion_ci.quality.statistics.two_rates import TwoRates, p_beyond
from legion_ci.results import Outcome

Mask = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Rate:
    """Share of ``hit`` among ``among``. name: of the measure, for people."""

    name: str
    hit: Mask
    among: Mask

    def of(self, rows: Mask) -> tuple[int, int]:
        """Hits and rows that count, in a group."""
        return int(np.sum(self.hit & self.among & rows)), int(np.sum(self.among & rows))


def problems(settings: FairnessSettings, rows: Rows, where: str) -> list[Problem]:
    """Columns or classes that are not there, and more than two classes without a positive one."""
    found = slices.problems(dict.fromkeys(settings.groups, ()), rows.table, where)
    classes = rows.truth.classes.names
    if metric_plan.positive(settings, rows) < 0 or len(classes) < 2:
        what = f"fairness needs a positive class among two or more (the target has {', '.join(classes[:10])})"
        found.append(Problem(what, f"{where}.positive", "set positive to the class that is the good or bad news"))
    for column, value in settings.reference.items():
        if column in rows.table.column_names and not np.any(_codes(rows, column) == _number(rows, column, value)):
            found.append(Problem(f"no row has {column}={value}", f"{where}.reference", "name a group that is there"))
    return found


def judge(settings: FairnessSettings, evidence: Evidence, where: str) -> list[Finding]:
    """One finding a measure and group; unusable answers FAIL."""
    try:
        rates = list(_rates(settings, evidence))
    except InvalidAnswer as error:
        told = outcomes.result(settings, where, "", Outcome.FAIL, n=len(evidence.rows.table), message=str(error))
        return [Finding(told, "invalid_predictions")]
    return [
        f for column in settings.groups for rate in rates for f in _of_column(settings, evidence, where, column, rate)
    ]


def _rates(settings: FairnessSettings, evidence: Evidence) -> Iterator[Rate]:
    rows = evidence.rows
    positive = metric_plan.positive(settings, rows)
    said = answers_for(METRICS["recall"], evidence.answers, rows.truth, positive, settings.threshold) == positive
    true, everyone = rows.truth.codes == positive, np.ones(len(said), dtype=bool)
    if "demographic_parity" in settings.measures:
        yield Rate("demographic parity", said, everyone)
    if "equal_opportunity" in settings.measures or "equalised_odds" in settings.measures:
        yield Rate("true positive rate", said, true)
    if "equalised_odds" in settings.measures:
        yield Rate("false positive rate", said, ~true)
    if "predictive_parity" in settings.measures:
        yield Rate("predictive parity", true, said)


def _of_column(
    settings: FairnessSettings, evidence: Evidence, where: str, column: str, rate: Rate
) -> Iterator[Finding]:
    names, _ = slices.encoded(evidence.rows.table.column(column))
    codes = _codes(evidence.rows, column)
    base = _reference(settings, evidence.rows, column, codes)
    least = settings.min_group or evidence.rows.settings.min_rare
    for code in np.argsort(names, kind="stable"):
        if code != base:
            x, n = rate.of(codes == code)
            y, m = rate.of(codes == base)
            part = f"{column}={names[code]}"
            if min(n, m) < least:
                yield _too_few(settings, where, rate, part, min(n, m), least, n)
            else:
                yield _compared(settings, evidence, where, rate, part, TwoRates(x, n, y, m), f"{column}={names[base]}")


def _codes(rows: Rows, column: str) -> NDArray[np.int64]:
    return slices.encoded(rows.table.column(column))[1]


def _number(rows: Rows, column: str, value: object) -> int:
    keys = [key(n) for n in slices.encoded(rows.table.column(column))[0]]
    return keys.index(key(value)) if key(value) in keys else -1


def _reference(settings: FairnessSettings, rows: Rows, column: str, codes: NDArray[np.int64]) -> int:
    if column in settings.reference:
        return _number(rows, column, settings.reference[column])
    return int(np.argmax(np.bincount(codes)))


def _too_few(settings: FairnessSettings, where: str, rate: Rate, part: str, seen: int, least: int, n: int) -> Finding:
    message = f"{rate.name} rests on {seen:,} rows, at least {least:,} are needed"
    told = outcomes.result(
        settings, where, rate.name, Outcome.NOT_ASSESSED, slice=part, n=n, message=message, metric=rate.name
    )
    return Finding(told, "not_assessed", blocks=True)


def _compared(
    settings: FairnessSettings, evidence: Evidence, where: str, rate: Rate, part: str, two: TwoRates, base: str
) -> Finding:
    alpha = settings.alpha or evidence.rows.settings.alpha
    facts = {
        "slice": part, "n": two.n, "n_rare": two.m, "alpha": alpha, "metric": rate.name, "candidate": two.x / two.n,
        "champion": None, "message": f"{two.x / two.n:.4g} against {two.y / two.m:.4g} of {base}",
    }  # fmt: skip
    if settings.max_difference is not None:
        low, high = outcomes.absolute(two.difference_interval(alpha))
        bound, effect, at_most, method = (
            settings.max_difference,
            abs(two.difference),
            True,
            "difference of rates, Newcombe",
        )
        p, se, limit = p_beyond(effect, two.difference_se, bound), two.difference_se, bound
    else:
        near, far = outcomes.absolute(two.log_ratio_interval(alpha))
        low, high = math.exp(-far), math.exp(-near)
        bound, effect, at_most, method = (
            settings.min_ratio or 1.0,
            math.exp(-abs(two.log_ratio)),
            False,
            "ratio of rates, Katz",
        )
        se, limit = two.log_ratio_se, -math.log(bound)
        p = p_beyond(abs(two.log_ratio), se, limit)
    found = outcomes.bounded(
        settings,
        where,
        rate.name,
        effect=effect,
        interval=(low, high),
        bound=bound,
        at_most=at_most,
        method=method,
        **facts,
    )
    if settings.role != "alarm":
        return Finding(found.result, "unfair" if found.result.outcome is Outcome.FAIL else found.reason)
    quiet = outcomes.result(
        settings, where, rate.name, Outcome.NO_ALARM, effect=effect, lower=low, upper=high, bound=bound, at_most=at_most,
        method=method, **facts,
    )  # fmt: skip
    return Finding(quiet, alarm=Alarm(p, lambda level: _visible(limit + (z(level) + z(1 - POWER)) * se, at_most)))


def _visible(distance: float, at_most: bool) -> float:
    """A gap that would have been seen: of the difference, or of the ratio from 1."""
    return distance if at_most else 1 - math.exp(-distance)
