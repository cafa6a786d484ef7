"""The bounds and tests that hold at every look, by simulation with seeds and by what is known exactly."""

from __future__ import annotations

import math

import numpy as np
import pytest
from promote_simulation import Cell, at_most, errors_fail, errors_pass, live, pairs, ratio_stops

from legion_ci.promote.statistics import betting, events, ratio, sequence

STEADY = [Cell((s,), (b,), 6000) for s in (0.5, 0.25, 0.05) for b in (0.1, 0.01)]
RAMP = Cell((0.05, 0.25, 0.5), (0.10, 0.13, 0.16), 3000)


@pytest.mark.parametrize("cell", [*STEADY, RAMP], ids=lambda c: f"share-{c.shares}-base-{c.bases}")
def test_equal_arms_are_rarely_called_different_however_often_one_looks(cell: Cell) -> None:
    random, runs = np.random.default_rng(11), 120
    found = [live(cell, random) for _ in range(runs)]
    assert at_most(sum(p for p, _, _ in found), runs, cell.alpha, 2.5)
    assert at_most(sum(f for _, f, _ in found), runs, cell.alpha, 2.5)


def test_a_drifting_base_makes_no_gain_where_pooling_the_ramp_would() -> None:
    cell = Cell((0.05, 0.25, 0.5), (0.10, 0.16, 0.22), 4000, every=4000)
    random = np.random.default_rng(5)
    share, base = np.repeat(cell.shares, cell.units), np.repeat(cell.bases, cell.units)
    effects, pooled = [], []
    for _ in range(60):
        treated = random.random(cell.total) < share
        score = (random.random(cell.total) < base).astype(float)
        stratum = np.repeat(np.arange(3), cell.units)
        found = sequence.stratified(score, treated, share, stratum, scale=1.0, alpha_lower=0.05, alpha_upper=0.05)
        assert found is not None
        effects.append(found.effect)
        pooled.append(score[treated].mean() - score[~treated].mean())
    assert abs(np.mean(effects)) < 0.003
    assert np.mean(pooled) > 0.015


def test_a_real_gain_is_found() -> None:
    random, runs = np.random.default_rng(3), 40
    found = [live(Cell((0.5,), (0.1,), 12_000, gain=0.03, every=500), random) for _ in range(runs)]
    assert sum(p for p, _, _ in found) >= 0.9 * runs
    assert not any(f for _, f, _ in found)


def test_pairs_at_the_margin_are_rarely_called_good_enough() -> None:
    random, runs = np.random.default_rng(7), 300
    for discordance in (0.02, 0.1):
        wins, losses = (discordance - 0.01) / 2, (discordance + 0.01) / 2
        found = [
            pairs(random.choice([1.0, -1.0, 0.0], 3000, p=[wins, losses, 1 - discordance]),
                  scale=1.0, margin=0.01, alpha=0.05, least=40, every=50)
            for _ in range(runs)
        ]  # fmt: skip
        assert at_most(sum(p for p, _ in found), runs, 0.05, 2.5)


def test_answers_that_were_equal_so_far_are_no_proof() -> None:
    few = sequence.paired(np.zeros(40), scale=1.0, alpha_lower=0.05, alpha_upper=0.05)
    many = sequence.paired(np.zeros(1000), scale=1.0, alpha_lower=0.05, alpha_upper=0.05)
    assert few is not None
    assert many is not None
    assert few.lower < -0.05
    assert -0.005 < many.lower < 0


@pytest.mark.parametrize(("share", "errors"), [(0.5, 10), (0.25, 6), (0.05, 3)])
def test_errors_of_a_challenger_whose_champion_has_none_are_failed_after_few(share: float, errors: int) -> None:
    assert events.log_evidence(np.ones(errors, dtype=bool), np.full(errors, share)) >= -math.log(0.0125)
    assert events.log_evidence(np.ones(1, dtype=bool), np.full(1, share)) < -math.log(0.0125)


def test_no_errors_are_no_evidence() -> None:
    assert events.log_evidence(np.zeros(0, dtype=bool), np.zeros(0)) == pytest.approx(0.0)


