"""A sweep and a soak with real Locust against real servers."""

import os
import threading
import time
from contextlib import contextmanager

import pytest
from perf_runs import deployed, write_sample
from perf_servers import serving

from legion_ci.core.errors import ServiceError
from legion_ci.core.tools import Tools
from legion_ci.perf.soak import memory
from legion_ci.perf.soak import stage as soak
from legion_ci.perf.sweep import stage as sweep
from legion_ci.results import Outcome, Verdict
from legion_ci.settings.schema import PerfSettings, SoakSettings, SweepSettings


def swept(folder, url, served=None, **changes):
    """A sweep; again when a busy machine kept the generator from its plan at some rate."""
    for _ in range(4):
        found = sweep_once(folder, url, served, **changes)
        if not any(p.saturated for p in found.points):
            break
    return found


def sweep_once(folder, url, served=None, **changes):
    settings = PerfSettings(
        budgets=("p50 < 300ms", "errors < 5%"),
        sweep=SweepSettings(**{"start": 10.0, "most": 40.0, "halvings": 0, "run": 1.5, "warmup": 0.5, **changes}),
    )
    return sweep.run(
        settings, deployed=deployed(url), sample=write_sample(folder), folder=folder, work=folder, tools=Tools(),
        served=served,
    )  # fmt: skip


def test_a_server_that_bears_all_that_is_asked_keeps_its_budgets_at_the_highest_rate(tmp_path):
    with serving() as server:
        found = swept(tmp_path, server.url)
    assert (found.verdict, found.highest_rate) == (Verdict.PASS, 40.0)
    assert [p.rate for p in found.points] == [10.0, 20.0, 40.0]
    assert all(p.kept and p.errors == 0 and p.p50_ms for p in found.points)
    assert server.asked.purposes.keys() == {"perf"}


def test_each_number_of_workers_is_swept_on_a_server_of_its_own_and_the_best_is_advised(tmp_path):
    asked, stopped = [], []

    @contextmanager
    def served(workers):
        asked.append(workers)
        with serving(fail_every=0 if workers == 2 else 3) as server:
            yield server.url
        stopped.append(workers)

    with serving() as server:
        found = swept(tmp_path, server.url, served, most=20.0, workers=(1, 2))
    assert asked == stopped
    assert asked[-2:] == [1, 2]
    assert found.advice == ("deploy.workers: 2 (1 workers 0/s, 2 workers 20/s)",)
    assert {p.workers for p in found.points} == {1, 2}
    assert "errors < 5% does not hold (33" in next(p for p in found.points if p.workers == 1).broken


def test_a_soak_reads_the_servers_memory_and_holds_both_figures_to_their_limits(tmp_path, monkeypatch):
    held = []
    stop = threading.Event()

    def leak():
        while not stop.wait(0.05):
            held.append(os.urandom(1_000_000))

    monkeypatch.setattr(memory, "_EVERY_S", 0.05)
    settings = PerfSettings(
        rate=20, warmup=0.5, budgets=("errors < 5%",),
        soak=SoakSettings(duration=4.0, memory_mb_per_hour=1000.0, latency_percent_per_hour=1e9),
    )  # fmt: skip
    thread = threading.Thread(target=leak)
    with serving() as server:
        thread.start()
        try:
            found = soak.run(
                settings, deployed=deployed(server.url), sample=write_sample(tmp_path), folder=tmp_path, work=tmp_path,
                tools=Tools(), pid=os.getpid(),
            )  # fmt: skip
        finally:
            stop.set()
            thread.join()
    memory_figure, latency = found.figures
    assert (found.verdict, found.reason, memory_figure.outcome) == (Verdict.FAIL, "grows", Outcome.FAIL)
    assert memory_figure.lower > 1000
    assert "memory grows by" in found.summary
    assert latency.outcome is Outcome.INCONCLUSIVE
    assert "too few samples" in latency.message
    assert len(found.memory_mb) > 40


def test_a_server_that_is_no_process_of_this_machine_cannot_be_soaked(tmp_path):
    with serving() as server, pytest.raises(ServiceError, match="does not run as a process of this machine"):
        soak.run(
            PerfSettings(), deployed=deployed(server.url),
            sample=write_sample(tmp_path), folder=tmp_path, work=tmp_path, tools=Tools(), pid=None,
        )  # fmt: skip


def test_memory_of_a_process_that_is_gone_is_a_gap(monkeypatch):
    monkeypatch.setattr(memory, "_EVERY_S", 0.01)
    assert memory.resident_bytes(2**22 - 1) is None
    with memory.sampled(os.getpid()) as samples:
        deadline = time.monotonic() + 30
        while len(samples.bytes) < 3 and time.monotonic() < deadline:
            time.sleep(0.01)
    assert min(samples.bytes) > 1e6
    assert samples.times_s == sorted(samples.times_s)
