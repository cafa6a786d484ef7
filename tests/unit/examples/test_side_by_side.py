"""How bench/ turns pairs of timings into a ratio, its interval and a verdict on a limit."""

from __future__ import annotations

import importlib.util
import math
import random
import sys

import pytest
from example_modules import EXAMPLES
from hypothesis import given
from hypothesis import strategies as st

_SPEC = importlib.util.spec_from_file_location("bench_pairs", EXAMPLES.parent / "bench" / "timing" / "pairs.py")
assert _SPEC is not None
assert _SPEC.loader is not None
pairs = importlib.util.module_from_spec(_SPEC)
sys.modules["bench_pairs"] = pairs
_SPEC.loader.exec_module(pairs)

TIMES = st.lists(st.tuples(st.floats(0.001, 10), st.floats(0.001, 10)), min_size=2, max_size=40)


@given(TIMES)
def test_the_interval_holds_the_ratio_and_swapping_the_sides_inverts_it(timed):
    one, other = pairs.from_times(timed), pairs.from_times([(b, a) for a, b in timed])
    assert one.lower <= one.ratio <= one.upper
    assert one.ratio * other.ratio == pytest.approx(1)
    assert one.lower * other.upper == pytest.approx(1)


def test_what_slows_both_sides_of_a_pair_does_not_show():
    calm = pairs.from_times([(0.3, 0.2)] * 20)
    busy = pairs.from_times([(0.3 * n, 0.2 * n) for n in range(1, 21)])
    assert calm.ratio == pytest.approx(busy.ratio) == pytest.approx(1.5)
    assert busy.pair_sd == pytest.approx(0, abs=1e-12)


def test_the_interval_covers_the_true_ratio_about_as_often_as_it_says():
    random.seed(20261121)
    covered = 0
    for _ in range(2000):
        timed = [(1.5 * math.exp(random.gauss(0, 0.1)), math.exp(random.gauss(0, 0.1))) for _ in range(20)]
        found = pairs.from_times(timed)
        covered += found.lower <= 1.5 <= found.upper
    assert 0.935 < covered / 2000 < 0.965  # 95 % ± 3 standard errors of the simulation


@pytest.mark.parametrize(("limit", "verdict"), [(2.0, "met"), (1.5, "undecided"), (1.2, "missed")])
def test_a_limit_is_met_missed_or_undecided(limit, verdict):
    timed = [(1.5 * math.exp(0.1 if n % 2 else -0.1), 1.0) for n in range(20)]
    assert pairs.from_times(timed).against(limit) == verdict


def test_pairs_are_interleaved_with_the_order_alternating():
    order = []
    pairs.measure(lambda: order.append("ours"), lambda: order.append("theirs"), 4)
    assert order == ["ours", "theirs", *["theirs", "ours", "ours", "theirs"] * 2]
