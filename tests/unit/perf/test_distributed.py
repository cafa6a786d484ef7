"""Locust's master and workers: one plan, sent by several processes, added up exactly."""

import json
import os
import subprocess
import sys
from collections import Counter

import msgspec
import pytest
from perf_runs import perf, raw_rows
from perf_servers import serving

from legion_ci.core.errors import ConfigurationError
from legion_ci.perf.locust import free_port
from legion_ci.perf.log import TICKS, Status, merged, on_grid, read_ticks
from legion_ci.perf.plan import Plan
from legion_ci.results import Outcome

STOCK = """
from locust import HttpUser, constant, task

class Browsing(HttpUser):
    wait_time = constant(0.05)

    @task
    def predict(self):
        self.client.post("/api/model/invoke", json={"data": [[1.5, "x"]]})
"""


def told_by_histograms(folder):
    answered, failed = Counter(), Counter()
    for tick, _ in read_ticks(folder / "work" / "perf" / TICKS):
        answered.update(tick.answered)
        failed.update(tick.failed)
    return answered, failed


def told_by_raw_log(folder):
    answered, failed = Counter(), Counter()
    for row in raw_rows(folder):
        cell = on_grid(int(row["done_us"]) - int(row["intended_us"]))
        (failed if row["failure"] else answered)[cell] += 1
    return answered, failed


def test_histograms_of_several_workers_are_exactly_those_of_their_raw_logs(tmp_path):
    with serving(fail_every=50) as server:
        result = perf(
            tmp_path, server.url, rate=150, duration=4, warmup=0, processes=2, budgets=("errors < 20%", "p50 < 10s")
        )
    assert told_by_histograms(tmp_path) == told_by_raw_log(tmp_path)
    plan = msgspec.json.decode((tmp_path / "work" / "perf" / "plan.json").read_bytes(), type=Plan)
    assert sorted(int(r["intended_us"]) for r in raw_rows(tmp_path)) == [round(s * 1e6) for s in plan.starts()]
    assert result.requests == server.asked.invoked
    assert result.errors == server.asked.failed
    assert server.asked.purposes == {"perf": server.asked.invoked}
    assert "2 processes" in result.tool
    assert result.generator_ms["p50"] > 0


def test_users_of_locusts_own_kind_run_in_several_processes_too(tmp_path):
    (tmp_path / "locustfile.py").write_text(STOCK)
    with serving() as server:
        result = perf(
            tmp_path, server.url, users=4, hatch_rate=50, duration=3, warmup=0, processes=2, budgets=("errors < 20%",)
        )
    assert set(server.asked.purposes) == {"perf"}
    assert told_by_histograms(tmp_path) == told_by_raw_log(tmp_path)
    assert "closed model" in result.tool
    assert result.requests > 0


def joining(port, hostname):
    """A worker that somebody started on another machine: it gets locustfile, plan and rows from the master."""
    code = (
        f"import socket; socket.gethostname = lambda: {hostname!r}\n"
        "import sys; sys.argv = ['locust', '--worker', '-f', '-', '--master-host', '127.0.0.1', "
        f"'--master-port', '{port}']\nfrom locust.main import main; main()"
    )
    environment = {k: v for k, v in os.environ.items() if not k.startswith("LEGION_PERF")}
    told = json.dumps({"authorization": "Bearer theirs"})
    return subprocess.Popen(
        [sys.executable, "-c", code], env={**environment, "LEGION_PERF_HEADERS": told}, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip


def shared(tmp_path, server, hostname, **settings):
    port = free_port()
    worker = joining(port, hostname)
    try:
        return perf(
            tmp_path, server.url, rate=100, duration=4, warmup=0, processes=1, expect_workers=1, port=port,
            budgets=("errors < 20%",), **settings,
        )  # fmt: skip
    finally:
        worker.kill()
        worker.wait()


def test_a_worker_of_a_machine_that_is_named_takes_its_part(tmp_path):
    with serving() as server:
        result = shared(tmp_path, server, "other-machine", workers_from=("other-machine",))
    assert result.requests == server.asked.invoked
    assert told_by_histograms(tmp_path) == told_by_raw_log(tmp_path)
    assert server.asked.tokens["Bearer theirs"] == pytest.approx(result.requests / 2, abs=1)
    assert server.asked.purposes == {"perf": result.requests}
    assert result.budgets[0].outcome is Outcome.PASS


def test_a_worker_of_another_machine_is_turned_away(tmp_path):
    with serving() as server, pytest.raises(ConfigurationError, match="a worker from stranger"):
        shared(tmp_path, server, "stranger", workers_from=("other-machine",))
    assert server.asked.invoked == 0


def test_an_account_of_several_processes_adds_up_and_tells_the_busiest_core():
    parts = [
        Status(planned=3, looks=10, looks_late=1, cpu=[0.1, 0.9], failures={"a": 1}, null_us={200: 2}, finished=True),
        Status(planned=4, looks=10, looks_late=2, cpu=[0.5], failures={"a": 2, "b": 1}, null_us={200: 1, 300: 1}),
    ]
    told = merged(parts)
    assert (told.planned, told.looks, told.looks_late, told.workers, told.finished) == (7, 20, 3, 2, False)
    assert told.cpu == [0.5, 0.9]
    assert told.failures == {"a": 3, "b": 1}
    assert told.null_us == {200: 3, 300: 1}


def test_workers_of_other_machines_are_both_named_and_counted(tmp_path):
    with serving() as server, pytest.raises(ConfigurationError, match="named and counted"):
        perf(tmp_path, server.url, rate=200, expect_workers=1)
    with serving() as server, pytest.raises(ConfigurationError, match="named and counted"):
        perf(tmp_path, server.url, rate=200, workers_from=("a",))
