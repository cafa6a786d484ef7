"""Whether answers belong to their rows: keys that are unique, and the same answers when rows come in another order."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from legion_ci.core.errors import Problem, ToolError
from legion_ci.data.stream import ROW
from legion_ci.quality.asker import Asker
from legion_ci.quality.checks import Rows
from legion_ci.quality.evidence import Answers
from legion_ci.quality.slices import no_column
from legion_ci.quality.sql import quoted

SAMPLE = 256  # rows that are asked again, shuffled
_CLOSE = 1e-6


def problems(key: Sequence[str], rows: Rows) -> list[Problem]:
    """Key columns that are not there, and keys that more than one row has (with the first of those rows)."""
    lacking = [no_column(c, rows.table, "quality.key") for c in key if c not in rows.table.column_names]
    if lacking or not key:
        return lacking
    columns = ", ".join(quoted(c) for c in key)
    repeated = f"SELECT min({ROW}) AS first, count(*) AS n FROM rows GROUP BY {columns} HAVING n > 1"  # noqa: S608 - quoted names
    with rows.queried() as connection:
        extra, at = connection.execute(f"SELECT sum(n - 1), min(first) FROM ({repeated})").fetchone() or (0, 0)  # noqa: S608 - see above
        if not extra:
            return []
        alike = " AND ".join(f"a.{quoted(c)} IS NOT DISTINCT FROM b.{quoted(c)}" for c in key)
        query = f"SELECT b.{ROW} FROM rows a, rows b WHERE a.{ROW} = {int(at)} AND {alike} ORDER BY 1 LIMIT 3"  # noqa: S608 - see above
        first = [row for (row,) in connection.execute(query).fetchall()]
    what = f"{extra:,} rows repeat the key of another ({' + '.join(key)}; the first: rows {', '.join(map(str, first))})"
    return [Problem(what, "quality.key", "drop the duplicates, or name the columns that make a row unique")]


def look(rows: Rows, answers: Answers, asker: Asker) -> None:
    """With ``quality.key``: ask for a shuffled sample again; ToolError when its answers are not those of its rows."""
    if not rows.settings.key:
        return
    rng = np.random.default_rng(rows.settings.seed)
    chosen = rng.permutation(len(rows.table))[:SAMPLE]
    again = asker.predict(rows.table.take(pa.array(chosen)), "the order of rows")
    first = answers.table.take(pa.array(chosen))
    differ = [i for i in range(len(chosen)) if not _same(first.slice(i, 1), again.slice(i, 1))]
    if differ:
        raise ToolError(
            f"{answers.who} gives other answers to {len(differ):,} of {len(chosen):,} rows when they come in another order "
            f"(row {chosen[differ[0]]}: {_told(first, differ[0])}, then {_told(again, differ[0])})",
            where="quality.key", todo="a model answers every row by itself, in the order of the rows, the same each time",
        )  # fmt: skip


def _same(one: pa.Table, other: pa.Table) -> bool:
    return one.column_names == other.column_names and all(
        _equal(one.column(c)[0].as_py(), other.column(c)[0].as_py()) for c in one.column_names
    )


def _equal(one: object, other: object) -> bool:
    if isinstance(one, float) and isinstance(other, float):
        return bool(np.isclose(one, other, rtol=_CLOSE, atol=_CLOSE, equal_nan=True))
    return one == other


def _told(table: pa.Table, row: int) -> object:
    return table.column("prediction")[row].as_py()
