"""Writing a report: what is there, what stays away, and what happens to records that cannot be read."""

import shutil
import subprocess
import sys

import pytest
import report_records as records
from msgspec.structs import replace
from report_html import Page, page

from legion_ci.core.errors import ToolError
from legion_ci.report import stage
from legion_ci.results import PromoteResult, QualityResult


def names(folder):
    return {p.name for p in folder.iterdir()}


def content(folder):
    return {p.name: p.read_bytes() for p in folder.iterdir()}


def text(report, name="index.html"):
    return " ".join(page(report / name).text.split())


def test_the_same_records_give_the_same_bytes_wherever_they_lie(tmp_path):
    here, there = records.promoted(tmp_path / "a"), records.promoted(tmp_path / "b")
    stage.write(here, here / "report")
    stage.write(there, tmp_path / "elsewhere")
    again = stage.write(there, tmp_path / "elsewhere")
    assert again == tmp_path / "elsewhere" / "index.html"
    assert content(here / "report") == content(tmp_path / "elsewhere")


def test_a_run_without_any_record_still_has_a_page(tmp_path):
    run = records.write(tmp_path)
    told = text(stage.write(run, tmp_path / "report").parent)
    assert "NOT FINISHED" in told
    assert told.count("NOT RUN") >= 6
    assert not (tmp_path / "report" / "quality.html").exists()


@pytest.mark.parametrize("stop", range(1, 7))
def test_a_run_that_stopped_anywhere_has_pages_for_what_ran(tmp_path, stop):
    results = (
        records.train(),
        records.quality(),
        records.package(),
        records.deploy(),
        records.perf(),
        records.promote(),
    )
    report = stage.write(records.write(tmp_path, *results[:stop]), tmp_path / "report").parent
    pages = {"quality.html": 2, "deploy.html": 4, "perf.html": 5, "promote.html": 6}
    assert {p for p in pages if (report / p).exists()} == {p for p, needed in pages.items() if stop >= needed}
    assert ("NOT FINISHED" in text(report)) == (stop < 6)


def test_a_broken_record_is_said_on_the_page(tmp_path):
    run = records.promoted(tmp_path)
    (run / "quality.json").write_bytes((run / "quality.json").read_bytes()[:200])
    report = stage.write(run, run / "report").parent
    assert "UNREADABLE" in text(report)
    assert "quality.json is not a record" in text(report)
    assert "run legion-ci quality again" in text(report, "quality.html")
    assert '<failure message="quality.json is not a record' in (report / "junit-quality.xml").read_text()


def test_a_record_of_a_newer_version_is_said_on_the_page(tmp_path):
    run = records.promoted(tmp_path)
    raw = (run / "perf.json").read_bytes().replace(b'"schema_version": 1', b'"schema_version": 2', 1)
    (run / "perf.json").write_bytes(raw)
    report = stage.write(run, run / "report").parent
    assert "was written by a newer legion-ci (schema 2, known 1); upgrade legion-ci" in text(report, "perf.html")


def test_a_record_that_holds_another_stages_result_is_said_on_the_page(tmp_path):
    run = records.promoted(tmp_path)
    shutil.copy(run / "package.json", run / "promote.json")
    assert "promote.json holds no result of promote" in text(stage.write(run, run / "report").parent)


def test_nothing_of_an_earlier_report_stays_and_other_files_are_left_alone(tmp_path):
    out = tmp_path / "report"
    out.mkdir()
    (out / "mine.html").write_text("mine")
    stage.write(records.promoted(tmp_path / "a"), out)
    assert {"perf.html", "promote-traffic.svg", "junit-perf.xml"} <= names(out)
    stage.write(records.refused(tmp_path / "b"), out)
    assert not {"perf.html", "promote-traffic.svg", "junit-perf.xml"} & names(out)
    assert (out / "mine.html").read_text() == "mine"


def test_the_raw_requests_are_copied_when_there_are_any(tmp_path):
    run = records.promoted(tmp_path)
    assert "perf.jtl" not in names(stage.write(run, run / "report").parent)
    (run / "perf.jtl").write_text("timeStamp,elapsed\n1,2\n")
    report = stage.write(run, run / "report").parent
    assert (report / "perf.jtl").read_text() == "timeStamp,elapsed\n1,2\n"
    assert "every request of the load test" in text(report)


