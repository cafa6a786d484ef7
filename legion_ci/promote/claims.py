"""What is claimed and how sure it is: the metric and the guardrails, on evidence that may be looked at any time.

PASS needs every claim (an intersection: each at alpha); FAIL is a union, so that its tests share alpha.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from legion_ci.promote import scores
from legion_ci.promote.evidence import SHADOW, Floats, Rows
from legion_ci.promote.guardrails import Guardrail
from legion_ci.promote.statistics import betting, events, sequence
from legion_ci.promote.statistics.sequence import Interval
from legion_ci.promote.units import Pairs, Units, first_errors, live, shadow
from legion_ci.results import Claim, Outcome
from legion_ci.settings.schema import PromoteSettings

MIN_EVENTS = 20  # units with, and as many without, in each arm, before asymptotic bounds say anything
MIN_NUMBERS = 50  # units an arm, where outcomes are numbers
_ASYMPTOTIC = "asymptotic confidence sequence (Waudby-Smith et al. 2024)"
_EXACT = "betting bounds (Waudby-Smith & Ramdas 2024) and conditional e-process (after Lindon & Malek 2022)"


@dataclass(frozen=True)
class Question:
    """What is asked of the evidence. now: seconds since the epoch."""

    settings: PromoteSettings
    guardrails: tuple[Guardrail, ...]
    now: float

    @property
    def shadowed(self) -> bool:
        """Whether there is a shadow step."""
        return SHADOW in self.settings.steps

    @property
    def metric_in_shadow(self) -> bool:
        """Whether pairs decide the metric: what a prediction causes cannot be seen in a copy."""
        return self.shadowed and self.settings.metric != "value"

    @property
    def alpha_fail(self) -> float:
        """Each FAIL test's share of alpha. Means are tested twice (pairs and live) where there is a shadow step."""
        means = [self.metric_in_shadow] * (self.settings.outcome is not None)
        means += [self.shadowed for g in self.guardrails if g.kind == "latency"]
        tests = sum(1 + twice for twice in means) + sum(g.kind == "errors" for g in self.guardrails)
        return self.settings.alpha / max(tests, 1)


def judge(rows: Rows, question: Question) -> tuple[Claim, ...]:
    """All claims, the metric first."""
    window, now = question.settings.window, question.now
    pairs = shadow(rows, window, now)
    units = live(rows, window, now)
    told = [_metric(pairs, units, question, rows.scale)]
    for guardrail in question.guardrails:
        if guardrail.kind == "errors":
            told.append(_errors(rows, pairs, units, guardrail, question))
        else:
            told.append(_latency(pairs, units, guardrail, question))
    return tuple(told)


def _metric(pairs: Pairs, units: Units, question: Question, scale: float | None) -> Claim:
    settings = question.settings
    empty = Claim(name=settings.metric, outcome=Outcome.INCONCLUSIVE, role="metric", bound=-settings.margin,
                  alpha=settings.alpha, method=_ASYMPTOTIC)  # fmt: skip
    if settings.outcome is None:
        return _with(empty, message="promote.outcome is not set: without outcomes nothing says which model is better")
    return _mean_claim(empty, pairs, units, question, lambda u: u.score, -settings.margin,
                       scale, _events(settings.metric),
                       in_shadow=question.metric_in_shadow)  # fmt: skip


def _latency(pairs: Pairs, units: Units, guardrail: Guardrail, question: Question) -> Claim:
    empty = Claim(name=guardrail.text, outcome=Outcome.INCONCLUSIVE, role="guardrail", bound=-guardrail.margin,
                  alpha=question.settings.alpha, method=f"{_ASYMPTOTIC}, log of latency")  # fmt: skip
    found = _mean_claim(empty, pairs, units, question, lambda u: -u.latency, -math.log1p(guardrail.margin),
                        None, _numbers, in_shadow=question.shadowed)  # fmt: skip
    if found.effect is None or found.lower is None or found.upper is None:
        return found
    return _with(found, effect=_relative(found.effect), lower=_relative(found.lower), upper=_relative(found.upper))


