"""Calibration of probabilities: expected calibration error without its upward bias, and the logistic recalibration.

Of perfectly calibrated probabilities the plain error is never 0: in each bin |mean outcome − mean probability| is that of a
normal variable around the true gap, and is taken back to it (A. Kumar, P. Liang and T. Ma, NeurIPS 2019; J. Bröcker 2012 on
the same bias of the reliability). Recalibration: D. R. Cox, Biometrika 45 (1958) 562-565.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from legion_ci.quality.statistics.estimate import LargeSample

Floats = NDArray[np.float64]
_NONE = float(np.sqrt(2 / np.pi))  # mean of |N(0, 1)|
_GRID = np.linspace(0, 6, 601)
_MEANS = _NONE * np.exp(-(_GRID**2) / 2) + _GRID * (1 - 2 * stats.norm.sf(_GRID))  # mean of |N(μ, 1)|


@dataclass(frozen=True, eq=False)
class Reliability:
    """Bins of equally many rows (ties together): rows, mean probability, share that came true, its standard error."""

    rows: Floats
    said: Floats
    came: Floats
    se: Floats

    @property
    def plain(self) -> float:
        """The error without correction."""
        return float(np.average(np.abs(self.came - self.said), weights=self.rows))

    def error(self) -> LargeSample:
        """The expected calibration error, freed of its bias."""
        weights = self.rows / self.rows.sum()
        gap, se = np.abs(self.came - self.said), np.maximum(self.se, 1e-12)
        true = np.where(gap / se >= _MEANS[-1], gap, np.interp(gap / se, _MEANS, _GRID) * se)
        spread = float(np.sqrt(np.sum((weights * se) ** 2)))
        return LargeSample(
            float(np.sum(weights * true)), spread, int(self.rows.sum()), "calibration error, bias removed"
        )


def reliability(probabilities: Floats, outcomes: NDArray[np.bool_], bins: int) -> Reliability:
    """probabilities, outcomes: one a row."""
    cuts = np.unique(np.quantile(probabilities, np.linspace(0, 1, bins + 1)[1:-1]))
    place = np.searchsorted(cuts, probabilities, side="left")
    rows = np.bincount(place, minlength=len(cuts) + 1).astype(np.float64)
    keep = rows > 0
    said, came = (
        np.bincount(place, weights=v, minlength=len(cuts) + 1)[keep] / rows[keep]
        for v in (probabilities, outcomes.astype(np.float64))
    )
    spread = np.bincount(place, weights=(outcomes - probabilities) ** 2, minlength=len(cuts) + 1)[keep] / rows[keep]
    variance = np.maximum(spread - (came - said) ** 2, 0.25 / np.maximum(rows[keep], 1)) / np.maximum(rows[keep] - 1, 1)
    return Reliability(rows[keep], said, came, np.sqrt(variance))


def recalibration(probabilities: Floats, outcomes: NDArray[np.bool_]) -> tuple[LargeSample, LargeSample] | None:
    """Intercept and slope of logit(outcome) on logit(probability); None where they do not exist (no spread, separated)."""
    inside = np.clip(probabilities, 1e-9, 1 - 1e-9)
    x = np.stack([np.ones(len(inside)), np.log(inside / (1 - inside))], axis=1)
    if np.ptp(x[:, 1]) < 1e-9:
        return None
    found = np.zeros(2)  # from there Newton's steps converge; from a slope of 1 they may leap to and fro
    for _ in range(50):
        fitted = 1 / (1 + np.exp(-np.clip(x @ found, -30, 30)))
        information = (x * (fitted * (1 - fitted))[:, None]).T @ x
        if np.linalg.cond(information) > 1e12:
            return None
        step = np.linalg.solve(information, x.T @ (outcomes - fitted))
        found = found + np.clip(step, -2, 2)
        if np.max(np.abs(step)) < 1e-9:
            covariance = np.linalg.inv(information)
            return (
                LargeSample(
                    float(found[0]), float(np.sqrt(covariance[0, 0])), len(x), "logistic recalibration, intercept"
                ),
                LargeSample(float(found[1]), float(np.sqrt(covariance[1, 1])), len(x), "logistic recalibration, slope"),
            )
    return None
