"""What every check of the quality gate must do; each built-in one is put through it."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from quality_kinds import RuleModel, evidence, judge, problems

from legion_ci.core import plugins
from legion_ci.core.errors import Problem, ToolError
from legion_ci.quality.checks import Check, Evidence, Finding, Rows
from legion_ci.quality.evidence import Answers, Truth
from legion_ci.results import CheckResult, Outcome
from legion_ci.settings.schema import CheckSettings, QualitySettings

WHERE = "legion.yaml:7:5"
RNG = np.random.default_rng(7)
TARGET = RNG.integers(0, 2, 4000)
GROUP = np.where(np.arange(4000) % 2 == 0, "even", "odd")


def answers(who: str, right: float) -> Answers:
    """Predictions that are right on that share of the rows."""
    wrong = np.random.default_rng(3).random(len(TARGET)) > right
    return Answers(who, pa.table({"prediction": np.where(wrong, 1 - TARGET, TARGET)}))


class AnyCheckContract:
    """What holds for checks of every kind."""

    use: str

    def test_its_settings_extend_the_section_and_name_it_by_default(self):
        plugin = plugins.load("checks", self.use)
        assert issubclass(plugin.Settings, CheckSettings)
        assert plugin.Settings.model_fields["use"].default == self.use

    def test_loading_it_imports_nothing_heavy(self):
        code = f"from legion_ci.core import plugins; plugins.load('checks', {self.use!r})\nimport sys; print({{'numpy', 'scipy', 'sklearn', 'pandas', 'pyarrow', 'duckdb', 'mlflow'}} & set(sys.modules))"
        told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
        assert told.strip() == "set()"

    def test_it_says_whether_it_needs_answers(self):
        assert plugins.load("checks", self.use).needs_answers in (True, False)


class CheckContract(AnyCheckContract):
    """A subclass names the plug-in and settings: absolute, versus the champion, per slice, and of a wrong column."""

    use: str
    absolute: dict[str, Any]
    versus: dict[str, Any]
    sliced: dict[str, Any]
    wrong: dict[str, Any]

    def check(self, **settings: Any) -> Check:
        plugin = plugins.load("checks", self.use)
        made: Check = plugin(plugin.Settings(use=self.use, **settings), WHERE)
        return made

    def rows(self) -> Rows:
        table = pa.table({"group": GROUP, "y": TARGET})
        return Rows(table, Truth(table.column("y")), QualitySettings())

    def evidence(self, candidate: float, champion: float | None = None) -> Evidence:
        old = None if champion is None else answers("the champion m 1", champion)
        return Evidence(self.rows(), answers("the candidate m 2", candidate), old)

    def outcomes(self, evidence: Evidence, **settings: Any) -> set[Outcome]:
        return {f.result.outcome for f in self.check(**settings).judge(evidence)}

    def test_it_says_whether_it_needs_the_champion(self):
        assert not self.check(**self.absolute).needs_champion
        assert self.check(**self.versus).needs_champion

    def test_a_question_that_can_be_asked_has_no_problems_and_one_that_cannot_names_its_place(self):
        for settings in (self.absolute, self.versus, self.sliced):
            assert self.check(**settings).problems(self.rows()) == []
        problems = self.check(**self.wrong).problems(self.rows())
        assert problems
        assert all(isinstance(p, Problem) and WHERE in p.where for p in problems)

    def test_each_finding_tells_what_was_asked_where_and_on_how_many_rows(self):
        for settings in (self.absolute, self.versus, self.sliced):
            found = self.check(**settings).judge(self.evidence(0.9, 0.9))
            assert found
            for finding in found:
                assert isinstance(finding, Finding)
                assert isinstance(finding.result, CheckResult)
                assert finding.result.where == WHERE
                assert finding.result.role in ("require", "alarm")
                assert 0 < finding.result.n <= len(TARGET)

    def test_a_bound_is_passed_failed_or_left_open_by_the_evidence(self):
        assert self.outcomes(self.evidence(0.95), **self.absolute) == {Outcome.PASS}
        assert self.outcomes(self.evidence(0.60), **self.absolute) == {Outcome.FAIL}

    def test_versus_the_champion_the_same_answers_pass_within_a_margin_and_much_worse_ones_fail(self):
        assert self.outcomes(self.evidence(0.9, 0.9), **self.versus) == {Outcome.PASS}
        assert self.outcomes(self.evidence(0.6, 0.9), **self.versus) == {Outcome.FAIL}

    def test_a_decision_agrees_with_the_interval_that_it_shows(self):
        for right in (0.6, 0.7, 0.78, 0.8, 0.82, 0.95):
            for finding in self.check(**self.absolute).judge(self.evidence(right)):
                r = finding.result
                assert r.lower <= r.effect <= r.upper
                wanted = (
                    Outcome.PASS if r.lower > r.bound else Outcome.FAIL if r.upper < r.bound else Outcome.INCONCLUSIVE
                )
                assert r.outcome is wanted

    def test_slices_have_a_finding_each(self):
        found = self.check(**self.sliced).judge(self.evidence(0.9, 0.9))
        assert {f.result.slice for f in found} == {"group=even", "group=odd"}
        assert all(f.result.outcome is not Outcome.PASS for f in found if f.result.role == "alarm")

    def test_it_judges_the_same_evidence_the_same_way_twice(self):
        check, evidence = self.check(**self.versus), self.evidence(0.85, 0.86)
        assert [f.result for f in check.judge(evidence)] == [f.result for f in check.judge(evidence)]

    @pytest.mark.parametrize("value", [float("nan"), float("inf")])
    def test_answers_that_no_metric_can_use_fail_and_say_how_many(self, value):
        said = np.where(np.arange(len(TARGET)) < 3, value, TARGET)
        evidence = Evidence(self.rows(), Answers("the candidate m 2", pa.table({"prediction": said})), None)
        found = self.check(**self.absolute).judge(evidence)
        assert {f.result.outcome for f in found} == {Outcome.FAIL}
        assert "3 of 4,000" in found[0].result.message


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
