"""Calibration judged: error, slope and intercept against their limits, with the reliability bins for the report."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from legion_ci.core.errors import Problem
from legion_ci.quality import labels, metric_plan, outcomes
from legion_ci.quality.calibration_settings import CalibrationSettings
from legion_ci.quality.checks import Evidence, Finding, Rows
from legion_ci.quality.evidence import InvalidAnswer
from legion_ci.quality.statistics import calibration as method
from legion_ci.quality.statistics.estimate import LargeSample
from legion_ci.results import Outcome


def problems(settings: CalibrationSettings, rows: Rows, where: str) -> list[Problem]:
    """A target without classes, and a positive class that is not there."""
    names = rows.truth.classes.names
    if not 2 <= len(names) <= labels.MOST:
        return [
            Problem(f"calibration is of classes, and the target has {len(names):,}", where, "use it for a classifier")
        ]
    if settings.positive is not None and metric_plan.positive(settings, rows) < 0:
        return [
            Problem(
                f"there is no class {settings.positive!r} in the target",
                f"{where}.positive",
                f"there are {', '.join(names[:20])}",
            )
        ]
    return []


def judge(settings: CalibrationSettings, evidence: Evidence, where: str) -> list[Finding]:
    """One finding a limit; unusable probabilities FAIL, too few rows of the rarer outcome are INCONCLUSIVE."""
    try:
        said, came = _told(settings, evidence)
    except InvalidAnswer as error:
        told = outcomes.result(settings, where, "", Outcome.FAIL, n=len(evidence.rows.table), message=str(error))
        return [Finding(told, "invalid_predictions")]
    rare, least = int(min(came.sum(), (~came).sum())), evidence.rows.settings.min_rare
    if rare < least:
        message = f"{rare:,} rows of the rarer outcome, at least {least:,} are needed"
        told = outcomes.result(settings, where, "", Outcome.INCONCLUSIVE, n=len(said), n_rare=rare, message=message)
        return [Finding(told, "too_few_rows")]
    return _limits(settings, evidence, where, said, came)


def _told(settings: CalibrationSettings, evidence: Evidence) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Probabilities, and whether what they are of came true."""
    truth, positive = evidence.rows.truth, metric_plan.positive(settings, evidence.rows)
    found = evidence.answers.probabilities(truth.classes, positive if positive >= 0 else None)
    if positive >= 0:
        return found[:, positive], truth.codes == positive
    return found.max(axis=1), truth.codes == found.argmax(axis=1)


def _limits(
    settings: CalibrationSettings, evidence: Evidence, where: str, said: NDArray[np.float64], came: NDArray[np.bool_]
) -> list[Finding]:
    alpha = settings.alpha or evidence.rows.settings.alpha
    facts: dict[str, Any] = {"n": len(said), "n_rare": int(min(came.sum(), (~came).sum())), "alpha": alpha}
    found = []
    if settings.max_ece is not None:
        curve = method.reliability(said, came, settings.bins)
        error = curve.error()
        low, high = error.interval(alpha)
        details = tuple(
            {"rows": int(n), "said": float(p), "came": float(c), "se": float(s)}
            for n, p, c, s in zip(curve.rows, curve.said, curve.came, curve.se, strict=True)
        )
        found.append(outcomes.bounded(
            settings, where, "expected calibration error", effect=error.effect, interval=(max(low, 0.0), high),
            bound=settings.max_ece, method=error.method, details=details, message=f"{curve.plain:.4g} without correction", **facts,
        ))  # fmt: skip
    lines = method.recalibration(said, came)
    wanted = (("intercept", settings.intercept_within, 0.0, 0), ("slope", settings.slope_within, 1.0, 1))
    for name, limit, ideal, at in wanted:
        if limit is not None:
            found.append(_line(settings, where, name, limit, ideal, lines and lines[at], alpha, facts))
    return found


def _line(
    settings: CalibrationSettings, where: str, name: str, limit: float, ideal: float, line: LargeSample | None, alpha: float,
    facts: dict[str, Any],
) -> Finding:  # fmt: skip
    if line is None:
        message = f"there is no {name}: all probabilities are the same, or separate the outcomes without error"
        return Finding(
            outcomes.result(settings, where, name, Outcome.INCONCLUSIVE, message=message, **facts), "no_recalibration"
        )
    low, high = line.interval(alpha)
    return outcomes.bounded(
        settings, where, f"{name} within {limit:g} of {ideal:g}", effect=abs(line.effect - ideal),
        interval=outcomes.absolute((low - ideal, high - ideal)), bound=limit, method=line.method,
        message=f"{name} {line.effect:.4g} ({low:.4g} … {high:.4g})", **facts,
    )  # fmt: skip
