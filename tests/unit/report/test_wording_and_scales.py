"""Figures in words and in pixels: for any numbers, however odd."""

import math

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from legion_ci.report import wording
from legion_ci.report.pictures import intervals, scales
from legion_ci.report.pictures.intervals import Bar

ANY = st.one_of(st.none(), st.floats(), st.floats(-1, 1))
KNOWN = st.floats(-1e12, 1e12)


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (0.71284, "0.7128"), (-0.005, "−0.005"), (0.0, "0"), (-0.0, "0"), (27075, "27,075"), (1552.384, "1,552"), (1e-7, "1.00e-07"),
        (None, "–"), (math.nan, "–"), (math.inf, "∞"), (-math.inf, "−∞"), (200.0, "200"), (1e12, "1.00e+12"),
    ],
)  # fmt: skip
def test_figures_are_short_and_exact_enough(value, told):
    assert wording.number(value) == told


@pytest.mark.parametrize(
    ("low", "high", "told"),
    [
        (0.69397, 0.70528, "[0.694, 0.705]"), (-0.0149, -0.0113, "[−0.0149, −0.0113]"), (None, 0.5, "[−∞, 0.5]"), (None, None, "–"),
        (958.464, 1714.176, "[958, 1,714]"), (0.5, 0.5, "[0.5, 0.5]"),
    ],
)  # fmt: skip
def test_an_interval_shows_two_digits_of_its_width(low, high, told):
    assert wording.interval(low, high) == told


@pytest.mark.parametrize(
    ("seconds", "told"),
    [(0.42, "0.4 s"), (59.94, "59.9 s"), (134.2, "2 min 14 s"), (3600, "1 h 00 min"), (90061, "25 h 01 min")],
)
def test_durations_are_read_at_a_glance(seconds, told):
    assert wording.duration(seconds) == told


@given(KNOWN, KNOWN)
def test_a_rounded_interval_keeps_its_order_and_its_sign(a, b):
    low, high = sorted((a, b))
    assume(high > low)
    places = wording.decimals_of(low, high)
    assert places is None or 0 <= places <= 6
    if places is not None and abs(low) < 1e9 and abs(high) < 1e9:
        back = [float(wording.number(v, places).replace(",", "").replace("−", "-")) for v in (low, high)]
        assert back[0] <= back[1]


@given(st.text(max_size=200), st.floats(1, 40))
def test_a_label_fits_into_its_room(text, room):
    assert wording.width(wording.fit(text, room)) <= max(room, wording.width("…"))


def test_passwords_leave_addresses():
    assert wording.without_secrets("postgresql://me:secret@db/mlflow") == "postgresql://db/mlflow"
    assert wording.without_secrets("https://mlflow.example/x@y") == "https://mlflow.example/x@y"


@given(st.lists(ANY, max_size=6), KNOWN)
def test_a_scale_puts_every_finite_value_within_its_pixels_in_order(values, more):
    scale = scales.spanning([*values, more], 100.0, 300.0)
    known = sorted(v for v in [*values, more] if v is not None and math.isfinite(v))
    placed = [scale(v) for v in known]
    assert all(100 <= p <= 300 for p in placed)
    assert placed == sorted(placed)


@given(st.lists(st.floats(min_value=1e-9, max_value=1e12), min_size=1, max_size=6))
def test_a_logarithmic_scale_holds_its_values_and_its_ticks(values):
    scale = scales.logarithmic(values, 300.0, 20.0)
    assert all(scale.holds(v) for v in values)
    ticks = scale.ticks(8)
    assert all(scale.holds(t) for t in ticks)
    assert len(ticks) <= 9


@given(KNOWN, st.floats(1e-6, 1e9), st.integers(2, 10))
def test_ticks_are_few_rising_and_inside(low, span, most):
    scale = scales.Scale(low, low + span, 0, 1)
    ticks = scale.ticks(most)
    assert list(ticks) == sorted(set(ticks))
    assert len(ticks) <= most + 2
    room = max(span, abs(low)) * 1e-6
    assert all(low - room <= t <= low + span + room for t in ticks)


BARS = st.builds(Bar, label=st.text(max_size=20), outcome=st.sampled_from(["PASS", "FAIL", "odd"]), effect=ANY, lower=ANY, upper=ANY,
                 bound=ANY, at_most=st.booleans(), zero=st.booleans(), unit=st.sampled_from(["", "ms", "ratio"]))  # fmt: skip


@given(st.lists(BARS, max_size=4))
def test_forest_plots_can_be_drawn_of_anything(bars):
    for picture in (intervals.against_bounds(bars, "t"), intervals.side_by_side(bars, "t", "axis")):
        numbers = picture.split("</style>")[1]
        assert '="nan' not in numbers
        assert '="inf' not in numbers
        assert '="-inf' not in numbers
