"""Budgets and figures of one endpoint or phase, and one failure in 10,000 as that, everywhere."""

import csv
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest
from perf_runs import TRAINED, deployed

from legion_ci.core.errors import ConfigurationError
from legion_ci.core.secrets import Secrets
from legion_ci.perf import figures, jtl
from legion_ci.perf.arrivals import Phase
from legion_ci.perf.budgets import parse
from legion_ci.perf.log import RAW
from legion_ci.perf.measure import Run
from legion_ci.perf.measure import figures as measured
from legion_ci.perf.outcome import result
from legion_ci.perf.plan import Load, Plan, refusals
from legion_ci.perf.recorder import Recorder, Seen
from legion_ci.perf.terminal import summary
from legion_ci.report import cases, junit
from legion_ci.report.records import Gate
from legion_ci.results import Outcome

PHASES = (Phase(name="calm", rate=500, duration_s=10), Phase(name="peak", rate=1000, duration_s=5))


def recorded(folder, seen, phases=(), duration_s=20.0):
    """A run whose log was written by the recorder itself."""
    plan = Plan(
        host="http://127.0.0.1:1", rate=500, arrivals="constant", duration_s=duration_s, warmup_s=0, users=1,
        most_users=1, late_s=1, folder=str(folder), phases=phases,
    )  # fmt: skip
    recorder = Recorder(plan)
    for s in seen:
        recorder.put(s)
    recorder.null(0.0002)
    recorder.status.open_users, recorder.status.ended_s = ["Replay"], duration_s
    recorder.flush()
    return Run(plan, recorder.status, measured(plan, 0.0, duration_s), Path("x.py"), 0.0, duration_s)


def one_in_ten_thousand():
    for i in range(10_000):
        failure = "HTTP 500 from /invocations" if i == 5000 else ""
        yield Seen(i / 500, i / 500, i / 500 + 0.0015, "/invocations", failure, 500 if failure else 200)


def test_one_failed_request_in_ten_thousand_is_a_hundredth_of_a_per_cent_everywhere(tmp_path):
    run = recorded(tmp_path, one_in_ten_thousand())
    said = result(run, parse(("errors < 1%", "p50 < 5ms")), 0.05, deployed("http://x"), TRAINED, Secrets(known=set()))
    assert (said.requests, said.errors, said.budgets[0].value) == (10_000, 1, 0.0001)

    jtl.write(tmp_path / RAW, tmp_path / "perf.jtl", 0.0, 0.0, 20.0)
    rows = list(csv.DictReader((tmp_path / "perf.jtl").open()))
    assert [len(rows), sum(r["success"] == "false" for r in rows)] == [10_000, 1]

    table = figures.scopes(run)
    figures.write(tmp_path / "perf.csv", table)
    told = next(csv.DictReader((tmp_path / "perf.csv").open()))
    assert (told["errors"], float(told["error_share"])) == ("1", 0.0001)
    assert float(told["p50_ms"]) == 1.5

    lines = summary(said, table)
    assert "0.01 %  1 of 10,000" in lines
    assert "p50=1.5ms" in lines
    assert "the generator's own latency ...... p50=200µs" in lines

    suite = ElementTree.fromstring(junit.render(Gate(stage="perf", record=None, result=said)))
    case = next(c for c in suite.iter("testcase") if c.get("name") == "errors < 1%")
    assert "PASS: 0.010 % [" in ElementTree.tostring(case, encoding="unicode")
    assert "1 of 10000 requests failed" in cases.of(Gate(stage="perf", record=None, result=said))[0].message


def two_endpoints():
    for i in range(5000):
        at = i / 500
        yield Seen(at, at, at + 0.002, "/fast", status=200)
        yield Seen(at, at, at + 0.080, "/slow", status=200)


def test_a_budget_is_about_its_endpoint_only(tmp_path):
    run = recorded(tmp_path, two_endpoints(), duration_s=10.0)
    budgets = parse((
        "p50{endpoint: /fast} < 10ms", "p50{endpoint: /slow} < 10ms", "p50{endpoint: /gone} < 10ms", "p90 < 10ms",
    ))  # fmt: skip
    said = result(run, budgets, 0.05, deployed("http://x"), TRAINED, Secrets(known=set()))
    outcomes = [b.outcome for b in said.budgets]
    assert outcomes == [Outcome.PASS, Outcome.FAIL, Outcome.INCONCLUSIVE, Outcome.FAIL]
    assert "requests went to /fast, /slow" in said.budgets[2].message
    assert [(r.scope, r.name, r.requests) for r in figures.scopes(run)][:3] == [
        ("all", "", 10_000), ("endpoint", "/fast", 5000), ("endpoint", "/slow", 5000),
    ]  # fmt: skip


def calm_then_peak():
    for i in range(10_000):
        at = i / 500 if i < 5000 else 10 + (i - 5000) / 1000
        yield Seen(at, at, at + (0.002 if at < 10 else 0.050), "/invoke", status=200)


def test_a_budget_is_about_its_phase_only(tmp_path):
    run = recorded(tmp_path, calm_then_peak(), phases=PHASES, duration_s=15.0)
    budgets = parse(("p99{phase: calm} < 10ms", "p99{phase: peak} < 10ms", "throughput{phase: calm} > 450/s"))
    said = result(run, budgets, 0.05, deployed("http://x"), TRAINED, Secrets(known=set()))
    assert [b.outcome for b in said.budgets] == [Outcome.PASS, Outcome.FAIL, Outcome.PASS]
    assert [(r.name, r.requests) for r in figures.scopes(run) if r.scope == "phase"] == [("calm", 5000), ("peak", 5000)]


def test_a_phase_too_short_for_its_budget_is_refused_with_the_duration_that_would_do():
    load = Load(650, "poisson", 15.0, 3.0, PHASES)
    (problem,) = refusals(parse(("errors{phase: peak} < 0.1%", "errors{phase: calm} < 0.2%")), load, 0.05)
    assert "errors{phase: peak}" in problem.what
    assert "duration of the phase peak" in problem.todo


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("p99{phse: a} < 5ms", "did you mean phase?"),
        ("p99{phase:} < 5ms", "has no value"),
        ("p99{} < 5ms", "known are endpoint, phase"),
    ],
)
def test_a_tag_that_is_none_is_told(line, told):
    with pytest.raises(ConfigurationError) as caught:
        parse((line,))
    assert told in str(caught.value)
