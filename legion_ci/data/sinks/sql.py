"""SQL tables as a data sink: all rows in one transaction."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from legion_ci.core.errors import ConfigurationError
from legion_ci.core.secrets import Secrets
from legion_ci.data import sql
from legion_ci.data.credentials import Address, Options, Reference
from legion_ci.settings.schema import SinkSettings

if TYPE_CHECKING:
    import pyarrow as pa
    import sqlalchemy


class SqlSinkSettings(SinkSettings):
    """url: SQLAlchemy's, or where it is (env:NAME, file:PATH). password: where it is. connect: arguments of the driver.

    table: made when it is not there. when_there: append to a table that is there, replace it, or fail.
    """

    use: str = "sql"
    url: Address
    password: Reference | None = None
    connect: Options = Field(default_factory=dict)
    table: str
    when_there: Literal["append", "replace", "fail"] = "append"


class SqlSink:
    """``use: sql``: any database that has a SQLAlchemy dialect; after an error the table is as it was before."""

    Settings: ClassVar[type[SinkSettings]] = SqlSinkSettings

    def __init__(self, name: str, settings: SqlSinkSettings, folder: Path) -> None:
        self.settings, self.folder, self.where = settings, folder, f"sinks.{name}"

    def write(self, tables: Iterator[pa.Table]) -> int:
        """Insert the rows and commit. Databases that end a transaction at CREATE TABLE (MySQL, Oracle) keep an empty table."""
        secrets = Secrets()
        made = sql.engine(self.settings, self.folder, secrets, self.where)
        from sqlalchemy.exc import SQLAlchemyError

        try:
            with made.begin() as connection:
                return self._insert(connection, tables)
        except SQLAlchemyError as error:
            raise sql.failed(error, secrets, self.where) from None
        finally:
            made.dispose()

    def _insert(self, connection: sqlalchemy.Connection, tables: Iterator[pa.Table]) -> int:
        count, table = 0, None
        for rows in tables:
            if table is None:
                table = self._table(connection, rows.schema)
            if rows.num_rows:
                connection.execute(table.insert(), rows.to_pylist())
            count += rows.num_rows
        return count

    def _table(self, connection: sqlalchemy.Connection, schema: pa.Schema) -> sqlalchemy.Table:
        """The table to insert into: as it is, or made anew with the columns of the rows."""
        import sqlalchemy as sa

        space, _, name = self.settings.table.rpartition(".")
        there = sa.inspect(connection).has_table(name, schema=space or None)
        if there and self.settings.when_there == "fail":
            todo = "set when_there to append or replace"
            raise ConfigurationError(f"the table {self.settings.table} is there already", where=self.where, todo=todo)
        table = sa.Table(name, sa.MetaData(), *(sa.Column(f.name, _type(f.type)) for f in schema), schema=space or None)
        if there and self.settings.when_there == "replace":
            table.drop(connection)
        if not there or self.settings.when_there == "replace":
            table.create(connection)
        return table


def _type(kind: pa.DataType) -> Any:
    import pyarrow.types as t
    import sqlalchemy as sa

    kinds = (
        (t.is_boolean, sa.Boolean), (t.is_integer, sa.BigInteger), (t.is_floating, sa.Double),
        (t.is_timestamp, sa.DateTime), (t.is_date, sa.Date), (t.is_decimal, sa.Numeric),
    )  # fmt: skip
    return next((made for test, made in kinds if test(kind)), sa.Text)
