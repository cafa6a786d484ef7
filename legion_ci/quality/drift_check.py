"""The check ``drift``: whether the evaluation rows look like the training data. Light to import."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from legion_ci.quality.drift_settings import DriftSettings
from legion_ci.settings.schema import CheckSettings

if TYPE_CHECKING:
    from legion_ci.core.errors import Problem
    from legion_ci.quality.checks import Evidence, Finding, Rows


class DriftCheck:
    """Distances of the evaluation rows' columns from the training data's, by sketches kept with the model."""

    Settings: ClassVar[type[CheckSettings]] = DriftSettings
    needs_answers: ClassVar[bool] = False
    needs_champion = False

    def __init__(self, settings: DriftSettings, where: str) -> None:
        self.settings, self.where = settings, where

    def problems(self, rows: Rows) -> list[Problem]:
        """Columns that are not there."""
        from legion_ci.quality.slices import no_column

        lacking = [c for c in self.settings.columns if c not in rows.table.column_names]
        return [no_column(c, rows.table, f"{self.where}.columns") for c in lacking]

    def judge(self, evidence: Evidence) -> list[Finding]:
        """One finding a column and measure."""
        from legion_ci.quality import drift

        return drift.judge(self.settings, evidence, self.where)
