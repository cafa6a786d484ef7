"""One metric check made ready to judge: its bound, level, role and minimum, and the results it may give."""

from __future__ import annotations

import math
import zlib
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from legion_ci.quality import metric_plan
from legion_ci.quality.catalogue import Metric
from legion_ci.quality.checks import Evidence, Finding
from legion_ci.quality.estimates import Resampling
from legion_ci.quality.metric_settings import MetricSettings
from legion_ci.results import CheckResult, Outcome

_OF_CELLS = 4  # times min_rare: what the bootstrap of counts needs of the rarer class (200 at the default of 50)


@dataclass(frozen=True)
class Question:
    """The settings with what follows from them and from the gate's."""

    settings: MetricSettings
    evidence: Evidence
    where: str

    @property
    def metric(self) -> Metric:
        """What is measured."""
        return self.settings.definition

    @property
    def alpha(self) -> float:
        """The one-sided level."""
        return self.settings.alpha or self.evidence.rows.settings.alpha

    @property
    def margin(self) -> float:
        """The loss that is accepted, in the metric's units."""
        if self.settings.margin is not None:
            return self.settings.margin
        return self.evidence.rows.settings.slice_margin if self.settings.is_alarm else 0.0

    @property
    def bound(self) -> float:
        """What the interval is held against."""
        if self.settings.versus:
            return 0.0 - self.margin  # never -0.0
        return float(self.settings.min if self.settings.min is not None else self.settings.max or 0.0)

    @property
    def at_most(self) -> bool:
        """Whether the bound is a maximum."""
        return self.settings.max is not None

    @property
    def minimum(self) -> int:
        """Rows of the rarer class below which nothing is said."""
        least = self.evidence.rows.settings.min_rare
        return least * _OF_CELLS if self.metric.family == "cells" else least

    @cached_property
    def positive(self) -> int:
        """Number of the positive class."""
        return metric_plan.positive(self.settings, self.evidence.rows) if self.metric.of_classes else -1

    def resampling(self, part: str, parts: int = 1) -> Resampling:
        """Replicates (more when many slices share the level), seeded by the gate's seed, the check and the part."""
        gate = self.evidence.rows.settings
        many = math.ceil(50 * parts / self.alpha) if self.metric.family == "cells" and parts > 1 else 0
        seed = (gate.seed & 0xFFFFFFFF, zlib.crc32(f"{self.settings.title} {part}".encode()))
        return Resampling(max(gate.resamples, min(many, 400_000)), seed)

    def result(self, outcome: Outcome, part: str = "", **facts: Any) -> CheckResult:
        """A result of this check."""
        versus = bool(self.settings.versus)
        return CheckResult(
            name=self.settings.title,
            outcome=outcome,
            role="alarm" if self.settings.is_alarm else "require",
            metric=self.metric.name,
            versus=self.settings.versus or "",
            slice=part,
            bound=self.bound,
            at_most=self.at_most,
            margin=self.margin if versus else None,
            alpha=self.alpha,
            where=self.where,
            **facts,
        )

    def too_few(self, n: int, rare: int, part: str = "", *, declared: bool = True) -> Finding | None:
        """What to say when ``rare`` of ``n`` rows are too few to say anything; None when they are enough."""
        if rare >= self.minimum:
            return None
        needed = math.ceil(n * self.minimum / rare) if rare else None
        kind = (
            self.metric.units
            if self.metric.units != "rows" or not self.metric.of_classes
            else "rows of the rarer class"
        )
        message = f"{rare:,} {kind}, at least {self.minimum:,} are needed" + (
            f": about {needed:,} rows" if needed else ""
        )
        facts: dict[str, Any] = {"n": n, "n_rare": rare, "n_needed": needed, "message": message}
        if part:
            return Finding(
                self.result(Outcome.NOT_ASSESSED, part, **facts), "not_assessed", blocks=declared, rows_needed=needed
            )
        return Finding(self.result(Outcome.INCONCLUSIVE, **facts), "too_few_rows", rows_needed=needed)
