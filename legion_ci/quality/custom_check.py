"""The check ``custom``: a function of the model repository judges. Light to import."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from legion_ci.quality.custom_settings import CustomSettings
from legion_ci.settings.schema import CheckSettings

if TYPE_CHECKING:
    from legion_ci.core.errors import Problem
    from legion_ci.quality.checks import Evidence, Finding, Rows


class CustomCheck:
    """Calls ``module:function`` with rows and predictions in the candidate's environment."""

    Settings: ClassVar[type[CheckSettings]] = CustomSettings
    needs_answers: ClassVar[bool] = True
    needs_champion = False

    def __init__(self, settings: CustomSettings, where: str) -> None:
        self.settings, self.where = settings, where

    def problems(self, rows: Rows) -> list[Problem]:
        """None: the function is looked up where it runs."""
        from legion_ci.quality import custom

        return custom.problems(self.settings, rows, self.where)

    def judge(self, evidence: Evidence) -> list[Finding]:
        """One finding a value that the function returns."""
        from legion_ci.quality import custom

        return custom.judge(self.settings, evidence, self.where)
