"""Real Locust against real servers on loopback; truth is computed from the same run's own facts."""

import csv
import itertools
import math
import re

import pytest
from perf_runs import HEAD, perf, raw_rows
from perf_servers import serving

from legion_ci.core.errors import ConfigurationError, ToolError
from legion_ci.results import Outcome, Verdict

STOCK = """
from locust import FastHttpUser, HttpUser, User, constant, task

class Custom(User):
    wait_time = constant(1)

    @task
    def nothing(self):
        pass

class Browsing(HttpUser):
    wait_time = constant(0.02)
    host = "http://production.invalid"

    @task
    def predict(self):
        self.client.post("/api/model/invoke", json={"data": [[1.5, "x"]]})

class Quick(FastHttpUser):
    wait_time = constant(0.02)

    @task
    def predict(self):
        self.client.post("/api/model/invoke", json={"data": [[2.5, "y"]]}, headers={"x-own": "1"})
"""


def quantile(values, q):
    return sorted(values)[math.ceil(q * len(values)) - 1]


def test_a_stall_shows_in_full_where_stock_locust_hides_most_of_it(tmp_path):
    stall = {"stall_from_s": 2.0, "stall_s": 0.7, "delay_s": 0.001}
    with serving(**stall) as server:
        honest = perf(tmp_path, server.url, rate=150, duration=4.5, warmup=0.5, budgets=("p99 < 50ms",))
    rows = [r for r in raw_rows(tmp_path) if 0.5e6 <= int(r["intended_us"]) < 4.5e6]
    begun_s = min(int(r["intended_us"]) for r in raw_rows(tmp_path)) / 1e6
    ends_s = begun_s + 2.7
    truth_ms = quantile(
        [
            1000 * max(0.001, ends_s - t if t > begun_s + 2.0 and t < ends_s else 0.0)
            for t in (int(r["intended_us"]) / 1e6 for r in rows)
        ],
        0.99,
    )
    assert honest.percentiles_ms["p99"] == pytest.approx(truth_ms, rel=0.1)
    assert honest.budgets[0].outcome is Outcome.FAIL
    assert honest.budgets[0].value == pytest.approx(truth_ms, rel=0.1)
    assert honest.errors == 0

    (tmp_path / "locustfile.py").write_text(STOCK)
    with serving(**stall) as server:
        stock = perf(tmp_path, server.url, users=4, duration=4.5, warmup=0.5, budgets=("p99 < 50ms",))
    assert stock.percentiles_ms["p99"] < truth_ms / 2
    assert "closed model" in stock.tool


def test_one_failed_request_in_a_hundred_is_reported_as_exactly_that_everywhere(tmp_path):
    settings = {"rate": 200, "arrivals": "constant", "duration": 3, "warmup": 0, "budgets": ("errors < 2%", "p90 < 1s")}
    with serving(fail_every=100) as server:
        result = perf(tmp_path, server.url, **settings)
    assert result.requests == server.asked.invoked == 599
    assert result.errors == server.asked.failed == 5
    assert result.budgets[0].value == 5 / 599
    assert result.error_samples == ("5 × HTTP 500 from /api/model/invoke",)
    assert sum(p.errors for p in result.series) == 5
    rows = list(csv.DictReader((tmp_path / "work" / "perf.jtl").open()))
    assert len(rows) == 599
    assert sum(r["success"] == "false" for r in rows) == 5
    assert {r["responseCode"] for r in rows} == {"200", "500"}
    assert server.asked.purposes == {"perf": 599}
    assert len(server.asked.bodies) == len(HEAD["data"])
    assert result.planned_rate == 200
    assert result.achieved_rate == pytest.approx(200, rel=0.01)
    assert result.artefact_digest == "d" * 64
    assert {"cpu", "cores", "python", "locust"} <= set(result.environment)


BUSY = """
import time
from legion_ci.perf.user import InvokeUser

class Busy(InvokeUser):
    def context(self):
        until = time.perf_counter() + 0.03
        while time.perf_counter() < until:
            pass
        return {}
"""


def test_a_generator_that_cannot_keep_its_plan_never_passes(tmp_path, monkeypatch):
    monkeypatch.setattr("legion_ci.perf.prepare.DRAIN_S", 0.5)
    (tmp_path / "locustfile.py").write_text(BUSY)
    with serving() as server:
        result = perf(
            tmp_path, server.url, rate=60, duration=2.5, warmup=0.5, users=20, budgets=("p50 < 60s", "errors < 90%")
        )
    assert (result.verdict, result.reason) == (Verdict.INCONCLUSIVE, "invalid.generator_saturated")
    assert "could not keep its plan" in result.summary
    assert result.more_data


