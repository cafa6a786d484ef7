"""schedule.due: what asks for a retraining, what keeps it, and what the build is told."""

import json

import msgspec
import pytest
from schedule_site import DAY, Retraining

from legion_ci import door
from legion_ci.gateway import routes
from legion_ci.schedule import memory, stage

DRIFT = "{drift: {}}"
DECAY = "{decay: {margin: 0.02, window: 2d}}"


@pytest.fixture
def make(tmp_path, monkeypatch):
    for name in ("LEGION_RUN", "BUILD_URL", "BUILD_TAG"):
        monkeypatch.delenv(name, raising=False)

    def made(schedule, *, crowned=True, newer=True):
        model = Retraining(tmp_path / "model", schedule)
        if crowned:
            model.crown()
        if newer:
            model.write_data(2500)
        return model

    return made


def decided(model):
    return stage.examine(model.loaded, model.tools, model.clock.moment)


def test_a_time_alone_is_due_and_cool_down_and_budget_hold_it(make, capsys):
    model = make("{cron: 'H 3 * * 1', cooldown: 1d, budget: {retrainings: 2, within: 30d}}")
    asked = {"settings": model.settings, "sets": (), "run": "", "start": True, "json": False}
    assert stage.due(model.tools, **asked) == 0
    assert "due: it is the time that schedule.cron names (H 3 * * 1)" in capsys.readouterr().out
    model.clock.moment += 3600
    assert decided(model).why.startswith("the last retraining started 1 h ago, the cool-down is 1 d (it is asked for: ")
    model.clock.moment += 2 * DAY
    stage.due(model.tools, **{**asked, "run": "second"})
    model.clock.moment += 2 * DAY
    assert decided(model).kept_by == ("the budget is spent: 2 retrainings in 30 d",)
    model.clock.moment += 30 * DAY
    assert decided(model).due
    assert [s.run for s in memory.starts(model.site)][1] == "second"


def test_who_only_asks_spends_nothing(make):
    model = make("{cron: 'H 3 * * 1'}")
    stage.due(model.tools, model.settings, (), "", False, True)
    assert memory.starts(model.site) == ()
    assert not (model.folder / ".legion").exists()


def test_the_build_is_told_by_the_runs_facts_and_they_stay_through_its_stages(make):
    model = make("{cron: 'H 3 * * 1'}")
    stage.due(model.tools, model.settings, (), "jenkins-wine-7", True, False)
    told = (model.folder / ".legion/runs/jenkins-wine-7/facts.properties").read_text()
    assert "schedule.due=true\nschedule.why=it is the time that schedule.cron names (H 3 * * 1)\n" in told


def test_the_same_start_of_a_build_that_is_resumed_counts_once(make):
    model = make("{cron: 'H 3 * * 1', cooldown: 0s}")
    for _ in range(2):
        stage.due(model.tools, model.settings, (), "jenkins-wine-7", True, False)
    assert len(memory.starts(model.site)) == 1


def test_without_a_schedule_nothing_is_decided(make, capsys):
    model = make("{}")
    assert stage.due(model.tools, model.settings, (), "r", True, False) == 0
    assert "there is no schedule" in capsys.readouterr().out
    assert not (model.folder / ".legion").exists()
    assert stage.cron(model.tools, model.settings, ()) == 0
    assert capsys.readouterr().out == ""


def test_conditions_are_looked_at_once_a_day_unless_told_otherwise(make, capsys):
    model = make(DRIFT)
    stage.cron(model.tools, model.settings, ())
    stage.cron(model.tools, model.settings, ("schedule.cron=H/30 * * * *",))
    assert capsys.readouterr().out.splitlines() == ["H H * * *", "H/30 * * * *"]


def test_the_same_data_would_bring_the_same_model(make):
    model = make("{cron: 'H 3 * * 1'}", newer=False)
    assert "the training data are those that the champion learnt from" in decided(model).why
    model.write_data(2001)
    assert decided(model).due


def test_without_a_champion_nothing_starts_by_itself(make):
    assert "there is no champion yet" in decided(make(DRIFT, crowned=False)).why


