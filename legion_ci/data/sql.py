"""SQL databases as a data source, by any SQLAlchemy address, with bound parameters and server-side cursors."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol
from urllib.parse import urlsplit

from pydantic import Field, model_validator

from legion_ci.core.errors import ConfigurationError, LegionError, PluginError, ServiceError, missing_package
from legion_ci.core.secrets import Secrets
from legion_ci.data import arrow, credentials
from legion_ci.data.credentials import Address, Options, Reference
from legion_ci.data.queries import CHUNK_ROWS, QuerySettings, QuerySource
from legion_ci.settings.schema import DataSettings

if TYPE_CHECKING:
    import pyarrow as pa
    from sqlalchemy import Engine


class SqlSettings(QuerySettings):
    """url: SQLAlchemy's, or where it is (env:NAME, file:PATH). password: where it is. connect: arguments of the driver.

    query: with ``:names`` of parameters; or table, for all of its rows.
    """

    use: str = "sql"
    url: Address
    password: Reference | None = None
    connect: Options = Field(default_factory=dict)
    query: str | None = None
    table: str | None = None

    @model_validator(mode="after")
    def _one(self) -> SqlSettings:
        if (self.query is None) == (self.table is None):
            raise ValueError("say either query or table")
        return self


class Database(Protocol):
    """What a source and a sink say about their database."""

    @property
    def url(self) -> str:
        """SQLAlchemy's address, or where it is."""

    @property
    def password(self) -> str | None:
        """Where the password is."""

    @property
    def connect(self) -> dict[str, Any]:
        """Arguments of the driver."""


def engine(told: Database, folder: Path, secrets: Secrets, where: str) -> Engine:
    """SQLAlchemy's engine; raises PluginError for a driver that is missing, ConfigurationError for no address.

    folder: what the path of a SQLite file is relative to.
    """
    try:
        import sqlalchemy
        from sqlalchemy.exc import ArgumentError, NoSuchModuleError
    except ImportError as error:
        raise missing_package(error, where) from error
    url = _in_folder(credentials.address(told.url, secrets, f"{where}.url"), folder)
    known = credentials.value(told.password, secrets, f"{where}.password")
    try:
        address = sqlalchemy.make_url(url)
        made = sqlalchemy.create_engine(
            address.set(password=known) if known is not None else address,
            connect_args=told.connect, hide_parameters=True, poolclass=sqlalchemy.NullPool,
        )  # fmt: skip
        return _transactional(made)
    except NoSuchModuleError as error:
        raise PluginError(
            credentials.said(error, secrets), where=f"{where}.url", todo="install the dialect, or correct its name"
        ) from None
    except (ArgumentError, ValueError):
        todo = "write it like postgresql+psycopg://user@host:5432/database or sqlite:///file.db"
        raise ConfigurationError("is no address of a database", where=f"{where}.url", todo=todo) from None
    except ModuleNotFoundError as error:
        raise PluginError(
            f"the driver {error.name} is not installed", where=f"{where}.url", todo=f"pip install {error.name}"
        ) from None


def _transactional(made: Engine) -> Engine:
    """Python's sqlite3 begins no transaction before CREATE and DROP by itself; so it is told when to."""
    from sqlalchemy import event

    if made.dialect.name == "sqlite" and made.dialect.driver == "pysqlite":
        event.listen(made, "connect", lambda connection, _: setattr(connection, "isolation_level", None))
        event.listen(made, "begin", lambda connection: connection.exec_driver_sql("BEGIN"))
    return made


def failed(error: Exception, secrets: Secrets, where: str) -> LegionError:
    """What a database said, as an error of ours, without secrets."""
    from sqlalchemy.exc import InterfaceError, OperationalError

    said = credentials.said(getattr(error, "orig", None) or error, secrets)
    lost = isinstance(error, OperationalError | InterfaceError) and (
        error.connection_invalidated or getattr(error, "statement", None) is None
    )
    if lost and "unable to open database file" not in said:
        return ServiceError(f"the database cannot be reached ({said})", where=f"{where}.url", todo="check that it runs, its address and password")  # fmt: skip
    return ConfigurationError(
        f"the database refused ({said})", where=where, todo="check url, query or table, and parameters"
    )


class SqlSource(QuerySource):
    """``use: sql``: PostgreSQL, SQLite and every database that has a SQLAlchemy dialect; the answer is kept with its digest."""

    Settings: ClassVar[type[DataSettings]] = SqlSettings
    settings: SqlSettings

    def place(self) -> str:
        """The address without its password."""
        told = credentials.address(self.settings.url, Secrets(), f"{self.where}.url")
        return urlsplit(told)._replace(netloc=urlsplit(told).netloc.rpartition("@")[2]).geturl()

    def answer(self) -> Iterator[pa.Table]:
        """Ask the database, in a transaction that is rolled back."""
        s, secrets = self.settings, Secrets()
        made = engine(s, self.folder, secrets, self.where)
        from sqlalchemy.exc import SQLAlchemyError

        try:
            with made.connect().execution_options(stream_results=True) as connection:
                result = connection.execute(_asked(s), s.parameters)
                if not result.returns_rows:
                    raise ConfigurationError("gives no rows", where=f"{self.where}.query", todo="write a SELECT")
                yield from self._tables(result)
        except SQLAlchemyError as error:
            raise failed(error, secrets, self.where) from None
        finally:
            made.dispose()

    def _tables(self, result: Any) -> Iterator[pa.Table]:
        names, empty = [str(n) for n in result.keys()], True  # noqa: SIM118 - a result is no mapping
        for rows in result.partitions(CHUNK_ROWS):
            empty = False
            yield arrow.of_rows(names, rows, self.where)
        if empty:
            yield arrow.of_rows(names, [], self.where)


def _in_folder(url: str, folder: Path) -> str:
    """A SQLite file's address with its path relative to the model repository; others as they are."""
    head = "sqlite:///"
    if url.startswith(head) and not url.startswith((head + "/", head + ":memory:", head + "file:")) and url != head:
        return f"{head}{folder.resolve() / url.removeprefix(head)}"
    return url


def _asked(settings: SqlSettings) -> Any:
    import sqlalchemy

    if settings.query is not None:
        return sqlalchemy.text(settings.query)
    schema, _, table = (settings.table or "").rpartition(".")
    return sqlalchemy.select(sqlalchemy.text("*")).select_from(sqlalchemy.table(table, schema=schema or None))
