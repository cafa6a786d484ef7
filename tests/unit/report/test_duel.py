"""The duel on the performance page: figures, margin, noise; and a line when there was nobody to fight."""

import report_values as values

from legion_ci.report import duel
from legion_ci.report.markup import xml as render
from legion_ci.results import DuelMetric, DuelResult, Outcome

METRICS = tuple(
    DuelMetric(
        name=name, outcome=outcome, ratio=ratio, lower=low, upper=high, bound=1.1, alpha=0.05, pair_sd=0.04,
        neighbours=0.1, pairs_needed=12, ratios=(ratio,) * 10, message=f"{name}: because",
    )
    for name, outcome, ratio, low, high in (
        ("p50", Outcome.PASS, 1.01, 0.98, 1.04), ("p99", Outcome.FAIL, 1.21, 1.13, 1.29),
        ("throughput", Outcome.INCONCLUSIVE, 1.05, 0.96, 1.15),
    )
)  # fmt: skip
FOUGHT = DuelResult(
    outcome=Outcome.FAIL, metrics=METRICS, champion="flight-delay-aaaa", pairs=10, most_pairs=40,
    challenger_first=(True, False) * 5,
)  # fmt: skip


def test_every_figure_shows_its_ratio_interval_noise_and_reason():
    page = render(duel.section(FOUGHT))
    for told in ("×1.210", "1.130 to 1.290", "4.0 %", "p99: because", "10 pairs", "5 times first", "flight-delay-aaaa"):
        assert told in page
    picture = duel.picture(FOUGHT)
    assert "<svg" in picture
    assert "throughput INCONCLUSIVE, 1.050 [0.960, 1.150]" in picture


def test_the_page_of_a_run_with_a_duel_has_it_and_one_without_does_not(tmp_path):
    from legion_ci.report import perf

    assert duel.PICTURE in perf.pictures(values.perf(duel=FOUGHT))
    assert duel.PICTURE not in perf.pictures(values.perf())


def test_a_duel_without_an_opponent_says_why():
    page = render(
        duel.section(DuelResult(outcome=Outcome.INCONCLUSIVE, champion="none", message="there is no champion yet"))
    )
    assert "there is no champion yet" in page
    assert "<img" not in page
