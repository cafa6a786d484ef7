"""Three verdicts from an interval: PASS beyond the bound, FAIL short of it, INCONCLUSIVE across it."""

from __future__ import annotations

import math

from legion_ci.quality import seen
from legion_ci.quality.alarms import visible
from legion_ci.quality.catalogue import GUARDED_BY
from legion_ci.quality.checks import Alarm, Finding
from legion_ci.quality.estimates import estimate
from legion_ci.quality.metric_settings import MetricSettings
from legion_ci.quality.question import Question
from legion_ci.quality.sample import Sample
from legion_ci.quality.seen import Seen
from legion_ci.quality.statistics.bootstrap import Studentised
from legion_ci.quality.statistics.cluster import MINIMUM, Clustered
from legion_ci.quality.statistics.estimate import Estimate, rows_needed
from legion_ci.quality.statistics.proportion import PairedShare
from legion_ci.results import Outcome


def decide(question: Question, sample: Sample, part: str = "") -> Finding:
    """Judge one set of rows, large enough to be judged."""
    found = estimate(question.metric, sample, question.resampling(part))
    return conclude(question, seen.of(question.metric, sample), found, part)


def conclude(question: Question, shown: Seen, found: Estimate, part: str = "") -> Finding:
    """From the estimate to a finding: a required claim is decided now, an alarm is settled with all others."""
    low, high = found.interval(question.alpha)
    facts = {
        **shown.values,
        "effect": found.effect,
        "lower": low,
        "upper": high,
        "n": found.n,
        "n_rare": shown.n_rare,
        "n_needed": _needed(question, found),
        "method": found.method,
    }
    if question.settings.is_alarm:
        alarm = Alarm(
            p_of_loss(question, found), visible(question, found), min_detectable=question.settings.min_detectable
        )
        facts["method"] = f"{_test(found)}; interval {found.method}"
        return Finding(question.result(Outcome.NO_ALARM, part, **facts), alarm=alarm)
    outcome, reason, message = _verdict(question, shown, found, (low, high))
    result = question.result(outcome, part, p_value=_p_of_claim(question, found), message=message, **facts)
    return Finding(result, reason, rows_needed=_rows(question, shown, found))


def _test(found: Estimate) -> str:
    """The test behind an alarm."""
    if isinstance(found, PairedShare):
        return "exact McNemar"
    return "studentised bootstrap" if isinstance(found, Studentised) else "one-sided test"


def p_of_loss(question: Question, found: Estimate) -> float:
    """p of the hypothesis that the bound is kept."""
    return found.p_above(question.bound) if question.at_most else found.p_below(question.bound)


def _p_of_claim(question: Question, found: Estimate) -> float:
    """p of the hypothesis that the bound is not kept: small for a PASS."""
    return found.p_below(question.bound) if question.at_most else found.p_above(question.bound)


def _verdict(
    question: Question, shown: Seen, found: Estimate, interval: tuple[float, float]
) -> tuple[Outcome, str, str]:
    low, high = interval
    above, below = low > question.bound, high < question.bound
    good, bad = (below, above) if question.at_most else (above, below)
    if bad:
        return Outcome.FAIL, "", _limits(question, low, high, "short of")
    if not good:
        return Outcome.INCONCLUSIVE, "interval_covers_bound", _limits(question, low, high, "across")
    if isinstance(found, Clustered) and found.clusters < MINIMUM:
        message = f"{found.clusters} clusters; fewer than {MINIMUM} never pass by themselves"
        return Outcome.INCONCLUSIVE, "too_few_clusters", message
    if question.settings.superior and found.p_above(0.0) > question.alpha:
        message = f"the exact test against no difference does not agree (p {found.p_above(0.0):.3g})"
        return Outcome.INCONCLUSIVE, "interval_covers_bound", message
    if low <= 0 and question.margin and (floor := _accepts_constant(question, shown)):
        return Outcome.INCONCLUSIVE, "margin_accepts_constant", floor
    return Outcome.PASS, "", _limits(question, low, high, "beyond")


def _limits(question: Question, low: float, high: float, where: str) -> str:
    return f"the interval {low:.4g} … {high:.4g} lies {where} {question.bound:g}"


def _accepts_constant(question: Question, shown: Seen) -> str:
    """Why a PASS through this margin would say nothing: a model that answers always the same would have it too."""
    metric, old = question.metric, shown.champion
    floor = shown.floor()
    if old is None or floor is None or _accompanied(question):
        return ""
    loss = old - floor if metric.higher_is_better else floor - old
    if loss > question.margin:
        return ""
    guards = GUARDED_BY.get(metric.name, ())
    return (
        f"the margin {question.margin:g} is as wide as what the champion has over a constant answer "
        f"({old:.4g} against {floor:.4g}); make it smaller" + (f", or add one of {', '.join(guards)}" if guards else "")
    )


def _accompanied(question: Question) -> bool:
    guards = GUARDED_BY.get(question.metric.name, ())
    others = (c for c in question.evidence.checks if isinstance(c, MetricSettings) and not c.is_alarm)
    return any(c.metric in guards for c in others)


def _needed(question: Question, found: Estimate) -> int | None:
    """Rows of the estimate's kind for 80 % power: at no true difference for a margin, else at the effect seen."""
    if question.settings.versus and not question.settings.superior:
        return rows_needed(found, question.margin, question.alpha)
    distance = question.bound - found.effect if question.at_most else found.effect - question.bound
    return rows_needed(found, distance if question.settings.superior else abs(distance), question.alpha)


def _rows(question: Question, shown: Seen, found: Estimate) -> int | None:
    """Evaluation rows that would decide; where even equal models would need no more, those for the effect seen."""
    needed = _needed(question, found)
    if needed is None or needed <= found.n:
        needed = rows_needed(found, abs(found.effect - question.bound), question.alpha)
    return math.ceil(needed * shown.n / found.n) if needed and needed > found.n else None


def same_model(question: Question) -> Finding:
    """A model against itself: not worse, and not better."""
    if question.settings.superior:
        message = "the same model; it cannot be better than itself"
        return Finding(question.result(Outcome.FAIL, effect=0.0, message=message), "same_model")
    outcome = Outcome.NO_ALARM if question.settings.is_alarm else Outcome.PASS
    return Finding(question.result(outcome, effect=0.0, lower=0.0, upper=0.0, message="the same model"))
