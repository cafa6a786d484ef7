import subprocess
import sys
from pathlib import Path

import msgspec
import numpy as np
import pytest
from perf_runs import TRAINED, deployed

from legion_ci.core.errors import ToolError
from legion_ci.core.secrets import Secrets
from legion_ci.perf.batches import Measured
from legion_ci.perf.budgets import parse
from legion_ci.perf.locust import Follower
from legion_ci.perf.log import Status
from legion_ci.perf.measure import Run
from legion_ci.perf.outcome import result, saturation, tool
from legion_ci.perf.plan import Plan
from legion_ci.results import Verdict

PLAN = Plan(
    host="http://127.0.0.1:1",
    rate=200,
    arrivals="poisson",
    duration_s=30,
    warmup_s=3,
    users=50,
    most_users=500,
    late_s=0.01,
    folder="",
)
RESTED = {"open_users": ["Replay"], "cpu": [0.2] * 30, "looks": 1000, "ended_s": 30.1}


def measured(per_batch=270, failed=0, late=0):
    k = 20
    counts = np.full(k, float(per_batch))
    return Measured(
        cells_us=np.array([2000.0]),
        answered=counts[:, None],
        failed=np.full(k, float(failed)),
        done=counts,
        width_s=np.full(k, 1.35),
        late=late,
        times={2000: per_batch * k} if per_batch else {},
        series=(),
    )


def judged(status, run, *budgets, secrets=None):
    load = Run(PLAN, status, run, Path("locustfile.py"), PLAN.warmup_s, PLAN.duration_s)
    return result(load, parse(budgets), 0.05, deployed(PLAN.host), TRAINED, secrets or Secrets(known=set()))


def test_a_rested_generator_judges():
    passed = judged(Status(**RESTED), measured(), "p99 < 50ms", "errors < 0.2%")
    assert (passed.verdict, passed.reason, passed.more_data) == (Verdict.PASS, "", "")
    assert (passed.requests, passed.achieved_rate, passed.planned_rate) == (5400, 200.0, 200)


@pytest.mark.parametrize(
    ("changes", "late", "why"),
    [
        ({"cpu": [0.2] * 3 + [0.97] * 27}, 0, "97% of its core"),
        ({}, 300, "5.6% of the requests left more than 10 ms late"),
        ({"looks_late": 150}, 0, "woken late 150 times of 1000"),
    ],
)
def test_a_generator_that_was_not_up_to_it_judges_nobody(changes, late, why):
    found = judged(Status(**{**RESTED, **changes}), measured(late=late), "p99 < 50ms")
    assert (found.verdict, found.reason) == (Verdict.INCONCLUSIVE, "invalid.generator_saturated")
    assert why in found.summary


def test_a_little_lag_can_make_nobody_pass_but_might_have_made_somebody_fail():
    assert judged(Status(**RESTED), measured(late=60), "p99 < 50ms").verdict is Verdict.PASS
    broken = judged(Status(**RESTED), measured(late=60, failed=10), "p99 < 50ms", "errors < 0.2%")
    assert (broken.verdict, broken.reason) == (Verdict.INCONCLUSIVE, "invalid.generator_saturated")


def test_a_busy_warm_up_or_end_does_not_count_against_the_generator():
    status = Status(**{**RESTED, "cpu": [1.0] * 3 + [0.2] * 27 + [1.0] * 300})
    assert saturation(PLAN, status, measured()) == ""


def test_a_run_over_budget_fails_and_says_by_what():
    failed = judged(Status(**RESTED), measured(failed=10), "p99 < 50ms", "errors < 0.2%")
    assert (failed.verdict, failed.reason) == (Verdict.FAIL, "over_budget")
    assert "errors < 0.2% FAIL: 200 of 5600 requests failed" in failed.summary


def test_a_run_that_was_too_short_says_how_long_would_do():
    short = judged(Status(**RESTED), measured(per_batch=50), "errors < 0.2%")
    assert (short.verdict, short.reason) == (Verdict.INCONCLUSIVE, "too_short")
    assert "perf.duration of about" in short.more_data


def test_without_budgets_there_is_nothing_to_pass():
    assert judged(Status(**RESTED), measured()).reason == "no_budgets"


def test_a_run_without_a_request_is_no_result():
    with pytest.raises(ToolError, match="sent no request"):
        judged(Status(**RESTED), measured(per_batch=0), "p99 < 50ms")


def test_secrets_in_failures_are_not_shown():
    status = Status(**RESTED, failures={"HTTP 401: token hunter2hunter2": 3})
    shown = judged(status, measured(), "p99 < 50ms", secrets=Secrets(known={"hunter2hunter2"}))
    assert shown.error_samples == ("3 × HTTP 401: token ****",)


def test_what_made_the_load_is_labelled():
    label = tool(Status(open_users=["A"], closed_users=["B"], unmarked=["B"]))
    assert "latency from the intended start (A)" in label
    assert "closed model" in label
    assert label.endswith("not marked as load: B")


def test_progress_adds_what_came_since_the_last_line(tmp_path):
    ticks = tmp_path / "ticks.jsonl"
    follower = Follower(msgspec.structs.replace(PLAN, folder=str(tmp_path)))
    assert follower.line() == "… load: 0 of 30 s, 0 requests, 0 errors"
    ticks.write_text('{"tick":0,"answered":{"2000":9},"failed":{"50":1}}\n')
    assert follower.line() == "… load: 0 of 30 s, 10 requests, 1 errors, p99 2 ms so far"
    with ticks.open("a") as file:
        file.write('{"tick":1,"answered":{"4000":90}}\n')
    assert follower.line() == "… load: 0 of 30 s, 100 requests, 1 errors, p99 4 ms so far"


def test_neither_locust_nor_gevent_is_ever_imported_into_our_own_process():
    code = "import sys, legion_ci.perf.stage; print([m for m in ('locust', 'gevent') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
