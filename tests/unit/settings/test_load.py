import contextlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from legion_ci.core.errors import ConfigurationError, PluginError
from legion_ci.settings import plan
from legion_ci.settings.load import load
from legion_ci.settings.schema import parse_duration

GOOD = """\
model: {name: flight-delay}
data:
  train: {path: "data/*.parquet", target: late}
  eval: {use: csv, path: data/e.csv, target: late}
train:
  parameters: {max_iter: 200}
quality:
  alpha: 0.01
"""


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "legion.yaml"
    path.write_text(text)
    return path


def test_each_layer_overrides_the_one_before_and_every_value_knows_its_origin(tmp_path):
    platform = tmp_path / "platform.yaml"
    platform.write_text("perf: {rate: 7, users: 3}\nquality: {seed: 1}\n")
    loaded = load(
        write(tmp_path, GOOD), ["quality.alpha=0.02"], {"LEGION_PLATFORM": str(platform), "LEGION__PERF__RATE": "9"}
    )
    rows = {r.key: r for r in plan.rows(loaded)}
    assert (rows["quality.alpha"].value, rows["quality.alpha"].origin) == (0.02, "--set quality.alpha")
    assert (rows["perf.rate"].value, rows["perf.rate"].origin) == (9.0, "LEGION__PERF__RATE")
    assert (rows["perf.users"].value, rows["perf.users"].origin) == (3, f"{platform}:1:17")
    assert rows["train.parameters.max_iter"].origin == "legion.yaml:6:16"
    assert rows["promote.margin"].origin == plan.DEFAULT


def test_all_problems_are_told_at_once_with_place_and_nearest_word(tmp_path):
    text = GOOD + "  alpa: 0.1\n  checks: [{metrc: auc}]\nperf: {rate: fast, duration: 3x}\ntrian: {}\n"
    with pytest.raises(ConfigurationError) as caught:
        load(write(tmp_path, text), ["promote.steps=[50, 5]"], {})
    told = str(caught.value)
    for part in (
        "legion.yaml:9:3: there is no setting quality.alpa; did you mean alpha?",
        "there is no setting quality.checks.0.metrc; did you mean metric?",
        "legion.yaml:11:8: perf.rate: input should be a valid number (found 'fast')",
        "'3x' is not a duration such as",
        "there is no setting trian; did you mean train?",
        "--set promote.steps",
    ):
        assert part in told, told


def test_a_misspelt_plug_in_is_named_with_the_nearest_one(tmp_path):
    with pytest.raises(
        PluginError, match=r"legion.yaml:6:9: there is no trainer named 'functoin'; did you mean function\?"
    ):
        load(write(tmp_path, "model: {name: m}\n\n\n\n\ntrain: {use: functoin}\n"), [], {})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("model: {name: m", "is not valid YAML"),
        ("model: {name: m}\nmodel: {name: n}\n", "'model' is there twice"),
        ("- a\n", "is not a mapping of sections"),
        ("model: {name: Upper}", "model.name"),
        ("data: {}", "model is missing"),
        ("", "model is missing"),
    ],
)
def test_a_broken_file_is_told_by_what_is_wrong(tmp_path, text, message):
    with pytest.raises(ConfigurationError, match=message):
        load(write(tmp_path, text), [], {})


def test_a_flag_that_is_no_assignment_is_refused(tmp_path):
    with pytest.raises(ConfigurationError, match="is not KEY=VALUE"):
        load(write(tmp_path, GOOD), ["quality.alpha"], {})


@given(st.integers(0, 10**6), st.sampled_from(["ms", "s", "m", "h", "d"]))
def test_durations_are_seconds(number, unit):
    factor = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}[unit]
    assert parse_duration(f"{number}{unit}") == pytest.approx(number * factor)


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(),
        lambda c: st.lists(c) | st.dictionaries(st.text(), c),
        max_leaves=8,
    )
)
def test_no_value_whatever_is_more_than_a_configuration_error(value):
    import json
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "legion.yaml"
        path.write_text(json.dumps({"model": {"name": "m"}, "quality": value, "train": value, "data": value}))
        with contextlib.suppress(ConfigurationError, PluginError):
            load(path, [], {})
