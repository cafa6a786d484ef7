"""Scores of predictions against outcomes, signed so that more is better, one number a predicted row."""

from __future__ import annotations

import difflib
import json
import math
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from legion_ci.core.errors import ConfigurationError

_CLASS_METRICS, _NUMBER_METRICS = ("accuracy", "brier", "log_loss"), ("mae", "mse", "value")
METRICS = (*_CLASS_METRICS, *_NUMBER_METRICS)
_PROBABILITY = "probability_"
_WHOLE = re.compile(r"(-?\d+)\.0+")
_TINY = float(np.finfo(np.float64).eps)


@dataclass(frozen=True)
class Scored:
    """One entry a row. score: NaN when prediction or outcome is not there (or makes no sense). outcome: class key or
    number as text, "" when unknown. problems: what could not be scored, with counts. scale: the largest difference of two scores, None when it has no end.
    """

    score: NDArray[np.float64]
    outcome: NDArray[np.object_]
    problems: dict[str, int]
    scale: float | None


def check(metric: str, where: str = "") -> None:
    """Raise ConfigurationError for a metric that is not a mean over predictions."""
    if metric not in METRICS:
        near = difflib.get_close_matches(metric, METRICS, n=1)
        hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(METRICS)}"
        what = f"promote.metric {metric!r} is not a mean over single predictions"
        raise ConfigurationError(what, where=where, todo=hint)


def is_classification(metric: str) -> bool:
    """Whether outcomes are classes."""
    return metric in _CLASS_METRICS


def key(label: Any) -> str:
    """The same text for labels that mean the same class: true, 1, 1.0 and "1"."""
    text = str(label)
    if text.lower() in ("true", "false"):
        return "1" if text.lower() == "true" else "0"
    whole = _WHOLE.fullmatch(text)
    return whole.group(1) if whole else text


def score(
    metric: str, positive: Any, missing_is_negative: bool,
    columns: Sequence[str | None], predictions: Sequence[str | None], outcomes: Sequence[str | None],
) -> Scored:  # fmt: skip
    """Score rows. columns, predictions, outcomes: JSON texts as the join gives them, None where there is none.

    missing_is_negative: an unknown outcome is the class that is not ``positive``.
    """
    known = _Known(positive, missing_is_negative, is_classification(metric))
    rule, problems = _RULES[metric], Counter[str]()
    result, told = np.full(len(outcomes), np.nan), np.full(len(outcomes), "", dtype=object)
    for i, (names, row, outcome) in enumerate(zip(columns, predictions, outcomes, strict=True)):
        truth = known.outcome(outcome)
        told[i] = "" if truth is None else truth
        if truth is None or row is None or names is None:
            continue
        try:
            result[i] = rule(known.layout(names), msgspec.json.decode(row), truth, known)
        except (ValueError, IndexError, TypeError, LookupError) as error:
            problems[str(error) or type(error).__name__] += 1
    return Scored(result, told, dict(problems), known.scale(metric))


@dataclass(frozen=True)
class _Layout:
    prediction: int
    classes: dict[str, int]  # class key -> position of its probability


class _Known:
    """What recurs from row to row, worked out once."""

    def __init__(self, positive: Any, missing_is_negative: bool, classes: bool) -> None:
        self.positive = None if positive is None else key(positive)
        self._missing = "\0negative" if missing_is_negative else None  # equal to no class, so never the positive one
        self._classes = classes
        self._layouts: dict[str, _Layout] = {}
        self._outcomes: dict[str, str] = {}

    def outcome(self, text: str | None) -> str | None:
        if text is None:
            return self._missing
        if not self._classes:
            return text
        if text not in self._outcomes:
            value = json.loads(text)
            if len(self._outcomes) > 10_000 or isinstance(value, dict | list):
                return text
            self._outcomes[text] = key(value)
        return self._outcomes[text]

    def layout(self, columns: str) -> _Layout:
        if columns not in self._layouts:
            names = json.loads(columns)
            classes = {key(n[len(_PROBABILITY) :]): i for i, n in enumerate(names) if n.startswith(_PROBABILITY)}
            self._layouts[columns] = _Layout(names.index("prediction") if "prediction" in names else 0, classes)
        return self._layouts[columns]

    def scale(self, metric: str) -> float | None:
        """A Brier score over more than two classes reaches 2."""
        several = any(len(layout.classes) > 2 for layout in self._layouts.values())
        return {"accuracy": 1.0, "brier": 2.0 if several else 1.0}.get(metric)

    def positive_of(self, layout: _Layout) -> str:
        return self.positive if self.positive is not None else next(reversed(layout.classes))


Rule = Callable[[_Layout, Sequence[Any], str, _Known], float]


def _accuracy(layout: _Layout, row: Sequence[Any], truth: str, known: _Known) -> float:
    said = key(row[layout.prediction])
    return float(said != known.positive if truth == "\0negative" else said == truth)


def _probabilities(layout: _Layout, row: Sequence[Any], truth: str, known: _Known) -> tuple[dict[str, float], str]:
    if not layout.classes:
        raise ValueError("the answers hold no probabilities; use accuracy")
    told = {name: float(row[at]) for name, at in layout.classes.items()}
    if truth == "\0negative":
        truth = next((c for c in told if c != known.positive), truth)
    if truth not in told:
        raise ValueError(f"the outcome {truth[:40]!r} is none of the classes {', '.join(told)[:100]}")
    return told, truth


def _brier(layout: _Layout, row: Sequence[Any], truth: str, known: _Known) -> float:
    told, truth = _probabilities(layout, row, truth, known)
    if len(told) == 2:
        name = known.positive_of(layout)
        return -((told[name] - (truth == name)) ** 2)
    return -sum((p - (name == truth)) ** 2 for name, p in told.items())


def _log_loss(layout: _Layout, row: Sequence[Any], truth: str, known: _Known) -> float:
    told, truth = _probabilities(layout, row, truth, known)
    return math.log(min(max(told[truth], _TINY), 1.0))


def _mae(layout: _Layout, row: Sequence[Any], truth: str, known: _Known) -> float:
    return -abs(float(row[layout.prediction]) - float(truth))


def _mse(layout: _Layout, row: Sequence[Any], truth: str, known: _Known) -> float:
    return -((float(row[layout.prediction]) - float(truth)) ** 2)


def _value(layout: _Layout, row: Sequence[Any], truth: str, known: _Known) -> float:
    return {"true": 1.0, "false": 0.0}.get(truth, math.nan) if truth in ("true", "false") else float(truth)


_RULES: dict[str, Rule] = {
    "accuracy": _accuracy, "brier": _brier, "log_loss": _log_loss, "mae": _mae, "mse": _mse, "value": _value,
}  # fmt: skip
