"""Every file for other programs against its schema, and schemas that would notice."""

import csv
import json
import xml.etree.ElementTree as ET
from pathlib import Path

import jsonschema
import pytest
import report_records as records
import xmlschema

from legion_ci.perf import jtl

SCHEMAS = Path(__file__).parent / "schemas"
RECORDS = Path(__file__).resolve().parents[3] / "resources" / "org" / "legion" / "ci" / "records.schema.json"


def validator(file: Path) -> jsonschema.Draft202012Validator:
    schema = json.loads(file.read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema, format_checker=jsonschema.FormatChecker())


@pytest.fixture(scope="module")
def junit():
    return xmlschema.XMLSchema(SCHEMAS / "junit.xsd")


def test_junit_files_are_as_jenkins_reads_them(report, junit):
    for path in sorted(report.glob("junit-*.xml")):
        junit.validate(path)


def test_the_junit_schema_notices(reports, junit):
    text = (reports["refused"] / "junit-quality.xml").read_text()
    for bad in (
        text.replace("<failure ", "<failed ").replace("</failure>", "</failed>"),
        text.replace(' tests="', ' test="', 1),
        text.replace('time="', 'time="-', 1),
        text.replace("<skipped message=", "<skipped reason="),
    ):
        assert bad != text
        assert not junit.is_valid(ET.ElementTree(ET.fromstring(bad)))


@pytest.mark.parametrize(("name", "schema"), [("findings.sarif", "sarif"), ("issues.json", "issues")])
def test_findings_keep_to_their_schema(report, name, schema):
    validator(SCHEMAS / f"{schema}.schema.json").validate(json.loads((report / name).read_text()))


def broken(text):
    """The same findings with one thing wrong in each."""
    for change in ("level", "line", "base", "version"):
        told = json.loads(text)
        result = told["runs"][0]["results"][0]
        place = result["locations"][0]["physicalLocation"]
        if change == "level":
            result["level"] = "fatal"
        elif change == "line":
            place["region"]["startLine"] = 0
        elif change == "base":
            del place["artifactLocation"]["uriBaseId"]
        else:
            told["version"] = "2.0.0"
        yield told


def test_the_sarif_schema_notices(reports):
    text = (reports["refused"] / "findings.sarif").read_text()
    check = validator(SCHEMAS / "sarif.schema.json")
    assert check.is_valid(json.loads(text))
    assert [check.is_valid(told) for told in broken(text)] == [False] * 4


def test_both_files_of_findings_say_the_same(report):
    sarif = json.loads((report / "findings.sarif").read_text())["runs"][0]["results"]
    issues = json.loads((report / "issues.json").read_text())
    assert issues["size"] == len(issues["issues"]) == len(sarif)
    severities = {"error": "ERROR", "warning": "NORMAL", "note": "LOW"}
    for one, other in zip(sarif, issues["issues"], strict=True):
        place = one["locations"][0]["physicalLocation"]["region"]
        assert other["severity"] == severities[one["level"]]
        assert (other["lineStart"], other.get("columnStart")) == (place["startLine"], place.get("startColumn"))


@pytest.mark.parametrize("kind", ["promoted", "first", "refused", "undecided", "compared"])
def test_every_record_keeps_to_the_published_schema(tmp_path, kind):
    check = validator(RECORDS)
    files = sorted(p for p in getattr(records, kind)(tmp_path).glob("*.json") if p.name != "run.json")
    assert files
    for path in files:
        check.validate(json.loads(path.read_text()))


def test_the_records_schema_notices(tmp_path):
    check = validator(RECORDS)
    record = json.loads((records.promoted(tmp_path) / "quality.json").read_text())
    for key, value in (("seconds", "long"), ("stage", "deploy"), ("stage", "unknown"), ("result", {"verdict": "PASS"})):
        assert not check.is_valid({**record, key: value}), key
    record["result"]["verdict"] = "MAYBE"
    assert not check.is_valid(record)


def test_a_jtl_is_what_jmeter_and_the_performance_plugin_read(tmp_path):
    raw = tmp_path / "raw.csv"
    raw.write_text(
        "intended_us,done_us,name,status,failure,bytes\n500000,900000,POST /,200,,10\n1000000,1012600,POST /,200,,31\n"
        '2000000,2500000,POST /,503,"HTTP 503, no\nupstream",0\n'
    )
    assert jtl.write(raw, tmp_path / "perf.jtl", 1_795_000_000.0, 1.0, 10.0) == 2
    rows = list(csv.DictReader((tmp_path / "perf.jtl").open(newline="")))
    assert list(rows[0]) == [
        "timeStamp",
        "elapsed",
        "label",
        "responseCode",
        "responseMessage",
        "threadName",
        "success",
        "bytes",
        "Latency",
    ]
    assert [(r["timeStamp"], r["elapsed"], r["success"]) for r in rows] == [
        ("1795000001000", "13", "true"), ("1795000002000", "500", "false"),
    ]  # fmt: skip
    assert all(int(r[c]) >= 0 for r in rows for c in ("timeStamp", "elapsed", "bytes", "Latency"))
    assert {r["success"] for r in rows} <= {"true", "false"}
    assert "\n" not in rows[1]["responseMessage"]
