"""Data source ``feedback``: what users asked and what really happened, as rows to train and judge models on.

Rows are those of users' requests that were answered, each request once, by its first capture; the label is the first known
outcome within the window, as promotion joins them. A request whose window is not over is not in the data yet.
"""

from __future__ import annotations

import hashlib
import time
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

import msgspec
from pydantic import BeforeValidator, Field, field_validator

from legion_ci.core.errors import ConfigurationError, Problem
from legion_ci.core.site import Site
from legion_ci.feedback import features, join
from legion_ci.feedback.database import opened
from legion_ci.feedback.events import quoted, source
from legion_ci.feedback.layout import REQUEST
from legion_ci.settings.schema import DataSettings, Duration, PromoteSettings

if TYPE_CHECKING:
    import pyarrow as pa

SETTLE_S = 1.0  # as in promotion: until what happened is in the store
Also = Literal["request_id", "unit", "time", "version"]


def _tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else (value,) if isinstance(value, str) else value


class FeedbackDataSettings(DataSettings):
    """outcome: the payload's field, default promote.outcome; it is the target, too. window: default promote.window.

    since, until: days (UTC) of requests, until is in it. versions: of the model that answered, default all. missing: the
    label of rows whose outcome did not come; default: such rows are left out. part: only units whose hash is in this range,
    so that [0, 0.8] and [0.8, 1] share no unit. also: columns about the request, which are no features. store: a feedback
    folder of another site. now: the moment that the data is of; both are found by the loader.
    """

    outcome: str | None = None
    window: Duration | None = None
    since: str | None = None
    until: str | None = None
    versions: Annotated[tuple[str, ...], BeforeValidator(_tuple)] = ()
    missing: Any = None
    part: Annotated[tuple[float, float], BeforeValidator(_tuple)] = Field(default=(0.0, 1.0), strict=False)
    also: Annotated[tuple[Also, ...], BeforeValidator(_tuple)] = ()
    store: str | None = None
    model: str | None = None
    now: float | None = None

    not_inputs: ClassVar[frozenset[str]] = frozenset({"now", "store"})  # the rows' own digest says what they are

    @field_validator("since", "until")
    @classmethod
    def _day(cls, text: str | None) -> str | None:
        if text is not None:
            try:
                datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
            except ValueError:
                raise ValueError(f"{text!r} is not a day such as 2026-11-21") from None
        return text

    @field_validator("part")
    @classmethod
    def _range(cls, part: tuple[float, float]) -> tuple[float, float]:
        if not 0 <= part[0] < part[1] <= 1:
            raise ValueError("a part is a range within 0 and 1, like [0, 0.8]")
        return part

    def at(self, site: Site, promote: PromoteSettings, folder: Path) -> FeedbackDataSettings:
        """With what the configuration as a whole says."""
        outcome = self.outcome or promote.outcome
        return self.model_copy(
            update={
                "outcome": outcome, "target": self.target or outcome, "model": self.model or site.model,
                "window": promote.window if self.window is None else self.window,
                "store": str((folder / self.store).resolve() if self.store else site.feedback),
                "now": time.time() if self.now is None else self.now,
                "ignore": (*self.ignore, *(c for c in self.also if c not in self.ignore)),
            }
        )  # fmt: skip


class FeedbackSource:
    """``use: feedback``."""

    Settings: ClassVar[type[DataSettings]] = FeedbackDataSettings

    def __init__(self, name: str, settings: FeedbackDataSettings, folder: Path) -> None:
        self.name, self.settings, self.folder = name, settings, folder

    def digest(self) -> str:
        """sha256 of names, types and values of all columns: the same however the events are stored."""
        total = hashlib.sha256()
        for name in (table := self._rows).column_names:
            column = table.column(name)
            total.update(f"{name}\0{column.type}\0".encode() + msgspec.json.encode(column.to_pylist()) + b"\n")
        return total.hexdigest()

    def table(self) -> pa.Table:
        """All rows in the order of time: features, extra columns, the label. Raises ConfigurationError for none."""
        return self._rows

    @cached_property
    def _rows(self) -> pa.Table:
        s = self.settings
        if s.store is None or s.model is None or s.now is None or s.window is None:
            raise ConfigurationError("is not complete", where=f"data.{self.name}", todo="load it from legion.yaml")
        if not s.outcome:
            raise ConfigurationError("no outcome is named", where=f"data.{self.name}.outcome",
                                     todo="name the payload's field, or set promote.outcome")  # fmt: skip
        first = _start(s.since) if s.since else 0.0
        last = min(s.now - s.window - SETTLE_S, _start(s.until) + 86400.0 if s.until else s.now)
        store = self.folder / s.store
        with opened(store, f"reading data.{self.name}") as db:
            rows = source(store, REQUEST, s.model, first, _CAPTURE)
            join.outcomes(db, store, s.model, s.outcome, first)
            chosen = _ROWS.format(source=rows, versions=_versions(s.versions))
            gathered = _Gathered(s, join.fields(db))
            db.execute(chosen, [first, last, s.window])
            while requests := db.fetchmany(10_000):
                for request in requests:
                    gathered.add(*request)
        return gathered.table(self.name)


