"""Captured predictions of a site: one by its request id, or how many a deployment made."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from legion_ci.feedback.database import opened
from legion_ci.feedback.events import source
from legion_ci.feedback.layout import REQUEST, iso

_COLUMNS = (
    "request_id", "deployment", "digest", "purpose", "experiment", "step", "response_status", "time_unix",
)  # fmt: skip


class Prediction(msgspec.Struct, frozen=True, kw_only=True):
    """One captured answer of one deployment."""

    request_id: str
    deployment: str
    digest: str
    status: int
    at: str
    purpose: str = ""
    experiment: str = ""
    step: str = ""


class Made(msgspec.Struct, frozen=True, kw_only=True):
    """Captured predictions of a deployment: how many, from when to when, and the id of the newest."""

    count: int
    first: str
    last: str
    newest: str


def of_request(store: Path, model: str, request_id: str) -> tuple[Prediction, ...]:
    """Who answered that request: the live deployment first, then copies of it. Raises ToolError."""
    rows = _query(
        store, model,
        "SELECT request_id, deployment, digest, response_status, time_unix, purpose, experiment, step FROM {source} "
        "WHERE request_id = $1 ORDER BY purpose, time_unix", [request_id],
    )  # fmt: skip
    return tuple(
        Prediction(request_id=r[0], deployment=r[1], digest=r[2] or "", status=r[3] or 0, at=iso(r[4] or 0.0),
                   purpose=r[5] or "", experiment=r[6] or "", step=r[7] or "")
        for r in rows
    )  # fmt: skip


def of_deployment(store: Path, model: str, deployment: str) -> Made | None:
    """What it answered users; None when nothing was captured. Raises ToolError."""
    rows = _query(
        store, model,
        "SELECT count(*), min(time_unix), max(time_unix), arg_max(request_id, time_unix) FROM {source} "
        "WHERE deployment = $1 AND purpose = ''", [deployment],
    )  # fmt: skip
    count, first, last, newest = rows[0]
    return Made(count=count, first=iso(first), last=iso(last), newest=newest) if count else None


def _query(store: Path, model: str, sql: str, values: list[str]) -> list[tuple[Any, ...]]:
    with opened(store, "reading the captured predictions") as db:
        return list(db.execute(sql.format(source=source(store, REQUEST, model, 0.0, _COLUMNS)), values).fetchall())
