import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from legion_ci.core.errors import ConfigurationError, ToolError
from legion_ci.scaffold import questions, stage, template
from legion_ci.settings.load import load
from legion_ci.settings.schema import ModelSettings

FILES = {
    ".gitignore", "Jenkinsfile", "README.md", "legion.yaml", "model.py", "prepare_data.py", "requirements.txt", "tasks.py",
    "tests/test_model.py",
}  # fmt: skip


class Person:
    """Answers questions one after the other, and remembers what it was asked."""

    def __init__(self, *answers):
        self.answers, self.asked = list(answers), []

    def __call__(self, text, default):
        self.asked.append((text, default))
        return self.answers.pop(0)


def content(folder):
    return {p.relative_to(folder).as_posix(): p.read_text() for p in folder.rglob("*") if p.is_file()}


@pytest.mark.parametrize("use", ["parquet", "csv"])
def test_a_new_repository_loads_and_its_code_compiles(tmp_path, use):
    made = stage.create(tmp_path / "wine", name="wine", answers={"target": "late", "use": use})
    assert made == sorted(made)
    assert set(content(tmp_path / "wine")) == {p.relative_to(tmp_path / "wine").as_posix() for p in made} == FILES
    loaded = load(tmp_path / "wine" / "legion.yaml", [], {})
    assert loaded.settings.model.name == "wine"
    assert loaded.settings.data["train"].target == "late"
    assert loaded.settings.data["eval"].use == use
    for path in made:
        assert "$" not in path.read_text(), path
        assert use == "parquet" or "parquet" not in path.read_text().replace("$use (parquet", ""), path
        if path.suffix == ".py":
            compile(path.read_text(), str(path), "exec")


def test_its_data_and_its_model_work_as_they_are(tmp_path):
    repository = tmp_path / "m"
    stage.create(repository, name="m", answers={"use": "csv", "target": "cultivar"})
    program = (
        "import types, pandas, model; d = {n: pandas.read_csv(f'data/{n}.csv') for n in ('train', 'eval')};"
        "f = lambda t: types.SimpleNamespace(features=t.drop(columns='cultivar'), target=t['cultivar']);"
        "e = f(d['eval']); print(model.train({'train': f(d['train'])}, {'C': 1.0}).score(e.features, e.target))"
    )
    environment = {**os.environ, "PYTHONPATH": str(repository)}
    subprocess.run([sys.executable, "prepare_data.py"], cwd=repository, check=True, capture_output=True)
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=repository, check=True, capture_output=True, text=True, env=environment
    )
    assert float(done.stdout) > 0.9


def test_the_jenkinsfile_is_the_one_copy(tmp_path):
    stage.create(tmp_path, name="m")
    assert (tmp_path / "Jenkinsfile").read_text() == (Path(__file__).parents[3] / "templates/Jenkinsfile").read_text()


def test_in_the_wheel_the_jenkinsfile_lies_beside_the_templates(tmp_path, monkeypatch):
    (tmp_path / "Jenkinsfile").write_text("the wheel's")
    monkeypatch.setattr(template, "_HOME", tmp_path)
    assert template.jenkinsfile() == "the wheel's"


def test_a_locustfile_comes_only_for_those_who_want_one(tmp_path):
    stage.create(tmp_path / "a", name="m", answers={"locustfile": "yes"})
    compile((tmp_path / "a" / "locustfile.py").read_text(), "locustfile.py", "exec")
    stage.create(tmp_path / "b", name="m")
    assert not (tmp_path / "b" / "locustfile.py").exists()


def test_all_files_in_the_way_are_named_at_once_and_nothing_is_written(tmp_path):
    (tmp_path / "model.py").write_text("mine")
    (tmp_path / "legion.yaml").write_text("mine")
    (tmp_path / "tests").write_text("a file where a folder goes")
    with pytest.raises(ConfigurationError) as caught:
        stage.create(tmp_path, name="m")
    told = str(caught.value)
    assert "model.py: is there already" in told
    assert "legion.yaml: is there already" in told
    assert "tests: is no folder" in told
    assert sorted(p.name for p in tmp_path.iterdir()) == ["legion.yaml", "model.py", "tests"]


def test_other_files_of_the_folder_are_left_alone(tmp_path):
    (tmp_path / "LICENSE").write_text("mine")
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_mine.py").write_text("mine")
    stage.create(tmp_path, name="m")
    assert set(content(tmp_path)) == FILES | {"LICENSE", "tests/test_mine.py"}


