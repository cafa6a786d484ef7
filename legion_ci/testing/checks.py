"""What every check of the quality gate must do: subclass ``CheckContract``, or ``AnyCheckContract`` for one without metric."""

from __future__ import annotations

import subprocess
import sys
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
import pytest

from legion_ci.core import plugins
from legion_ci.core.errors import Problem
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

    def test_its_settings_extend_the_section_and_name_it_by_default(self) -> None:
        plugin = plugins.load("checks", self.use)
        assert issubclass(plugin.Settings, CheckSettings)
        assert plugin.Settings.model_fields["use"].default == self.use

    def test_loading_it_imports_nothing_heavy(self) -> None:
        code = f"from legion_ci.core import plugins; plugins.load('checks', {self.use!r})\nimport sys; print({{'numpy', 'scipy', 'sklearn', 'pandas', 'pyarrow', 'duckdb', 'mlflow'}} & set(sys.modules))"
        told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
        assert told.strip() == "set()"

    def test_it_says_whether_it_needs_answers(self) -> None:
        assert plugins.load("checks", self.use).needs_answers in (True, False)


class CheckContract(AnyCheckContract):
    """A subclass names the plug-in and settings: absolute, versus the champion, per slice, and of a wrong column."""

    use: str
    absolute: ClassVar[dict[str, Any]]
    versus: ClassVar[dict[str, Any]]
    sliced: ClassVar[dict[str, Any]]
    wrong: ClassVar[dict[str, Any]]

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

    def test_it_says_whether_it_needs_the_champion(self) -> None:
        assert not self.check(**self.absolute).needs_champion
        assert self.check(**self.versus).needs_champion

    def test_a_question_that_can_be_asked_has_no_problems_and_one_that_cannot_names_its_place(self) -> None:
        for settings in (self.absolute, self.versus, self.sliced):
            assert self.check(**settings).problems(self.rows()) == []
        problems = self.check(**self.wrong).problems(self.rows())
        assert problems
        assert all(isinstance(p, Problem) and WHERE in p.where for p in problems)

    def test_each_finding_tells_what_was_asked_where_and_on_how_many_rows(self) -> None:
        for settings in (self.absolute, self.versus, self.sliced):
            found = self.check(**settings).judge(self.evidence(0.9, 0.9))
            assert found
            for finding in found:
                assert isinstance(finding, Finding)
                assert isinstance(finding.result, CheckResult)
                assert finding.result.where == WHERE
                assert finding.result.role in ("require", "alarm")
                assert 0 < finding.result.n <= len(TARGET)

    def test_a_bound_is_passed_failed_or_left_open_by_the_evidence(self) -> None:
        assert self.outcomes(self.evidence(0.95), **self.absolute) == {Outcome.PASS}
        assert self.outcomes(self.evidence(0.60), **self.absolute) == {Outcome.FAIL}

    def test_versus_the_champion_the_same_answers_pass_within_a_margin_and_much_worse_ones_fail(self) -> None:
        assert self.outcomes(self.evidence(0.9, 0.9), **self.versus) == {Outcome.PASS}
        assert self.outcomes(self.evidence(0.6, 0.9), **self.versus) == {Outcome.FAIL}

    def test_a_decision_agrees_with_the_interval_that_it_shows(self) -> None:
        for right in (0.6, 0.7, 0.78, 0.8, 0.82, 0.95):
            for finding in self.check(**self.absolute).judge(self.evidence(right)):
                r = finding.result
                assert None not in (r.lower, r.effect, r.upper, r.bound)
                lower, effect, upper, bound = (float(v or 0.0) for v in (r.lower, r.effect, r.upper, r.bound))
                assert lower <= effect <= upper
                wanted = Outcome.PASS if lower > bound else Outcome.FAIL if upper < bound else Outcome.INCONCLUSIVE
                assert r.outcome is wanted

    def test_slices_have_a_finding_each(self) -> None:
        found = self.check(**self.sliced).judge(self.evidence(0.9, 0.9))
        assert {f.result.slice for f in found} == {"group=even", "group=odd"}
        assert all(f.result.outcome is not Outcome.PASS for f in found if f.result.role == "alarm")

    def test_it_judges_the_same_evidence_the_same_way_twice(self) -> None:
        check, evidence = self.check(**self.versus), self.evidence(0.85, 0.86)
        assert [f.result for f in check.judge(evidence)] == [f.result for f in check.judge(evidence)]

    @pytest.mark.parametrize("value", [float("nan"), float("inf")])
    def test_answers_that_no_metric_can_use_fail_and_say_how_many(self, value: Any) -> None:
        said = np.where(np.arange(len(TARGET)) < 3, value, TARGET)
        evidence = Evidence(self.rows(), Answers("the candidate m 2", pa.table({"prediction": said})), None)
        found = self.check(**self.absolute).judge(evidence)
        assert {f.result.outcome for f in found} == {Outcome.FAIL}
        assert "3 of 4,000" in found[0].result.message
