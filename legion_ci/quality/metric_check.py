"""The check ``metric``: one metric against a bound or against the champion, on all rows or on slices.

Light to import, as the schema needs it; the work is in ``metric_plan`` and ``metric_judge``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from legion_ci.quality.metric_settings import MetricSettings
from legion_ci.settings.schema import CheckSettings

if TYPE_CHECKING:
    from legion_ci.core.errors import Problem
    from legion_ci.quality.checks import Evidence, Finding, Rows
    from legion_ci.quality.streamed.metric_tally import MetricTally


class MetricCheck:
    """See ``MetricSettings`` for what it can be asked."""

    Settings: ClassVar[type[CheckSettings]] = MetricSettings
    needs_answers: ClassVar[bool] = True

    def __init__(self, settings: MetricSettings, where: str) -> None:
        self.settings, self.where = settings, where

    @property
    def needs_champion(self) -> bool:
        """Whether it compares with the champion."""
        return self.settings.versus is not None

    def problems(self, rows: Rows) -> list[Problem]:
        """What keeps the question from being asked of these rows."""
        from legion_ci.quality import metric_plan

        return metric_plan.problems(self.settings, rows, self.where)

    def tally(self, rows: Rows) -> MetricTally | None:
        """Where rows are more than memory takes: what adds them up; None when this metric cannot be added up."""
        from legion_ci.quality.streamed import metric_tally

        return metric_tally.of(self.settings, rows, self.where)

    def judge(self, evidence: Evidence) -> list[Finding]:
        """What it finds, one entry for all rows or one a slice."""
        from legion_ci.quality import metric_judge

        return metric_judge.judge(self.settings, evidence, self.where)
