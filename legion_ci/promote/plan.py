"""``promote --plan``: what each step could see of more errors within its patience, before any traffic moves.

Nothing is computed by a formula of its own: seeded experiments of the planned size are given to the code that decides.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from legion_ci.core.errors import ConfigurationError, Problem
from legion_ci.core.tools import Tools
from legion_ci.feedback.database import opened
from legion_ci.feedback.events import source
from legion_ci.feedback.layout import REQUEST
from legion_ci.promote import guardrails, traffic
from legion_ci.promote.claims import Question, judge
from legion_ci.promote.evidence import SHADOW, Rows
from legion_ci.promote.guardrails import Guardrail
from legion_ci.results import Outcome
from legion_ci.settings.load import FILE, load
from legion_ci.settings.schema import PromoteSettings

MOST_UNITS = 100_000  # more are not simulated: what these see is what is told
RUNS, SEED = 31, 20261121
_LOOKS = (0.25, 0.5, 0.75, 1.0)
_GRID = np.array([0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.015, 0.02, 0.03, 0.05, 0.09, 0.15, 0.25, 0.5, 0.9])


@dataclass(frozen=True)
class StepPlan:
    """units: that reach the gateway within the step's patience, in both arms. visible: the smallest excess of errors (share
    of units, of a grid) that more than half of the planned experiments show; None: not even that every request fails.
    """

    step: str
    units: int
    visible: float | None


def plan(settings: PromoteSettings, units: int, base: float) -> list[StepPlan]:
    """What each step before the last sees by its own units. units: within the patience. base: the champion's share of errors."""
    names = [traffic.name(s) for s in settings.steps][:-1]
    return [StepPlan(name, units, _visible(settings, name, units, base)) for name in names]


def _visible(settings: PromoteSettings, step: str, units: int, base: float) -> float | None:
    """The first of the rising grid that is seen; what sees an excess sees a larger one, too."""
    low, high = 0, len(grid := _GRID[_GRID + base <= 1])
    while low < high:
        middle = (low + high) // 2
        seen = _mostly_shown(settings, step, min(units, MOST_UNITS), base, float(grid[middle]))
        low, high = (low, middle) if seen else (middle + 1, high)
    return float(grid[low]) if low < len(grid) else None


def _mostly_shown(settings: PromoteSettings, step: str, units: int, base: float, excess: float) -> bool:
    """Whether more than half of the experiments fail; ends when that is clear."""
    told = [0, 0]
    for i in range(RUNS):
        told[_fails(settings, step, units, base, excess, np.random.default_rng((SEED, i)))] += 1
        if max(told) > RUNS // 2:
            break
    return told[True] > RUNS // 2


def shown(
    settings: PromoteSettings, step: str, units: int, base: float, excess: float, *, runs: int, seed: int
) -> float:
    """The share of seeded experiments of that size in which the decision is FAIL, at one of a few looks."""
    random = (np.random.default_rng((seed, i)) for i in range(runs))
    return sum(_fails(settings, step, units, base, excess, r) for r in random) / runs


def _fails(
    settings: PromoteSettings, step: str, units: int, base: float, excess: float, random: np.random.Generator
) -> bool:
    rows = experiment(step, units, base, excess, random)
    configured = guardrails.parse(settings.guardrails)
    asked = tuple(replace(g, margin=0.0) if g.kind == "errors" else g for g in configured)
    looks = [int(units * part) for part in _LOOKS]
    for n in looks:
        now = float(n) + settings.window + 10.0
        told = judge(rows.at(rows.time < n), Question(settings, asked, now))
        if any(c.outcome is Outcome.FAIL and g.kind == "errors" for c, g in zip(told[1:], asked, strict=True)):
            return True
    return False


def experiment(step: str, units: int, base: float, excess: float, random: np.random.Generator) -> Rows:
    """One unit a second, one request each, whose errors are as said; without outcomes. In shadow each has a copy."""
    number = np.arange(units)
    challenger = random.random(units) < base + excess
    champion = random.random(units) < base
    if step == SHADOW:
        return _rows(np.tile(number, 2), step, 0.0, np.repeat([False, True], units), np.zeros(2 * units, bool),
                     np.concatenate((champion, challenger)))  # fmt: skip
    share = traffic.share(step)
    treated = random.random(units) < share
    return _rows(number, step, share, np.zeros(units, bool), treated, np.where(treated, challenger, champion))


