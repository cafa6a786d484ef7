"""A duel decides by pairs: right about speed, blind to drift and order, and never sure without evidence."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from legion_ci.perf.duel.rounds import Rules, fight
from legion_ci.perf.duel.statistics import estimate, judge, levels, looks, pairs_needed
from legion_ci.results import Outcome

OWN, MARGIN, ALPHA = 0.02, 0.02, 0.05


class Machine:
    """Two arms on a noisy machine whose speed drifts from run to run. slowdown: of the challenger."""

    def __init__(self, slowdown=0.0, drift=0.0, own=OWN, seed=1):
        self._rng = np.random.default_rng(seed)
        self._slowdown, self._drift, self._own = slowdown, drift, own
        self.calls: list[str] = []

    def measure(self, arm: str) -> dict[str, float]:
        pair, common = divmod(len(self.calls), 2)[0], self._drift * len(self.calls)
        shared = np.random.default_rng(1000 + pair).normal(0, 0.05)
        own = self._rng.normal(0, self._own)
        time_ms = 10 * math.exp(shared + own + common) * (1 + self._slowdown if arm == "new" else 1)
        self.calls.append(arm)
        return {"p50": time_ms, "p99": 3 * time_ms, "throughput": 1000 / time_ms}


def duel(machine, metrics=("p50",), pairs=10, most=40, margin=MARGIN):
    said = []
    return fight(Rules(metrics, margin, pairs, most, ALPHA), "new", "old", machine.measure, said.append), said


def share(slowdown, outcome, runs=2000, pairs=10, most=10, drift=0.0):
    """Share of duels on normal log-ratios that end so."""
    rng, schedule, found = np.random.default_rng(7), looks(pairs, most), 0
    first = np.arange(schedule[-1]) % 2 == 0
    for _ in range(runs):
        y = np.log1p(slowdown) + rng.normal(0, OWN * math.sqrt(2), schedule[-1]) + np.where(first, -drift, drift)
        said = Outcome.INCONCLUSIVE
        for n, alpha in zip(schedule, levels(len(schedule), ALPHA), strict=True):
            if said is Outcome.INCONCLUSIVE:
                said = judge(estimate(y[:n], first[:n]), MARGIN, alpha, 1)
        found += said is outcome
    return found / runs


def test_five_percent_slower_fails_in_nine_of_ten_duels_of_ten_pairs():
    assert share(0.05, Outcome.FAIL) == pytest.approx(0.904, abs=0.025)


@pytest.mark.parametrize(("pairs", "most"), [(10, 10), (10, 40), (6, 96)])
def test_slower_by_exactly_the_margin_fails_or_passes_in_five_percent_however_often_it_is_looked_at(pairs, most):
    limit = stats.binom.ppf(0.999, 2000, 0.055) / 2000
    assert share(MARGIN, Outcome.FAIL, pairs=pairs, most=most) <= limit
    assert share(MARGIN, Outcome.PASS, pairs=pairs, most=most) <= limit


def test_equal_arms_pass_in_most_duels():
    assert share(0.0, Outcome.PASS) >= 0.60
    assert share(0.0, Outcome.PASS, pairs=20, most=20) >= 0.88


def test_drift_from_run_to_run_changes_nothing():
    assert share(MARGIN, Outcome.FAIL, drift=math.log(1.2)) == share(MARGIN, Outcome.FAIL)


def test_arms_alternate_and_each_goes_first_in_half_of_the_pairs():
    machine = Machine()
    result, _ = duel(machine)
    pairs = list(zip(machine.calls[::2], machine.calls[1::2], strict=True))
    assert set(pairs) == {("new", "old"), ("old", "new")}
    assert result.challenger_first == tuple(p[0] == "new" for p in pairs)
    assert sum(result.challenger_first) * 2 == len(pairs)


def test_a_slow_challenger_fails_at_the_first_look_with_a_drifting_machine():
    result, said = duel(Machine(slowdown=0.2, drift=0.2), metrics=("p50", "p99", "throughput"))
    assert result.outcome is Outcome.FAIL
    assert result.pairs == 10 == len(said)
    assert {m.outcome for m in result.metrics} == {Outcome.FAIL}
    assert all(m.lower > 1.02 and "slower by more than 2 %" in m.message for m in result.metrics)
    assert [m.ratio for m in result.metrics] == pytest.approx([1.2] * 3, rel=0.03)


def test_a_faster_challenger_passes_on_every_figure():
    result, _ = duel(Machine(slowdown=-0.2), metrics=("p50", "throughput"))
    assert result.outcome is Outcome.PASS
    assert all(m.ratio < 0.85 for m in result.metrics)


def test_what_noise_hides_is_inconclusive_with_the_pairs_that_would_do():
    result, _ = duel(Machine(own=0.5), pairs=4, most=8)
    assert result.outcome is Outcome.INCONCLUSIVE
    assert result.pairs == 8
    assert result.metrics[0].pairs_needed > 100
    assert f"about {result.metrics[0].pairs_needed} pairs would" in result.metrics[0].message


def test_neighbouring_pairs_that_are_alike_are_told():
    y, first = np.repeat([0.0, 0.1] * 5, 4), np.arange(40) % 2 == 0
    assert estimate(y, first).neighbours_are_alike
    assert not estimate(np.random.default_rng(3).normal(size=40), first).neighbours_are_alike


@given(st.lists(st.floats(-1, 1), min_size=2, max_size=12), st.floats(-3, 3), st.floats(-3, 3))
def test_a_shift_moves_the_mean_only_and_an_order_effect_moves_nothing(values, shift, order):
    y = np.array(values * 2)
    first = np.arange(len(y)) % 2 == 0
    plain, moved = estimate(y, first), estimate(y + shift + np.where(first, order, -order), first)
    assert moved.mean == pytest.approx(plain.mean + shift, abs=1e-9)
    assert moved.error == pytest.approx(plain.error, abs=1e-7)


@given(st.integers(4, 60), st.integers(4, 400))
def test_looks_are_even_rise_and_end_at_the_most(pairs, most):
    found = looks(pairs, max(pairs, most))
    assert all(n % 2 == 0 for n in found)
    assert list(found) == sorted(set(found))
    assert found[-1] in (max(pairs, most), max(pairs, most) + 1)


def test_too_few_or_unbalanced_pairs_are_refused():
    with pytest.raises(ValueError, match="even number of pairs"):
        estimate([0.1, 0.2, 0.3], [True, False, True])


def test_pairs_needed_gives_the_stated_power():
    rng, first = np.random.default_rng(5), np.arange(40) % 2 == 0
    needed = pairs_needed(estimate(rng.normal(0, OWN * math.sqrt(2), 40), first), MARGIN, ALPHA)
    assert 0.7 < share(0.0, Outcome.PASS, runs=1000, pairs=needed, most=needed) < 0.95
