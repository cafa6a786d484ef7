"""Ramps, phases, traces, a JWT, Legion's parameters and an early stop, each in a real run of Locust."""

import io

import msgspec
import pytest
from perf_runs import perf, raw_rows
from perf_servers import serving

from legion_ci.core.errors import ConfigurationError
from legion_ci.perf.outcome import SATURATED
from legion_ci.perf.plan import Plan
from legion_ci.results import Outcome, Verdict
from legion_ci.settings.schema import PerfSettings, PhaseSettings

GENEROUS = ("errors < 20%",)


def starts_s(folder):
    return sorted(int(r["intended_us"]) / 1e6 for r in raw_rows(folder))


def test_phases_and_ramps_are_sent_as_planned_and_judged_by_phase(tmp_path):
    phases = (
        PhaseSettings(name="calm", rate=60, duration=2), PhaseSettings(name="rise", rate=60, rate_end=140, duration=2),
    )  # fmt: skip
    budgets = ("errors{phase: rise} < 20%", "p50{phase: calm, endpoint: /api/model/invoke} < 10s")
    with serving() as server:
        result = perf(tmp_path, server.url, arrivals="constant", phases=phases, warmup=0, budgets=budgets)
    found = starts_s(tmp_path)
    assert (sum(s < 2 for s in found), len(found)) == (119, 319)
    assert [b.outcome for b in result.budgets] == [Outcome.PASS, Outcome.PASS]
    assert "phase,calm,119," in (tmp_path / "work" / "perf.csv").read_text()


def test_a_recorded_trace_is_replayed_at_its_own_moments(tmp_path):
    moments = [100 + i * 0.011 + (i % 7) * 0.002 for i in range(300)]
    (tmp_path / "trace.csv").write_text("time\n" + "".join(f"{m}\n" for m in moments))
    with serving() as server:
        perf(tmp_path, server.url, trace="trace.csv", trace_speed=2.0, warmup=0, budgets=GENEROUS)
    assert starts_s(tmp_path) == pytest.approx([(m - 100) / 2 for m in sorted(moments)], abs=2e-6)
    assert server.asked.invoked == 300


def test_every_request_carries_the_token_and_no_file_of_the_run_holds_it(tmp_path, monkeypatch):
    monkeypatch.setenv("MY_JWT_TOKEN", "abc.def.ghi-secret")
    told = io.StringIO()
    with serving() as server:
        perf(
            tmp_path, server.url, told, rate=60, duration=3, warmup=0, protocol="mlflow", token="env:MY_JWT_TOKEN",
            budgets=GENEROUS,
        )  # fmt: skip
    assert set(server.asked.tokens) == {"Bearer abc.def.ghi-secret"}
    assert set(server.asked.paths) == {"/healthcheck", "/invocations"}
    files = [p for p in (tmp_path / "work").rglob("*") if p.is_file()]
    assert len(files) >= 7
    assert not [p for p in files if b"ghi-secret" in p.read_bytes()]
    assert "ghi-secret" not in told.getvalue()


def test_a_token_that_is_not_there_is_told_before_anything_is_sent(tmp_path):
    with serving() as server, pytest.raises(ConfigurationError, match=r"perf\.token: the secret env:NOT_THERE_AT_ALL"):
        perf(tmp_path, server.url, rate=200, token="env:NOT_THERE_AT_ALL")
    assert not server.asked.paths


def test_a_load_that_breaks_its_budget_beyond_doubt_is_stopped(tmp_path):
    told = io.StringIO()
    with serving(fail_every=2) as server:
        result = perf(
            tmp_path, server.url, told, rate=100, duration=120, warmup=0, abort_on_fail=True,
            budgets=("errors < 5%", "p50 < 60s"),
        )  # fmt: skip
    assert result.verdict is Verdict.FAIL or result.reason == SATURATED  # on a machine that had no time for us
    assert result.budgets[0].outcome is Outcome.FAIL
    assert result.duration_s < 100
    assert result.errors == pytest.approx(result.requests / 2, rel=0.1)
    assert int(result.environment["unanswered"]) == 0
    assert "stopping early: errors < 5% is broken" in told.getvalue()
    assert result.reason == SATURATED or f"stopped after {result.duration_s:g} s" in result.summary


def test_the_load_ends_after_the_requests_that_were_asked_for(tmp_path):
    with serving() as server:
        result = perf(tmp_path, server.url, rate=100, duration=60, warmup=0, testRequestsCount=200, budgets=GENEROUS)
    assert len(raw_rows(tmp_path)) == server.asked.invoked == 200
    assert result.duration_s < 30


def test_legions_parameters_are_settings():
    settings = PerfSettings(testUsers=7, testHatchRate=2.5, testRequestsCount=100, host="http://127.0.0.1:9")
    assert (settings.users, settings.hatch_rate, settings.requests_count) == (7, 2.5, 100)


def test_the_address_in_the_settings_is_loaded_instead_of_the_deployment(tmp_path):
    with serving() as server, serving() as other:
        perf(tmp_path, server.url, host=other.url, rate=60, duration=3, warmup=0, budgets=GENEROUS)
    plan = msgspec.json.decode((tmp_path / "work" / "perf" / "plan.json").read_bytes(), type=Plan)
    assert (server.asked.invoked, plan.host) == (0, other.url)
    assert other.asked.invoked > 0


def test_the_summary_shows_the_generators_own_share_beside_the_latency(tmp_path):
    told = io.StringIO()
    with serving() as server:
        result = perf(tmp_path, server.url, told, rate=100, duration=3, warmup=0, budgets=GENEROUS)
    assert "✓ errors < 20%" in told.getvalue()
    assert "the generator's own latency" in told.getvalue()
    own = f"(the generator's own {result.generator_ms['p99']:.3g} ms)"
    assert result.reason == SATURATED or own in result.summary
