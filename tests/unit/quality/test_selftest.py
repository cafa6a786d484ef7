from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from quality_rows import TablePredictor, labelled, model, pairs

from legion_ci.core.tools import Tools
from legion_ci.data.files import FileSettings
from legion_ci.gateway.routes import Arm
from legion_ci.quality.catalogue import METRICS
from legion_ci.quality.estimates import point
from legion_ci.quality.metric_settings import MetricSettings as Check
from legion_ci.quality.sample import Sample
from legion_ci.quality.selftest import planting, said, trials
from legion_ci.quality.selftest.stage import run
from legion_ci.quality.selftest.worlds import World, exchanged, redrawn
from legion_ci.results import Outcome, TrainResult, Verdict
from legion_ci.settings.schema import QualitySettings, SelfTestSettings

N = 2_000


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("LEGION_CACHE", str(tmp_path / "cache"))


def ask(folder, columns, new, old, *checks, runs=300, time=600.0, first=False, **gate):
    pq.write_table(pa.table(columns), folder / "eval.parquet")
    answers = {"new": pa.table(new)} | ({"old": pa.table(old)} if old else {})
    return run(
        QualitySettings(checks=checks, selftest=SelfTestSettings(runs=runs, time=time), **gate),
        {"eval": FileSettings(path="eval.parquet", target="y")},
        trained=TrainResult(model=model("new"), tracking_uri="", experiment=""),
        champion=Arm(deployment="d", model=model("old"), endpoint="127.0.0.1:1") if old else None,
        first=first,
        folder=folder,
        work=folder / "work",
        tools=Tools(),
        predictor=TablePredictor(answers),
    )


