"""Each required claim in worlds where it is false (its error is counted) and where it is true (its power is)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from legion_ci.quality import metric_judge
from legion_ci.quality.question import Question
from legion_ci.quality.sample import Sample
from legion_ci.quality.selftest import planting
from legion_ci.quality.selftest.worlds import World, exchanged, redrawn
from legion_ci.results import Outcome

Trial = Callable[[np.random.Generator], bool]


@dataclass(frozen=True)
class Claim:
    """A check's trials: wrong says whether the gate erred, right whether it decided; the facts go to the record."""

    wrong: Trial
    right: Trial
    facts: dict[str, Any]


def of(question: Question, sample: Sample, rng: np.random.Generator) -> Claim | str:
    """The trials of a required check, or why there are none."""
    if question.settings.superior:
        return _superior(question, sample)
    if not planting.can(question.metric):
        return f"losses of {question.metric.name} cannot be planted yet"
    world = World.of(question.metric, sample, rng)
    return _not_worse(question, world) if question.settings.versus else _bound(question, world)


def passes(question: Question, sample: Sample) -> bool:
    """Whether the gate says PASS to these rows, minimum of rows and all."""
    return metric_judge.decided(question, sample).result.outcome is Outcome.PASS


def _superior(question: Question, sample: Sample) -> Claim:
    return Claim(
        wrong=lambda rng: passes(question, exchanged(sample, rng)),
        right=lambda rng: passes(question, _redrawn(sample, rng)),
        facts={
            "world": "models exchanged row by row: none is better",
            "power_world": "the difference is as it was seen",
        },
    )


def _not_worse(question: Question, world: World) -> Claim | str:
    share = planting.share_for_loss(question.metric, world.sample, world.worse, question.margin)
    if share is None:
        return f"a loss of {question.margin:g} cannot be planted: not even answers that know nothing of their row lose so much"
    return Claim(
        wrong=lambda rng: passes(question, world.draw(rng, share)),
        right=lambda rng: passes(question, world.draw(rng, 0.0)),
        facts={
            "world": f"a planted loss of exactly the margin ({share:.2%} of the candidate's answers spoilt)",
            "planted": question.margin,
            "power_world": "the models are equal",
        },
    )


def _bound(question: Question, world: World) -> Claim | str:
    share = planting.share_for_value(question.metric, world.sample, world.worse, question.bound)
    if share is None:
        return (
            f"a {question.metric.name} of exactly {question.bound:g} cannot be planted: the candidate is not beyond it"
        )
    return Claim(
        wrong=lambda rng: passes(question, world.draw(rng, share)),
        right=lambda rng: passes(question, world.draw(rng, 0.0)),
        facts={
            "world": f"the metric is exactly the bound ({share:.2%} of the candidate's answers spoilt)",
            "planted": question.bound,
            "power_world": "the metric is as it was seen",
        },
    )


def _redrawn(sample: Sample, rng: np.random.Generator) -> Sample:
    rows, cluster = redrawn(sample, rng)
    return replace(sample.take(rows), cluster=cluster)
