"""The Groovy half: JenkinsPipelineUnit and the CPS interpreter under Maven, CodeNarc, and the count of tests."""

import csv
import shutil
import subprocess
from pathlib import Path
from xml.etree import ElementTree

import pytest
from groovy_library import HERE, TARGET, maven
from groovy_lint import lint
from requirements_of_tests import need

from legion_ci.facts import exit_code
from legion_ci.results import StageResult, Verdict
from legion_ci.settings.schema import STAGES

pytestmark = pytest.mark.groovy
EXPECTED = int((HERE / "expected-tests").read_text())


def test_the_library_passes_its_tests_and_all_of_them_ran():
    reports = TARGET / "surefire-reports"
    for old in reports.glob("TEST-*.xml"):
        old.unlink()
    done = maven("test")
    assert done.returncode == 0, (done.stdout + done.stderr)[-6000:]
    suites = [ElementTree.parse(p).getroot() for p in reports.glob("TEST-*.xml")]
    ran = sum(int(s.get("tests")) - int(s.get("skipped")) for s in suites)
    print(f"{ran} Groovy tests")
    assert ran == EXPECTED, (
        "a test that ends its JVM would be counted as none: change expected-tests only with the tests"
    )


def test_codenarc_finds_nothing_in_vars_and_src():
    """CodeNarc beside a Groovy of its own; src is on its class path, without which its rules see too little."""
    listed = TARGET / "lint-classpath"
    done = maven(
        "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:build-classpath",
        f"-Dmdep.outputFile={listed}",
        "-f",
        "lint/pom.xml",
    )
    assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]
    root = HERE.parents[1]
    command = [
        "java",
        "-cp",
        f"{listed.read_text().strip()}:{root / 'src'}",
        "org.codenarc.CodeNarc",
        f"-basedir={root}",
        "-includes=vars/*.groovy,src/**/*.groovy",
        f"-rulesetfiles=file:{HERE / 'codenarc-rules.groovy'}",
        "-report=console",
    ]
    linted = subprocess.run(command, capture_output=True, text=True, timeout=300)
    told = linted.stdout + linted.stderr
    assert linted.returncode == 0, told[-4000:]
    assert "unable to resolve class" not in told, told[-4000:]
    files = len([*(root / "vars").glob("*.groovy"), *(root / "src").rglob("*.groovy")])
    assert f"TotalFiles={files} FilesWithViolations=0" in told, told[-4000:]


@pytest.mark.timeout(1200)
def test_npm_groovy_lint_finds_nothing_but_what_was_put_there_to_be_found(tmp_path):
    need("java", "apt-get install default-jdk-headless")
    for folder in ("vars", "src", "templates"):
        shutil.copytree(HERE.parents[1] / folder, tmp_path / folder)
    (tmp_path / "Planted.groovy").write_text("class Planted {\n\tint x = 1;\n}\n")
    files = [p for p in tmp_path.rglob("*") if p.suffix == ".groovy" or p.name == "Jenkinsfile"]
    told = lint(tmp_path)
    found = {Path(f).name: [(e["line"], e["rule"]) for e in of["errors"]] for f, of in told["files"].items()}
    assert told["summary"]["totalFilesLinted"] == len(files)
    assert {f for f, errors in found.items() if errors} == {"Planted.groovy"}, found


def rows() -> list[dict[str, str]]:
    with (HERE / "src/test/resources/contract.csv").open() as file:
        return list(csv.DictReader(file))


def test_no_mock_ends_with_a_code_that_the_python_half_does_not_have():
    from legion_ci import door
    from legion_ci.core.errors import LegionError

    codes = {c.exit_code for c in LegionError.__subclasses__()} | {
        0,
        1,
        10,
        door.BUG,
        door.INTERRUPTED,
        door.TERMINATED,
    }
    assert {int(r["exit_code"]) for r in rows()} <= codes
    assert {r["stage"] for r in rows()} == {
        *STAGES,
        "report",
        "plan",
        "status",
        "rollback",
        "branch.remove",
        "schedule.due",
    }


def test_the_table_pairs_codes_with_verdicts_as_the_python_half_does():
    for row in rows():
        if row["verdict"]:
            assert exit_code(StageResult(verdict=Verdict(row["verdict"]))) == int(row["exit_code"])


def test_every_reason_in_the_table_is_one_that_the_stage_gives():
    source = {s: "".join(p.read_text() for p in (HERE.parents[1] / "legion_ci" / s).rglob("*.py")) for s in STAGES}
    for row in rows():
        if row["reason"]:
            assert row["reason"] in source[row["stage"]], row
