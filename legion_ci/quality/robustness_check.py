"""The check ``robustness``: what the candidate loses when its inputs are disturbed. Light to import."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from legion_ci.quality.robustness_settings import RobustnessSettings
from legion_ci.settings.schema import CheckSettings

if TYPE_CHECKING:
    from legion_ci.core.errors import Problem
    from legion_ci.quality.checks import Evidence, Finding, Rows


class RobustnessCheck:
    """The loss of a metric under noise, missing values, permuted and out-of-range features."""

    Settings: ClassVar[type[CheckSettings]] = RobustnessSettings
    needs_answers: ClassVar[bool] = True
    needs_champion = False

    def __init__(self, settings: RobustnessSettings, where: str) -> None:
        self.settings, self.where = settings, where

    def problems(self, rows: Rows) -> list[Problem]:
        """Columns that are not there, a metric that does not fit."""
        from legion_ci.quality import robustness

        return robustness.problems(self.settings, rows, self.where)

    def judge(self, evidence: Evidence) -> list[Finding]:
        """One finding a disturbance."""
        from legion_ci.quality import robustness

        return robustness.judge(self.settings, evidence, self.where)
