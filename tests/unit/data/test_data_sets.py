"""Who sees which data set, swaps by environment, and data sets in pieces."""

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from legion_ci.core.errors import ConfigurationError
from legion_ci.data.files import FileSettings
from legion_ci.data.source import load, tagged
from legion_ci.settings.load import load as load_settings


def configured(tmp_path, data, environment=None, flags=()):
    (tmp_path / "legion.yaml").write_text(json.dumps({"model": {"name": "m"}, "data": data}))
    return load_settings(tmp_path / "legion.yaml", flags, environment=environment or {}).settings


def test_tags_say_who_sees_a_data_set_and_eval_is_for_the_gate_alone(tmp_path):
    data = configured(tmp_path, {
        "train": {"path": "t"}, "eval": {"path": "e"}, "both": {"path": "b", "tags": ["train", "test"]},
        "new": {"path": "n", "tags": "predict"},
    }).data  # fmt: skip
    assert [set(tagged(data, tag)) for tag in ("train", "test", "predict")] == [
        {"train", "both"}, {"train", "eval", "both"}, {"train", "new"},
    ]  # fmt: skip


def test_eval_cannot_be_tagged_for_training(tmp_path):
    data = configured(tmp_path, {"eval": {"path": "e", "tags": ["train", "test"]}}).data
    with pytest.raises(ConfigurationError, match=r"data\.eval\.tags: the gate judges on it"):
        tagged(data, "train")


def test_a_source_is_swapped_by_the_environment_and_keeps_target_and_ignored_columns(tmp_path):
    mine = {"train": {"path": "t.parquet", "where": "x > 1", "target": "y", "ignore": ["id"]}}
    swapped = {"LEGION__DATA__TRAIN": '{use: sql, url: "env:WAREHOUSE", table: seen}'}
    found = configured(tmp_path, mine, swapped).data["train"]
    assert (found.use, found.table, found.target, found.ignore) == ("sql", "seen", "y", ("id",))
    one_by_one = {"LEGION__DATA__TRAIN__USE": "csv", "LEGION__DATA__TRAIN__PATH": "t.csv"}
    found = configured(tmp_path, mine, one_by_one).data["train"]
    assert (found.use, found.path, found.where, found.target) == ("csv", "t.csv", None, "y")
    found = configured(tmp_path, mine, flags=("data.train.path=u.parquet",)).data["train"]
    assert (found.use, found.path, found.where) == ("parquet", "u.parquet", "x > 1")


def test_every_value_of_a_swapped_source_knows_its_origin(tmp_path):
    (tmp_path / "legion.yaml").write_text(
        json.dumps({"model": {"name": "m"}, "data": {"train": {"path": "t", "target": "y"}}})
    )
    swapped = {"LEGION__DATA__TRAIN": "{use: sql, url: 'env:WAREHOUSE', table: seen}"}
    origins = load_settings(tmp_path / "legion.yaml", environment=swapped).origins
    assert {origins[("data", "train", k)] for k in ("use", "url", "table")} == {"LEGION__DATA__TRAIN"}
    assert origins[("data", "train", "target")].startswith("legion.yaml:1:")
    assert ("data", "train", "path") not in origins


def test_all_sources_of_a_task_are_of_one_moment_which_is_no_input(tmp_path):
    from legion_ci.calls.digests import of_section

    one, two = (configured(tmp_path, {"train": {"path": "t"}}).data["train"] for _ in range(2))
    assert one.as_of < two.as_of
    assert of_section(one) == of_section(two)


class Partial:
    """Learns by pieces."""

    def __init__(self) -> None:
        self.seen = 0

    def partial_fit(self, features, target):
        assert len(features) == len(target)
        self.seen += int(target.sum())


def test_a_data_set_in_pieces_is_never_held_as_a_whole_and_its_gaps_are_found_where_they_are(tmp_path):
    pq.write_table(pa.table({"a": list(range(1000)), "y": [1.0] * 999 + [None]}), tmp_path / "t.parquet")
    data = load("train", FileSettings(path="t.parquet", target="y", chunk_rows=300), tmp_path)
    assert data.feature_names == ["a"]
    learner, parts = Partial(), data.chunks()
    for _ in range(3):
        part = next(parts)
        learner.partial_fit(part.features, part.target)
    assert learner.seen == 900
    assert "table" not in data.__dict__
    with pytest.raises(ConfigurationError, match=r"data\.train: the target 'y' is missing in 1 of 1,000 rows"):
        next(parts)


def test_a_data_set_in_pieces_is_checked_by_its_first_one(tmp_path):
    pq.write_table(pa.table({"a": [[1]], "z": [1]}), tmp_path / "t.parquet")
    with pytest.raises(ConfigurationError) as caught:
        load("train", FileSettings(path="t.parquet", target="y", chunk_rows=300), tmp_path)
    assert "there is no column 'y'" in str(caught.value)
