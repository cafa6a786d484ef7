"""Calibration curves, drifted columns and the self-test on the quality page."""

import report_values as values
from msgspec.structs import replace

from legion_ci.report import distributions, quality
from legion_ci.report.pictures.shares import Bin, draw
from legion_ci.report.records import Gate, Story
from legion_ci.results import CheckResult, Outcome, SelfTestCheck, SelfTestResult, Verdict
from legion_ci.settings.schema import STAGES

CURVE = CheckResult(
    name="calibration", outcome=Outcome.PASS, role="require", metric="ece", kind="calibration", effect=0.01, lower=0.0,
    upper=0.02, bound=0.05, at_most=True, n=300,
    details=tuple({"rows": 100, "said": p, "came": p + d, "se": 0.01} for p, d in ((0.1, 0.01), (0.5, 0.2), (0.9, -0.02))),
)  # fmt: skip


def drifted(column, effect):
    return CheckResult(
        name=f"{column} psi", outcome=Outcome.FAIL if effect > 0.2 else Outcome.PASS, role="require", metric="psi",
        kind="drift", column=column, effect=effect, lower=effect - 0.01, upper=effect + 0.01, bound=0.2, at_most=True, n=300,
        details=({"bin": "≤ <1>", "training": 0.5, "evaluation": 0.5 - effect}, {"bin": "> 1", "training": 0.5, "evaluation": 0.5 + effect}),
    )  # fmt: skip


SELFTEST = SelfTestResult(
    verdict=Verdict.PASS, summary="PASS: wrong in 4.8%", candidate=values.model("2"),
    checks=(
        SelfTestCheck(name="brier versus champion", outcome=Outcome.PASS, role="require", alpha=0.05, runs=2000, error=0.048,
                      error_lower=0.038, error_upper=0.06, power=0.57, power_lower=0.5, power_upper=0.6, power_runs=800,
                      world="a planted loss of exactly the margin", power_world="the models are equal"),
        SelfTestCheck(name="drift", outcome=Outcome.NOT_ASSESSED, role="require", message="only checks of metrics <b>"),
    ),
)  # fmt: skip


def story(*extra, selftest=None):
    judged = replace(values.quality(), checks=(*values.checks(), *extra))
    gates = tuple(Gate(s, None, judged if s == "quality" else None) for s in STAGES)
    return Story("r", gates, (Gate("quality-selftest", None, selftest),) if selftest else ())


def test_calibration_and_drift_are_drawn_the_worst_column_first():
    told = story(CURVE, *(drifted(f"c{i}", 0.05 * i) for i in range(1, 9)))
    drawn = quality.pictures(told.quality)
    assert {"quality-calibration-1.svg", *(f"quality-drift-{i}.svg" for i in range(1, 7))} <= set(drawn)
    assert "quality-drift-7.svg" not in drawn
    assert "c8" in drawn["quality-drift-1.svg"]
    assert "c7" in drawn["quality-drift-2.svg"]
    page = quality.render(told, "wine", 100)
    assert "2 more columns in the table above" in page
    assert all(f'src="{name}"' in page for name in drawn)
    assert "the model said 0.5, 0.7 came, of 100 rows" in page


def test_a_column_with_two_measures_is_drawn_once():
    other = replace(drifted("c", 0.3), name="c jensen_shannon", metric="jensen_shannon")
    assert len(distributions.pictures(story(drifted("c", 0.3), other).quality)) == 1


def test_without_such_checks_there_is_no_such_section():
    assert distributions.pictures(values.quality()) == {}
    assert distributions.sections(values.quality()) == []


def test_names_from_the_data_stay_text_in_pictures():
    drawn = draw([Bin("<script>", 0.2, 0.8)] * 40, ("training", "evaluation"), "a & b")
    assert "<script>" not in drawn
    assert drawn.count("<rect") == 2 * 40 + 2


def test_the_self_test_is_told_with_its_bounds():
    page = quality.render(story(selftest=SELFTEST), "wine", 100)
    assert "How far this gate can be trusted here" in page
    assert "a planted loss of exactly the margin; power: the models are equal" in page
    assert "only checks of metrics &lt;b&gt;" in page
    assert "How far this gate can be trusted here" not in quality.render(story(), "wine", 100)
