"""The check ``contract``: whether the evaluation rows keep a data contract. Light to import."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from legion_ci.quality.contract_settings import ContractSettings
from legion_ci.settings.schema import CheckSettings

if TYPE_CHECKING:
    from legion_ci.core.errors import Problem
    from legion_ci.quality.checks import Evidence, Finding, Rows


class ContractCheck:
    """Columns, types, ranges, nulls, uniqueness, values, freshness and row counts of the evaluation rows."""

    Settings: ClassVar[type[CheckSettings]] = ContractSettings
    needs_answers: ClassVar[bool] = False
    needs_champion = False

    def __init__(self, settings: ContractSettings, where: str) -> None:
        self.settings, self.where = settings, where

    def problems(self, rows: Rows) -> list[Problem]:
        """None: whatever the rows are, the contract has an answer; rules that fit no column's type say so."""
        from legion_ci.quality import contract

        return contract.problems(self.settings, rows, self.where)

    def judge(self, evidence: Evidence) -> list[Finding]:
        """One finding a rule."""
        from legion_ci.quality import contract

        return contract.judge(self.settings, evidence.rows, self.where)
