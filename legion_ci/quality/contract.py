"""A data contract judged: every rule counted by DuckDB in one pass, each broken one with its first rows."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import duckdb
import pyarrow as pa

from legion_ci.core.errors import Problem
from legion_ci.data.stream import ROW
from legion_ci.quality import contract_rules, outcomes
from legion_ci.quality.checks import Finding, Rows
from legion_ci.quality.contract_rules import Rule
from legion_ci.quality.contract_settings import ContractSettings
from legion_ci.results import Outcome

FIRST = 5  # rows that are named


def problems(settings: ContractSettings, rows: Rows, where: str) -> list[Problem]:
    """Rules that cannot be asked of a column of its type: a minimum of text, an expression that RE2 does not know."""
    found = []
    with rows.queried() as connection:
        for rule in contract_rules.of_columns(settings, rows):
            try:
                connection.execute(f"SELECT {rule.broken} FROM rows LIMIT 0", rule.values)  # noqa: S608 - names are quoted, values bound
            except duckdb.Error as error:
                said = str(error).splitlines()[0]
                found.append(
                    Problem(f"the rule {rule.name} cannot be asked ({said})", where, "write it for the column's type")
                )
    return found


def judge(settings: ContractSettings, rows: Rows, where: str) -> list[Finding]:
    """One finding a rule, broken or kept."""
    found = [_whole(settings, where, *told, rows.n) for told in _shape(settings, rows.table, rows.n)]
    with rows.queried() as connection:
        together = list(contract_rules.of_columns(settings, rows))
        counted = list(zip(together, _counted(together, connection), strict=True))
        for rule in contract_rules.of_keys(settings, rows.table):  # each sorts the rows in its own way
            counted += [(rule, told) for told in _counted([rule], connection)]
    return found + [_judged(settings, rule, told, where) for rule, told in counted]


@dataclass(frozen=True)
class _Told:
    """Rows that break a rule and rows that it is about; the first of the broken, and their values."""

    broken: int
    present: int
    first: list[int]
    values: list[str | None]


def _counted(rules: Sequence[Rule], connection: duckdb.DuckDBPyConnection) -> list[_Told]:
    """All of these rules in one pass over the rows; one more for each that is broken."""
    if not rules:
        return []
    inner = ", ".join(f"{r.broken} AS legion_b{i}, {r.present} AS legion_p{i}" for i, r in enumerate(rules))
    outer = ", ".join(f"count(*) FILTER (legion_b{i}), count(*) FILTER (legion_p{i})" for i in range(len(rules)))
    query = f"SELECT {outer} FROM (SELECT *, {inner} FROM rows)"  # noqa: S608 - quoted names, bound values
    asked = connection.execute(query, [v for r in rules for v in r.values]).fetchone() or ()
    return [_first(r, int(b), int(p), connection) for r, b, p in zip(rules, asked[::2], asked[1::2], strict=True)]


def _first(rule: Rule, broken: int, present: int, connection: duckdb.DuckDBPyConnection) -> _Told:
    """With the first rows that break the rule and their values."""
    if not broken:
        return _Told(broken, present, [], [])
    inner = f"SELECT {ROW}, {rule.broken} AS legion_b, {rule.shown} AS legion_v FROM rows"  # noqa: S608 - see above
    query = f"SELECT {ROW}, legion_v FROM ({inner}) WHERE legion_b ORDER BY {ROW} LIMIT {FIRST}"  # noqa: S608 - see above
    found = connection.execute(query, rule.values).fetchall()
    return _Told(broken, present, [row for row, _ in found], [value for _, value in found])


def _judged(settings: ContractSettings, rule: Rule, counted: _Told, where: str) -> Finding:
    broken, present, first, values = counted.broken, counted.present, counted.first, counted.values
    share = broken / present if present else 0.0
    kept = share <= rule.tolerate
    told = f"{broken:,} of {present:,} {rule.of}" if broken else f"all {present:,} {rule.of} keep it"
    if broken:
        told += f" {rule.says}; first rows {', '.join(map(str, first))}"
        told += f" ({', '.join(str(v) for v in values)})" if any(v is not None for v in values) else ""
    details = tuple({"row": r} for r in first)
    return Finding(
        outcomes.result(
            settings, where, rule.name, Outcome.PASS if kept else Outcome.FAIL, candidate=share, bound=rule.tolerate,
            at_most=True, n=present or broken, message=told, method="counted", column=rule.column, details=details,
        ),
        "" if kept else "contract_broken",
    )  # fmt: skip


def _whole(settings: ContractSettings, where: str, name: str, column: str, broken: str, kept: str, n: int) -> Finding:
    outcome = Outcome.FAIL if broken else Outcome.PASS
    told = outcomes.result(settings, where, name, outcome, n=n, message=broken or kept, method="counted", column=column)
    return Finding(told, "contract_broken" if broken else "")


def _shape(settings: ContractSettings, table: pa.Table, n: int) -> Iterator[tuple[str, str, str, str]]:
    """Name, column, what is wrong (empty: nothing) and what is right: row counts, columns, types."""
    if settings.min_rows is not None:
        low = n < settings.min_rows
        yield f"at least {settings.min_rows:,} rows", "", f"there are {n:,} rows" if low else "", f"there are {n:,}"
    if settings.max_rows is not None:
        high = n > settings.max_rows
        yield f"at most {settings.max_rows:,} rows", "", f"there are {n:,} rows" if high else "", f"there are {n:,}"
    if settings.extra_columns == "forbid":
        extra = [c for c in table.column_names if c not in _named(settings)]
        yield "no other columns", "", f"there are also {', '.join(extra)}" if extra else "", "there are no others"
    for name in _named(settings):
        yield from _column(settings, name, table)


def _named(settings: ContractSettings) -> list[str]:
    return list(dict.fromkeys([*settings.columns, *(c for key in settings.unique for c in key)]))


def _column(settings: ContractSettings, name: str, table: pa.Table) -> Iterator[tuple[str, str, str, str]]:
    rule = settings.columns.get(name)
    if name not in table.column_names:
        if rule is None or rule.required:
            near = difflib.get_close_matches(name, table.column_names, n=1)
            hint = f"; did you mean {near[0]}?" if near else ""
            yield f"{name} is there", name, f"there is no column {name!r}{hint}", ""
        return
    if rule is None or rule.type is None:
        yield f"{name} is there", name, "", "it is there"
        return
    kind = contract_rules.kind(table.column(name).type)
    right = kind == rule.type or (rule.type == "number" and kind == "integer")
    yield f"{name} is {rule.type}", name, "" if right else f"it is {kind} ({table.column(name).type})", f"it is {kind}"
