"""What a prediction test may say in ``legion.yaml``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, model_validator

from legion_ci.settings.schema import CheckSettings, Section


def _tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _by_column(value: Any) -> Any:
    """``expect: 1`` is short for ``expect: {prediction: 1}``."""
    return value if isinstance(value, dict) else {"prediction": value}


class PinnedRow(Section):
    """One row of features and the answer that is expected; numbers within tolerance (default, the check's)."""

    input: dict[str, Any] = Field(min_length=1)
    expect: Annotated[dict[str, Any], BeforeValidator(_by_column)] = Field(min_length=1)
    tolerance: float | None = Field(default=None, ge=0)


class PredictionTestSettings(CheckSettings):
    """Rows whose answers are known: of people who would notice, of past incidents, of rules that must hold.

    rows: written here; or path: a Parquet or CSV file in the repository with the features, and ``expected``: answer column
    (``prediction``, ``probability_<class>``) → column of the file that holds what is expected (one name: of ``prediction``).
    """

    use: str = "prediction-test"
    rows: Annotated[tuple[PinnedRow, ...], BeforeValidator(_tuple)] = ()
    path: str | None = None
    expected: Annotated[dict[str, str], BeforeValidator(_by_column)] = Field(default_factory=dict)
    tolerance: float = Field(default=1e-6, ge=0)

    @model_validator(mode="after")
    def _coherent(self) -> PredictionTestSettings:
        if self.role == "alarm":
            raise ValueError("an answer is the expected one or not; role: alarm is for losses")
        if bool(self.rows) == (self.path is not None):
            raise ValueError("exactly one of rows and path is needed")
        if (self.path is None) != (not self.expected):
            raise ValueError("path and expected belong together: which columns of the file hold the expected answers")
        if self.path is not None and not self.path.endswith((".parquet", ".csv")):
            raise ValueError(f"path is a .parquet or .csv file (it is {self.path})")
        return self

    def files(self, folder: Path) -> tuple[Path, ...]:
        """The file with the rows."""
        return (folder / self.path,) if self.path else ()
