"""The self-check before a server reports ready: the model must predict its own sample as it did when it was trained."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from legion_ci.core.errors import ConfigurationError
from legion_ci.serving.model import Model
from legion_ci.serving.predictions import Answer, encode
from legion_ci.serving.problems import Refused
from legion_ci.serving.protocols import Protocols, write_invoke
from legion_ci.serving.signature import Sample

_RELATIVE, _ABSOLUTE = 1e-6, 1e-9  # other processors and library builds round differently


def run(model: Model, protocols: Protocols, head_input: Sample | None, head_output: Sample | None) -> str:
    """Predict the sample by the way that requests go; returns what differs from ``head_output``, "" when nothing.

    Raises ConfigurationError when the sample is refused or the model fails on it.
    """
    if head_input is None or not head_input.data:
        return ""
    told = _told(model, protocols, head_input)
    tolerance = getattr(model, "tolerance", 0.0)  # of an accelerated form
    return "" if head_output is None else _difference(told, head_output, tolerance)


def answers_vary(model: Model, protocols: Protocols, head_input: Sample | None) -> bool:
    """Whether the model answers its own sample differently when asked twice."""
    if head_input is None or not head_input.data:
        return False
    first, second = (_told(model, protocols, head_input) for _ in range(2))
    return bool(_difference(first, Sample(columns=second["columns"], types={}, data=second["prediction"]), 0.0))


def _told(model: Model, protocols: Protocols, head_input: Sample) -> dict[str, Any]:
    """What a client would be answered."""
    try:
        rows = protocols.read_invoke(encode({"columns": head_input.columns, "data": head_input.data}))
        predictions = model.predict(rows)
        told: dict[str, Any] = msgspec.json.decode(write_invoke(Answer(predictions.columns, predictions.rows())))
        return told
    except Refused as error:
        wrong = "; ".join(f"{p.path}: {p.problem}" for p in error.problems[:3])
        raise _failed(f"its own sample does not fit its signature ({wrong})") from error
    except BaseException as error:
        raise _failed(f"it fails on its own sample ({type(error).__name__}: {error})") from error


def _failed(reason: str) -> ConfigurationError:
    return ConfigurationError(f"the model's self-check failed: {reason}", todo="train it again in this environment")


def _difference(told: dict[str, Any], expected: Sample, tolerance: float) -> str:
    if list(told["columns"]) != expected.columns:
        return f"columns are {', '.join(told['columns'])}, at training {', '.join(expected.columns)}"
    return next(_different(told["prediction"], expected.data, expected.columns, tolerance), "")


def _different(
    found: Sequence[Sequence[Any]], expected: Sequence[Sequence[Any]], names: Sequence[str], tolerance: float
) -> Iterator[str]:
    if len(found) != len(expected):
        yield f"{len(found)} predictions, at training {len(expected)}"
        return
    for i, (row, known) in enumerate(zip(found, expected, strict=True)):
        for name, value, before in zip(names, row, known, strict=True):
            if not same(value, before, tolerance):
                yield f"{name} of row {i} is {value!r}, at training {before!r}"


def same(value: Any, before: Any, tolerance: float = 0.0) -> bool:
    """Whether two predicted values are equal, numbers within rounding or the tolerance (relative above 1)."""
    numbers = [v for v in (value, before) if isinstance(v, int | float) and not isinstance(v, bool)]
    if len(numbers) == 2:
        return math.isclose(value, before, rel_tol=max(_RELATIVE, tolerance), abs_tol=max(_ABSOLUTE, tolerance))
    return bool(value == before)
