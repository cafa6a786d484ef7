import pytest

from legion_ci.quality.alarms import settle
from legion_ci.quality.checks import Alarm, Finding
from legion_ci.quality.statistics.holm import adjusted
from legion_ci.results import CheckResult, Outcome


def alarm(p, family="", min_detectable=None):
    result = CheckResult(name="a", outcome=Outcome.NO_ALARM, role="alarm", metric="recall")
    return Finding(result, alarm=Alarm(p, lambda level: level * 100, family, min_detectable))


def required():
    return Finding(CheckResult(name="r", outcome=Outcome.PASS, role="require", metric="recall"))


def test_exact_alarms_are_corrected_by_holm_over_all_of_the_run():
    ps = [0.001, 0.02, 0.04, 0.5]
    found = settle([alarm(ps[0]), required(), *map(alarm, ps[1:])], 0.05)
    assert [f.result.p_value for f in found if f.result.role == "alarm"] == pytest.approx(adjusted(ps))
    assert [f.result.outcome for f in found] == ["FAIL", "PASS", "NO ALARM", "NO ALARM", "NO ALARM"]


def test_a_family_adjusted_by_its_own_bootstrap_takes_its_part_of_alpha_by_number():
    found = settle([alarm(0.03, "b"), alarm(0.2, "b"), alarm(0.004), alarm(0.3)], 0.05)
    assert [f.result.p_value for f in found] == pytest.approx([0.06, 0.4, 0.016, 0.6])
    assert [f.result.outcome for f in found] == ["NO ALARM", "NO ALARM", "FAIL", "NO ALARM"]


def test_the_only_family_keeps_its_p_values():
    assert [f.result.p_value for f in settle([alarm(0.03, "b"), alarm(0.2, "b")], 0.05)] == [0.03, 0.2]


def test_a_quiet_alarm_tells_the_smallest_loss_visible_at_its_share_of_alpha():
    first, *_ = settle([alarm(0.5), alarm(0.5)], 0.05)
    assert first.result.smallest_visible_loss == pytest.approx(2.5)
    assert first.result.message == "no alarm, smallest visible loss 2.5"


def test_an_alarm_that_could_not_have_seen_enough_is_inconclusive():
    blind, sighted = settle([alarm(0.5, min_detectable=1.0), alarm(0.5, min_detectable=5.0)], 0.05)
    assert (blind.result.outcome, blind.reason) == (Outcome.INCONCLUSIVE, "loss_not_visible")
    assert sighted.result.outcome == Outcome.NO_ALARM


def test_without_alarms_nothing_changes():
    assert settle([required()], 0.05) == [required()]