def _relative(gain: float) -> float:
    """A gain in log latency as minus the relative increase."""
    return -math.expm1(-gain)


Opening = Callable[[Units, Floats], str]


def _events(metric: str) -> Opening:
    return _numbers if not scores.is_classification(metric) else _accuracies if metric == "accuracy" else _classes


def _classes(arm: Units, values: Floats) -> str:
    """What is missing before bounds of an arm are trusted; empty when nothing is."""
    least = min(int(arm.one.sum()), int(arm.other.sum()))
    return "" if least >= MIN_EVENTS else f"{least} of {MIN_EVENTS} units with outcomes of each kind"


def _accuracies(arm: Units, values: Floats) -> str:
    least = min(int((values > 0).sum()), int((values < 1).sum()))
    return "" if least >= MIN_EVENTS else f"{least} of {MIN_EVENTS} units with right, and with wrong, predictions"


def _numbers(arm: Units, values: Floats) -> str:
    return "" if len(arm) >= MIN_NUMBERS else f"{len(arm)} of {MIN_NUMBERS} units"


def _mean_claim(
    empty: Claim, pairs: Pairs, units: Units, question: Question, value: Callable[[Units], Floats], bound: float,
    scale: float | None, opening: Opening, *, in_shadow: bool,
) -> Claim:  # fmt: skip
    """Pairs decide PASS where there are any, live units otherwise; either may say FAIL."""
    levels = {"alpha_lower": question.settings.alpha, "alpha_upper": question.alpha_fail}
    running, split, why_live = _live_interval(units, value, scale, opening, levels)
    deciding, n, why = running, split, why_live
    if in_shadow:
        deciding, n, why = _pair_interval(pairs, value, scale, _classes if opening is _accuracies else opening, levels)
    shown, n = (running, split) if running and running.upper < bound else (deciding, n)
    if shown is None:
        return _with(empty, n_champion=n[0], n_challenger=n[1], message=f"too early: {why}")
    outcome = Outcome.FAIL if shown.upper < bound else Outcome.PASS if shown.lower > bound else Outcome.INCONCLUSIVE
    where = "paired in shadow" if in_shadow and shown is deciding else "live, within steps and days"
    return _with(
        empty, outcome=outcome, effect=shown.effect, lower=shown.lower, upper=shown.upper, n_champion=n[0],
        n_challenger=n[1], message=f"{where}; {_more(shown, bound, question.settings.alpha)}".removesuffix("; "),
    )  # fmt: skip


Told = tuple[Interval | None, tuple[int, int], str]


def _pair_interval(
    pairs: Pairs, value: Callable[[Units], Floats], scale: float | None, opening: Opening, levels: dict[str, float]
) -> Told:
    old, new = value(pairs.champion), value(pairs.challenger)
    usable = pairs.champion.mature & np.isfinite(old) & np.isfinite(new)
    old, new = old[usable], new[usable]
    n = int(usable.sum())
    if why := opening(pairs.champion.at(usable), new):
        return None, (n, n), why
    return sequence.paired(new - old, scale=_scale(scale, old, new), **levels), (n, n), ""


def _live_interval(
    units: Units, value: Callable[[Units], Floats], scale: float | None, opening: Opening, levels: dict[str, float]
) -> Told:
    usable = units.mature & np.isfinite(value(units))
    chosen, values = units.at(usable), value(units)[usable]
    arms = [chosen.treated, ~chosen.treated]
    n = (int(arms[1].sum()), int(arms[0].sum()))
    lacking = [w for arm in arms if (w := opening(chosen.at(arm), values[arm]))]
    if lacking:
        return None, n, lacking[0]
    interval = sequence.stratified(
        values, chosen.treated, chosen.share, chosen.stratum, scale=_scale(scale, values), **levels
    )
    return interval, n, ""


def _scale(known: float | None, *values: Floats) -> float:
    """The largest difference of scores that is possible, or else that was seen."""
    joined = np.concatenate(values)
    return known if known is not None else float(np.ptp(joined)) if len(joined) else 1.0


