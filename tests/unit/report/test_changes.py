"""Against the last promoted build: what is remembered, what is new, fixed and outstanding, and where each bound was set."""

import json

import report_records as records
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from report_html import page

from legion_ci import places
from legion_ci.report import changes, promoted, stage
from legion_ci.report.cases import Case
from legion_ci.report.records import Story
from legion_ci.results import Outcome


def write(run, memory):
    return stage.write(run, run / "report", memory=memory).parent


def states(report):
    results = json.loads((report / "findings.sarif").read_text())["runs"][0]["results"]
    return {r["message"]["text"].split(":")[0]: r.get("baselineState") for r in results}


def test_only_a_promotion_is_remembered(tmp_path):
    memory = tmp_path / "promoted.json"
    for kind in ("refused", "undecided"):
        write(getattr(records, kind)(tmp_path / kind), memory)
        assert not memory.exists()
    write(records.promoted(tmp_path / "promoted"), memory)
    assert promoted.before(memory, "another run").run == records.RUN


def test_a_promoted_run_is_compared_with_the_one_before_it_however_often_it_is_reported(tmp_path):
    run, memory = records.compared(tmp_path), tmp_path / "promoted.json"
    whole = records.promoted(tmp_path)
    assert whole == run
    first = (write(run, memory) / "index.html").read_bytes()
    assert b"flight-delay 1" in first
    assert (write(run, memory) / "index.html").read_bytes() == first
    assert [promoted.before(memory, r).model for r in (run.name, "next")] == ["flight-delay 1", "flight-delay 2"]


def test_findings_are_new_outstanding_or_fixed(reports):
    found = states(reports["compared"])
    assert found["brier versus champion, margin 0.005"] == "new"
    assert found["recall versus champion [carrier=AA]"] == "unchanged"
    text = page(reports["compared"] / "index.html").text
    assert "2 new, 1 fixed, 1 outstanding; compared with flight-delay 1" in text
    assert set(states(reports["refused"]).values()) == {None}


def test_what_the_model_is_made_of_is_held_against_what_was_promoted(reports):
    text = page(reports["compared"] / "lineage.html").text
    assert "commit0000000000003f1c9a27d0b8" in text
    assert "parameter max_iter100200" in text
    assert "training rows100,000131,432" in text
    assert "modelflight-delay 1flight-delay 2" in text


def test_a_memory_that_cannot_be_read_is_as_good_as_none(tmp_path):
    memory = tmp_path / "promoted.json"
    memory.write_text('{"builds": 3')
    report = write(records.promoted(tmp_path / "run"), memory)
    assert "Nothing was promoted before." in page(report / "index.html").text
    assert promoted.before(memory, "x").run == records.RUN


def test_no_secret_goes_into_the_memory(tmp_path):
    write(records.promoted(tmp_path / "run"), tmp_path / "promoted.json")
    assert "hunter2" not in (tmp_path / "promoted.json").read_text()


OUTCOMES = st.sampled_from([str(o) for o in Outcome])


@given(st.lists(OUTCOMES, min_size=1, max_size=6), st.lists(st.none() | OUTCOMES, min_size=6, max_size=6))
def test_every_finding_has_exactly_one_state(now, then):
    checks = tuple(replace(records.checks()[0], name=f"c{i}", outcome=Outcome(o)) for i, o in enumerate(now))
    keys = [changes.key("quality", Case(c.metric, c.name, "", "")) for c in checks]
    last = promoted.Promoted(
        run="r", model="m", at="2026-11-14T05:33:11.000Z", cases={k: o for k, o in zip(keys, then, strict=False) if o}
    )
    from legion_ci.report.records import Gate

    record = records.record("quality", records.quality(checks=checks), 1)
    story = Story("run", (Gate("quality", record, records.quality(checks=checks)),), last=last)
    found = {f.case.name: f.state for f in changes.findings(story)}
    for i, outcome in enumerate(now):
        is_one, was_one = outcome in changes.FINDINGS, then[i] in changes.FINDINGS
        wanted = {(True, True): "outstanding", (True, False): "new", (False, True): "fixed"}.get((is_one, was_one))
        assert found.get(f"c{i}") == wanted


ORIGINS = {
    ("perf",): "legion.yaml:11:1", ("perf", "budgets"): "legion.yaml:11:20", ("perf", "budgets", 1): "legion.yaml:11:44",
    ("promote", "metric"): "legion.yaml:12:40", ("promote", "guardrails"): "legion.yaml:12:80",
    ("promote", "guardrails", 0): "legion.yaml:12:93",
}  # fmt: skip


def test_budgets_and_claims_point_at_the_line_that_asked():
    base = records.perf().budgets[0]
    asked = records.perf(budgets=tuple(replace(base, where=f"perf.budgets[{i}]") for i in (0, 1)))
    assert [b.where for b in places.located(asked, ORIGINS).budgets] == ["legion.yaml:11:20", "legion.yaml:11:44"]
    moved = places.located(records.promote(), ORIGINS, (records.promote().claims[1].name,))
    assert [c.where for c in moved.claims] == ["legion.yaml:12:40", "legion.yaml:12:93"]
    margin = places.located(records.promote(), {**ORIGINS, ("promote", "margin"): "legion.yaml:12:55"}, ())
    assert [c.where for c in margin.claims] == ["legion.yaml:12:55", "legion.yaml:12:80"]


def test_a_default_keeps_the_path_of_its_setting():
    asked = records.perf(budgets=(replace(records.perf().budgets[0], where="perf.budgets[0]"),))
    assert places.located(asked, {}).budgets[0].where == "perf.budgets[0]"
    assert [c.where for c in places.located(records.promote(), {}).claims] == ["promote.metric", "promote.guardrails"]
    assert places.located(records.quality(), ORIGINS) == records.quality()
