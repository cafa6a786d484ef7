"""What one look sees of a step: units, coverage, and whether the experiment itself is sound."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from legion_ci.promote.claims import Question, judge
from legion_ci.promote.evidence import SHADOW, Rows
from legion_ci.promote.state import Step
from legion_ci.promote.statistics import ratio
from legion_ci.promote.traffic import name, share
from legion_ci.promote.units import SETTLE_S, Units, live, shadow
from legion_ci.results import Claim, Outcome


@dataclass(frozen=True)
class Sight:
    """The evidence of a look, in numbers. Times in seconds since the epoch; the arms of shadow have the same units.

    seen, mature, covered: units of the step, (champion, challenger). copied: share of shadowed requests with a copy.
    sample_ratio_p, arrival_p: always-valid. outcomes: known ones in the window, of all seen rows. first_mature_at: when
    the next window closes.
    """

    step: Step
    claims: tuple[Claim, ...]
    seen: tuple[int, int]
    mature: tuple[int, int]
    covered: tuple[int, int]
    copied: float
    sample_ratio_p: float
    arrival_p: float
    outcomes: int
    late_outcomes: int
    next_mature_at: float | None
    problems: dict[str, int]

    @property
    def coverage(self) -> tuple[float, float]:
        """Share of mature units with an outcome, (champion, challenger); 0 when there are none."""
        c, n = self.covered, self.mature
        return (c[0] / n[0] if n[0] else 0.0, c[1] / n[1] if n[1] else 0.0)

    @property
    def failed(self) -> Claim | None:
        """The first claim that is shown not to hold."""
        return next((c for c in self.claims if c.outcome is Outcome.FAIL), None)


def see(rows: Rows, step: Step, question: Question) -> Sight:
    """Look at a step."""
    window, now = question.settings.window, question.now
    if step.name == SHADOW:
        pairs = shadow(rows, window, now)
        champion, challenger, copied, ratio_p, arrival_p = pairs.champion, pairs.challenger, pairs.copied, 1.0, 1.0
        every = live(rows, window, now, SHADOW)
    else:
        every = live(rows, window, now, step.name)
        champion, challenger, copied = every.at(~every.treated), every.at(every.treated), 1.0
        ratio_p, arrival_p = _soundness(every, share(step.name), question)
    waiting = every.time[~every.mature]
    known = np.isfinite(rows.outcome_time)
    return Sight(
        step=step, claims=judge(rows, question), seen=_count(champion, challenger, "id"),
        mature=_count(champion, challenger, "mature"), covered=_covered(champion, challenger), copied=copied,
        sample_ratio_p=ratio_p, arrival_p=arrival_p, outcomes=int(known.sum()),
        late_outcomes=int((known & (rows.outcome_time > rows.time + window)).sum()),
        next_mature_at=float(waiting[0]) + window + SETTLE_S if len(waiting) else None, problems=rows.problems,
    )  # fmt: skip


def _count(champion: Units, challenger: Units, name: str) -> tuple[int, int]:
    if name == "id":
        return len(champion), len(challenger)
    return int(getattr(champion, name).sum()), int(getattr(challenger, name).sum())


def _covered(champion: Units, challenger: Units) -> tuple[int, int]:
    return int((champion.covered & champion.mature).sum()), int((challenger.covered & challenger.mature).sum())


def _soundness(units: Units, step_share: float, question: Question) -> tuple[float, float]:
    """p values of the sample ratio and of outcomes' arrival, each corrected for the number of live steps."""
    steps = sum(name(s) not in (SHADOW, "100") for s in question.settings.steps)
    mature = units.at(units.mature)
    ratio_p = ratio.p_value(units.treated, step_share)
    arrival_p = ratio.difference_p_value(mature.treated, mature.covered, step_share)
    return min(1.0, ratio_p * steps), min(1.0, arrival_p * steps)
