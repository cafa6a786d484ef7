"""Loads both arms in alternating pairs and looks after 10, 20, 40 … pairs, until the duel is decided."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from legion_ci.perf.duel.statistics import Estimate, estimate, judge, levels, looks, pairs_needed
from legion_ci.results import DuelMetric, DuelResult, Outcome

Figures = Mapping[str, float]  # of one run: p50 and p99 in ms, throughput in 1/s
Measure = Callable[[str], Figures]  # loads the arm at an address
HIGHER_IS_BETTER = frozenset({"throughput"})


@dataclass(frozen=True)
class Rules:
    """What is asked. margin: the accepted slowdown as a share; pairs, most: the first look and the last."""

    metrics: tuple[str, ...]
    margin: float
    pairs: int
    most: int
    alpha: float


@dataclass
class _Seen:
    ratios: dict[str, list[float]] = field(default_factory=dict)
    first: list[bool] = field(default_factory=list)


def fight(rules: Rules, challenger: str, champion: str, measure: Measure, say: Callable[[str], None]) -> DuelResult:
    """Measure pairs of runs of the two addresses until FAIL, until all metrics PASS, or until ``rules.most`` pairs."""
    seen, schedule = _Seen({m: [] for m in rules.metrics}), looks(rules.pairs, rules.most)
    said: tuple[DuelMetric, ...] = ()
    for n, alpha in zip(schedule, levels(len(schedule), rules.alpha), strict=True):
        while len(seen.first) < n:
            _pair(seen, challenger, champion, measure)
            say(f"duel: pair {len(seen.first)} of {n}{_so_far(seen)}")
        said = tuple(_metric(m, seen, rules, alpha) for m in rules.metrics)
        if _decided(said):
            break
    return _result(said, seen, rules)


def _pair(seen: _Seen, challenger: str, champion: str, measure: Measure) -> None:
    first = len(seen.first) % 2 == 0
    runs = {arm: measure(arm) for arm in ((challenger, champion) if first else (champion, challenger))}
    for metric, ratios in seen.ratios.items():
        new, old = runs[challenger][metric], runs[champion][metric]
        ratios.append(math.log(old / new) if metric in HIGHER_IS_BETTER else math.log(new / old))
    seen.first.append(first)


def _so_far(seen: _Seen) -> str:
    means = (f"{m} ×{math.exp(sum(r) / len(r)):.3f}" for m, r in seen.ratios.items())
    return f", time of the challenger over the champion's so far: {', '.join(means)}"


def _decided(said: Sequence[DuelMetric]) -> bool:
    outcomes = {m.outcome for m in said}
    return Outcome.FAIL in outcomes or outcomes == {Outcome.PASS}


def _metric(name: str, seen: _Seen, rules: Rules, alpha: float) -> DuelMetric:
    found = estimate(seen.ratios[name], seen.first)
    outcome = judge(found, rules.margin, alpha, len(rules.metrics))
    used = alpha / len(rules.metrics) if outcome is Outcome.FAIL else alpha
    lower, upper = found.bounds(used)
    return DuelMetric(
        name=name,
        outcome=outcome,
        ratio=math.exp(found.mean),
        lower=math.exp(lower),
        upper=math.exp(upper),
        bound=1 + rules.margin,
        alpha=used,
        pair_sd=found.pair_sd,
        neighbours=found.neighbours,
        pairs_needed=pairs_needed(found, rules.margin, rules.alpha),
        ratios=tuple(math.exp(r) for r in seen.ratios[name]),
        message=_message(name, found, rules, outcome),
    )


def _message(name: str, found: Estimate, rules: Rules, outcome: Outcome) -> str:
    change = f"{name}: the challenger takes {math.exp(found.mean):.3f} times as long as the champion"
    noise = f"pairs differ by {100 * found.pair_sd:.1f} % (SD)"
    if found.neighbours_are_alike:
        noise += f", and neighbouring pairs are alike ({found.neighbours:.2f}): the interval is too narrow"
    said = {
        Outcome.PASS: f"not slower by more than {100 * rules.margin:g} %",
        Outcome.FAIL: f"slower by more than {100 * rules.margin:g} %",
    }.get(outcome, f"not decided; about {pairs_needed(found, rules.margin, rules.alpha)} pairs would")
    return f"{change}: {said}; {noise}"


def _result(said: tuple[DuelMetric, ...], seen: _Seen, rules: Rules) -> DuelResult:
    outcomes = [m.outcome for m in said]
    verdict = Outcome.FAIL if Outcome.FAIL in outcomes else Outcome.INCONCLUSIVE
    if set(outcomes) == {Outcome.PASS}:
        verdict = Outcome.PASS
    return DuelResult(
        outcome=verdict,
        metrics=said,
        pairs=len(seen.first),
        most_pairs=looks(rules.pairs, rules.most)[-1],
        challenger_first=tuple(seen.first),
    )