def test_a_promotion_that_goes_on_is_waited_for(make):
    model = make("{cron: 'H 3 * * 1'}")
    routes.change(model.site, lambda r: msgspec.structs.replace(r, experiment="wine-2-9"))
    assert "the promotion wine-2-9 is going on" in decided(model).why


def test_the_site_of_a_branch_does_not_retrain(make, capsys):
    model = make(DRIFT)
    asked = {"settings": model.settings, "sets": ("site.branch=pr-1",), "run": "", "start": False, "json": False}
    assert door.enter("schedule.stage:due", asked) == 2
    assert "only the main branch retrains by itself" in capsys.readouterr().err


def test_new_rows_are_counted_against_those_that_the_champion_learnt_from(make):
    model = make("{rows: 500}")
    assert (decided(model).due, decided(model).why) == (True, "500 new rows of 500 in data.train")
    model.write_data(2499)
    assert not decided(model).due


def test_drift_of_what_users_send_is_found_in_its_columns_and_none_where_there_is_none(make):
    model = make(DRIFT)
    model.serve(2, 600)
    same = decided(model)
    assert (same.due, same.findings[0].answer) == (False, "no")
    model.serve(1, 2400, shift=1.5)
    moved = decided(model)
    assert moved.due
    assert moved.why.startswith("drift in ")
    assert "strength psi" in moved.why
    assert "colour psi" in moved.why


def test_many_requests_of_few_users_say_nothing(make):
    model = make(DRIFT)
    model.serve(1, 600, shift=1.5, units=12)
    assert decided(model).why == "no condition holds (12 rows of users in 7 d count, 200 are needed)"


def test_an_old_drift_is_none_of_the_window(make):
    model = make("{drift: {window: 1d, min_rows: 100}}")
    model.serve(5, 600, shift=1.5)
    model.serve(1, 300)
    assert decided(model).findings[0].answer == "no"


def test_decay_on_outcomes_is_found_and_a_steady_champion_is_left_alone(make):
    model = make(DECAY)
    model.serve(8, 800, right=0.9)
    model.serve(1, 500, right=0.9)
    assert decided(model).findings[0].answer == "no"
    model.serve(1.5, 800, right=0.7)
    found = decided(model)
    assert found.due
    assert found.why.startswith("accuracy 0.8975 before, 0.7")
    assert "a loss of at least" in found.why


def test_decay_waits_for_outcomes(make):
    model = make(DECAY)
    model.serve(8, 800)
    assert decided(model).why == "no condition holds (0 units with outcomes lately, 200 are needed)"


def test_decay_without_an_outcome_is_a_mistake_in_the_settings(make, capsys):
    model = make(DECAY)
    text = (model.folder / "legion.yaml").read_text().replace("outcome: label, ", "")
    (model.folder / "legion.yaml").write_text(text)
    asked = {"settings": model.settings, "sets": (), "run": "", "start": False, "json": False}
    assert door.enter("schedule.stage:due", asked) == 2
    assert "decay needs to know which outcome is meant" in capsys.readouterr().err


def test_a_champion_without_sketches_leaves_it_open(make):
    model = make("{drift: {}, rows: 10}")
    model.serve(1, 300)
    (model.folder / "champion" / "legion_model" / "reference_sketch.json").unlink()
    arm = routes.read(model.site).champion_arm
    from legion_ci.store import artefacts

    artefact = artefacts.of_folder(model.folder / "champion")
    changed = msgspec.structs.replace(arm, model=msgspec.structs.replace(arm.model, artefact=artefact))
    routes.change(model.site, lambda r: msgspec.structs.replace(r, arms=(changed,)))
    assert {f.answer for f in decided(model).findings} == {"unknown"}


def test_programs_get_json(make, capsys):
    model = make(DRIFT)
    stage.due(model.tools, model.settings, (), "", False, True)
    told = json.loads(capsys.readouterr().out)
    assert (told["due"], told["findings"][0]["name"]) == (False, "drift")


def test_a_broken_memory_is_told(make):
    model = make("{cron: 'H 3 * * 1'}")
    (model.site.path / "schedule.json").write_text("[]")
    asked = {"settings": model.settings, "sets": (), "run": "", "start": False, "json": False}
    assert door.enter("schedule.stage:due", asked) == 5
