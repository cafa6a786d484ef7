"""What docs/how-to/jenkins-jobs.md tells to type is typed against a Jenkins, and prints what the page shows."""

import re
import subprocess
from pathlib import Path

import jenkins_server
import pytest
import report_records
from jenkins_state import Script
from legion_program import PROGRAM

from legion_ci.jenkins import doctor

PAGE = Path(__file__).resolve().parents[3] / "docs" / "how-to" / "jenkins-jobs.md"


def steps():
    """(command, the lines that it prints) in the order of the page."""
    for block in re.findall(r"```shell\n(.*?)```", PAGE.read_text(), re.DOTALL):
        for part in block.split("$ ")[1:]:
            command, *shown = part.rstrip().splitlines()
            yield command, shown


@pytest.fixture
def ready(model, jenkins, tmp_path):
    (model / "legion.yaml").write_text("model: {name: flight-delay}\n")
    more = {"pipeline-groovy-lib", "workflow-multibranch", "branch-api", "configuration-as-code"}
    plugins = {*doctor.REQUIRED, *doctor.OPTIONAL, *more}
    jenkins.state.plugins = dict.fromkeys(plugins - {"plot"}, "1.0")
    jenkins.state.branches = ["main"]
    run = report_records.promoted(tmp_path)
    (run / "report").mkdir()
    (run / "report" / "index.html").write_text("<p>")
    files = {f".legion/runs/{run.name}/{p.relative_to(run)}": p.read_bytes() for p in run.rglob("*") if p.is_file()}
    jenkins.state.scripts = [Script(whys=[], files=files)]
    return model


def test_the_page_can_be_typed_from_top_to_bottom(ready):
    assert jenkins_server.PREFIX
    typed = list(steps())
    assert len(typed) >= 6
    for command, shown in typed:
        done = subprocess.run([PROGRAM, *command.split()[1:]], capture_output=True, text=True, cwd=ready, timeout=120)
        assert done.returncode == (2 if "doctor" in command else 0), (command, done.stdout, done.stderr)
        at = 0
        for line in shown:
            found = re.compile(".*".join(map(re.escape, line.split("…")))).search(done.stdout, at)
            assert found, (command, line, done.stdout)
            at = found.end()