def _rows(unit: np.ndarray, step: str, share: float, copy: np.ndarray, treated: np.ndarray, error: np.ndarray) -> Rows:
    n = len(unit)
    order = np.argsort(unit, kind="stable")
    nothing = np.full(n, np.nan)
    return Rows(
        unit=unit.astype(np.int64), request=unit.astype(np.int64), row=np.zeros(n, np.int64), step=np.full(n, step, object),
        time=unit.astype(np.float64), copy=copy, treated=treated, share=np.full(n, share), error=error, answered=~error,
        score=nothing, outcome=np.full(n, "", object), outcome_time=np.full(n, np.inf), latency=np.zeros(n), problems={},
    ).at(order)  # fmt: skip


def run(tools: Tools, settings: str, sets: Sequence[str], units_per_hour: str, errors: str) -> int:
    """Print the plan; ConfigurationError for steps that cannot see what a guardrail names."""
    loaded = load(Path(settings or FILE), sets)
    asked = loaded.settings.promote
    named = [g for g in guardrails.parse(asked.guardrails, asked.origin) if g.kind == "errors"]
    if not named:
        raise ConfigurationError("no guardrail is about errors", where="promote.guardrails",
                                 todo="add one like 'errors not worse by 1%'")  # fmt: skip
    base = _number(errors or "0.01", "--errors", below=1.0)
    rate = _number(units_per_hour, "--units-per-hour") if units_per_hour else _measured(loaded.site.feedback, loaded.settings.model.name, tools)  # fmt: skip
    units = int(rate * asked.patience / 3600)
    with tools.progress.waiting("simulated experiments", every_s=10.0):
        steps = plan(asked, units, base)
    print(text(steps, rate, asked.patience, base))
    if blind := _blind(steps, named, asked, base):
        raise ConfigurationError(blind)
    return 0


def _blind(
    steps: Sequence[StepPlan], named: Sequence[Guardrail], settings: PromoteSettings, base: float
) -> list[Problem]:
    smallest = min(named, key=lambda g: g.margin)
    return [
        Problem(
            f"step {s.step} cannot see what {smallest.text!r} names: within {settings.patience / 3600:g} h its {s.units:,} units "
            f"show {_loss(s.visible, base)}", "promote.steps",
            "give it a larger share or promote.patience, allow more, or leave the step out",
        )
        for s in steps if s.visible is None or s.visible > smallest.margin + 1e-12
    ]  # fmt: skip


def _loss(visible: float | None, base: float) -> str:
    return f"errors of {base:.2%} → {base + visible:.2%} and more" if visible is not None else "no loss at all"


def text(steps: Sequence[StepPlan], rate: float, patience_s: float, base: float) -> str:
    """The plan for people."""
    lines = [
        f"{rate:,.0f} units an hour, {patience_s / 3600:g} h a step, {base:.2%} errors of the champion; each step by itself:"
    ]
    lines += [f"  {s.step + ('' if s.step == SHADOW else ' %'):8} {s.units:>12,} units  shows {_loss(s.visible, base)}" for s in steps]  # fmt: skip
    return "\n".join([*lines, f"(in more than half of {RUNS} seeded experiments each, judged as promote judges)"])


def _number(told: str, where: str, below: float = float("inf")) -> float:
    try:
        number = float(told)
    except ValueError:
        number = -1.0
    if not 0 <= number < below:
        raise ConfigurationError(f"is not a number from 0 on (found {told!r})", where=where, todo="write one like 0.01")
    return number


def _measured(store: Path, model: str, tools: Tools) -> float:
    """Units an hour of the last day of live traffic."""
    now = tools.clock.now().timestamp()
    with opened(store, "counting units") as db:
        rows = source(store, REQUEST, model, now - 86400, ("unit", "purpose", "time_unix"))
        found = db.execute(f"""SELECT count(DISTINCT unit), min(time_unix) FROM {rows}
            WHERE purpose = '' AND time_unix >= $1""", [now - 86400]).fetchone()  # fmt: skip  # noqa: S608
    if not found or not found[0]:
        raise ConfigurationError("no user has asked this model within a day, so the traffic is not known", where="promote --plan",
                                 todo="say it: --units-per-hour 500")  # fmt: skip
    return float(found[0]) / max((now - float(found[1])) / 3600, 1.0)