def flights(n=N):
    """Balanced rows and two models with 6 % discordance, neither better."""
    y = np.arange(n) % 2
    mix = np.random.default_rng(3).permutation(n)
    half = round(0.03 * n)
    new, old = (mix[list(wrong)] for wrong in pairs(n, half, half, both_wrong=n // 20))
    return y, labelled(y, new), labelled(y, old)


def test_a_sound_gate_passes_and_tells_its_error_and_power(tmp_path):
    y, new, old = flights()
    result = ask(tmp_path, {"y": y}, new, old, Check(metric="accuracy", versus="champion", margin=0.01), runs=600)
    (check,) = result.checks
    assert (result.verdict, check.outcome, check.runs, check.power_runs) == (Verdict.PASS, Outcome.PASS, 600, 600)
    assert check.error_lower < 0.05 < check.error_upper
    assert check.power_lower < 0.566 < check.power_upper  # by enumeration, at 6 % discordance
    assert (check.planted, check.alpha) == (0.01, 0.05)
    assert "planted loss of exactly the margin" in check.world


def test_the_same_seed_gives_the_same_figures(tmp_path):
    y, new, old = flights()
    asked = Check(metric="accuracy", versus="champion", margin=0.01)
    first, again = (ask(tmp_path, {"y": y}, new, old, asked, runs=100) for _ in range(2))
    assert first == again
    other = ask(tmp_path, {"y": y}, new, old, asked, runs=100, seed=7)
    assert other.checks[0].power != first.checks[0].power or other.checks[0].error != first.checks[0].error


def test_rows_of_clusters_that_are_taken_for_independent_are_found_out(tmp_path):
    """One row copied twenty times: a gate that is not told of it errs far more often than alpha, and hears so."""
    rng = np.random.default_rng(1)
    y, new, old = flights(200)
    copies = np.repeat(rng.permutation(200), 20)
    columns = {"y": y[copies], "group": copies}
    answers = [{"prediction": a["prediction"][copies]} for a in (new, old)]
    asked = Check(metric="accuracy", versus="champion", margin=0.02)
    naive = claims_error(columns, *answers, asked)
    assert trials.Tally(*naive).bounds[0] > 0.05
    told = ask(tmp_path, columns, *answers, asked, runs=200, cluster="group")
    assert told.verdict is not Verdict.FAIL


def claims_error(columns, new, old, asked):
    """Error of a gate that ignores the clusters in worlds that have them."""
    from legion_ci.quality.statistics.proportion import PairedShare

    sample = Sample(columns["y"], new["prediction"], old["prediction"], 2, 1, columns["group"])
    rng = np.random.default_rng(2)
    world = World.of(METRICS["accuracy"], sample, rng)
    share = planting.share_for_loss(world.metric, sample, world.worse, asked.margin)
    passed = 0
    for i in range(200):
        drawn = world.draw(np.random.default_rng(i), share)
        estimate = PairedShare.of(drawn.candidate == drawn.truth, drawn.champion == drawn.truth)
        passed += estimate.interval(0.05)[0] > -asked.margin
    return passed, 200


def test_the_verdict_is_fail_only_when_the_lower_99_percent_bound_exceeds_alpha():
    def outcome(hits, runs):
        return said.judged("x", "require", 0.05, trials.Tally(hits, runs), None, {}, metric="", where="")

    loud = outcome(100, 1_000)
    assert (loud.outcome, loud.error) == (Outcome.FAIL, 0.1)
    assert said.overall([loud], 10)[0] is Verdict.FAIL
    assert outcome(60, 1_000).outcome is Outcome.PASS  # 6 %, which chance explains
    assert outcome(0, 20).outcome is Outcome.INCONCLUSIVE
    assert said.overall([outcome(60, 1_000), loud], 10)[1] == "error_above_alpha"


def test_alarms_and_superiority_are_tested_by_exchanging_the_models(tmp_path):
    y, new, old = flights()
    groups = np.random.default_rng(0).integers(0, 4, N)
    checks = (
        Check(metric="accuracy", versus="champion", superior=True),
        Check(metric="accuracy", versus="champion", slices=("g",)),
    )
    result = ask(tmp_path, {"y": y, "g": groups}, new, old, *checks, runs=200, min_rare=20)
    superior, alarms = result.checks
    assert superior.error_upper < 0.12
    assert alarms.role == "alarm"
    assert alarms.error <= 0.07
    assert alarms.planted > 0
    assert 0.4 < alarms.power < 0.95  # said to be 80 % at the discordance seen, to which spoilt answers add


def test_a_margin_that_nothing_loses_is_not_tested(tmp_path):
    y, new, old = flights()
    result = ask(tmp_path, {"y": y}, new, old, Check(metric="recall", versus="champion", margin=0.9), runs=100)
    assert (result.verdict, result.reason) == (Verdict.INCONCLUSIVE, "nothing_to_test")
    assert "cannot be planted" in result.checks[0].message


def test_a_first_model_is_tested_at_its_bound_only(tmp_path):
    y, new, _ = flights()
    checks = (Check(metric="accuracy", min=0.85), Check(metric="accuracy", versus="champion", margin=0.01))
    result = ask(tmp_path, {"y": y}, new, None, *checks, first=True, runs=300)
    bound, versus = result.checks
    assert bound.error_lower < 0.05
    assert bound.planted == 0.85
    assert (versus.outcome, versus.message) == (Outcome.NOT_ASSESSED, "first model, no champion")


def test_no_more_time_is_taken_than_allowed(tmp_path):
    y, new, old = flights()
    result = ask(tmp_path, {"y": y}, new, old, Check(metric="accuracy", versus="champion", margin=0.01), time=0.0)
    assert result.checks[0].runs == result.checks[0].power_runs == 10
    assert (result.verdict, result.reason) == (Verdict.INCONCLUSIVE, "too_few_trials")
    assert result.more_data == "raise quality.selftest.time"


def binary(n=4_000, seed=5):
    rng = np.random.default_rng(seed)
    y = (rng.random(n) < 0.3).astype(int)
    base = rng.normal(size=n) + 1.2 * y
    p = [1 / (1 + np.exp(-(base + 0.3 * rng.normal(size=n)))) for _ in range(2)]
    return y, [np.clip(q, 0.01, 0.99) for q in p]


def sample_for(metric, y, p):
    answers = {
        "label": [(q > 0.5).astype(int) for q in p],
        "score": p,
        "probability": [np.stack([1 - q, q], axis=1) for q in p],
        "value": p,
    }[metric.form]
    return Sample(y if metric.of_classes else y * 1.0, answers[0], answers[1], 2 if metric.of_classes else 0, 1)


@pytest.mark.parametrize("name", [n for n, m in METRICS.items() if planting.can(m)])
def test_the_planted_loss_is_exactly_the_margin_for_every_metric(name):
    """Averaged over many drawn worlds the candidate has lost the margin, within the error of that average."""
    metric = METRICS[name]
    y, p = binary()
    rng = np.random.default_rng(9)
    world = World.of(metric, sample_for(metric, y, p), rng)
    margin = 0.02
    share = planting.share_for_loss(metric, world.sample, world.worse, margin)
    assert share is not None
    assert 0 < share < 1
    sign = 1 if metric.higher_is_better else -1
    losses = []
    for i in range(60):
        drawn = world.draw(np.random.default_rng(i), share)
        old = point(metric, replace(drawn, candidate=drawn.champion, champion=None))
        losses.append(sign * (old - point(metric, drawn.alone())))
    assert np.mean(losses) == pytest.approx(margin, abs=max(4 * np.std(losses) / np.sqrt(60), 1e-3))


@pytest.mark.parametrize("name", [n for n, m in METRICS.items() if planting.can(m)])
def test_exchanged_models_are_equal_for_every_metric(name):
    metric = METRICS[name]
    y, p = binary(seed=6)
    sample = sample_for(metric, y, [p[0], np.clip(p[1] * 0.7, 0.01, 0.99)])
    gains = []
    for i in range(60):
        even = exchanged(sample, np.random.default_rng(i))
        gains.append(point(metric, even.alone()) - point(metric, replace(even, candidate=even.champion, champion=None)))
    assert abs(np.mean(gains)) <= 4 * np.std(gains) / np.sqrt(60) + 1e-12


def test_clusters_are_drawn_whole_and_exchanged_whole():
    cluster = np.repeat(np.arange(50), 4)
    sample = Sample(np.zeros(200, int), np.ones(200, int), np.zeros(200, int), 2, 1, cluster)
    rows, own = redrawn(sample, np.random.default_rng(0))
    assert len(rows) == 200
    assert len(np.unique(own)) == 50
    assert all(len(set(cluster[rows[own == g]])) == 1 for g in range(50))
    even = exchanged(sample, np.random.default_rng(0))
    assert all(len(set(even.candidate[cluster == g])) == 1 for g in range(50))
    assert {0, 1} == set(even.candidate)
