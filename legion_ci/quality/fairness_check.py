"""The check ``fairness``: whether groups of people are treated alike. Light to import."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from legion_ci.quality.fairness_settings import FairnessSettings
from legion_ci.settings.schema import CheckSettings

if TYPE_CHECKING:
    from legion_ci.core.errors import Problem
    from legion_ci.quality.checks import Evidence, Finding, Rows


class FairnessCheck:
    """Differences or ratios of rates between groups, each against a reference group."""

    Settings: ClassVar[type[CheckSettings]] = FairnessSettings
    needs_answers: ClassVar[bool] = True
    needs_champion = False

    def __init__(self, settings: FairnessSettings, where: str) -> None:
        self.settings, self.where = settings, where

    def problems(self, rows: Rows) -> list[Problem]:
        """Columns or classes that are not there."""
        from legion_ci.quality import fairness

        return fairness.problems(self.settings, rows, self.where)

    def judge(self, evidence: Evidence) -> list[Finding]:
        """One finding a measure and group."""
        from legion_ci.quality import fairness

        return fairness.judge(self.settings, evidence, self.where)
