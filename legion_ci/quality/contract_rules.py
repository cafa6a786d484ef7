"""The rules of a data contract as SQL conditions: which rows break each, and of how many."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa

from legion_ci.data.stream import ROW
from legion_ci.quality.checks import Rows
from legion_ci.quality.contract_settings import ColumnSettings, ContractSettings
from legion_ci.quality.sql import quoted

_MANY = 10  # allowed values that a message lists


@dataclass(frozen=True)
class Rule:
    """broken, present: SQL conditions of a row that breaks it, and that it is about. values: of the broken's marks."""

    name: str
    column: str
    broken: str
    says: str
    present: str = "true"
    shown: str = "NULL"
    values: list[Any] = field(default_factory=list)
    tolerate: float = 0.0
    of: str = "rows"


def kind(kind: pa.DataType) -> str:
    """The logical type of an Arrow type."""
    tests = (
        (pa.types.is_boolean, "boolean"), (pa.types.is_integer, "integer"), (pa.types.is_floating, "number"),
        (pa.types.is_decimal, "number"), (pa.types.is_string, "string"), (pa.types.is_large_string, "string"),
        (pa.types.is_timestamp, "datetime"), (pa.types.is_date, "datetime"),
    )  # fmt: skip
    return next((name for test, name in tests if test(kind)), str(kind))


def of_columns(settings: ContractSettings, rows: Rows) -> Iterator[Rule]:
    """The rules of columns that are there."""
    for name, said in settings.columns.items():
        if name in rows.table.column_names:
            yield from _of_column(name, said, rows.table.column(name).type, rows.now or datetime.now(UTC))


def of_keys(settings: ContractSettings, table: pa.Table) -> Iterator[Rule]:
    """Keys of which every row must have its own; of keys whose columns are all there."""
    single = [(name,) for name, said in settings.columns.items() if said.unique]
    for key in dict.fromkeys([*single, *settings.unique]):
        if all(c in table.column_names for c in key):
            columns = ", ".join(quoted(c) for c in key)
            present = " AND ".join(f"{quoted(c)} IS NOT NULL" for c in key)
            again = f"{present} AND row_number() OVER (PARTITION BY {columns} ORDER BY {ROW}) > 1"
            shown = f"concat_ws(', ', {', '.join(f'{quoted(c)}::VARCHAR' for c in key)})"
            yield Rule(f"{' + '.join(key)} unique", key[0], again, "repeat an earlier row", present, shown)


def _of_column(name: str, said: ColumnSettings, arrow: pa.DataType, now: datetime) -> Iterator[Rule]:
    column = quoted(name)
    missing = f"({column} IS NULL OR isnan({column}))" if pa.types.is_floating(arrow) else f"({column} IS NULL)"
    if said.nulls is not None:
        what = "not missing" if said.nulls == 0 else f"missing in at most {said.nulls:g}"
        yield Rule(f"{name} {what}", name, missing, "are missing", tolerate=said.nulls)
    present = f"NOT {missing}"
    for title, condition, says, values in _of_values(name, column, said):
        yield Rule(
            title, name, f"({present} AND NOT ({condition}))", says, present, f"{column}::VARCHAR", values,
            said.tolerate, "values",
        )  # fmt: skip
    if said.newest_within is not None:
        oldest = now.astimezone(UTC).replace(tzinfo=None) - timedelta(seconds=said.newest_within)
        age = f"(SELECT max({column})::TIMESTAMP FROM rows)"  # noqa: S608 - a quoted name
        broken = f"({ROW} = 0 AND coalesce({age} < ?, true))"
        yield Rule(
            f"{name} fresh", name, broken, f"is older than {oldest:%Y-%m-%d %H:%M} UTC", f"{ROW} = 0",
            f"{age}::VARCHAR", [oldest], of="newest value",
        )  # fmt: skip


def _of_values(name: str, column: str, said: ColumnSettings) -> Iterator[tuple[str, str, str, list[Any]]]:
    if said.min is not None:
        yield f"{name} ≥ {said.min}", f"{column} >= {_limit(said.min)}", f"are below {said.min}", [said.min]
    if said.max is not None:
        yield f"{name} ≤ {said.max}", f"{column} <= {_limit(said.max)}", f"are above {said.max}", [said.max]
    if said.allowed:
        marks = ", ".join("?" for _ in said.allowed)
        few = ", ".join(map(str, said.allowed[:_MANY])) + (", …" if len(said.allowed) > _MANY else "")
        yield f"{name} in {few}", f"{column} IN ({marks})", "are not allowed", list(said.allowed)
    if said.regex is not None:
        yield f"{name} ~ {said.regex}", f"regexp_full_match({column}, ?)", "do not match", [said.regex]


def _limit(value: Any) -> str:
    return "CAST(? AS TIMESTAMP)" if isinstance(value, str) else "?"
