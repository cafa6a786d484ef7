"""The accelerated form: equal within the tolerance or refused, served in the model's stead, never another model's."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import serving_artefacts
from hypothesis import given, settings
from hypothesis import strategies as st
from serving_process import serving
from sklearn.ensemble import RandomForestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeRegressor

from legion_ci.core.errors import ConfigurationError
from legion_ci.serving import artefact, cells
from legion_ci.serving.accelerated import draws, form, gain, make, proof, splits
from legion_ci.serving.accelerated.__main__ import main
from legion_ci.serving.flavors.onnx import OnnxModel
from legion_ci.serving.load import load
from legion_ci.serving.predictions import Predictions
from legion_ci.serving.rows import Rows
from legion_ci.serving.signature import Sample

onnx_is_there = pytest.importorskip("skl2onnx", reason="the extra accelerate is not installed")
TOLERANCE = "0.00001"


@pytest.fixture(scope="module")
def packaged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a forest's ``artefact`` and its ``accelerated`` form."""
    folder = tmp_path_factory.mktemp("packaged")
    data = serving_artefacts.WINE
    forest = RandomForestClassifier(20, random_state=0).fit(data.data, data.target)
    serving_artefacts.write(folder / "artefact", forest, serving_artefacts.wine_rows(5), name="forest")
    assert main(["--model", str(folder / "artefact"), "--output", str(folder), "--tolerance", TOLERANCE]) == 0
    return folder


def test_it_predicts_what_the_model_predicts_and_names_the_same_columns(packaged: Path) -> None:
    folder = artefact.read(packaged / "artefact")
    fast, plain = load(folder), load(replace(folder, accelerated=None))
    assert isinstance(fast, OnnxModel)
    rows = Rows(serving_artefacts.WINE.data.tolist())
    ours, theirs = fast.predict(rows), plain.predict(rows)
    assert ours.columns == theirs.columns
    assert np.array_equal(ours.values[0], theirs.values[0])
    assert np.allclose(np.array(ours.values[1:]), np.array(theirs.values[1:]), atol=1e-5)
    table = serving_artefacts.wine_rows(20)
    assert np.array_equal(fast.predict_table(table).values[0], plain.predict_table(table).values[0])


def test_the_facts_tell_what_was_compared(packaged: Path) -> None:
    found = form.read(packaged / form.FOLDER, artefact.read(packaged / "artefact").digest)
    assert (found.kind, found.tolerance, found.matrix) == ("onnx", 1e-5, True)
    assert (found.proof.sample_rows, found.proof.random_rows) == (5, make.RANDOM_ROWS)
    assert found.proof.split_rows > 100
    assert found.proof.largest <= 1e-5


def test_making_it_again_gives_the_same_bytes(packaged: Path, tmp_path: Path) -> None:
    assert main(["--model", str(packaged / "artefact"), "--output", str(tmp_path), "--tolerance", TOLERANCE]) == 0
    for name in (form.MODEL, form.FACTS):
        assert (tmp_path / form.FOLDER / name).read_bytes() == (packaged / form.FOLDER / name).read_bytes()


def test_the_gain_is_measured_for_one_row_and_for_many(packaged: Path) -> None:
    gains = json.loads((packaged / form.GAIN).read_text())
    assert [g["rows"] for g in gains] == [1, 32]
    assert all(0 < g["lower"] <= g["ratio"] <= g["upper"] for g in gains)


def test_a_server_takes_it_and_answers_as_the_model_does(packaged: Path, tmp_path: Path) -> None:
    with serving(packaged / "artefact", tmp_path / "server.log") as server:
        answer = server.post("/api/model/invoke", serving_artefacts.head_rows(packaged / "artefact"))
        assert answer.status == 200
        expected = json.loads((packaged / "artefact" / "legion_model" / "head_output.json").read_text())
        for row, known in zip(answer.json["prediction"], expected["data"], strict=True):
            assert row[0] == known[0]
            assert row[1:] == pytest.approx(known[1:], abs=1e-5)
        assert server.post("/api/model/invoke", {"data": [[None] * 13]}).status == 400
    assert any("accelerated=onnx" in line for line in server.lines)