def test_a_teams_own_stock_locustfile_runs_marked_against_the_deployment_only(tmp_path):
    (tmp_path / "load").mkdir()
    (tmp_path / "load" / "mine.py").write_text(STOCK)
    with serving() as server:
        result = perf(
            tmp_path, server.url, locustfile="load/mine.py", users=6, duration=2.5, warmup=0.5, budgets=("errors < 5%",)
        )
    assert set(server.asked.purposes) == {"perf"}
    assert len(server.asked.bodies) == 2
    assert "closed model" in result.tool
    assert "Browsing" in result.tool
    assert result.tool.endswith("not marked as load: Custom")
    assert result.planned_rate is None
    assert result.errors == 0
    assert result.budgets[0].outcome is Outcome.PASS


ONE_IMPORT_CHANGED = """
from legion_ci.perf.user import ModelUser as HttpUser
from locust import TaskSet, between, task

class Mine(HttpUser):
    wait_time = between(30, 60)

    def on_start(self):
        self.row = [[1.5, "x"]]

    def context(self):
        return {"mine": 1}

    @task(3)
    def predict(self):
        with self.client.post("/api/model/invoke", json={"data": self.row}, catch_response=True) as answer:
            if b"prediction" not in answer.content:
                answer.failure("no prediction")

    @task
    class Nested(TaskSet):
        @task
        def look(self):
            self.client.get("/api/model/info")
            self.interrupt(reschedule=False)
"""


def test_one_changed_import_gives_a_locustfile_planned_arrivals(tmp_path):
    (tmp_path / "locustfile.py").write_text(ONE_IMPORT_CHANGED)
    with serving() as server:
        result = perf(
            tmp_path, server.url, rate=100, arrivals="constant", duration=2.5, warmup=0.5, budgets=("errors < 5%",)
        )
    assert result.achieved_rate == pytest.approx(100, rel=0.01)
    assert "latency from the intended start (Mine)" in result.tool
    assert set(server.asked.paths) == {"/healthcheck", "/api/model/invoke", "/api/model/info"}
    starts = sorted(int(r["intended_us"]) for r in raw_rows(tmp_path))
    assert {round((b - a) / 1000) for a, b in itertools.pairwise(starts)} == {10}


def test_a_task_that_raises_and_an_answer_without_prediction_are_errors(tmp_path):
    broken = ONE_IMPORT_CHANGED.replace("answer.failure(", "raise KeyError(").split("    @task\n    class")[0]
    (tmp_path / "locustfile.py").write_text(broken)
    with serving(body=b"{}") as server:
        result = perf(tmp_path, server.url, rate=100, duration=2, warmup=0, budgets=("errors < 5%",))
    assert result.budgets[0].outcome is Outcome.FAIL
    assert any("KeyError" in sample for sample in result.error_samples)
    (tmp_path / "locustfile.py").unlink()
    with serving(body=b"{}") as server:
        result = perf(tmp_path, server.url, rate=100, duration=2, warmup=0, budgets=())
    assert result.errors == result.requests
    assert result.verdict is Verdict.INCONCLUSIVE
    assert any("holds no prediction" in sample for sample in result.error_samples)


def test_a_server_that_never_answers_fails_every_arrival_of_the_plan(tmp_path, monkeypatch):
    monkeypatch.setattr("legion_ci.perf.prepare.DRAIN_S", 1.0)
    with serving(stall_from_s=0.0, stall_s=60.0) as server:
        result = perf(
            tmp_path, server.url, rate=60, arrivals="constant", duration=2, warmup=0, users=5, budgets=("errors < 5%",)
        )
    assert result.requests == result.errors == 119
    assert result.budgets[0].outcome is Outcome.FAIL
    assert int(result.environment["unanswered"]) == 119


def test_a_locustfile_that_fails_to_import_is_told_with_its_line_and_last_lines(tmp_path):
    (tmp_path / "locustfile.py").write_text("import os\n\nos.environ['NOT_THERE_AT_ALL']\n")
    with serving() as server, pytest.raises(ToolError, match="KeyError") as caught:
        perf(tmp_path, server.url)
    assert caught.value.problems[0].where.endswith("locustfile.py:3")


def test_a_locustfile_without_users_is_told_what_to_add(tmp_path):
    (tmp_path / "locustfile.py").write_text("import locust\n")
    with serving() as server, pytest.raises(ConfigurationError, match="defines no Locust user.*ModelUser"):
        perf(tmp_path, server.url)


def test_a_locustfile_with_planned_arrivals_is_refused_a_plan_that_cannot_pass_before_any_request(tmp_path):
    (tmp_path / "locustfile.py").write_text(ONE_IMPORT_CHANGED)
    with serving() as server, pytest.raises(ConfigurationError, match="cannot show 'errors < 0.1%'"):
        perf(tmp_path, server.url, rate=100, duration=5, warmup=1, budgets=("errors < 0.1%",))
    assert server.asked.invoked == 0


def test_a_locustfile_that_loads_another_host_is_stopped_at_once(tmp_path):
    with serving() as other, serving() as server:
        text = STOCK.replace('post("/api', f'post("{other.url}/api')
        (tmp_path / "locustfile.py").write_text(text)
        with pytest.raises(ConfigurationError, match=re.escape(f"loads {other.url}/api/model/invoke")):
            perf(tmp_path, server.url, users=4, duration=20)
    assert other.asked.invoked < 50
