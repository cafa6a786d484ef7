"""Rows of any source as Arrow tables: made of Python values, cast to stated types, digested by their values."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal
from uuid import UUID

from legion_ci.core.errors import ConfigurationError, Problem

if TYPE_CHECKING:
    import pyarrow as pa

CHUNK_ROWS = 50_000
TypeName = Literal["integer", "number", "string", "boolean", "datetime"]


def of_rows(names: Sequence[str], rows: Sequence[Sequence[Any]], where: str) -> pa.Table:
    """A table of Python values, one type a column; raises ConfigurationError for names or values that make none."""
    import pyarrow as pa

    problems = [
        Problem(f"the column {n!r} is there {names.count(n)} times", where, "name it once")
        for n in dict.fromkeys(names)
        if names.count(n) > 1
    ]
    arrays = []
    for index, name in enumerate(names):
        values = [row[index] for row in rows]
        try:
            made = pa.array([str(v) if isinstance(v, UUID) else v for v in values])
            zoned = pa.types.is_timestamp(made.type) and made.type.tz  # a session's zone says nothing about the rows
            arrays.append(made.cast(pa.timestamp("us", "UTC")) if zoned else made)
        except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError, OverflowError) as error:
            problems.append(
                Problem(f"values of {name!r} are not of one type ({error})", where, "convert them, or see types")
            )
    if problems:
        raise ConfigurationError(problems)
    return pa.table(dict(zip(names, arrays, strict=True)))


def typed(table: pa.Table, types: Mapping[str, TypeName], where: str) -> pa.Table:
    """The table with the stated types; raises ConfigurationError with every column that cannot have its type."""
    import pyarrow as pa
    import pyarrow.compute as pc

    kinds = {"integer": pa.int64(), "number": pa.float64(), "string": pa.string(), "boolean": pa.bool_(), "datetime": pa.timestamp("us")}  # fmt: skip
    problems = []
    for name, wanted in types.items():
        if name not in table.column_names:
            problems.append(
                Problem(f"there is no column {name!r}", f"{where}.types", f"there are {', '.join(table.column_names)}")
            )
            continue
        try:
            cast = pc.cast(table.column(name), kinds[wanted])
            table = table.set_column(table.column_names.index(name), name, cast)
        except pa.ArrowException as error:
            problems.append(Problem(f"{name!r} cannot be {wanted} ({str(error).splitlines()[0]})", f"{where}.types", "correct the type or the data"))  # fmt: skip
    if problems:
        raise ConfigurationError(problems)
    return table


def together(tables: Sequence[pa.Table], where: str) -> pa.Table:
    """Pieces as one table, their types widened where one piece had only nulls, or only whole numbers."""
    import pyarrow as pa

    try:
        return pa.concat_tables(tables, promote_options="permissive")
    except pa.ArrowException as error:
        todo = "convert them in the query, or state types"
        raise ConfigurationError(
            f"types change between rows ({str(error).splitlines()[0]})", where=where, todo=todo
        ) from error


def pieces(table: pa.Table, rows: int) -> Iterator[pa.Table]:
    """The table in pieces of at most ``rows`` rows; an empty one is one piece."""
    for start in range(0, max(table.num_rows, 1), rows):
        yield table.slice(start, rows)


def rebatched(tables: Iterable[pa.Table], rows: int) -> Iterator[pa.Table]:
    """The same rows in pieces of exactly ``rows`` (the last one has fewer), however they come; types must be the same.

    Without rows one empty piece.
    """
    import pyarrow as pa

    rest, told = None, False
    for table in tables:
        rest = table if rest is None else pa.concat_tables([rest, table])
        while rest.num_rows >= rows:
            yield rest.slice(0, rows)
            rest, told = rest.slice(rows), True
    if rest is not None and (rest.num_rows or not told):
        yield rest


class RowDigest:
    """sha256 of names, types and values of tables, fed piece by piece; what lies under a null does not count."""

    def __init__(self) -> None:
        self._total, self._names = hashlib.sha256(), ""

    def update(self, table: pa.Table) -> None:
        """Take in a piece; the same rows in other pieces give another digest."""
        import pyarrow as pa

        for name in table.column_names:
            column = table.column(name).combine_chunks()
            nulls = column.is_null()
            self._total.update(f"{name}\0{column.type}\0{len(column)}\0".encode())
            for part in (column.drop_null(), nulls.cast(pa.uint8())):
                self._total.update(pa.record_batch([part], names=["v"]).serialize())

    def hexdigest(self) -> str:
        """64 hexadecimal digits."""
        return self._total.hexdigest()


def fed(tables: Iterable[pa.Table], digest: RowDigest) -> Iterator[pa.Table]:
    """The same tables, each taken into the digest as it passes."""
    for table in tables:
        digest.update(table)
        yield table
