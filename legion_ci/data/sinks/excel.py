"""Excel workbooks as a data sink: one sheet, whose first row names the columns."""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO, TYPE_CHECKING, Any

from legion_ci.core.errors import ConfigurationError, missing_package
from legion_ci.data.sinks.files import FileSink, FileSinkSettings

if TYPE_CHECKING:
    import pyarrow as pa

_MOST_ROWS = 1_048_575  # of a sheet, below its header


class ExcelSinkSettings(FileSinkSettings):
    """sheet: its name."""

    use: str = "excel"
    sheet: str = "predictions"


class ExcelSink(FileSink):
    """``use: excel``: at most 1,048,575 rows, which is what a sheet can hold."""

    Settings = ExcelSinkSettings

    def encode(self, tables: Iterator[pa.Table], out: IO[bytes]) -> int:
        """Rows as they come; times lose their zone, which workbooks do not know."""
        try:
            import openpyxl
        except ImportError as error:
            raise missing_package(error, self.where) from error
        s, count = self.settings, 0
        assert isinstance(s, ExcelSinkSettings)
        book = openpyxl.Workbook(write_only=True)
        sheet = book.create_sheet(s.sheet)
        try:
            for table in tables:
                if not count:
                    sheet.append(table.column_names)
                count += table.num_rows
                if count > _MOST_ROWS:
                    todo = "write Parquet or CSV"
                    raise ConfigurationError("there are more rows than a sheet can hold", where=self.where, todo=todo)
                for row in table.to_pylist():
                    sheet.append([_cell(v) for v in row.values()])
        except BaseException:
            sheet.close()  # its half is in a file of openpyxl, which goes with the process
            raise
        book.save(out)
        return count


def _cell(value: Any) -> Any:
    return value.replace(tzinfo=None) if getattr(value, "tzinfo", None) is not None else value