def test_passwords_in_addresses_never_reach_a_file(reports):
    for folder in reports.values():
        assert [p.name for p in folder.iterdir() if b"hunter2" in p.read_bytes()] == []


def test_the_title_can_be_chosen(tmp_path):
    report = stage.write(records.promoted(tmp_path), tmp_path / "report", title="Will it be late? <b>").parent
    assert "Will it be late? <b>" in text(report)
    assert "Will it be late? <b> – legion-ci" in text(report, "index.html")


def test_a_folder_that_cannot_be_written_is_an_error_that_names_it(tmp_path):
    run = records.first(tmp_path)
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(ToolError, match="taken"):
        stage.write(run, tmp_path / "taken")


def test_thousands_of_slices_fit_on_a_page_that_says_how_many_are_left_out(tmp_path):
    many = tuple(records.a_slice(f"city={'é' * 70}{i:05d}", 400 + i, i) for i in range(4000))
    run = records.write(tmp_path, records.train(), records.quality(checks=many))
    report = stage.write(run, run / "report").parent
    assert (report / "quality.html").stat().st_size <= stage.MOST_BYTES
    assert "more are in junit-quality.xml and quality.json" in text(report, "quality.html")
    assert (report / "junit-quality.xml").read_text().count("<testcase") == 4000


def test_thousands_of_looks_fit_too(tmp_path):
    looks = tuple(records.look(i, "5", 0.05, "hold", 100 + i) for i in range(5000))
    run = records.write(tmp_path, records.promote(looks=looks))
    report = stage.write(run, run / "report").parent
    assert max(p.stat().st_size for p in report.iterdir()) <= stage.MOST_BYTES


def test_looks_that_cannot_be_read_are_counted_and_the_others_shown(tmp_path):
    odd = ({"share": "much"}, {"claims": {"brier": None}}, *records.looks())
    report = stage.write(records.write(tmp_path, records.promote(looks=odd)), tmp_path / "report").parent
    assert "2 looks in the record could not be read" in text(report, "promote.html")
    assert text(report, "promote.html").count("moved on") >= 3


def test_the_overview_answers_the_four_questions(reports):
    for kind, better, fast, who in (
        ("promoted", "Yes: a gain is shown.", "Yes, within every budget.", "Everybody: it is the champion."),
        ("first", "Good enough. It is the first", "Yes, within every budget.", "Everybody: it is the champion."),
        ("refused", "No: worse than the live model.", "the load test has not run", "Nobody yet: it is not deployed."),
        ("undecided", "These rows cannot tell.", "Not known: the load was not as planned.", "5 % of the traffic."),
    ):
        told = text(reports[kind])
        assert better in told, kind
        assert fast in told, kind
        assert who in told, kind


def test_a_deployment_that_waits_is_seen_by_nobody(tmp_path):
    held = PromoteResult(
        verdict="INCONCLUSIVE", reason="hold.quality", summary="stays at 0 %", action="hold", deployment="d"
    )
    report = stage.write(records.write(tmp_path, records.train(), held), tmp_path / "report").parent
    assert "Nobody yet: 0 % of the traffic." in text(report)
    assert "held quality could not decide" in text(report)


def test_budgets_of_a_load_that_was_not_as_planned_are_never_shown_as_failed(reports):
    shown = Page((reports["undecided"] / "perf.html").read_text())
    assert "FAIL" not in shown.text
    assert shown.text.count("NOT ASSESSED") == 2


def test_a_gate_without_checks_or_tests_says_so(tmp_path):
    empty = replace(records.quality(), checks=(), verdict="INCONCLUSIVE", reason="no_checks")
    run = records.write(
        tmp_path, empty, records.deploy(tests=()), records.perf(budgets=(), series=(), percentiles_ms={})
    )
    report = stage.write(run, run / "report").parent
    assert isinstance(empty, QualityResult)
    assert "No checks are configured" in text(report, "quality.html")
    assert "No acceptance tests are configured" in text(report, "deploy.html")
    assert "No budgets are configured" in text(report, "perf.html")


def test_the_report_needs_nothing_but_the_base_installation(tmp_path):
    run = records.promoted(tmp_path)
    heavy = "numpy pandas scipy sklearn mlflow duckdb pyarrow locust granian jinja2 matplotlib"
    program = (
        "import sys; from pathlib import Path; from legion_ci.report import stage;"
        f"stage.write(Path({str(run)!r}), Path({str(run)!r}) / 'report');"
        f"print([m for m in {heavy.split()} if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
