import os
import subprocess
import sys
from pathlib import Path

import pytest

from legion_ci.core.errors import ConfigurationError
from legion_ci.scaffold import stage
from legion_ci.settings.load import load


def test_a_new_repository_loads_and_its_code_compiles(tmp_path):
    made = stage.create(tmp_path / "wine", name="wine", answers={"target": "late"})
    names = {p.relative_to(tmp_path / "wine").as_posix() for p in made}
    assert {"Jenkinsfile", "legion.yaml", "model.py", "tasks.py", "tests/test_model.py", ".gitignore", "README.md"} <= names
    loaded = load(tmp_path / "wine" / "legion.yaml", [], {})
    assert loaded.settings.model.name == "wine"
    assert loaded.settings.data["train"].target == "late"
    for path in made:
        if path.suffix == ".py":
            compile(path.read_text(), str(path), "exec")
        assert "$" not in path.read_text().replace("$(", ""), path


def test_the_jenkinsfile_is_the_one_copy(tmp_path):
    stage.create(tmp_path, name="m")
    assert (tmp_path / "Jenkinsfile").read_text() == (Path(__file__).parents[3] / "templates/Jenkinsfile").read_text()


def test_all_that_is_wrong_is_told_at_once_and_nothing_is_written(tmp_path):
    (tmp_path / "model.py").write_text("mine")
    (tmp_path / "legion.yaml").write_text("mine")
    with pytest.raises(ConfigurationError) as caught:
        stage.create(tmp_path, name="My Model")
    told = str(caught.value)
    assert "'My Model' is not a model name; lower-case letters" in told
    assert "model.py: is there already" in told
    assert "legion.yaml: is there already" in told
    assert sorted(p.name for p in tmp_path.iterdir()) == ["legion.yaml", "model.py"]


def test_force_writes_over(tmp_path):
    (tmp_path / "model.py").write_text("mine")
    stage.create(tmp_path, name="m", force=True)
    assert (tmp_path / "model.py").read_text() != "mine"


def test_an_unknown_template_names_those_there_are(tmp_path):
    with pytest.raises(ConfigurationError, match="there is no template 'spark'; there are: sklearn"):
        stage.create(tmp_path, name="m", template="spark")


def test_the_task_asks_when_told_to(tmp_path):
    done = subprocess.run(
        [Path(sys.executable).parent / "legion-ci", "init", "--folder", "made", "--interactive"],
        cwd=tmp_path, input="churn\nleft\n", text=True, capture_output=True, env=os.environ,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    text = (tmp_path / "made" / "legion.yaml").read_text()
    assert "name: churn" in text
    assert "target: left" in text
