"""What a data contract may say in ``legion.yaml``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, field_validator, model_validator

from legion_ci.settings.schema import CheckSettings, Duration, Section, Share

TYPES = ("integer", "number", "string", "boolean", "datetime")
Limit = int | float | str  # a date or time is written as text: "2013-06-01"


def _tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _groups(value: Any) -> Any:
    """``[a, b]`` is one key of two columns; ``[[a, b], [c]]`` are two keys."""
    found = _tuple(value)
    if isinstance(found, tuple) and found and all(isinstance(v, str) for v in found):
        return (found,)
    return tuple(_tuple(v) for v in found) if isinstance(found, tuple) else found


class ColumnSettings(Section):
    """What holds for every value of one column.

    type: integer, number, string, boolean or datetime. nulls: the share of missing values (null, NaN) that is allowed;
    left out, any. min, max: of numbers, or of dates written as text. allowed: all values there may be. regex: that the
    whole text matches (RE2). newest_within: how old the newest value may be (freshness). tolerate: the share of present
    values that may break min, max, allowed or regex. required: the column must be there.
    """

    type: Literal["integer", "number", "string", "boolean", "datetime"] | None = None
    nulls: Share | None = None
    min: Limit | None = None
    max: Limit | None = None
    allowed: Annotated[tuple[Any, ...], BeforeValidator(_tuple)] = ()
    regex: str | None = None
    unique: bool = False
    newest_within: Duration | None = None
    tolerate: Share = 0.0
    required: bool = True

    @field_validator("regex")
    @classmethod
    def _compiles(cls, value: str | None) -> str | None:
        try:
            re.compile(value or "")
        except re.error as error:
            raise ValueError(f"{value!r} is not a regular expression ({error})") from error
        return value


class ContractSettings(CheckSettings):
    """A data contract: what the evaluation rows must look like, whatever the model. Every broken rule is told, with rows.

    columns: what holds for which. unique: columns that together name a row. min_rows, max_rows: how many there must be.
    extra_columns: forbid columns that the contract does not name. Rows are numbered from 0.
    """

    use: str = "contract"
    columns: dict[str, ColumnSettings] = Field(default_factory=dict)
    unique: Annotated[tuple[tuple[str, ...], ...], BeforeValidator(_groups)] = ()
    min_rows: int | None = Field(default=None, ge=0)
    max_rows: int | None = Field(default=None, ge=0)
    extra_columns: Literal["allow", "forbid"] = "allow"

    @field_validator("columns", mode="before")
    @classmethod
    def _short(cls, value: Any) -> Any:
        """``carrier: string`` is short for ``carrier: {type: string}``; ``carrier:`` alone: it must be there."""
        if not isinstance(value, Mapping):
            return value
        short: dict[Any, Any] = {}
        for name, rule in value.items():
            short[name] = {"type": rule} if isinstance(rule, str) else {} if rule is None else rule
        return short

    @model_validator(mode="after")
    def _coherent(self) -> ContractSettings:
        if self.role == "alarm":
            raise ValueError("a contract is kept or broken; role: alarm is for losses")
        if not (self.columns or self.unique or self.min_rows is not None or self.max_rows is not None):
            raise ValueError("an empty contract; say what must hold under columns, unique, min_rows or max_rows")
        return self

    @property
    def reads_clock(self) -> bool:
        """Freshness changes with time."""
        return any(c.newest_within is not None for c in self.columns.values())
