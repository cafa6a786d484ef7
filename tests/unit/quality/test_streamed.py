import io
from dataclasses import dataclass, field

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from quality_rows import model

from legion_ci.core import plugins
from legion_ci.core.errors import ConfigurationError, ToolError
from legion_ci.core.progress import Progress
from legion_ci.core.tools import Tools
from legion_ci.data.files import FileSettings
from legion_ci.gateway.routes import Arm
from legion_ci.quality.selftest import stage as selftest
from legion_ci.quality.stage import run
from legion_ci.results import Outcome, TrainResult
from legion_ci.settings.schema import QualitySettings

N = 240_000
SMALL = 64 << 20  # the rows are more than a quarter of it
LARGE = 4 << 30


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("LEGION_CACHE", str(tmp_path / "cache"))


@dataclass
class RulePredictor:
    """Two models that know the truth but for noise of their own; a piece of the rows is answered as all of them are."""

    spoil: tuple[str, int, float] | None = None  # version, id of the row, its probability
    asked: list[int] = field(default_factory=list)

    def predict(self, who, model, request):
        self.asked.append(request.table.num_rows)
        ids = request.table.column("id").to_numpy()
        p = request.table.column("new" if model.version == "new" else "old").to_numpy().copy()
        if self.spoil and self.spoil[0] == model.version:
            p[ids == self.spoil[1]] = self.spoil[2]
        return pa.table({"prediction": (p > 0.5).astype(np.int64), "probability_0": 1 - p, "probability_1": p})


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    rng, home = np.random.default_rng(7), tmp_path_factory.mktemp("rows")
    y = (rng.random(N) < 0.3).astype(np.int64)
    base = y + rng.normal(size=N)
    p = {k: 1 / (1 + np.exp(-(2 * (base + 0.1 * rng.normal(size=N)) - 1.4))) for k in ("new", "old")}
    group = rng.choice(["a", "b", "c", "d"], N, p=[0.6, 0.25, 0.1498, 0.0002])
    p["new"] = np.where(group == "b", 0.4 * p["new"], p["new"])  # the candidate lost in b
    noise = {f"x{i}": rng.normal(size=N) for i in range(5)}
    table = pa.table({"id": np.arange(N), "y": y, "g": group, "number": rng.normal(size=N), **p, **noise})
    pq.write_table(table, home / "eval.parquet", row_group_size=20_000)
    return home


def judge(folder, tmp_path, checks, memory, predictor=None, **gate):
    live = Arm(deployment="d", model=model("old"), endpoint="127.0.0.1:1")
    said = io.StringIO()
    made = [plugins.load("checks", c.get("use", "metric")).Settings(**{"use": "metric", **c}) for c in checks]
    predictor = predictor or RulePredictor()
    result = run(
        QualitySettings(checks=tuple(made), memory=memory, **gate), {"eval": FileSettings(path="eval.parquet", target="y")},
        trained=TrainResult(model=model("new"), tracking_uri="", experiment=""), champion=live, first=False, folder=folder,
        work=tmp_path / "work", tools=Tools(progress=Progress(stream=said)), predictor=predictor,
    )  # fmt: skip
    return result, predictor, said.getvalue()


COUNTED = [
    {"metric": "accuracy", "versus": "champion", "margin": 0.01},
    {"metric": "accuracy", "min": 0.7},
    {"metric": "f1", "versus": "champion", "margin": 0.01},
    {"metric": "mcc", "min": 0.3},
    {"metric": "recall", "versus": "champion", "slices": {"g": ["a", "b", "d", "z"], "far": {"where": "number > 2"}}},
    {"metric": "f1", "versus": "champion", "slices": ["g"]},
    {"metric": "accuracy", "versus": "champion", "slices": {"number": {"bins": [-1, 0, 1]}}},
]


def test_metrics_of_counts_are_the_same_to_the_last_digit_however_much_memory_there_is(folder, tmp_path):
    streamed, asked, said = judge(folder, tmp_path, COUNTED, SMALL)
    whole, _, _ = judge(folder, tmp_path, COUNTED, LARGE)
    assert [c for c in streamed.checks if c.slice == "z"] == [c for c in whole.checks if c.slice == "z"]
    assert streamed.checks == whole.checks
    assert (streamed.verdict, streamed.reason, streamed.n_rows) == (whole.verdict, whole.reason, N)
    assert len(asked.asked) > 4
    assert max(asked.asked) < N
    assert f"of {N:,}" in said


LOSSES = [
    {"metric": "brier", "versus": "champion", "margin": 0.005},
]


def test_means_of_losses_are_exact_and_their_bounds_those_of_all_rows_but_for_chance(folder, tmp_path):
    streamed, _, _ = judge(folder, tmp_path, LOSSES, SMALL)
    whole, _, _ = judge(folder, tmp_path, LOSSES, LARGE)
    for one, other in zip(streamed.checks, whole.checks, strict=True):
        assert (one.name, one.slice, one.outcome, one.n) == (other.name, other.slice, other.outcome, other.n)
        if other.effect is None:
            continue
        assert one.effect == pytest.approx(other.effect, rel=1e-9)
        assert one.candidate == pytest.approx(other.candidate, rel=1e-9)
        half = (other.upper - other.lower) / 2
        assert one.lower == pytest.approx(other.lower, abs=0.1 * half)
        assert one.upper == pytest.approx(other.upper, abs=0.1 * half)
    assert "blocks of" in streamed.checks[0].method