def _more(interval: Interval, bound: float, alpha: float) -> str:
    """How many more units would decide, if the gain stays as it is or is zero."""
    if interval.lower > bound or interval.upper < bound:
        return ""
    needed = sequence.units_needed(interval.sd, abs(interval.effect - bound), alpha)
    if needed is None or needed <= interval.n:
        return "the gain is at the margin: more units need not decide"
    return f"about {needed - interval.n:,} more units would decide if the gain stays as it is"


def _errors(rows: Rows, pairs: Pairs, units: Units, guardrail: Guardrail, question: Question) -> Claim:
    """FAIL: more errors than the champion's are shown, and more than the margin are seen. PASS: fewer are shown."""
    alpha, margin = question.settings.alpha, guardrail.margin
    difference, highest, lowest, n = _error_differences(pairs, units)
    upper, lower = betting.upper(difference, highest, alpha), betting.lower(difference, lowest, alpha)
    happened = first_errors(rows, pairs, question.now)
    evidence = events.log_evidence(happened.treated, happened.share)
    mine, theirs = int(happened.treated.sum()), int((~happened.treated).sum())
    excess = _excess(pairs, units, mine, theirs, n)
    outcome = Outcome.PASS if upper < margin else Outcome.INCONCLUSIVE
    if evidence >= -math.log(question.alpha_fail) and upper >= margin and excess > margin:
        outcome = Outcome.FAIL
    message = f"first errors of units: challenger {mine}, champion {theirs}; e-value {math.exp(min(evidence, 99)):.3g}"
    if outcome is Outcome.INCONCLUSIVE:
        message += f"; {_more_errors(question, units, margin, alpha, len(difference))}"
    return Claim(
        name=guardrail.text, outcome=outcome, role="guardrail", effect=0.0 - excess, lower=-upper, upper=-lower,
        bound=-margin, alpha=alpha, n_champion=n[0], n_challenger=n[1], method=_EXACT, message=message,
    )  # fmt: skip


def _error_differences(pairs: Pairs, units: Units) -> tuple[Floats, Floats, Floats, tuple[int, int]]:
    """Unbiased differences of the arms' errors, one a unit, each unit once: in shadow, else at its first live exposure.

    Returns differences, the highest and the lowest that each could have been, and units seen (champion, challenger).
    """
    ripe = pairs.champion.mature
    paired = pairs.challenger.error[ripe].astype(float) - pairs.champion.error[ripe].astype(float)
    fresh = units.at(units.mature & ~np.isin(units.id, pairs.champion.id) & (units.share > 0) & (units.share < 1))
    weight = np.where(fresh.treated, 1 / fresh.share, -1 / (1 - fresh.share))
    ones = np.ones(len(paired))
    return (
        np.concatenate((paired, weight * fresh.error)),
        np.concatenate((ones, 1 / fresh.share)),
        np.concatenate((-ones, -1 / (1 - fresh.share))),
        (len(paired) + int((~fresh.treated).sum()), len(paired) + int(fresh.treated.sum())),
    )


def _excess(pairs: Pairs, units: Units, mine: int, theirs: int, n: tuple[int, int]) -> float:
    """Seen difference of the shares of units with errors (also of units whose window is still open)."""
    shadowed = len(pairs.champion)
    challenger = max(shadowed + int((units.treated & ~np.isin(units.id, pairs.champion.id)).sum()), n[1], mine, 1)
    champion = max(shadowed + int((~units.treated & ~np.isin(units.id, pairs.champion.id)).sum()), n[0], theirs, 1)
    return mine / challenger - theirs / champion


def _more_errors(question: Question, units: Units, margin: float, alpha: float, n: int) -> str:
    share = 1.0 if question.shadowed else float(units.share[-1]) if len(units) else 0.5
    needed = betting.units_needed(share, margin, alpha)
    if needed is None or needed <= n:
        return "more units would decide"
    return f"about {needed - n:,} more units without an error would decide"


def _with(claim: Claim, **changes: object) -> Claim:
    from msgspec.structs import replace

    return replace(claim, **changes)
