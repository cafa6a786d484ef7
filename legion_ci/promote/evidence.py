"""From joined rows to rows that can be counted: who was meant, who answered, with what score."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from legion_ci.feedback.join import Joined
from legion_ci.promote import scores
from legion_ci.settings.schema import PromoteSettings

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Ints = NDArray[np.int64]
SHADOW = "shadow"


@dataclass(frozen=True)
class Rows:
    """One entry a predicted row, in the order of time. Only rows of champion and challenger.

    copy: a mirrored request's answer by the challenger. treated: the challenger was meant. request, row: what pairs a
    copy with its original. share: of the challenger. error: status ≥ 500, or answered by another deployment than meant.
    answered: status < 400. outcome_time: infinite when the outcome is unknown. latency: log of microseconds.
    """

    unit: Ints
    request: Ints
    row: Ints
    step: NDArray[np.object_]
    time: Floats
    copy: Flags
    treated: Flags
    share: Floats
    error: Flags
    answered: Flags
    score: Floats
    outcome: NDArray[np.object_]
    outcome_time: Floats
    latency: Floats
    problems: dict[str, int]
    scale: float | None = None  # the largest difference of two scores; None: without end

    def __len__(self) -> int:
        return len(self.time)

    def at(self, chosen: Flags | Ints) -> Rows:
        """The chosen rows."""
        columns: dict[str, Any] = {n: v[chosen] for n, v in self.__dict__.items() if isinstance(v, np.ndarray)}
        return replace(self, **columns)


def rows(joined: Joined, settings: PromoteSettings, champion: str, challenger: str) -> Rows:
    """Score and classify the joined rows."""
    table = joined.rows
    columns = {n: table.column(n).to_pylist() for n in ("columns", "prediction", "outcome")}
    scored = scores.score(
        settings.metric, settings.positive, settings.missing == "negative",
        columns["columns"], columns["prediction"], columns["outcome"],
    )  # fmt: skip
    deployment, arm, purpose, step = (_texts(table, n) for n in ("deployment", "arm", "purpose", "step"))
    share, status = _floats(table, "share", 0.0), _floats(table, "status", 0.0)
    copy = (purpose == SHADOW) & (deployment == challenger) & (arm != challenger)
    treated = (arm == challenger) & ~copy
    told = Rows(
        unit=_codes(table, "unit"), request=_codes(table, "request_id"), row=_floats(table, "row", 0).astype(np.int64),
        step=step, time=_floats(table, "time_unix", 0.0), copy=copy, treated=treated,
        share=np.where(treated, share, 1 - share), error=(status >= 500) | (~copy & (deployment != arm)),
        answered=(status > 0) & (status < 400), score=scored.score, outcome=scored.outcome,
        outcome_time=_floats(table, "outcome_time", np.inf), latency=np.log(np.maximum(_floats(table, "latency_us", 1), 1)),
        problems=scored.problems, scale=scored.scale,
    )  # fmt: skip
    return told.at(copy | np.isin(arm, (champion, challenger)))


def digest(evidence: Rows) -> str:
    """sha256 of what was judged."""
    total = hashlib.sha256()
    for name in (
        "unit",
        "request",
        "row",
        "time",
        "copy",
        "treated",
        "share",
        "error",
        "answered",
        "score",
        "outcome_time",
    ):
        total.update(np.ascontiguousarray(getattr(evidence, name)).tobytes())
    total.update("\0".join(map(str, evidence.outcome)).encode())
    total.update("\0".join(map(str, evidence.step)).encode())
    return total.hexdigest()


def _texts(table: Any, name: str) -> NDArray[np.object_]:
    return np.array([t or "" for t in table.column(name).to_pylist()], dtype=np.object_)


def _floats(table: Any, name: str, missing: float) -> Floats:
    values = np.asarray(table.column(name).to_numpy(), dtype=np.float64)
    return np.where(np.isnan(values), missing, values)


def _codes(table: Any, name: str) -> Ints:
    """Numbers that stand for texts, given in sorted order of the texts so that they depend on nothing else."""
    _, codes = np.unique(_texts(table, name).astype(str), return_inverse=True)
    return codes.astype(np.int64)