def test_losses_of_slices_are_those_of_their_rows(folder, tmp_path):
    alarm = {"metric": "brier", "versus": "champion", "slices": ["g"]}
    result, _, _ = judge(folder, tmp_path, [alarm], SMALL)
    table = pq.read_table(folder / "eval.parquet").to_pandas()
    gain = (table["old"] - table["y"]) ** 2 - (table["new"] - table["y"]) ** 2
    for check in result.checks[:3]:
        own = gain[table["g"] == check.slice[-1]]
        half = 1.645 * own.std() / len(own) ** 0.5
        assert (check.n, check.effect) == (len(own), pytest.approx(own.mean(), rel=1e-6))
        assert check.lower == pytest.approx(own.mean() - half, abs=0.15 * half)
    assert [c.outcome == Outcome.FAIL for c in result.checks[:3]] == [c.upper < 0 for c in result.checks[:3]]
    assert result.checks[3].outcome == Outcome.NOT_ASSESSED


def test_what_cannot_be_added_up_is_asked_of_rows_drawn_by_the_seed_and_says_so(folder, tmp_path):
    asked = [{"metric": "average_precision", "min": 0.5}, {"use": "calibration", "max_ece": 0.2}]
    result, predictor, _ = judge(folder, tmp_path, asked, SMALL)
    again, _, _ = judge(folder, tmp_path, asked, SMALL)
    assert result.checks == again.checks
    assert len(predictor.asked) == 1
    for check in result.checks:
        assert f"on {predictor.asked[0]:,} of {N:,} rows, drawn by quality.seed" in check.message
    other, _, _ = judge(folder, tmp_path, asked, SMALL, seed=5)
    assert other.checks[0].effect != result.checks[0].effect
    whole, _, _ = judge(folder, tmp_path, asked, LARGE)
    assert result.checks[0].effect == pytest.approx(whole.checks[0].effect, abs=0.01)


def test_contract_and_drift_are_of_all_rows(folder, tmp_path):
    contract = {"use": "contract", "columns": {"id": {"type": "integer", "max": N - 2, "unique": True}, "g": {"allowed": ["a", "b", "c"]}},
                "min_rows": N}  # fmt: skip
    streamed, _, _ = judge(folder, tmp_path, [contract], SMALL)
    whole, _, _ = judge(folder, tmp_path, [contract], LARGE)
    assert streamed.checks == whole.checks
    [far] = [c for c in streamed.checks if c.name == f"contract: id ≤ {N - 2}"]
    assert (far.outcome, far.details) == (Outcome.FAIL, ({"row": N - 1},))


def test_a_key_is_looked_for_in_all_rows_and_answers_are_asked_again(folder, tmp_path):
    result, predictor, _ = judge(folder, tmp_path, COUNTED[:1], SMALL, key=("id",))
    assert result.n_rows == N
    assert 256 in predictor.asked
    with pytest.raises(ConfigurationError, match=r"rows repeat the key of another \(g; the first: rows 0"):
        judge(folder, tmp_path, COUNTED[:1], SMALL, key=("g",))


def test_answers_that_no_metric_can_use_are_found_in_any_piece(folder, tmp_path):
    spoilt = RulePredictor(("new", N - 5, float("nan")))
    result, _, _ = judge(folder, tmp_path, LOSSES[:1], SMALL, spoilt)
    assert (result.verdict, result.reason) == ("FAIL", "invalid_predictions")
    assert f"of {N:,})" in result.checks[0].message
    with pytest.raises(ToolError, match="the champion m old"):
        judge(folder, tmp_path, LOSSES[:1], SMALL, RulePredictor(("old", 3, float("inf"))))


def test_what_needs_all_rows_at_once_is_refused(folder, tmp_path):
    custom = {"use": "custom", "function": "rules:all", "min": 0.0}
    with pytest.raises(ConfigurationError, match=r"needs all rows at once.*quality\.memory"):
        judge(folder, tmp_path, [custom, {"metric": "ndcg", "query": "g", "min": 0.1}], SMALL)


def test_a_target_with_gaps_and_unknown_columns_are_told_before_any_model_is_asked(folder, tmp_path):
    with duckdb.connect() as db:
        db.execute(f"COPY (SELECT * REPLACE (CASE WHEN id = {N - 1} THEN NULL ELSE y END AS y) FROM read_parquet('{folder}/eval.parquet')) "
                   f"TO '{tmp_path}/eval.parquet'")  # fmt: skip
    predictor = RulePredictor()
    with pytest.raises(ConfigurationError, match=f"the target 'y' is missing in 1 of {N:,} rows"):
        judge(tmp_path, tmp_path, COUNTED[:1], SMALL, predictor)
    assert predictor.asked == []


def test_the_self_test_is_of_the_rows_that_are_drawn(folder, tmp_path):
    check = plugins.load("checks", "metric").Settings(**COUNTED[0])
    found = selftest.run(
        QualitySettings(checks=(check,), memory=SMALL, selftest={"runs": 100, "time": 20.0}),
        {"eval": FileSettings(path="eval.parquet", target="y")}, trained=TrainResult(model=model("new"), tracking_uri="", experiment=""),
        champion=Arm(deployment="d", model=model("old"), endpoint="127.0.0.1:1"), first=False, folder=folder, work=tmp_path / "work",
        tools=Tools(progress=Progress(stream=io.StringIO())), predictor=RulePredictor(),
    )  # fmt: skip
    assert 10_000 <= found.n_rows < N
    assert found.checks[0].runs > 0
