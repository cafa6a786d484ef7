"""Every row of the table of exit codes, by the program itself."""

import os
import signal
import subprocess
import sys
import time

import psutil
import pytest
from repositories import SETTINGS


@pytest.fixture
def trained(legion):
    legion.make()
    code, out, err = legion("train")
    assert code == 0, err
    assert "train    PASS" in out
    return legion


def test_0_1_and_10_come_from_the_verdict_of_quality_and_are_told_again(trained):
    passing = ["--set", "quality.checks=[{metric: accuracy, min: 0.6}]"]
    failing = ["--set", "quality.checks=[{metric: accuracy, min: 0.999}]"]
    undecided = ["--set", "quality.checks=[{metric: accuracy, min: 0.6}]", "--set", "quality.min_rare=100000"]
    for words, expected in ((passing, 0), (failing, 1), (undecided, 10)):
        code, out, err = trained("quality", "--first", *words)
        assert code == expected, out + err
        again, out, err = trained("quality", "--first", *words)
        assert again == expected, out + err
        assert "unchanged" in out


def test_after_a_failed_gate_later_stages_refuse(trained):
    trained("quality", "--first", "--set", "quality.checks=[{metric: accuracy, min: 0.999}]")
    code, _, err = trained("package")
    assert code == 3
    assert "quality said FAIL" in err


def test_2_tells_all_problems_with_their_places(legion):
    legion.make(settings=SETTINGS + "qualty: {}\nperf: {rate: x}\n")
    code, _, err = legion("train")
    assert code == 2
    assert "there is no setting qualty; did you mean quality?" in err
    assert "perf.rate" in err


def test_2_is_also_a_misspelt_task_or_option(legion):
    legion.make()
    assert legion("trian")[0] == 2
    assert legion("train", "--sets", "x=1")[0] == 2


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (["--set", "data.train.path=data/none.parquet"], "no file matches"),
        (["--set", "data.train.target=yy"], "there is no column 'yy'; did you mean y?"),
        (["--set", "data.train.where=a > 100"], "empty"),
        (["--set", "train.entrypoint=model:trane"], "model has no function 'trane'; its functions: train"),
        (["--set", "train.entrypoint=modle:train"], "there is no module 'modle'"),
    ],
)
def test_2_is_what_cannot_be_trained_on(legion, change, message):
    legion.make()
    code, out, err = legion("train", *change)
    assert code == 2, out + err
    assert message in err


def test_3_names_the_task_that_makes_what_is_missing(legion):
    legion.make()
    code, _, err = legion("package", "--run", "r1")
    assert code == 3
    assert "run legion-ci quality first" in err or "run legion-ci train first" in err


def test_4_names_the_nearest_plug_in(legion):
    legion.make()
    code, _, err = legion("train", "--set", "train.use=functoin")
    assert code == 4
    assert "did you mean function?" in err


def test_5_shows_the_teams_own_error_and_where_it_is(legion):
    legion.make(
        model="def train(data, parameters):\n    return helper(data)\n\ndef helper(data):\n    raise ValueError('no such season')\n"
    )
    code, _, err = legion("train")
    assert code == 5
    assert "raised ValueError: no such season" in err
    assert "model.py:5 in helper" in err


def test_5_is_also_training_code_that_exits(legion):
    legion.make(model="import os\ndef train(data, parameters):\n    os._exit(3)\n")
    code, _, err = legion("train")
    assert code == 5
    assert "ended its process (status 3) without a model" in err


def test_6_names_the_service_that_cannot_be_reached(legion):
    legion.make()
    code, _, err = legion("train", "--set", "store.tracking_uri=http://127.0.0.1:9")
    assert code == 6, err
    assert "http://127.0.0.1:9: cannot be reached" in err


def test_70_is_a_bug_of_ours_in_one_line(legion):
    legion.make()
    code = "import legion_ci.door as d\nd._stage = lambda *a, **k: 1 / 0\nfrom legion_ci.program import main\nmain(['legion-ci', 'train'])"
    done = subprocess.run([sys.executable, "-c", code], cwd=legion.folder, capture_output=True, text=True)
    assert done.returncode == 70
    assert done.stderr.strip().startswith("a bug in legion-ci: ZeroDivisionError")
    assert len(done.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize(("sign", "expected"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_130_and_143_leave_nothing_running_and_no_record(legion, sign, expected):
    legion.make(
        model="import time\ndef train(data, parameters):\n    open('started', 'w').close()\n    time.sleep(120)\n"
    )
    process = legion.start("train")
    for _ in range(600):
        if (legion.folder / "started").exists():
            break
        time.sleep(0.1)
    children = psutil.Process(process.pid).children(recursive=True)
    assert children
    process.send_signal(sign)
    _, err = process.communicate(timeout=60)
    assert process.returncode == expected, err
    assert "run the task again" in err
    _, alive = psutil.wait_procs(children, timeout=10)
    assert not alive
    assert not list(legion.folder.glob(".legion/runs/*/train.json"))


def test_no_commit_is_a_fact_on_a_laptop_and_an_error_in_jenkins(legion):
    legion.make()
    code, _, err = legion("train", BUILD_TAG="jenkins-x-1")
    assert code == 2
    assert "is not a Git checkout" in err


def test_a_site_in_jenkins_workspace_is_refused(trained):
    inside = str(trained.folder.parent)
    git = {"GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@b", "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@b"}
    for words in (["init", "-q"], ["add", "model.py"], ["commit", "-qm", "x"]):
        subprocess.run(["git", *words], cwd=trained.folder, env={**os.environ, **git}, check=True)
    code, _, err = trained(
        "quality",
        "--first",
        BUILD_TAG="jenkins-x-1",
        WORKSPACE=inside,
        LEGION_RUN=next((trained.folder / ".legion/runs").iterdir()).name,
    )
    assert code == 2
    assert "is in Jenkins' workspace" in err