def test_force_replaces_what_is_there(tmp_path):
    (tmp_path / "model.py").write_text("mine")
    stage.create(tmp_path, name="m", force=True)
    assert "def train" in (tmp_path / "model.py").read_text()


def test_a_repository_is_never_half_written(tmp_path, monkeypatch):
    target = tmp_path / "m"
    target.mkdir()
    (target / "README.md").write_text("mine")
    move, moved = Path.rename, []

    def stumbling(self, other):
        moved.append(other)
        if Path(other).name == "requirements.txt":
            raise OSError(28, "No space left on device", str(other))
        return move(self, other)

    monkeypatch.setattr(Path, "rename", stumbling)
    with pytest.raises(ToolError, match="No space left"):
        stage.create(target, name="m", force=True)
    assert len(moved) > 3
    assert content(target) == {"README.md": "mine"}
    assert [p.name for p in tmp_path.iterdir()] == ["m"]


def test_everything_wrong_with_the_answers_is_told_at_once_with_the_rule(tmp_path):
    answers = {"use": "excel", "target": "al cohol", "targte": "x"}
    with pytest.raises(ConfigurationError) as caught:
        stage.create(tmp_path / "m", name="My Model", answers=answers)
    told = str(caught.value)
    assert "'My Model' is not a model's name (1 to 63 small letters, digits and dashes" in told
    assert "try my-model" in told
    assert "'excel' is none of parquet, csv" in told
    assert "'al cohol' is not a column's name" in told
    assert "targte: there is no such question" in told
    assert not (tmp_path / "m").exists()


def test_the_target_cannot_be_a_feature_of_the_data(tmp_path):
    with pytest.raises(ConfigurationError, match="'alcohol' is one of the wine data's features"):
        stage.create(tmp_path / "m", name="m", answers={"target": "alcohol"})


def test_the_features_that_are_refused_are_those_of_the_data():
    from sklearn.datasets import load_wine

    names = {n for n in load_wine().feature_names if questions._target_problem(n) is None}
    assert names == set()


def test_an_unknown_template_names_the_nearest(tmp_path):
    with pytest.raises(ConfigurationError, match=r"there is no template 'sklaern'; did you mean sklearn\?"):
        stage.create(tmp_path, name="m", template="sklaern")


def test_a_file_is_no_folder(tmp_path):
    (tmp_path / "m").write_text("")
    with pytest.raises(ConfigurationError, match="is a file"):
        stage.create(tmp_path / "m", name="m")


def test_in_a_conversation_a_wrong_answer_is_asked_for_again_and_an_empty_one_is_the_default(tmp_path):
    person = Person("Bad Name", "churn", "", "left", "yes")
    stage.create(tmp_path / "m", name="m", interactive=True, ask=person)
    assert "is not a model's name" in person.asked[1][0]
    assert person.asked[0] == ("The model's name", "m")
    made = load(tmp_path / "m" / "legion.yaml", [], {}).settings
    assert (made.model.name, made.data["train"].use, made.data["train"].target) == ("churn", "parquet", "left")
    assert (tmp_path / "m" / "locustfile.py").is_file()


def test_what_is_given_is_not_asked_for(tmp_path):
    person = Person("", "no")
    stage.create(tmp_path / "m", name="m", answers={"use": "csv", "target": "y"}, interactive=True, ask=person)
    assert [text for text, _ in person.asked] == ["The model's name", "A locustfile of your own (yes, no)"]


def test_the_task_asks_when_told_to_and_says_so_when_nobody_answers(tmp_path):
    program = [Path(sys.executable).parent / "legion-ci", "init", "--folder", "made", "--interactive"]
    done = subprocess.run(program, cwd=tmp_path, input="churn\ncsv\n", text=True, capture_output=True)
    assert done.returncode == 2
    assert "nobody answers the questions" in done.stderr
    assert list(tmp_path.iterdir()) == []
    done = subprocess.run(program, cwd=tmp_path, input="churn\ncsv\nleft\nno\n", text=True, capture_output=True)
    assert done.returncode == 0, done.stderr
    text = (tmp_path / "made" / "legion.yaml").read_text()
    assert "name: churn" in text
    assert "target: left" in text


@given(st.text(min_size=1, max_size=80))
def test_the_name_that_is_suggested_is_always_a_good_one(name):
    problem = questions.name_problem(name)
    if problem is None:
        assert ModelSettings(name=name).name == name
    elif problem.todo.startswith("try "):
        assert questions.name_problem(problem.todo.removeprefix("try ")) is None
