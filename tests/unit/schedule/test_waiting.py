"""A promotion that waits: any later build finds its records on the site, whatever was built since."""

import msgspec
import pytest
from report_records import deploy, promote, record, train
from schedule_site import Retraining

from legion_ci.gateway import routes
from legion_ci.results import Verdict
from legion_ci.runs import Run
from legion_ci.schedule import stage, waiting


@pytest.fixture
def model(tmp_path):
    made = Retraining(tmp_path / "model", "{}")
    made.crown()
    return made


def held(model, name="jenkins-wine-7", deployment="wine-2"):
    """A run whose challenger is in an experiment that holds."""
    run = Run(model.folder / "workspace" / ".legion" / "runs" / name)
    trained, deployed = train(), msgspec.structs.replace(deploy(), deployment=deployment)
    looked = msgspec.structs.replace(
        promote(), deployment=deployment, verdict=Verdict.INCONCLUSIVE, action="hold", next_look_at="2026-03-21T12:00:00Z"
    )  # fmt: skip
    run.folder.mkdir(parents=True, exist_ok=True)
    (run.folder / "run.json").write_text('{"created": 1, "schema_version": 1}')
    for index, (name_, result) in enumerate({"train": trained, "deploy": deployed, "promote": looked}.items()):
        run.write(record(name_, result, index))
    challenger = msgspec.structs.replace(routes.read(model.site).champion_arm, deployment=deployment)
    routes.change(
        model.site, lambda r: msgspec.structs.replace(r, experiment=f"{deployment}-3", arms=(r.arms[0], challenger))
    )
    waiting.note(model.site, run, looked)
    return run, looked


def resumed(model, capsys):
    assert stage.resume(model.tools, model.settings, ()) == 0
    return capsys.readouterr().out.strip()


def test_its_records_come_back_as_the_run_that_they_were(model, capsys):
    run, _ = held(model)
    assert resumed(model, capsys) == "jenkins-wine-7"
    back = model.folder / ".legion" / "runs" / "jenkins-wine-7"
    assert (back / "promote.json").read_bytes() == run.path("promote").read_bytes()
    assert "deployment=wine-2\n" in (back / "facts.properties").read_text()


def test_nothing_waits_before_after_and_when_somebody_rolled_back(model, capsys):
    assert resumed(model, capsys) == ""
    run, looked = held(model)
    routes.change(model.site, lambda r: msgspec.structs.replace(r, experiment=""))
    assert resumed(model, capsys) == ""
    routes.change(model.site, lambda r: msgspec.structs.replace(r, experiment="wine-2-4"))
    assert resumed(model, capsys) == "jenkins-wine-7"
    waiting.note(model.site, run, msgspec.structs.replace(looked, verdict=Verdict.PASS, next_look_at=None))
    assert resumed(model, capsys) == ""


def test_a_build_that_failed_or_judged_another_model_since_changes_nothing(model, capsys):
    _, looked = held(model)
    other = Run(model.folder / "workspace" / ".legion" / "runs" / "jenkins-wine-8")
    waiting.note(model.site, other, msgspec.structs.replace(looked, deployment="wine-9", verdict=Verdict.FAIL))
    waiting.note(model.site, other, train())
    assert resumed(model, capsys) == "jenkins-wine-7"


def test_records_that_were_half_written_when_the_build_died_do_not_count(model, capsys):
    held(model)
    (model.site.promotion / "waiting" / "run").unlink()
    assert resumed(model, capsys) == ""


def test_a_second_hold_replaces_the_first(model, capsys):
    held(model)
    held(model, name="jenkins-wine-9", deployment="wine-3")
    assert resumed(model, capsys) == "jenkins-wine-9"
