"""The check ``calibration``: whether probabilities mean what they say. Light to import."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from legion_ci.quality.calibration_settings import CalibrationSettings
from legion_ci.settings.schema import CheckSettings

if TYPE_CHECKING:
    from legion_ci.core.errors import Problem
    from legion_ci.quality.checks import Evidence, Finding, Rows


class CalibrationCheck:
    """Expected calibration error, slope and intercept of the candidate's probabilities."""

    Settings: ClassVar[type[CheckSettings]] = CalibrationSettings
    needs_answers: ClassVar[bool] = True
    needs_champion = False

    def __init__(self, settings: CalibrationSettings, where: str) -> None:
        self.settings, self.where = settings, where

    def problems(self, rows: Rows) -> list[Problem]:
        """What keeps probabilities from being held against this target."""
        from legion_ci.quality import calibration

        return calibration.problems(self.settings, rows, self.where)

    def judge(self, evidence: Evidence) -> list[Finding]:
        """One finding a limit."""
        from legion_ci.quality import calibration

        return calibration.judge(self.settings, evidence, self.where)