@pytest.mark.parametrize("share", [0.5, 0.25, 0.05])
def test_equal_error_rates_are_rarely_called_worse(share: float) -> None:
    random, runs = np.random.default_rng(13), 250
    assert at_most(sum(errors_fail(share, 0.02, 0.0, 3000, 0.05, random) for _ in range(runs)), runs, 0.05, 2.5)


def test_the_error_test_is_exact_for_two_events() -> None:
    """Its mean over all outcomes under equal rates is 1, whatever the shares."""
    shares = np.array([0.5, 0.05])
    total = 0.0
    for first in (True, False):
        for second in (True, False):
            arm = np.array([first, second])
            total += math.exp(events.log_evidence(arm, shares)) * np.prod(np.where(arm, shares, 1 - shares))
    assert total == pytest.approx(1.0)


def test_errors_at_the_margin_are_rarely_called_within_it() -> None:
    random, runs = np.random.default_rng(17), 120
    found = sum(errors_pass(0.01, 0.01, 2500, 0.01, 0.05, 100, random) for _ in range(runs))
    assert at_most(found, runs, 0.05, 2.5)


def test_a_faultless_shadow_is_shown_to_be_within_one_point_after_four_hundred_units() -> None:
    assert betting.upper(np.zeros(400), np.ones(400), 0.05) < 0.01
    assert betting.upper(np.zeros(200), np.ones(200), 0.05) > 0.01
    assert betting.is_below(np.zeros(400), np.ones(400), 0.01, 0.05)
    assert not betting.is_below(np.zeros(200), np.ones(200), 0.01, 0.05)
    assert betting.units_needed(1.0, 0.01, 0.05) == pytest.approx(387, abs=2)


def test_nothing_seen_is_nothing_known() -> None:
    assert betting.upper(np.zeros(0), np.zeros(0), 0.05) == 1.0
    assert betting.lower(np.zeros(0), np.zeros(0), 0.05) == -1.0


def test_betting_bounds_enclose_the_mean() -> None:
    values = np.random.default_rng(2).choice([1.0, -1.0, 0.0], 5000, p=[0.1, 0.05, 0.85])
    low, high = betting.lower(values, -np.ones(5000), 0.05), betting.upper(values, np.ones(5000), 0.05)
    assert low < values.mean() < high
    assert low > 0.015
    assert high < 0.08


@pytest.mark.parametrize("share", [0.5, 0.05])
def test_a_sound_split_is_not_stopped(share: float) -> None:
    random = np.random.default_rng(19)
    assert sum(ratio_stops(share, share, 20_000, random) for _ in range(300)) <= 2


def test_a_leak_of_two_points_is_found_within_thirty_thousand_units() -> None:
    random = np.random.default_rng(23)
    assert sum(ratio_stops(0.5, 0.48, 30_000, random) for _ in range(50)) >= 49


def test_outcomes_that_arrive_in_one_arm_only_are_found() -> None:
    random = np.random.default_rng(29)
    treated = random.random(3000) < 0.25
    covered = np.where(treated, random.random(3000) < 0.7, random.random(3000) < 0.9)
    assert ratio.difference_p_value(treated, covered, 0.25) < 0.001
    equal = random.random(3000) < 0.8
    assert ratio.difference_p_value(treated, equal, 0.25) > 0.01


def test_the_sequence_is_the_published_one() -> None:
    """Waudby-Smith et al. (2024), one-sided: σ√(2(tρ²+1)/(tρ)²·log(1+√(tρ²+1)/(2α)))."""
    alpha, t = 0.05, 1000
    rho = math.sqrt((-2 * math.log(2 * alpha) + math.log(-2 * math.log(2 * alpha) + 1)) / 5000)
    inner = t * rho**2 + 1
    expected = math.sqrt(2 * inner / (t * rho) ** 2 * math.log(1 + math.sqrt(inner) / (2 * alpha)))
    assert sequence.radius(t, alpha) == pytest.approx(expected, rel=1e-12)


def test_the_stated_number_of_units_is_where_the_sequence_is_narrow_enough() -> None:
    needed = sequence.units_needed(0.4, 0.02, 0.05)
    assert needed is not None
    assert 0.4 * sequence.radius(needed, 0.05) <= 0.02 < 0.4 * sequence.radius(int(needed / 1.12), 0.05)
    assert sequence.units_needed(0.4, 0.0, 0.05) is None
