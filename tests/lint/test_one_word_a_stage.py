"""design: the same word is the folder, the task, the section, the record and the suffix of the Jenkins step."""

import re
import tomllib
from pathlib import Path

import pytest

import legion_ci
from legion_ci import pipeline, tasks
from legion_ci.results import RESULTS
from legion_ci.settings.schema import STAGES, Settings

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("stage", STAGES)
def test_one_word_names_the_stage_everywhere(stage):
    assert (ROOT / "legion_ci" / stage / "stage.py").is_file()
    assert hasattr(tasks, stage)
    assert stage in Settings.model_fields
    assert stage in RESULTS
    assert (ROOT / "vars" / f"legion{stage.capitalize()}.groovy").is_file()
    assert (ROOT / "vars" / f"legion{stage.capitalize()}.txt").is_file()


def test_the_stages_are_in_the_same_order_everywhere():
    assert tuple(s.name for s in pipeline.PIPELINE) == STAGES == tuple(RESULTS)
    calls = (ROOT / "vars/legionPipeline.groovy").read_text()
    order = re.findall(r"^\s+(train|quality|package|deploy|perf|promote): \{", calls, re.MULTILINE)
    assert order == list(STAGES)


def test_library_wheel_and_schema_have_one_version():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["version"] == legion_ci.__version__
    assert (ROOT / "resources/org/legion/ci/version").read_text().strip() == legion_ci.__version__


def test_every_step_has_help_with_an_example():
    for step in (ROOT / "vars").glob("*.groovy"):
        text = step.with_suffix(".txt").read_text()
        assert step.stem in text, step.name
        assert len(text.splitlines()) > 3, step.name


def test_no_core_option_of_invoke_is_an_option_of_ours():
    from invoke.program import Program

    core = {f for a in Program().core_args() + Program().task_args() for f in a.names}
    every = tasks.ours()
    for name in every.task_names:
        ours = {n for a in every[name].get_arguments() for n in a.names} - {"help"}
        assert not ours & core, (name, ours & core)
