import json

import pytest

from legion_ci import runs
from legion_ci.core.errors import ConfigurationError, OrderError


def test_the_newest_unfinished_run_is_taken_else_a_new_one(tmp_path, monkeypatch):
    monkeypatch.delenv("LEGION_RUN", raising=False)
    first = runs.choose(tmp_path, None, fresh=True)
    assert runs.choose(tmp_path, None, fresh=True) == first
    first.finish("promote PASS")
    second = runs.choose(tmp_path, None, fresh=True)
    assert second != first
    assert sorted([second.id, first.id])[0] == first.id or second.id[:16] == first.id[:16]


def test_a_stage_without_any_run_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.delenv("LEGION_RUN", raising=False)
    with pytest.raises(OrderError, match="run legion-ci train"):
        runs.choose(tmp_path, None, fresh=False)


@pytest.mark.parametrize("name", ["../x", "a/b", "-x", "x y"])
def test_a_run_id_cannot_leave_its_folder(tmp_path, name):
    with pytest.raises(ConfigurationError, match="is not a run id"):
        runs.choose(tmp_path, name, fresh=True)


def test_jenkins_names_the_run(tmp_path, monkeypatch):
    monkeypatch.setenv("LEGION_RUN", "jenkins-wine-12")
    assert runs.choose(tmp_path, None, fresh=False).id == "jenkins-wine-12"


def test_two_writers_in_one_run_are_refused(tmp_path):
    run = runs.start(tmp_path)
    with run.writing(), pytest.raises(OrderError, match="in use by process"), run.writing():
        pass


def test_a_broken_record_and_a_newer_one_are_told(tmp_path):
    run = runs.start(tmp_path)
    run.path("train").write_text("{")
    with pytest.raises(ConfigurationError, match=r"is not a record.*run legion-ci train again"):
        run.record("train")
    record = {
        "schema_version": 99,
        "stage": "train",
        "run": run.id,
        "started_at": "",
        "ended_at": "",
        "seconds": 0,
        "host": "",
        "inputs": {},
        "input_digest": "",
        "tools": {},
        "result": {},
    }
    run.path("train").write_text(json.dumps(record))
    with pytest.raises(ConfigurationError, match="newer legion-ci"):
        run.record("train")
