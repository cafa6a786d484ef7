"""jenkins.build and jenkins.reports: from the queue to the verdict that the records hold."""

import json

import jenkins_server
import pytest
import report_records
from jenkins_state import PIPELINE, Build, Script

from legion_ci.core.errors import ServiceError
from legion_ci.core.progress import Progress
from legion_ci.core.secrets import Secrets
from legion_ci.core.shell import Shell
from legion_ci.core.tools import Tools
from legion_ci.jenkins import follow, stage
from legion_ci.jenkins.address import Address
from legion_ci.jenkins.server import Server

MAIN = "Models/Flights/flight-delay/main"
FAST = follow.Waiting(queue_s=30, build_s=30, every_s=0)


@pytest.fixture
def archived(tmp_path):
    """Kind of run -> what its build archives."""

    def files(kind: str, below: str = "") -> dict[str, bytes]:
        run = getattr(report_records, kind)(tmp_path / kind)
        (run / "facts.properties").write_text("model.name=flight-delay\n")
        (run / "report").mkdir(exist_ok=True)
        (run / "report" / "index.html").write_text("<p>")
        return {
            f"{below}.legion/runs/{run.name}/{p.relative_to(run)}": p.read_bytes()
            for p in run.rglob("*")
            if p.is_file()
        }

    return files


@pytest.fixture
def job(model, jenkins, call):
    """The branch's job, as a scan leaves it."""
    call("job")
    import xml.etree.ElementTree as ET

    from jenkins_state import Item

    jenkins.state.items[MAIN] = Item(MAIN, ET.fromstring(f"<{PIPELINE}><properties/></{PIPELINE}>"))
    return jenkins.state.items[MAIN]


def build(jenkins, capsys, branch="", parameter=(), waiting=FAST, wait=True):
    jenkins.seen.clear()
    tools = Tools(progress=Progress(quiet=True), secrets=Secrets(), shell=Shell())
    code = stage.build(tools, "", (), branch, parameter, wait, waiting)
    return code, capsys.readouterr().out


@pytest.mark.parametrize(
    ("kind", "result", "code"), [("promoted", "SUCCESS", 0), ("refused", "FAILURE", 1), ("undecided", "UNSTABLE", 10)]
)
def test_a_build_ends_with_the_verdict_of_its_records(job, jenkins, capsys, archived, model, kind, result, code):
    jenkins.state.scripts = [Script(result=result, files=archived(kind))]
    found, out = build(jenkins, capsys)
    assert found == code
    assert f"build {MAIN} #1" in out
    kept = model / ".legion" / "jenkins" / "Models-Flights-flight-delay-main-1"
    told = json.loads((kept / "build.json").read_text())
    assert (told["result"], told["number"]) == (result, 1)
    assert {v["verdict"] for v in told["verdicts"].values()} >= {{0: "PASS", 1: "FAIL", 10: "INCONCLUSIVE"}[code]}
    assert (kept / report_records.RUN / "train.json").is_file()
    assert not (kept / report_records.RUN / "report").exists()


def test_records_of_old_builds_go(job, jenkins, call, archived, model):
    job.builds = [Build(n, Script(files=archived("promoted")), {}, shown=2) for n in range(1, 5)]
    for number in range(1, 5):
        assert call("reports", build=str(number), sets=("keep.runs=2",))[0] == 0
    kept = sorted(p.name[-1] for p in (model / ".legion" / "jenkins").iterdir())
    assert (len(kept), kept[-1]) == (2, "4")


def test_the_console_is_told_once_as_it_grows_characters_and_annotations_whole(job, jenkins, capsys, archived):
    note = b"\x1b[8mha:AAAA\x1b[0m"
    pieces = ["Grüße ".encode()[:3], "Grüße ".encode()[3:] + note + b"from Jenkins\n", b"", b"Finished: SUCCESS\n"]
    jenkins.state.scripts = [Script(console=pieces, files=archived("promoted"), settles=3)]
    code, out = build(jenkins, capsys)
    assert code == 0
    assert "Grüße from Jenkins\nFinished: SUCCESS\n" in out
    assert out.count("from Jenkins") == 1


