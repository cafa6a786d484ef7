"""The check ``prediction-test``: pinned rows with the answers that are expected. Light to import."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from legion_ci.quality.prediction_test_settings import PredictionTestSettings
from legion_ci.settings.schema import CheckSettings

if TYPE_CHECKING:
    from legion_ci.core.errors import Problem
    from legion_ci.quality.checks import Evidence, Finding, Rows


class PredictionTestCheck:
    """The candidate's answers on rows with known answers, each with a tolerance."""

    Settings: ClassVar[type[CheckSettings]] = PredictionTestSettings
    needs_answers: ClassVar[bool] = False
    needs_champion = False
    brings_rows = True  # of its own, pinned

    def __init__(self, settings: PredictionTestSettings, where: str) -> None:
        self.settings, self.where = settings, where

    def problems(self, rows: Rows) -> list[Problem]:
        """Files and columns that are not there."""
        from legion_ci.quality import prediction_test

        return prediction_test.problems(self.settings, rows, self.where)

    def judge(self, evidence: Evidence) -> list[Finding]:
        """One finding: every row that is answered otherwise is listed."""
        from legion_ci.quality import prediction_test

        return prediction_test.judge(self.settings, evidence, self.where)
