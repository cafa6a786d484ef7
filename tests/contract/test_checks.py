"""Every built-in check is put through the contract that plug-in authors run on theirs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from quality_kinds import RuleModel, evidence, judge, problems

from legion_ci.core import plugins
from legion_ci.core.errors import ToolError
from legion_ci.quality.checks import Evidence
from legion_ci.results import Outcome
from legion_ci.testing.checks import AnyCheckContract, CheckContract


class TestMetricCheck(CheckContract):
    use = "metric"
    absolute = {"metric": "accuracy", "min": 0.8}  # noqa: RUF012
    versus = {"metric": "accuracy", "versus": "champion", "margin": 0.02}  # noqa: RUF012
    sliced = {"metric": "accuracy", "versus": "champion", "slices": {"group": ()}}  # noqa: RUF012
    wrong = {"metric": "accuracy", "versus": "champion", "slices": {"grup": ()}}  # noqa: RUF012


class KindContract(AnyCheckContract):
    """A check that is not a metric: settings with which the good model passes and the bad one or its rows fail."""

    settings: dict[str, Any]
    wrong: dict[str, Any] | None = None  # settings that cannot be asked of these rows

    def table(self, n: int = 4000, shift: float = 0.0) -> pa.Table:
        x = np.random.default_rng(11).normal(shift, 1, n)
        group = np.where(np.arange(n) % 2 == 0, "even", "odd")
        chance = np.random.default_rng(5).random(n)
        return pa.table({"x": x, "group": group, "y": (chance < 1 / (1 + np.exp(-2 * x))).astype(np.int64)})

    def good(self, folder) -> Evidence:
        return evidence(self.table(), RuleModel(folder, fitting, repository(folder)).trained_on(self.table()))

    def bad(self, folder) -> Evidence:
        return evidence(self.table(), RuleModel(folder, unfit, repository(folder)).trained_on(self.table()))

    def test_the_good_passes_and_the_bad_fails(self, tmp_path):
        assert {f.result.outcome for f in judge(self.use, self.good(tmp_path), **self.settings)} == {Outcome.PASS}
        found = judge(self.use, self.bad(tmp_path), **self.settings)
        failed = [f for f in found if f.result.outcome is Outcome.FAIL]
        assert failed
        assert all(f.reason for f in failed)

    def test_each_finding_tells_what_was_asked_where_and_on_how_many_rows(self, tmp_path):
        for finding in judge(self.use, self.good(tmp_path), **self.settings):
            result = finding.result
            assert (result.kind, result.where, result.role) == (self.use, "legion.yaml:7:5", "require")
            assert result.message
            assert result.n > 0

    def test_it_judges_the_same_evidence_the_same_way_twice(self, tmp_path):
        seen = self.good(tmp_path)
        first, second = (judge(self.use, seen, **self.settings) for _ in range(2))
        assert [f.result for f in first] == [f.result for f in second]

    def test_a_question_that_cannot_be_asked_names_its_place(self, tmp_path):
        if self.wrong is not None:
            assert problems(self.use, self.good(tmp_path), **self.wrong).startswith("legion.yaml:7:5")


def fitting(table: pa.Table) -> pa.Table:
    """The true model; rows without x are answered by their group's share."""
    x = np.nan_to_num(table.column("x").to_numpy())
    p = 1 / (1 + np.exp(-2 * x))
    return pa.table({"prediction": (p > 0.5).astype(np.int64), "probability_0": 1 - p, "probability_1": p})


def unfit(table: pa.Table) -> pa.Table:
    """Says yes to the even ones, is far too sure, and turns about when a value is missing or odd."""
    x = table.column("x").to_numpy()
    ordinary = np.isfinite(x) & (np.abs(x) < 6)
    even = np.asarray(table.column("group").to_pylist()) == "even"
    p = np.where(ordinary, np.where(even, 0.999, np.where(x > 0, 0.99, 0.01)), 0.5 - np.sign(np.nan_to_num(x)) * 0.4)
    return pa.table({"prediction": (p > 0.5).astype(np.int64), "probability_0": 1 - p, "probability_1": p})


def repository(folder):
    (folder / "house_rules.py").write_text(
        "def seldom_sure(rows, predictions, limit=0.995):\n"
        "    return max(predictions.column('probability_1').to_pylist()[:5]) < limit\n"
    )
    return folder


class TestContractCheck(KindContract):
    use = "contract"
    settings = {"columns": {"x": {"type": "number", "min": -10, "nulls": 0}, "group": {"allowed": ["even", "odd"]}}}  # noqa: RUF012
    wrong = {"columns": {"group": {"min": 3}}}  # noqa: RUF012

    def bad(self, folder) -> Evidence:
        table = self.table().set_column(1, "group", pa.array(["neither"] * 4000))
        return evidence(table, RuleModel(folder, fitting))


class TestDriftCheck(KindContract):
    use = "drift"
    settings = {"measures": ["psi", "jensen_shannon"]}  # noqa: RUF012
    wrong = {"columns": ["z"]}  # noqa: RUF012

    def bad(self, folder) -> Evidence:
        return evidence(self.table(shift=1.0), RuleModel(folder, fitting).trained_on(self.table()))


class TestFairnessCheck(KindContract):
    use = "fairness"
    settings = {"groups": ["group"], "measures": ["demographic_parity", "equalised_odds"], "max_difference": 0.1}  # noqa: RUF012
    wrong = {"groups": ["grup"], "min_ratio": 0.8}  # noqa: RUF012


class TestCalibrationCheck(KindContract):
    use = "calibration"
    settings = {"max_ece": 0.05, "slope_within": 0.2, "intercept_within": 0.3}  # noqa: RUF012
    wrong = {"max_ece": 0.05, "positive": "maybe"}  # noqa: RUF012


class TestRobustnessCheck(KindContract):
    use = "robustness"
    settings = {"metric": "accuracy", "max_loss": 0.06, "disturb": ["noise", "missing"], "columns": ["x"]}  # noqa: RUF012
    wrong = {"metric": "accuracy", "max_loss": 0.06, "columns": ["z"]}  # noqa: RUF012

    def bad(self, folder) -> Evidence:
        def raising(table: pa.Table) -> pa.Table:
            if table.column("x").null_count:
                raise ToolError("the model failed: ValueError: Input contains NaN")
            return fitting(table)

        return evidence(self.table(), RuleModel(folder, raising))


class TestPredictionTestCheck(KindContract):
    use = "prediction-test"
    settings = {  # noqa: RUF012
        "rows": [
            {"input": {"x": -3.0, "group": "even"}, "expect": 0},
            {"input": {"x": 3.0, "group": "odd"}, "expect": 1},
        ]
    }
    wrong = {"path": "pinned.csv", "expected": "y"}  # noqa: RUF012


class TestCustomCheck(KindContract):
    use = "custom"
    settings = {"function": "house_rules:seldom_sure"}  # noqa: RUF012


def test_every_check_of_ours_is_put_through_this():
    tried = {c.use for base in (CheckContract, KindContract) for c in base.__subclasses__()}
    assert set(plugins.installed("checks")) == tried