def test_a_secret_in_the_console_is_not_told(job, jenkins, capsys, archived):
    jenkins.state.scripts = [Script(console=[b"token is 11a-token-of-alice\n"], files=archived("promoted"))]
    assert "token is ****" in build(jenkins, capsys)[1]


@pytest.mark.parametrize(
    ("kind", "result", "code", "told"),
    [
        ("promoted", "FAILURE", 5, "promote says PASS: something else decided it"),
        ("undecided", "SUCCESS", 5, "promote says INCONCLUSIVE"),
        (None, "FAILURE", 3, "left no record of a stage"),
        (None, "SUCCESS", 3, "left no record of a stage"),
    ],
)
def test_a_colour_without_its_record_is_no_verdict(job, jenkins, call, archived, kind, result, code, told):
    jenkins.state.scripts = [Script(whys=[], result=result, files=archived(kind) if kind else {"other.txt": b""})]
    found, _, err = call("build")
    assert (found, told in err) == (code, True)


def test_an_aborted_build_is_neither_failed_nor_undecided(job, jenkins, call, archived):
    jenkins.state.scripts = [Script(whys=[], result="ABORTED", files=archived("refused"))]
    assert call("build")[0] == 143


def test_records_of_a_model_in_a_subfolder_are_found(job, jenkins, capsys, archived):
    jenkins.state.scripts = [Script(files=archived("promoted", "models/delay/"))]
    assert build(jenkins, capsys)[0] == 0


def test_a_path_that_leads_out_of_the_folder_is_not_followed(job, jenkins, capsys, archived, model):
    evil = {
        ".legion/runs/x/../../../../evil.json": b"{}",
        ".legion/runs/x/y\\..\\evil.json": b"{}",
        ".legion/runs/loose.json": b"{}",
    }
    jenkins.state.scripts = [Script(files={**archived("promoted"), **evil})]
    assert build(jenkins, capsys)[0] == 0
    assert [p for p in model.parent.rglob("*") if p.name in ("evil.json", "loose.json") or "\\" in p.name] == []


def test_parameters_go_along_and_wrong_ones_are_refused_before_anything_starts(job, jenkins, capsys, archived, call):
    import xml.etree.ElementTree as ET

    wanted = ET.fromstring(
        "<hudson.model.ParametersDefinitionProperty><parameterDefinitions><hudson.model.StringParameterDefinition><name>DAYS</name>"
        "<defaultValue>3</defaultValue></hudson.model.StringParameterDefinition></parameterDefinitions>"
        "</hudson.model.ParametersDefinitionProperty>"
    )
    job.root.find("properties").append(wanted)
    jenkins.state.scripts = [Script(files=archived("promoted")), Script(files=archived("promoted"))]
    assert build(jenkins, capsys, parameter=("DAYS=5 = fünf&x",))[0] == 0
    assert build(jenkins, capsys)[0] == 0
    assert [b.parameters for b in job.builds] == [{"DAYS": "5 = fünf&x"}, {"DAYS": "3"}]
    code, _, err = call("build", parameter=("DAY=5", "x=1"))
    assert code == 2
    assert "has no parameter DAY; it has DAYS" in err
    assert "has no parameter x" in err
    code, _, err = call("build", parameter=("DAYS",))
    assert (code, "'DAYS' is not NAME=VALUE" in err) == (2, True)
    assert len(job.builds) == 2


def test_a_branch_with_a_slash_has_its_own_job(job, jenkins, capsys, archived):
    name = "Models/Flights/flight-delay/feature%2Fx"
    jenkins.state.items[name] = type(job)(name, job.root)
    jenkins.state.scripts = [Script(files=archived("promoted"))]
    assert build(jenkins, capsys, branch="feature/x")[0] == 0
    assert len(jenkins.state.items[name].builds) == 1


