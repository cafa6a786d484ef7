"""Units and claims on rows made by hand: what counts, when, and that requests are never taken for units."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from promote_simulation import at_most

from legion_ci.promote import guardrails, sight
from legion_ci.promote.claims import Question, judge
from legion_ci.promote.evidence import Rows
from legion_ci.promote.state import Step
from legion_ci.promote.units import first_errors, live, shadow
from legion_ci.results import Outcome
from legion_ci.settings.schema import PromoteSettings

W, NOW = 100.0, 10_000.0


def rows(n: int, **more: Any) -> Rows:
    """n rows of different units at step 50, one a second from time 0, all answered, none with an outcome."""
    told: dict[str, Any] = {
        "unit": np.arange(n), "request": np.arange(n), "row": np.zeros(n, dtype=np.int64),
        "step": np.full(n, "50", dtype=object), "time": np.arange(n, dtype=float), "copy": np.zeros(n, dtype=bool),
        "treated": np.zeros(n, dtype=bool), "share": np.full(n, 0.5), "error": np.zeros(n, dtype=bool),
        "answered": np.ones(n, dtype=bool), "score": np.full(n, np.nan), "outcome": np.full(n, "", dtype=object),
        "outcome_time": np.full(n, np.inf), "latency": np.zeros(n), "problems": {},
    }  # fmt: skip
    return Rows(**{**told, **{k: np.asarray(v) if isinstance(v, list) else v for k, v in more.items()}})


def test_a_unit_counts_with_its_first_exposure_and_the_mean_of_its_window() -> None:
    told = rows(4, unit=[7, 7, 7, 7], time=[0.0, 50.0, 99.0, 101.0], score=[1.0, 0.0, 0.5, 9.0],
                outcome=np.array(["1"] * 4, dtype=object), outcome_time=[1.0, 51.0, 99.5, 101.5])  # fmt: skip
    [unit] = [live(told, W, NOW)]
    assert (len(unit), unit.time[0], unit.score[0], bool(unit.covered[0])) == (1, 0.0, 0.5, True)


def test_an_outcome_after_the_window_is_as_none() -> None:
    told = rows(1, score=[1.0], outcome=np.array(["1"], dtype=object), outcome_time=[W + 1])
    unit = live(told, W, NOW)
    assert np.isnan(unit.score[0])
    assert not unit.covered[0]


def test_a_unit_is_mature_when_its_window_is_over_and_settled() -> None:
    told = rows(1)
    assert [bool(live(told, W, now).mature[0]) for now in (W, W + 0.9, W + 1.0)] == [False, False, True]


def test_requests_of_another_step_do_not_count_for_the_first_exposure() -> None:
    told = rows(2, unit=[1, 1], step=np.array(["5", "50"], dtype=object), score=[1.0, 0.0], treated=[False, True],
                outcome=np.array(["1", "1"], dtype=object), outcome_time=[1.0, 2.0])  # fmt: skip
    both, late = live(told, W, NOW), live(told, W, NOW, "50")
    assert (both.score.tolist(), both.treated.tolist()) == ([1.0], [False])
    assert (late.score.tolist(), late.treated.tolist()) == ([0.0], [True])


def test_days_and_steps_are_strata() -> None:
    told = rows(3, time=[0.0, 90_000.0, 90_001.0], step=np.array(["5", "5", "50"], dtype=object))
    assert len(set(live(told, W, 200_000.0).stratum.tolist())) == 3


def test_pairs_hold_only_what_both_have_answered() -> None:
    told = rows(
        5, unit=[1, 1, 1, 2, 2], request=[10, 10, 11, 12, 12], step=np.full(5, "shadow", dtype=object),
        copy=[False, True, False, False, True], score=[1.0, 0.0, 1.0, 0.0, 1.0],
        outcome=np.full(5, "1", dtype=object), outcome_time=[9.0] * 5,
    )  # fmt: skip
    pairs = shadow(told, W, NOW)
    assert pairs.champion.id.tolist() == pairs.challenger.id.tolist() == [1, 2]
    assert (pairs.champion.score.tolist(), pairs.challenger.score.tolist()) == ([1.0, 0.0], [0.0, 1.0])
    assert pairs.copied == pytest.approx(2 / 3)


def test_only_the_first_error_of_a_unit_counts() -> None:
    told = rows(4, unit=[1, 1, 2, 3], error=[True, True, True, False], treated=[False, True, True, True])
    happened = first_errors(told, shadow(told, W, NOW), NOW)
    assert happened.treated.tolist() == [False, True]


def _experiment(random: np.random.Generator, units: int, requests: np.ndarray, level: np.ndarray) -> Rows:
    """Binary scores of units of different size and level, arms equal."""
    unit = np.repeat(np.arange(units), requests)
    n = len(unit)
    treated = random.random(units) < 0.5
    score = (random.random(n) < level[unit]).astype(float)
    return rows(
        n, unit=unit, treated=treated[unit], score=score, time=np.sort(random.random(units) * 1000)[unit],
        outcome=np.where(score > 0, "1", "0").astype(object), outcome_time=np.zeros(n),
    )  # fmt: skip


@pytest.mark.parametrize("kind", ["clustered", "one unit with 30 % of the traffic"])
def test_requests_of_one_unit_are_not_taken_for_independent(kind: str) -> None:
    random, runs = np.random.default_rng(31), 50
    question = Question(PromoteSettings(outcome="y", steps=(50, 100), window=W, guardrails=()), (), NOW)
    wrong = by_request = 0
    for _ in range(runs):
        level = random.beta(1, 1, 300) if kind == "clustered" else np.full(300, 0.5)
        requests = random.integers(5, 60, 300)
        if kind != "clustered":
            requests[random.integers(300)] = int(requests.sum() * 0.43)
            level[requests.argmax()] = random.choice([0.05, 0.95])
        told = _experiment(random, 300, requests, level)
        [claim] = judge(told, question)
        wrong += claim.outcome is not Outcome.INCONCLUSIVE
        [naive] = judge(rows(**{"n": len(told), **told.__dict__, "unit": np.arange(len(told))}), question)
        by_request += naive.outcome is not Outcome.INCONCLUSIVE
    assert at_most(wrong, runs, 0.10, 2.5)  # two sides at 5 %
    assert by_request > 2 * runs * 0.10


def test_outcomes_that_come_more_slowly_in_one_arm_are_held_and_not_judged() -> None:
    random, n = np.random.default_rng(37), 4000
    treated, positive = random.random(n) < 0.5, random.random(n) < 0.5
    delay = random.exponential(np.where(positive & treated, 80.0, 30.0))
    told = rows(n, treated=treated, score=np.where(positive, 1.0, 0.0), outcome=np.where(positive, "1", "0").astype(object),
                time=np.arange(n) * 0.5, outcome_time=np.arange(n) * 0.5 + delay)  # fmt: skip
    question = Question(PromoteSettings(outcome="y", steps=(50, 100), window=W, guardrails=()), (), NOW)
    seen = sight.see(told, Step(name="50", started=0.0), question)
    assert seen.arrival_p < 0.001
    assert seen.sample_ratio_p > 0.001


def test_fail_claims_share_alpha_and_pass_claims_do_not() -> None:
    told = PromoteSettings(outcome="y", alpha=0.06, guardrails=("errors not worse by 1%", "latency not worse by 5%"))
    question = Question(told, guardrails.parse(told.guardrails), NOW)
    assert question.alpha_fail == pytest.approx(0.06 / 5)  # metric and latency in shadow and live, errors
    assert {c.alpha for c in judge(rows(3), question)} == {0.06}
