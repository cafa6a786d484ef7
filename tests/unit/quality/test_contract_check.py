from datetime import datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest
from quality_kinds import NOW, RuleModel, evidence, judge

from legion_ci.quality.contract_settings import ContractSettings

N = 100


def found(tmp_path, table, **settings):
    model = RuleModel(tmp_path, lambda t: pa.table({"prediction": np.zeros(len(t))}))
    return {
        f.result.name.removeprefix("contract: "): f.result
        for f in judge("contract", evidence(table, model), **settings)
    }


def table(**columns):
    return pa.table({"y": np.arange(N) % 2, **columns})


def test_all_broken_rules_are_told_at_once_with_counts_and_first_rows(tmp_path):
    x = np.arange(N) * 1.0
    x[[3, 17]] = -1
    x[50] = np.nan
    text = ["ab"] * N
    text[9] = "abc"
    told = found(
        tmp_path, table(x=x, t=text, k=[1, 1, *range(2, N)]),
        columns={"x": {"type": "number", "min": 0, "max": 98, "nulls": 0}, "t": {"regex": "[a-z]{2}", "allowed": ["ab"]}, "gone": None,
                 "y": "string", "k": {"unique": True}},
        min_rows=101, extra_columns="forbid",
    )  # fmt: skip
    failed = {name: r.message for name, r in told.items() if r.outcome == "FAIL"}
    assert failed["x ≥ 0"].startswith("2 of 99 values are below 0; first rows 3, 17")
    assert failed["x ≤ 98"].startswith("1 of 99 values are above 98; first rows 99")
    assert failed["x not missing"].startswith("1 of 100 rows are missing; first rows 50")
    assert failed["t ~ [a-z]{2}"].startswith("1 of 100 values do not match; first rows 9 (abc)")
    assert failed["t in ab"].startswith("1 of 100 values are not allowed; first rows 9")
    assert failed["gone is there"] == "there is no column 'gone'"
    assert failed["y is string"] == "it is integer (int64)"
    assert failed["k unique"].startswith("1 of 100 rows repeat an earlier row; first rows 1")
    assert failed["at least 101 rows"] == "there are 100 rows"
    assert told["x ≥ 0"].details == ({"row": 3}, {"row": 17})
    assert told["no other columns"].outcome == "PASS"


def test_a_tolerated_share_may_break_a_rule(tmp_path):
    x = np.where(np.arange(N) < 5, -1.0, 1.0)
    for tolerate, outcome in ((0.05, "PASS"), (0.04, "FAIL")):
        told = found(tmp_path, table(x=x), columns={"x": {"min": 0, "tolerate": tolerate}})
        assert told["x ≥ 0"].outcome == outcome


def test_freshness_is_of_the_newest_value_and_depends_on_the_clock(tmp_path):
    newest = NOW.replace(tzinfo=None) - timedelta(days=3)
    at = [newest - timedelta(hours=i) for i in range(N)]
    for days, outcome in (("4d", "PASS"), ("2d", "FAIL")):
        told = found(tmp_path, table(at=at), columns={"at": {"newest_within": days, "max": "2026-12-01"}})
        assert told["at fresh"].outcome == outcome
    assert ContractSettings(columns={"at": {"newest_within": "2d"}}).reads_clock
    assert datetime(2026, 11, 18, 12) == newest


def test_keys_of_several_columns(tmp_path):
    told = found(tmp_path, table(a=np.arange(N) // 10, b=np.arange(N) % 10), unique=["a", "b"])
    assert told["a + b unique"].outcome == "PASS"


def test_names_are_quoted_and_values_are_bound(tmp_path):
    odd = 'x"); DROP TABLE rows; --'
    told = found(tmp_path, pa.table({"y": np.arange(N) % 2, odd: ["'"] * N}), columns={odd: {"allowed": ["'"]}})
    assert {r.outcome for r in told.values()} == {"PASS"}


@pytest.mark.parametrize(
    ("settings", "said"), [({}, "empty contract"), ({"columns": {"x": {"regex": "("}}}, "not a regular")]
)
def test_settings_that_say_nothing_or_nonsense_are_refused(settings, said):
    with pytest.raises(ValueError, match=said):
        ContractSettings(**settings)