_CAPTURE = ("request_id", "purpose", "response_status", "request_content", "unit", "model_version", "time_unix")
_ROWS = """
    WITH served AS (
        SELECT request_id, min({{t: time_unix, unit: unit, version: model_version, body: request_content}}) AS c
        FROM {source} WHERE purpose = '' AND response_status BETWEEN 200 AND 399 AND request_id IS NOT NULL
        AND request_content <> '' GROUP BY request_id)
    SELECT request_id, c.unit, c.t, c.version, c.body,
           CASE WHEN k.outcome_time <= c.t + $3 THEN k.value END AS value
    FROM served LEFT JOIN known k USING (request_id)
    WHERE c.t >= $1 AND c.t < $2 AND {versions} ORDER BY c.t, request_id"""


def _versions(versions: tuple[str, ...]) -> str:
    return f"c.version IN ({', '.join(map(quoted, versions))})" if versions else "true"


def _start(day: str) -> float:
    return datetime.strptime(day, "%Y-%m-%d").replace(tzinfo=UTC).timestamp()


class _Gathered:
    """Rows as they are read, and why others are not among them."""

    def __init__(self, settings: FeedbackDataSettings, fields: tuple[str, ...]) -> None:
        self._settings, self._fields, self._requests = settings, fields, 0
        self._rows, self._labels = features.Table(), list[Any]()
        self._also: dict[str, list[Any]] = {name: [] for name in settings.also}
        self._unlabelled, self._unreadable = 0, dict[str, int]()

    def add(self, request_id: str, unit: str, at: float, version: str, body: str | None, value: str | None) -> None:
        """Take the rows of one request."""
        self._requests += 1
        low, high = self._settings.part
        if not low <= place(unit) < high:
            return
        try:
            names, rows = features.rows(body or "", self._settings.features)
        except features.Unreadable as error:
            self._unreadable[str(error)] = self._unreadable.get(str(error), 0) + 1
            return
        told = {"request_id": request_id, "unit": unit, "time": at, "version": version}
        for row, label in zip(rows, self._labels_of(value, len(rows)), strict=True):
            if label is None:
                self._unlabelled += 1
                continue
            self._rows.add(names, row)
            self._labels.append(label)
            for name, column in self._also.items():
                column.append(told[name])

    def _labels_of(self, value: str | None, count: int) -> list[Any]:
        told = None if value is None else msgspec.json.decode(value)
        labels = (
            [told[i] if i < len(told) else None for i in range(count)] if isinstance(told, list) else [told] * count
        )
        return [self._settings.missing if label is None else label for label in labels]

    def table(self, name: str) -> pa.Table:
        """The rows as an Arrow table; ConfigurationError with what is in their way."""
        import pyarrow as pa

        label = self._settings.outcome or ""
        columns = {**self._rows.columns, **self._also}
        problems = [] if self._rows.count else [self._nothing(name)]
        for taken in {label, *self._also} & set(self._rows.columns):
            problems.append(Problem(f"requests have a feature {taken!r}, too", f"data.{name}", "give the outcome another name"
                            if taken == label else f"take {taken} out of also"))  # fmt: skip
        made: dict[str, Any] = {}
        for column, values in {**columns, label: self._labels}.items():
            try:
                made[column] = pa.array(values)
            except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError) as error:
                problems.append(Problem(f"values of {column!r} are not of one type ({error})", f"data.{name}",
                                        "choose versions or days with the same types"))  # fmt: skip
        if problems:
            raise ConfigurationError(problems)
        return pa.table(made)

    def _nothing(self, name: str) -> Problem:
        label, fields = self._settings.outcome, self._fields
        what = f"no row has both features and an outcome {label!r} ({self._requests:,} answered requests whose window is over"
        what += f", {self._unlabelled:,} rows without the outcome" if self._unlabelled else ""
        what += "".join(f", {n:,} bodies: {why}" for why, n in sorted(self._unreadable.items())) + ")"
        seen = f"; payloads hold {', '.join(fields)}" if fields and label not in fields else ""
        return Problem(what, f"data.{name}", "see legion-ci feedback.join" + seen)


def place(unit: str) -> float:
    """Where a unit lies between 0 and 1, by a hash that has nothing to do with arms."""
    return int.from_bytes(hashlib.sha256(f"part:{unit}".encode()).digest()[:6]) / 2**48