def test_an_unknown_branch_says_what_to_do(job, call):
    code, _, err = call("build", branch="nobody")
    assert code == 3
    assert "Models/Flights/flight-delay/nobody: there is none that user alice may see (404)" in err


def test_without_waiting_it_ends_when_the_build_has_started(job, jenkins, capsys):
    code, out = build(jenkins, capsys, wait=False)
    assert (code, out) == (0, f"build {MAIN} #1\n")


class Ticking:
    """A clock that moves by a second at each look."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        self.now += 1
        return self.now


def waiting(**limits):
    return follow.Waiting(**{"queue_s": 5, "build_s": 5, "every_s": 0, **limits, "clock": Ticking()})


def test_an_item_that_never_starts_is_taken_out_of_the_queue_with_its_reason(job, jenkins, capsys):
    jenkins.state.scripts = [Script(whys=["‘models’ doesn’t have online nodes"] * 99)]
    with pytest.raises(
        ServiceError, match="did not start within 5 s: .models. doesn.t have online nodes; it was taken out"
    ) as found:
        build(jenkins, capsys, waiting=waiting())
    assert found.value.problems[0].todo == "start an agent with that label"
    assert next(iter(jenkins.state.queue.values())).cancelled
    assert job.builds == []


def test_an_item_that_somebody_cancels_is_no_build(job, jenkins, capsys):
    jenkins.state.scripts = [Script(cancelled=True)]
    with pytest.raises(ServiceError, match="was cancelled"):
        build(jenkins, capsys)


def test_an_item_that_jenkins_has_forgotten_is_said(job, jenkins):
    server = Server(Address(jenkins.url, "alice", "11a-token-of-alice"))
    with pytest.raises(ServiceError, match="queue item 77 is gone"):
        follow.started(server, 77, FAST, Progress(quiet=True))


def test_a_build_that_goes_on_for_too_long_is_left_alone(job, jenkins, capsys):
    jenkins.state.scripts = [Script(whys=[], console=[b"."] * 99)]
    with pytest.raises(ServiceError, match="#1 is not done after 5 s; it goes on"):
        build(jenkins, capsys, waiting=waiting(queue_s=99))


def test_a_server_that_is_about_to_shut_down_starts_nothing(job, jenkins, call):
    jenkins.state.quiet = True
    code, _, err = call("build")
    assert (code, "is about to shut down" in err, jenkins.state.queue) == (6, True, {})


def test_reports_brings_everything_of_the_last_completed_build(job, jenkins, call, archived, model):
    running = Build(2, Script(), {})
    job.builds = [Build(1, Script(result="FAILURE", files=archived("refused")), {}, shown=2), running]
    code, out, _ = call("reports")
    page = f".legion/jenkins/Models-Flights-flight-delay-main-1/{report_records.RUN}/report/index.html"
    assert (code, out.splitlines()[-1].endswith(page)) == (0, True)
    assert (model / page).read_text() == "<p>"
    code, _, err = call("reports", build="2")
    assert (code, "has not ended" in err) == (6, True)
    code, _, err = call("reports", build="newest")
    assert (code, "'newest' is not a build" in err) == (2, True)
    job.builds[0].script.files = {"log.txt": b""}
    code, _, err = call("reports", build="1")
    assert (code, "has archived no records" in err) == (3, True)


def test_the_program_ends_with_the_verdict_as_its_status(job, jenkins, archived, model):
    import subprocess

    from legion_program import PROGRAM

    jenkins.state.scripts = [Script(whys=[], result="UNSTABLE", files=archived("undecided"))]
    done = subprocess.run([PROGRAM, "jenkins.build"], capture_output=True, text=True, cwd=model, timeout=120)
    assert (done.returncode, "unstable  promote INCONCLUSIVE" in done.stdout) == (10, True), done.stderr
    assert jenkins_server.PREFIX in done.stdout
