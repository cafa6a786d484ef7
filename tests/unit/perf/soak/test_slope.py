"""Growth in a soak: found where it is, not seen where neighbouring samples are merely alike."""

import numpy as np
import pytest

from legion_ci.perf.soak.slope import FEWEST, slope
from legion_ci.results import Outcome

SECONDS = np.arange(0, 3600, 1.0)


def alike(rng, correlation=0.9, sd=1.0):
    """An AR(1) series around 100."""
    noise, out = rng.normal(0, sd * np.sqrt(1 - correlation**2), len(SECONDS)), np.empty(len(SECONDS))
    out[0] = rng.normal(0, sd)
    for i in range(1, len(out)):
        out[i] = correlation * out[i - 1] + noise[i]
    return 100 + out


def test_a_figure_without_trend_is_failed_in_at_most_alpha():
    rng = np.random.default_rng(1)
    failed = sum(slope(SECONDS, alike(rng), 0.05).judge(0.0) is Outcome.FAIL for _ in range(600))
    assert 0.02 <= failed / 600 <= 0.08


def test_a_leak_fails_and_a_flat_figure_passes_a_limit():
    rng = np.random.default_rng(2)
    leak = slope(SECONDS, alike(rng) + SECONDS * 0.01, 0.001)
    assert leak.value == pytest.approx(0.01, rel=0.1)
    assert leak.lower < 0.01 < leak.upper
    assert leak.judge(0.005) is Outcome.FAIL
    assert leak.judge(0.02) is Outcome.PASS
    assert leak.judge(0.01) is Outcome.INCONCLUSIVE


def test_the_settling_at_the_start_is_no_growth():
    settling = np.where(SECONDS < 300, SECONDS / 3, 100.0)
    assert slope(SECONDS, settling, 0.05).value == pytest.approx(0)


def test_too_few_samples_are_no_slope():
    with pytest.raises(ValueError, match=f"needs {FEWEST} samples"):
        slope([0.0, 1.0], [1.0, 2.0], 0.05)


def test_gaps_in_the_samples_do_no_harm():
    kept = (SECONDS < 1000) | (SECONDS > 2000)
    assert slope(SECONDS[kept], 5 + 0.5 * SECONDS[kept], 0.05).value == pytest.approx(0.5)
