"""JUnit, SARIF, CSV, Markdown and the badge: read by programs, so held to their formats."""

import csv
import json
import re
import xml.etree.ElementTree as ET

import report_records as records
from msgspec.structs import replace

from legion_ci.report import stage
from legion_ci.results import Outcome, Verdict


def junit(report, name):
    return ET.parse(report / f"junit-{name}.xml").getroot().find("testsuite")


def cases(report, name):
    return {c.get("name"): c for c in junit(report, name)}


def made(tmp_path, *results):
    return stage.write(records.write(tmp_path, *results), tmp_path / "report").parent


def test_every_junit_file_counts_what_it_holds(report):
    for path in report.glob("junit-*.xml"):
        root = ET.parse(path).getroot()
        for suite in (root, root.find("testsuite")):
            found = list(root.iter("testcase"))
            assert int(suite.get("tests")) == len(found) > 0
            assert int(suite.get("failures")) == sum(c.find("failure") is not None for c in found)
            assert int(suite.get("skipped")) == sum(c.find("skipped") is not None for c in found)
        for case in found:
            assert case.get("classname").startswith(f"legion.{path.stem.removeprefix('junit-')}.")
            assert case.get("name")
            assert float(case.get("time")) >= 0
            assert {c.tag for c in case} <= {"failure", "skipped", "system-out"}


def test_there_is_a_case_for_each_check_and_slice(reports):
    found = cases(reports["promoted"], "quality")
    assert len(found) == len(records.checks())
    assert found["brier versus champion, margin 0.005"].get("classname") == "legion.quality.brier"
    assert "recall versus champion [carrier=AA]" in found


def test_the_interval_is_in_the_message_of_a_failure(reports):
    case = cases(reports["refused"], "quality")["brier versus champion, margin 0.005"]
    assert "−0.0131 [−0.0149, −0.0113], asked ≥ −0.005" in case.find("failure").get("message")


def test_what_is_undecided_is_skipped_with_its_reason(reports):
    case = cases(reports["undecided"], "quality")["brier versus champion, margin 0.005"]
    assert case.find("skipped").get("message").startswith("INCONCLUSIVE: −0.002 [−0.010, +0.006]")


def test_a_slice_that_is_not_assessed_is_skipped_with_its_reason(reports):
    case = cases(reports["promoted"], "quality")["recall versus champion [carrier=HA]"]
    assert case.find("skipped").get("message") == "NOT ASSESSED: 10 rows of the rarer class, at least 50 are needed"


def test_no_alarm_has_passed_and_tells_the_smallest_loss_that_it_could_see(reports):
    case = cases(reports["promoted"], "quality")["recall versus champion [carrier=AA]"]
    assert (case.find("failure"), case.find("skipped")) == (None, None)
    assert "NO ALARM" in case.find("system-out").text
    assert "a loss of 0.0429 would have been seen" in case.find("system-out").text


def test_budgets_of_a_load_that_was_not_as_planned_fail_nobody_and_the_verdict_is_a_case(reports):
    found = cases(reports["undecided"], "perf")
    assert junit(reports["undecided"], "perf").get("failures") == "0"
    assert "could not keep its plan" in found["p99 < 50ms"].find("skipped").get("message")
    assert found["verdict"].find("skipped").get("message").startswith("INCONCLUSIVE: the load generator")


def test_a_verdict_that_its_cases_do_not_imply_is_a_case_of_its_own(tmp_path):
    held = records.promote(
        verdict=Verdict.INCONCLUSIVE, reason="hold.min_units", summary="held", claims=records.promote().claims
    )
    assert cases(made(tmp_path / "a", held), "promote")["verdict"].find("skipped") is not None
    assert "verdict" not in cases(made(tmp_path / "b", records.promote()), "promote")


def test_acceptance_tests_keep_their_outcome_and_time(reports):
    found = cases(reports["promoted"], "deploy")
    name = "tests/test_model.py::test_the_order_of_the_columns_does_not_matter"
    assert found[name].get("time") == "0.034"
    assert junit(reports["promoted"], "deploy").get("skipped") == "1"
    assert junit(reports["extreme"], "deploy").get("failures") == "3"


