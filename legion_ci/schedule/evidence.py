"""Reads what a decision rests on: the champion's artefact, the training data as they are now, feedback."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import yaml

from legion_ci.core.errors import OrderError
from legion_ci.core.tools import Tools
from legion_ci.data import source
from legion_ci.data.sketches import table as sketches
from legion_ci.data.sketches.table import TableSketch
from legion_ci.feedback import events, features
from legion_ci.feedback.database import opened
from legion_ci.feedback.join import joined
from legion_ci.feedback.layout import REQUEST
from legion_ci.gateway.routes import Arm
from legion_ci.promote import scores
from legion_ci.quality.drift import REFERENCE
from legion_ci.schedule.decay import Half
from legion_ci.schedule.drift import Seen
from legion_ci.settings.load import Loaded
from legion_ci.settings.schema import DecayTrigger, PromoteSettings
from legion_ci.store import artefacts
from legion_ci.store.manifest import MANIFEST, MODEL_DIR

MOST_ROWS = 200_000  # of users' requests, the newest: enough for any drift that matters
SETTLE_S = 1.0  # until what happened is in the store
_CAPTURE = ("request_id", "purpose", "response_status", "request_content", "unit", "time_unix")


@dataclass(frozen=True)
class Champion:
    """What the live model was made from."""

    folder: Path

    @classmethod
    def of(cls, arm: Arm, tools: Tools) -> Champion:
        """Its artefact, fetched when it is not here. Raises OrderError when it is out of reach."""
        return cls(artefacts.fetch(arm.model.artefact, tools))

    @cached_property
    def reference(self) -> TableSketch:
        """Sketches of its training data; empty when it was trained without."""
        path = self.folder / REFERENCE
        try:
            return sketches.decode(path.read_bytes())
        except FileNotFoundError:
            return TableSketch()
        except ValueError as error:
            raise OrderError(f"cannot be read ({error})", where=str(path), todo="train and promote again") from error

    @property
    def rows(self) -> int:
        """Rows that it was trained on; 0 when it does not say."""
        return max((c.n for c in self.reference.columns.values()), default=0)

    @cached_property
    def data(self) -> dict[str, str]:
        """Digests of its training data, by data set."""
        told = yaml.safe_load((self.folder / MANIFEST).read_text())["legion"]["digests"]
        return {k.removeprefix("data."): str(v) for k, v in told.items() if k.startswith("data.")}

    @cached_property
    def features(self) -> list[str]:
        """The columns that it takes."""
        path = self.folder / MODEL_DIR / "head_input.json"
        return [str(c) for c in json.loads(path.read_text())["columns"]] if path.is_file() else []


def training_digests(loaded: Loaded, names: Sequence[str]) -> dict[str, str]:
    """Digests of those data sets as they are now, of those that are still configured."""
    known = {n: s for n, s in loaded.settings.data.items() if n in names}
    return {n: source.open_source(n, s, loaded.folder).digest() for n, s in known.items()}


def training_rows(loaded: Loaded) -> int | None:
    """Rows of data.train as it is now; None without such a data set."""
    if (settings := loaded.settings.data.get("train")) is None:
        return None
    return int(source.open_source("train", settings, loaded.folder).table().num_rows)


def seen(store: Path, model: str, since: float, names: Sequence[str]) -> Seen:
    """The newest rows of users' answered requests since then, at most ``MOST_ROWS``; bodies without rows are passed over."""
    gathered, units = features.Table(), list[str]()
    with opened(store, "reading the requests") as db:
        rows = events.source(store, REQUEST, model, since, _CAPTURE)
        db.execute(_REQUESTS.format(source=rows), [since])
        while len(units) < MOST_ROWS and (some := db.fetchmany(1000)):
            for request_id, unit, body in some:
                try:
                    columns, values = features.rows(body, tuple(names))
                except features.Unreadable:
                    continue
                for row in values:
                    gathered.add(columns, row)
                    units.append(unit or request_id)
    return Seen(gathered.columns, units)


_REQUESTS = """
    SELECT request_id, c.unit, c.body FROM (
        SELECT request_id, min({{t: time_unix, unit: unit, body: request_content}}) AS c FROM {source}
        WHERE purpose = '' AND response_status BETWEEN 200 AND 399 AND request_content <> '' AND time_unix >= $1
        GROUP BY request_id)
    ORDER BY c.t DESC, request_id"""


def halves(
    store: Path, model: str, deployment: str, settings: DecayTrigger, promote: PromoteSettings, now: float
) -> tuple[Half, Half]:
    """The champion's scored rows before the last ``window`` and in it. Rows whose outcome may still come are left out."""
    scores.check(promote.metric, "promote.metric")
    table = joined(store, model, experiment=None, outcome=promote.outcome).rows
    told = {n: table.column(n).to_pylist() for n in ("columns", "prediction", "outcome")}
    at, late = (
        table.column("time_unix").to_numpy(zero_copy_only=False),
        _numbers(table.column("outcome_time").to_pylist()),
    )
    known = [o if came <= t + promote.window else None for o, t, came in zip(told["outcome"], at, late, strict=True)]
    score = scores.score(
        promote.metric, promote.positive, promote.missing == "negative", told["columns"], told["prediction"], known
    ).score
    served = np.array(table.column("deployment").to_pylist(), dtype=object) == deployment
    live = np.array(table.column("purpose").to_pylist(), dtype=object) == ""
    ours = served & live & (at < now - promote.window - SETTLE_S)
    recent = at >= now - promote.window - SETTLE_S - settings.window
    unit = np.array([u or r for u, r in zip(*(table.column(n).to_pylist() for n in ("unit", "request_id")), strict=True)],
                    dtype=object)  # fmt: skip
    return Half(score[ours & ~recent], unit[ours & ~recent]), Half(score[ours & recent], unit[ours & recent])


def _numbers(values: Sequence[float | None]) -> list[float]:
    return [float("inf") if v is None else v for v in values]
