"""Earlier builds: kept, bounded, and their steps told; noise is not."""

import numpy as np

from legion_ci.perf import trend
from legion_ci.results import BuildFigures, PerfResult, Verdict


def builds(p50, machine="a", seed=1, noise=0.05):
    rng = np.random.default_rng(seed)
    return [
        BuildFigures(run=f"r{i}", at="", version=str(i), p50_ms=float(v * np.exp(rng.normal(0, noise))),
              p99_ms=float(3.0 * np.exp(rng.normal(0, noise))), throughput=100.0, machine=machine)
        for i, v in enumerate(p50)
    ]  # fmt: skip


def test_a_step_is_told_with_its_build_and_size_and_only_for_the_figure_that_moved():
    (found,) = trend.changes(builds([10.0] * 15 + [13.0] * 10))
    assert (found.metric, abs(found.index - 15) <= 1) == ("p50_ms", True)
    assert 1.2 < found.ratio < 1.4
    assert found.run == f"r{found.index}"


def test_noise_alone_is_hardly_ever_told():
    told = sum(bool(trend.changes(builds([10.0] * 40, seed=s))) for s in range(100))
    assert told <= 5


def test_a_few_builds_say_nothing():
    assert trend.changes(builds([10.0, 10.0, 30.0])) == ()


def test_builds_are_kept_once_each_and_not_for_ever(tmp_path, monkeypatch):
    path = tmp_path / "trend.jsonl"
    monkeypatch.setattr(trend, "KEPT", 3)
    for build in builds([1.0] * 5):
        trend.add(path, build)
    again = builds([2.0] * 5)[-1]
    assert [b.run for b in trend.add(path, again)] == ["r2", "r3", "r4"]
    path.write_bytes(path.read_bytes() + b"{torn")
    assert trend.read(path)[-1] == again


def test_equal_figures_in_every_build_are_no_change():
    assert trend.changes(builds([10.0] * 20, noise=0.0)) == ()


def result(p50=10.0, cpu="fast", reason=""):
    return PerfResult(
        verdict=Verdict.PASS, reason=reason, deployment="d", percentiles_ms={"p50": p50, "p99": 3 * p50},
        environment={"cpu": cpu, "cores": "2"},
    )  # fmt: skip


def test_a_result_gets_the_trend_of_its_own_machine_and_the_difference_to_the_last_build_is_named(tmp_path):
    path = tmp_path / "perf" / "trend.jsonl"
    for i in range(3):
        trend.watched(result(cpu="slow"), path, f"s{i}", "", "1")
    said = trend.watched(result(), path, "f0", "", "1")
    assert [b.run for b in said.trend.builds] == ["f0"]
    assert said.trend.unlike == "cpu slow → cpu fast"
    again = trend.watched(result(12.0), path, "f0", "", "1")
    assert [b.p50_ms for b in again.trend.builds] == [12.0]
    assert trend.watched(result(cpu="slow"), path, "s3", "", "1").trend.builds[-1].run == "s3"


def test_a_run_that_measured_nothing_leaves_no_trace(tmp_path):
    path = tmp_path / "trend.jsonl"
    said = result(reason="invalid.generator_saturated")
    assert trend.watched(said, path, "r", "", "1") is said
    assert not path.exists()
