"""Excel workbooks as a data source and a sink; the first row of a sheet names the columns."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from legion_ci.core.errors import ConfigurationError, missing_package
from legion_ci.data import arrow
from legion_ci.data.files import Located, LocationSettings
from legion_ci.settings.schema import DataSettings

if TYPE_CHECKING:
    import pyarrow as pa


class ExcelSettings(LocationSettings):
    """sheet: its name; default, the first one of each workbook."""

    use: str = "excel"
    sheet: str | None = None


class ExcelSource(Located):
    """``use: excel``: a sheet of one or more .xlsx workbooks, formulas as their last values."""

    Settings: ClassVar[type[DataSettings]] = ExcelSettings
    settings: ExcelSettings

    def table(self) -> pa.Table:
        """All rows in the order of the workbooks; rows without any value are left out."""
        tables = [self._sheet(path) for path in self.files()]
        return arrow.typed(arrow.together(tables, self.where), self.settings.types, self.where)

    def _sheet(self, path: Path) -> pa.Table:
        rows = self._rows(path)
        names = ["" if n is None else str(n) for n in next(rows, ())]
        while names and not names[-1]:
            names.pop()
        if not names or "" in names:
            raise ConfigurationError(
                f"the first row of {path.name} does not name every column", where=self.where, todo="name them there"
            )
        wide = ([*row, *[None] * len(names)][: len(names)] for row in rows)
        return arrow.of_rows(names, [row for row in wide if any(v is not None for v in row)], self.where)

    def _rows(self, path: Path) -> Iterator[tuple[Any, ...]]:
        try:
            import openpyxl
        except ImportError as error:
            raise missing_package(error, self.where) from error
        try:
            book = openpyxl.load_workbook(path, read_only=True, data_only=True)
        except Exception as error:  # a damaged file shows in many ways
            raise ConfigurationError(
                f"{path.name} is no Excel workbook ({type(error).__name__}: {error})", where=self.where, todo="give an .xlsx file"
            ) from error  # fmt: skip
        try:
            wanted = self.settings.sheet
            if wanted is not None and wanted not in book.sheetnames:
                todo = f"{path.name} has {', '.join(book.sheetnames)}"
                raise ConfigurationError(f"there is no sheet {wanted!r}", where=f"{self.where}.sheet", todo=todo)
            yield from book[wanted or book.sheetnames[0]].iter_rows(values_only=True)
        finally:
            book.close()
