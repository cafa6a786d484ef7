"""What a model is given and what becomes of its predictions, for many kinds of models."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import serving_artefacts
import yaml
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LinearRegression
from sklearn.svm import SVC

from legion_ci.core.errors import ConfigurationError
from legion_ci.core.files import digest_tree
from legion_ci.serving import artefact
from legion_ci.serving.inputs import ArrayInputs, FrameInputs, training_schema
from legion_ci.serving.load import load
from legion_ci.serving.model import Model
from legion_ci.serving.protocols import Protocols
from legion_ci.serving.rows import Rows
from legion_ci.serving.signature import read_sample

Models = Callable[[str], Model]


class Seen(BaseEstimator):
    """Keeps what it is given; predicts zeros."""

    def __init__(self) -> None:
        self.features: Any = None

    def predict(self, features: Any) -> Any:
        if not hasattr(features, "columns"):
            raise TypeError("names are needed")
        self.features = features
        return np.zeros(len(features))


def _loaded(tmp_path: Path, estimator: Any, frame: pd.DataFrame, **options: Any) -> Any:
    table = pa.Table.from_pandas(frame, preserve_index=False)
    return load(artefact.read(serving_artefacts.write(tmp_path / "artefact", estimator, table, **options)))


def _seen(model: Any) -> pd.DataFrame:
    frame: pd.DataFrame = model.estimator.features
    return frame


def _ask(model: Any, body: str) -> Any:
    return model.predict(Protocols(model.signature, 100).read_invoke(body.encode()))


@pytest.mark.parametrize(("name", "kind"), [("wine", ArrayInputs), ("regressor", ArrayInputs), ("mixed", FrameInputs)])
def test_numeric_models_of_scikit_learn_get_arrays_and_others_frames(models: Models, name: str, kind: type) -> None:
    assert type(models(name).inputs) is kind  # type: ignore[attr-defined]


def test_an_own_class_that_needs_names_gets_a_frame_even_when_all_is_numeric(tmp_path: Path) -> None:
    model = _loaded(tmp_path, Seen(), pd.DataFrame({"a": [1.5], "b": [2]}))
    _ask(model, '{"data": [[1, 2]]}')
    assert _seen(model).dtypes.astype(str).to_dict() == {"a": "float64", "b": "int64"}


def test_a_frame_from_json_equals_the_frame_that_training_saw(tmp_path: Path) -> None:
    frame = pd.DataFrame({
        "text": ["x", None], "short": np.array([1, 2], "int16"), "gap": [1.0, np.nan], "single": np.array([1, 2], "float32"),
        "flag": [True, False], "when": pd.to_datetime(["2013-06-30 17:45", "2013-07-01 00:00"]),
        "kind": pd.Categorical(["u", "v"]), "maybe": pd.array([1, None], dtype="Int64"),
    })  # fmt: skip
    model = _loaded(tmp_path, Seen(), frame)
    _ask(
        model,
        '{"data": [["x", 1, 1, 1, true, "2013-06-30T17:45", "u", 1], [null, 2, null, 2, false, "2013-07-01", "v", null]]}',
    )
    pd.testing.assert_frame_equal(_seen(model), pa.Table.from_pandas(frame, preserve_index=False).to_pandas())


def test_whole_numbers_that_may_be_null_are_floats_whatever_rows_come(tmp_path: Path) -> None:
    frame = pa.table({"n": pa.array([1, None]), "s": ["a", "b"]})
    model = load(artefact.read(serving_artefacts.write(tmp_path / "artefact", Seen(), frame)))
    for body in ('{"data": [[1, "a"]]}', '{"data": [[null, "a"]]}'):
        _ask(model, body)
        assert str(_seen(model)["n"].dtype) == "float64"
    model.predict_table(pa.table({"n": [1], "s": ["a"]}))
    assert str(_seen(model)["n"].dtype) == "float64"


def test_columns_go_to_the_model_in_the_order_of_its_fit(tmp_path: Path) -> None:
    frame = pd.DataFrame({"a": [1.0, 2, 3, 5], "b": [5.0, 3, 2, 1], "unused": [0.0] * 4})
    model = _loaded(tmp_path, LinearRegression().fit(frame[["b", "a"]], frame.a * 10 + frame.b), frame)
    predicted = _ask(model, '{"columns": ["unused", "a", "b"], "data": [[0, 7, 2]]}')
    assert predicted.rows()[0][0] == pytest.approx(72)


def test_probabilities_are_named_after_the_classes_and_predictions_stay_the_models_own(tmp_path: Path) -> None:
    data, target = (
        serving_artefacts.WINE.data[:, :2],
        serving_artefacts.WINE.target_names[serving_artefacts.WINE.target],
    )
    frame = pd.DataFrame(data, columns=["x", "y"])
    with pytest.warns(FutureWarning):  # probability=True: its classes are not those of the greatest probability
        estimator = SVC(probability=True, random_state=0).fit(data, target)
    model = _loaded(tmp_path, estimator, frame.head(3))
    table = model.predict_table(pa.Table.from_pandas(frame, preserve_index=False)).table()
    assert table.column_names == ["prediction", "probability_class_0", "probability_class_1", "probability_class_2"]
    assert table.column("prediction").to_pylist() == estimator.predict(data).tolist()


@pytest.mark.parametrize("name", ["wine", "mixed"])
def test_one_call_gives_the_class_that_predict_gives(models: Models, name: str) -> None:
    model: Any = models(name)
    frame = (
        serving_artefacts.wine_rows(100) if name == "wine" else pa.Table.from_pandas(serving_artefacts.mixed_frame())
    )
    assert model._one_call
    features = model.inputs.of_table(frame)
    assert model.predict_table(frame).values[0].tolist() == model.estimator.predict(features).tolist()


def test_several_outputs_are_numbered(tmp_path: Path) -> None:
    frame = pd.DataFrame({"a": [1.0, 2, 3], "b": [5.0, 3, 7]})
    model = _loaded(tmp_path, LinearRegression().fit(frame.to_numpy(), frame.to_numpy() * 2), frame)
    predicted = _ask(model, '{"data": [[1, 2]]}')
    assert predicted.columns == ("prediction_0", "prediction_1")
    assert predicted.rows()[0] == pytest.approx((2, 4))


def test_a_classifier_of_several_outputs_tells_classes_only(tmp_path: Path) -> None:
    data = serving_artefacts.WINE.data[:, :2]
    targets = np.column_stack([serving_artefacts.WINE.target, serving_artefacts.WINE.target == 1])
    estimator = RandomForestClassifier(3, random_state=0).fit(data, targets)
    model = _loaded(tmp_path, estimator, pd.DataFrame(data, columns=["x", "y"]).head(2))
    assert _ask(model, '{"data": [[14, 2]]}').columns == ("prediction_0", "prediction_1")


def test_threads_for_every_call_are_switched_off(models: Models) -> None:
    assert models("regressor").estimator.n_jobs == 1  # type: ignore[attr-defined]


def test_code_of_the_artefact_is_importable_and_the_artefact_stays_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    source = "class Constant:\n    def predict(self, features):\n        return [features.shape[1]] * len(features)\n"
    (tmp_path / "own_constant_model.py").write_text(source)
    monkeypatch.syspath_prepend(tmp_path)
    import own_constant_model  # type: ignore[import-not-found]

    table = pa.table({"a": [1.0], "b": [2.0]})
    root = serving_artefacts.write(tmp_path / "artefact", own_constant_model.Constant(), table,
                                   code={"own_constant_model.py": source}, outputs=False)  # fmt: skip
    del sys.modules["own_constant_model"]
    sys.path.remove(str(tmp_path))
    before = digest_tree(root)
    model = load(artefact.read(root))
    assert model.predict(Rows([[1.0, 2.0]])).rows() == [(2,)]
    assert str(root) in sys.modules["own_constant_model"].__file__  # type: ignore[operator]
    assert digest_tree(root) == before


class Untrusted(ClassifierMixin, BaseEstimator):
    def predict(self, features: Any) -> Any:
        return np.zeros(len(features))


def test_skops_models_are_loaded_and_unknown_types_are_named(tmp_path: Path, artefacts: Callable[[str], Path]) -> None:
    import skops.io

    root = serving_artefacts.wine(tmp_path / "artefact")
    model_dir = root / "legion_model"
    estimator: Any = load(artefact.read(root)).estimator  # type: ignore[attr-defined]
    flavor = {"pickled_model": "model.skops", "serialization_format": "skops"}
    skops.io.dump(estimator, model_dir / "model.skops")
    (model_dir / "MLmodel").write_text(yaml.safe_dump({"flavors": {"sklearn": flavor}}))
    model = load(artefact.read(root))
    assert model.predict(Rows(serving_artefacts.WINE.data[:2].tolist())).values[0].tolist() == [0, 0]
    skops.io.dump(Untrusted(), model_dir / "model.skops")
    with pytest.raises(ConfigurationError, match=r"not trusted: .*Untrusted"):
        load(artefact.read(root))


def test_other_flavours_go_through_pyfunc(tmp_path: Path) -> None:
    import mlflow.pyfunc

    class Lengths(mlflow.pyfunc.PythonModel):  # type: ignore[misc]
        def predict(self, context: Any, model_input: pd.DataFrame, params: Any = None) -> pd.DataFrame:
            return pd.DataFrame({"prediction": model_input["text"].str.len(), "twice": model_input["n"] * 2})

    root = tmp_path / "artefact"
    mlflow.pyfunc.save_model(str(root / "legion_model"), python_model=Lengths(), pip_requirements=[])
    rows = pa.table({"text": ["a", "bcd"], "n": [1, 2]})
    serving_artefacts.complete(root, rows, flavor="pyfunc")
    model = load(artefact.read(root))
    predicted = _ask(model, '{"data": [["four", 5]]}')
    assert (predicted.columns, predicted.rows()) == (("prediction", "twice"), [(4, 10)])


def test_the_sample_tells_names_types_and_gaps(artefacts: Callable[[str], Path]) -> None:
    sample = read_sample(artefacts("mixed") / "legion_model" / "head_input.json")
    assert sample is not None
    told = {c.name: (c.kind, c.nullable) for c in sample.signature().columns}
    assert told == {
        "carrier": ("string", False), "distance": ("integer", False), "wind": ("number", True), "seats": ("integer", False),
        "night": ("boolean", False),
    }  # fmt: skip


@pytest.mark.parametrize("content", ['{"columns": ["a"]}', '{"columns": ["a"], "types": {}, "data": []}', "[",
                                     '{"columns": ["a"], "types": {"a": "number"}, "data": [[1, 2]]}',
                                     '{"columns": ["a"], "types": {"a": "complex"}}'])  # fmt: skip
def test_a_broken_sample_is_a_clear_error(tmp_path: Path, content: str) -> None:
    (tmp_path / "head_input.json").write_text(content)
    with pytest.raises(ConfigurationError, match="is not a sample of rows"):
        read_sample(tmp_path / "head_input.json")


def test_without_a_parquet_sample_the_plainest_types_are_taken(
    tmp_path: Path, artefacts: Callable[[str], Path]
) -> None:
    sample = read_sample(artefacts("mixed") / "legion_model" / "head_input.json")
    assert sample is not None
    schema = training_schema(tmp_path, sample.signature())
    assert [str(f.type) for f in schema] == ["string", "int64", "double", "int64", "bool"]


def test_manifests_may_be_json_and_without_our_section(tmp_path: Path) -> None:
    root = serving_artefacts.gppi(tmp_path / "artefact")
    (root / "legion.project.yaml").write_text('{"model": {"name": "n", "version": 2, "workDir": "legion_model"}}')
    found = artefact.read(root)
    assert (found.name, found.version, found.flavor) == ("n", "2", "gppi")


@pytest.mark.parametrize(
    ("manifest", "wrong"),
    [
        ("- a", "is not a mapping"), ("a: [", "cannot be read"), ("model: 3", "model is not a mapping"),
        ("model: {workDir: ../elsewhere}", "there is no model folder"), ("legion: {flavor: magic}", "'magic' is not known"),
    ],
)  # fmt: skip
def test_a_broken_manifest_is_a_clear_error(tmp_path: Path, manifest: str, wrong: str) -> None:
    root = serving_artefacts.gppi(tmp_path / "artefact")
    (root / "legion.project.yaml").write_text(manifest)
    with pytest.raises(ConfigurationError, match=wrong):
        artefact.read(root)


def test_times_reach_the_model_as_they_were(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {"when": pd.to_datetime(["2013-06-30 17:45"]).tz_localize("Europe/Minsk"), "day": [datetime(2013, 1, 1).date()]}
    )
    model = _loaded(tmp_path, Seen(), frame)
    _ask(model, '{"data": [["2013-06-30T17:45:00+03:00", "2013-01-01"]]}')
    assert _seen(model).iloc[0].to_dict() == frame.iloc[0].to_dict()