def sarif(report):
    return json.loads((report / "findings.sarif").read_text())["runs"][0]


def test_findings_point_at_the_line_that_asked(reports):
    found = {r["message"]["text"].split(":")[0]: r for r in sarif(reports["refused"])["results"]}
    place = found["brier versus champion, margin 0.005"]["locations"][0]["physicalLocation"]
    assert place["artifactLocation"] == {"uri": "legion.yaml", "uriBaseId": "%SRCROOT%"}
    assert place["region"] == {"startLine": 10, "startColumn": 7}
    assert found["brier versus champion, margin 0.005"]["level"] == "error"


def test_what_passed_is_no_finding_and_what_is_undecided_warns(reports):
    levels = {r["message"]["text"].split(": ")[1]: r["level"] for r in sarif(reports["undecided"])["results"]}
    assert levels == {"INCONCLUSIVE": "warning", "NOT ASSESSED": "note"}
    assert all(r["level"] == "note" for r in sarif(reports["promoted"])["results"])


def test_sarif_is_coherent_and_findings_have_stable_prints(report):
    run = sarif(report)
    rules = [r["id"] for r in run["tool"]["driver"]["rules"]]
    assert rules == sorted(set(rules))
    for result in run["results"]:
        assert rules[result["ruleIndex"]] == result["ruleId"]
        region = result["locations"][0]["physicalLocation"]["region"]
        assert region["startLine"] >= 1
        assert re.fullmatch("[0-9a-f]{64}", result["partialFingerprints"]["legionCase/v1"])


def test_an_absolute_path_is_a_uri(tmp_path):
    failed = replace(records.checks()[0], outcome=Outcome.FAIL, where="/srv/ü/legion.yaml:3")
    run = sarif(made(tmp_path, records.quality(checks=(failed,), verdict=Verdict.FAIL)))
    place = run["results"][0]["locations"][0]["physicalLocation"]
    assert place == {"artifactLocation": {"uri": "file:///srv/%C3%BC/legion.yaml"}, "region": {"startLine": 3}}


def test_a_setting_without_a_line_is_named(tmp_path):
    late = replace(records.perf().budgets[1], outcome=Outcome.FAIL)
    run = sarif(made(tmp_path, records.perf(budgets=(late,), verdict=Verdict.FAIL)))
    assert run["results"][0]["locations"][0]["logicalLocations"][0]["fullyQualifiedName"] == "perf.budgets[1]"


def test_plots_are_one_row_of_numbers(report):
    for path in report.glob("plot-*.csv"):
        rows = list(csv.reader(path.open(newline="")))
        assert len(rows) == 2
        assert len(rows[0]) == len(rows[1]) > 0
        assert all(float(v) == float(v) for v in rows[1])


def test_a_stage_that_was_not_run_again_has_no_time_to_plot(reports):
    assert "package" not in (reports["promoted"] / "plot-seconds.csv").read_text()


def test_names_cannot_break_out_of_markdown(reports):
    text = (reports["extreme"] / "summary.md").read_text()
    assert "<script>" not in text
    assert not re.search(r"(?<!\\)`a`", text)
    assert "](javascript" not in text
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert {len(re.findall(r"(?<!\\)\|", row)) for row in rows} == {5}


def test_the_summary_names_what_did_not_pass_worst_first(reports):
    lines = [line for line in (reports["refused"] / "summary.md").read_text().splitlines() if line.startswith("- ")]
    assert lines[0].startswith("- **FAIL** quality: brier versus champion, margin 0.005 – ")
    assert len(lines) == 3


def test_the_badge_tells_model_verdict_and_share(reports):
    badge = ET.fromstring((reports["promoted"] / "badge.svg").read_text())
    assert badge.get("aria-label") == "flight-delay 2: PASS · 100 %"
    assert "FAIL" in ET.fromstring((reports["refused"] / "badge.svg").read_text()).get("aria-label")
