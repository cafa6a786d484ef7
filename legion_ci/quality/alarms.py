"""Alarms, settled together: no matter how many slices are looked at, any false alarm stays within alpha.

Holm's correction over all alarms; alarms of one bootstrap come already adjusted for each other and take their part of
alpha by number.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import groupby

import msgspec

from legion_ci.quality.checks import Finding
from legion_ci.quality.question import Question
from legion_ci.quality.statistics.bootstrap import NoSpread
from legion_ci.quality.statistics.estimate import Estimate, visible_loss
from legion_ci.quality.statistics.holm import adjusted
from legion_ci.quality.statistics.mcnemar import fewest
from legion_ci.quality.statistics.proportion import PairedShare
from legion_ci.results import Outcome


def visible(question: Question, found: Estimate) -> Callable[[float], float]:
    """The loss that this alarm would have shown with 80 % power, as a function of its level."""
    margin = question.margin if question.settings.versus else 0.0

    def loss(level: float) -> float:
        if isinstance(found, NoSpread):
            return margin + found.effect - found.interval(level)[0]
        shown = visible_loss(found, level, margin)
        return max(shown, fewest(level) / found.n) if isinstance(found, PairedShare) else shown

    return loss


def settle(findings: Sequence[Finding], alpha: float) -> list[Finding]:
    """The findings with alarms raised, in the given order; ``p_value`` is the adjusted one."""
    waiting = [i for i, f in enumerate(findings) if f.alarm is not None]
    settled = list(findings)
    for index, p in _adjusted([(i, findings[i]) for i in waiting]):
        settled[index] = _settled(findings[index], p, alpha, len(waiting))
    return settled


def _adjusted(waiting: Sequence[tuple[int, Finding]]) -> list[tuple[int, float]]:
    """Index and p adjusted over all: within a family, then by the family's part of alpha."""
    found: list[tuple[int, float]] = []
    for family, group in groupby(sorted(waiting, key=_family), key=_family):
        members = list(group)
        own = [f.alarm.p for _, f in members if f.alarm]
        ps = own if family else adjusted(own)
        found += [(i, min(1.0, p * len(waiting) / len(members))) for (i, _), p in zip(members, ps, strict=True)]
    return found


def _family(entry: tuple[int, Finding]) -> str:
    alarm = entry[1].alarm
    return alarm.family if alarm else ""


def _settled(finding: Finding, p: float, alpha: float, alarms: int) -> Finding:
    alarm = finding.alarm
    if alarm is None:
        return finding
    seen = alarm.visible(alpha / alarms)
    outcome, reason, message = Outcome.NO_ALARM, "", f"no alarm, smallest visible loss {seen:.3g}"
    if p <= alpha:
        outcome, message = Outcome.FAIL, f"a loss is shown (adjusted p {p:.2g}, {alarms:,} alarms)"
    elif alarm.min_detectable is not None and seen > alarm.min_detectable:
        outcome, reason = Outcome.INCONCLUSIVE, "loss_not_visible"
        message += f", more than min_detectable {alarm.min_detectable:g}"
    message += f"; {finding.result.message}" if finding.result.message else ""
    result = msgspec.structs.replace(
        finding.result, outcome=outcome, p_value=p, smallest_visible_loss=seen, message=message
    )
    return Finding(result, reason)
