import pytest
from hypothesis import given
from hypothesis import strategies as st

from legion_ci.core.errors import ConfigurationError
from legion_ci.perf.budgets import QUANTILES, parse

NUMBERS = st.integers(1, 99_999).map(lambda n: n / 100)
SPACES = st.sampled_from(["", " ", "  "])


def test_budgets_are_parsed_into_milliseconds_ratios_and_rates():
    parsed = parse(("p99 < 50ms", "p99.9<800us", "mean < 2s", "errors < 0.2%", "throughput > 100/s"))
    assert [(b.metric, b.kind, round(b.bound, 9), b.unit, b.quantile) for b in parsed] == [
        ("p99", "time", 50.0, "ms", 0.99),
        ("p99.9", "time", 0.8, "ms", 0.999),
        ("mean", "time", 2000.0, "ms", None),
        ("errors", "share", 0.002, "ratio", None),
        ("throughput", "rate", 100.0, "1/s", None),
    ]
    assert parsed[0].where == "perf.budgets[0]"


@given(
    metric=st.sampled_from([*QUANTILES, "mean"]), number=NUMBERS, unit=st.sampled_from(["us", "ms", "s"]), gap=SPACES
)
def test_a_time_means_the_same_in_every_unit_and_spacing(metric, number, unit, gap):
    budget = parse((f"{gap}{metric}{gap}<{gap}{number}{gap}{unit}{gap}",))[0]
    assert budget.bound == pytest.approx(number * {"us": 0.001, "ms": 1, "s": 1000}[unit])
    assert budget.quantile == QUANTILES.get(metric)


@given(text=st.text(max_size=30))
def test_any_text_is_a_budget_or_one_problem_that_says_what_to_write(text):
    try:
        found, problems = parse((text,)), ()
    except ConfigurationError as error:
        found, problems = (), error.problems
    assert len(found) + len(problems) == 1
    assert all(p.todo for p in problems)


def test_all_wrong_budgets_are_told_at_once_with_the_nearest_word():
    wrong = (
        "p98 < 50ms",
        "eror < 1%",
        "p99 < 50",
        "errors < 1ms",
        "throughput < 5/s",
        "p99 > 1s",
        "errors < 0%",
        "fast",
    )
    with pytest.raises(ConfigurationError) as caught:
        parse(wrong)
    told = [str(p) for p in caught.value.problems]
    assert len(told) == len(wrong)
    assert "did you mean p9" in told[0]
    assert "did you mean errors?" in told[1]
    assert "'no unit'" in told[2]
    assert "0.2%" in told[3]
    assert "throughput >" in told[4]
    assert "p99 <" in told[5]
    assert "never decide" in told[6]
    assert told[7].startswith("perf.budgets[7]: 'fast' is not a budget")