def test_a_form_of_another_artefact_is_not_served(packaged: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(packaged, tmp_path / "copy")
    (copy / "artefact" / "legion_model" / "note.txt").write_text("another artefact")
    with pytest.raises(ConfigurationError, match="is the form of another artefact"):
        load(artefact.read(copy / "artefact"))


def test_a_file_that_was_changed_after_the_proof_is_not_served(packaged: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(packaged, tmp_path / "copy")
    (copy / form.FOLDER / form.MODEL).write_bytes(b"other")
    with pytest.raises(ConfigurationError, match="is not the file that was proved"):
        load(artefact.read(copy / "artefact"))


def test_a_model_that_does_not_convert_is_refused_with_the_reason(tmp_path: Path, capsys: Any) -> None:
    class Odd(RandomForestClassifier):
        """No converter knows it."""

    data = serving_artefacts.WINE
    odd = Odd(2, random_state=0).fit(data.data, data.target)
    serving_artefacts.write(tmp_path / "artefact", odd, serving_artefacts.wine_rows(5))
    assert main(["--model", str(tmp_path / "artefact"), "--output", str(tmp_path), "--tolerance", TOLERANCE]) == 3
    assert "float32: skl2onnx: " in capsys.readouterr().err
    assert not (tmp_path / form.FOLDER).exists()


def test_a_hand_written_model_is_refused(tmp_path: Path, capsys: Any) -> None:
    serving_artefacts.gppi(tmp_path / "artefact")
    assert main(["--model", str(tmp_path / "artefact"), "--output", str(tmp_path), "--tolerance", TOLERANCE]) == 3
    assert "no sample rows" in capsys.readouterr().err


def test_a_tolerance_that_32_bits_do_not_reach_is_refused(packaged: Path, tmp_path: Path, capsys: Any) -> None:
    assert main(["--model", str(packaged / "artefact"), "--output", str(tmp_path), "--tolerance", "1e-15"]) == 3
    assert "the model's own" in capsys.readouterr().err


class Steps:
    """Predicts 1.0 above a threshold, kept in 64 or in 32 bits."""

    signature = None
    row_wise = True

    def __init__(self, threshold: float, kind: type = np.float64) -> None:
        self.threshold, self.kind = threshold, kind

    def predict(self, rows: Rows) -> Predictions:
        told = np.array(rows.data)[:, 0].astype(self.kind) > self.kind(self.threshold)
        return Predictions(("prediction",), (told.astype(float),))

    def predict_table(self, table: Any) -> Predictions:
        raise NotImplementedError


def test_rows_beside_the_splits_show_a_split_that_32_bits_move() -> None:
    values = np.linspace(0, 1, 50).reshape(-1, 1)
    tree = DecisionTreeRegressor(max_leaf_nodes=2).fit(values, (values[:, 0] > 0.3).astype(float))
    threshold = float(tree.tree_.threshold[0])
    rows = splits.rows(tree, values, 1000, 0).tolist()
    assert proof.compare(Steps(threshold), Steps(threshold), rows, 1e-5).largest == 0
    with pytest.raises(proof.NotEqual):
        proof.compare(Steps(threshold), Steps(threshold, np.float32), rows, 1e-5)


def test_splits_behind_a_scaler_are_turned_back_into_its_inputs() -> None:
    values = np.linspace(0, 1, 50).reshape(-1, 1)
    tree = make_pipeline(StandardScaler(), DecisionTreeRegressor(max_leaf_nodes=2))
    tree.fit(values, (values[:, 0] > 0.3).astype(float))
    plain = DecisionTreeRegressor(max_leaf_nodes=2).fit(values, (values[:, 0] > 0.3).astype(float))
    rows = splits.rows(tree, values, 1000, 0)
    assert np.allclose(rows, plain.tree_.threshold[0], atol=1e-6)


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [(1.0, 1.0, 0), (0.5, 0.25, 0.25), (1000.0, 1001.0, 0.001), (1, 1, 0), (1, 2, np.inf), (1, 1.0, np.inf),
     (True, 1, np.inf), ("a", "a", 0), (float("nan"), float("nan"), 0), (float("nan"), 0.0, np.inf),
     (float("inf"), float("inf"), 0), (float("inf"), 1.0, np.inf)],
)  # fmt: skip
def test_a_difference_is_absolute_below_one_and_relative_above(one: Any, other: Any, expected: float) -> None:
    assert proof.difference(one, other) == pytest.approx(expected)


class Fixed:
    """Always the same two classes' probabilities."""

    signature = None
    row_wise = True

    def __init__(self, label: int, first: float) -> None:
        self.label, self.first = label, first

    def predict(self, rows: Rows) -> Predictions:
        n = len(rows.data)
        columns = ("prediction", "probability_0", "probability_1")
        return Predictions(columns, ([self.label] * n, [self.first] * n, [1 - self.first] * n))

    def predict_table(self, table: Any) -> Predictions:
        raise NotImplementedError


def test_a_label_may_differ_only_where_rounding_decides_between_the_two_best_classes() -> None:
    assert proof.compare(Fixed(0, 0.5), Fixed(1, 0.5), [[1], [2]], 1e-5).ties == 2
    with pytest.raises(proof.NotEqual, match=r"prediction is 1, the model's own 0, for the row \[1\]"):
        proof.compare(Fixed(0, 0.6), Fixed(1, 0.6), [[1]], 1e-5)


def test_the_gain_has_its_interval() -> None:
    found = gain.measure(Steps(1.0), Steps(1.0), Rows([[1.0]]))
    assert found.pairs == 30
    assert 0 < found.lower <= found.ratio <= found.upper


SAMPLES = st.fixed_dictionaries(
    {"number": st.floats(-1e9, 1e9), "integer": st.integers(-(2**40), 2**40), "string": st.text(max_size=3),
     "boolean": st.booleans(), "datetime": st.just("2013-06-30T17:45:00")}
)  # fmt: skip


@settings(max_examples=50, deadline=None)
@given(st.lists(SAMPLES, min_size=1, max_size=5), st.booleans(), st.integers(0, 100))
def test_every_drawn_row_is_one_that_the_server_takes(values: list[dict[str, Any]], nulls: bool, seed: int) -> None:
    kinds: Any = list(values[0])
    sample = Sample(columns=kinds, types={k: k for k in kinds}, nullable=dict.fromkeys(kinds, nulls),
                    data=[[v[k] for k in kinds] for v in values])  # fmt: skip
    readers = [cells.reader(c) for c in sample.signature().columns]
    drawn = draws.rows(sample, 30, seed)
    assert drawn == draws.rows(sample, 30, seed)
    for row in drawn:
        for read, value in zip(readers, row, strict=True):
            read(value)
        assert row[kinds.index("string")] in {v["string"] for v in values} | ({None} if nulls else set())
