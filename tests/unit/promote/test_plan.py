"""The plan says what each step could see, and its numbers are what the decision then does."""

from __future__ import annotations

from pathlib import Path

import pytest
from feedback_site import NOON, Repository, tools
from promote_events import capture, write
from promote_site import settings

from legion_ci.core.errors import ConfigurationError
from legion_ci.promote import plan
from legion_ci.promote.plan import shown

STEPS = {"steps": ("shadow", 5, 50, 100), "guardrails": ("errors not worse by 1%",)}


def test_at_five_percent_a_thousand_units_see_a_breakage_and_no_percent_more_errors() -> None:
    """The reference's numbers: 1 → 10 % takes about 1,000 units (90 % of the time 2,040), 1 → 2 % 26,000 to 42,000."""
    asked = settings(**STEPS)
    assert shown(asked, "5", 1_000, 0.01, 0.09, runs=40, seed=7) > 0.35
    assert shown(asked, "5", 2_500, 0.01, 0.09, runs=40, seed=7) > 0.85
    assert shown(asked, "5", 2_500, 0.01, 0.01, runs=40, seed=7) < 0.2


def test_the_planned_loss_is_seen_by_other_seeds_and_half_of_it_is_not() -> None:
    asked = settings(**STEPS)
    for step in plan.plan(asked, 2_000, 0.01):
        assert step.visible is not None
        assert (
            shown(asked, step.step, step.units, 0.01, step.visible, runs=40, seed=3) > 0.3
        )  # true share above ½: 3 sd
        assert shown(asked, step.step, step.units, 0.01, step.visible / 2, runs=40, seed=3) < 0.5


def test_equal_models_are_seldom_called_worse() -> None:
    asked = settings(**STEPS)
    failed = shown(asked, "50", 2_000, 0.02, 0.0, runs=200, seed=5)
    assert failed <= 0.05  # alpha_fail is 1/60


def test_more_units_and_larger_shares_see_smaller_losses() -> None:
    small, large = (plan.plan(settings(**STEPS), n, 0.01) for n in (300, 2_000))
    assert all((b.visible or 1) < (a.visible or 1) for a, b in zip(small, large, strict=True))
    five, fifty = large[1], large[2]
    assert (fifty.visible or 1) < (five.visible or 1)
    assert [s.step for s in large] == ["shadow", "5", "50"]


def test_no_unit_sees_nothing() -> None:
    assert {s.visible for s in plan.plan(settings(**STEPS), 0, 0.01)} == {None}


def asked(folder: Path, more: str) -> Repository:
    return Repository(folder, f"promote: {{outcome: late, {more}}}\n")


def test_steps_that_see_what_the_guardrail_names_are_accepted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    repository = asked(tmp_path, "steps: [shadow, 100], guardrails: ['errors not worse by 15%'], patience: 10h")
    assert plan.run(tools(), repository.settings, (), "100", "") == 0
    told = capsys.readouterr().out
    assert "100 units an hour, 10 h a step, 1.00% errors of the champion" in told
    assert "1,000 units  shows errors of 1.00% →" in told


def test_a_step_that_cannot_see_it_is_refused_with_its_units(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    repository = asked(tmp_path, "steps: [5, 50, 100], guardrails: ['errors not worse by 9%'], patience: 10h")
    assert plan.run(tools(), repository.settings, (), "100", "") == 0
    with pytest.raises(ConfigurationError, match="names: within 10 h its 500 units") as caught:
        plan.run(tools(), repository.settings, (), "50", "")
    assert "step 50 " not in str(caught.value)


def test_the_traffic_is_that_of_the_last_day(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    repository = asked(tmp_path, "steps: [50, 100], guardrails: ['errors not worse by 50%'], patience: 10h")
    users = [capture(f"r{i}", at=NOON - 36_000 + i, unit=f"u{i % 500}") for i in range(1000)]
    loads = [capture(f"p{i}", at=NOON - 50, unit=f"p{i}", purpose="perf") for i in range(50)]
    write(repository.store, [*users, *loads])
    assert plan.run(tools(), repository.settings, (), "", "") == 0
    assert capsys.readouterr().out.startswith("50 units an hour")


def test_what_is_missing_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="say it: --units-per-hour"):
        plan.run(tools(), asked(tmp_path / "a", "steps: [50, 100]").settings, (), "", "")
    with pytest.raises(ConfigurationError, match="--errors: is not a number"):
        plan.run(tools(), asked(tmp_path / "b", "steps: [50, 100]").settings, (), "5", "1.5")
    with pytest.raises(ConfigurationError, match="no guardrail is about errors"):
        plan.run(tools(), asked(tmp_path / "c", "guardrails: []").settings, (), "5", "")
