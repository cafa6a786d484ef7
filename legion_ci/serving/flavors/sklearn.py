"""Serves scikit-learn's flavour directly: any object with ``predict`` (and ``predict_proba``), without mlflow."""

from __future__ import annotations

import pickle
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from legion_ci.core.errors import ConfigurationError, missing_package
from legion_ci.serving import artefact
from legion_ci.serving.flavors import steps
from legion_ci.serving.inputs import ArrayInputs, FrameInputs, Inputs, training_schema
from legion_ci.serving.predictions import Predictions, of_result
from legion_ci.serving.rows import Rows
from legion_ci.serving.signature import Sample, Signature

if TYPE_CHECKING:
    import pyarrow as pa

# These define predict as the class of the greatest probability, so that one call is enough. (At a tie to the last
# bit the first class is given.)
_GREATEST_PROBABILITY = {
    "LogisticRegression", "RandomForestClassifier", "ExtraTreesClassifier", "HistGradientBoostingClassifier",
}  # fmt: skip
_FREE_FORM = {"FunctionTransformer", "ColumnTransformer"}


class SklearnModel:
    """A fitted estimator. Predictions: ``prediction``, then ``probability_<class>`` where it tells probabilities."""

    row_wise = True

    def __init__(self, estimator: Any, signature: Signature, inputs: Inputs) -> None:
        self.signature = signature
        self.estimator, self.inputs = estimator, inputs
        self._steps = steps.apart(estimator)
        self._checked_less = threading.local()
        self._classes = _single_output_classes(estimator)
        self._one_call = _own(final := _final(estimator)) and type(final).__name__ in _GREATEST_PROBABILITY
        self._names = () if self._classes is None else tuple(f"probability_{c}" for c in self._classes.tolist())

    def predict(self, rows: Rows) -> Predictions:
        """Predictions of rows, which were checked as the signature says."""
        if not hasattr(self._checked_less, "here"):
            self._check_less()
        return self._predict(self.inputs.of_rows(rows.data), len(rows.data))

    def predict_table(self, table: pa.Table) -> Predictions:
        """Predictions of a table."""
        return self._predict(self.inputs.of_table(table), table.num_rows)

    def _check_less(self) -> None:
        """Parameters were checked when it was fitted, and rows that may not be null are finite. scikit-learn keeps this by thread."""
        import sklearn

        finite = not any(c.nullable or not c.required for c in self.signature.columns)
        sklearn.set_config(skip_parameter_validation=True, assume_finite=finite)
        self._checked_less.here = True

    def _predict(self, features: Any, n_rows: int) -> Predictions:
        if self._classes is None:
            return of_result(self._steps.predict(features), n_rows)
        import numpy as np

        probabilities = np.asarray(self._steps.predict_proba(features))
        greatest = self._one_call
        chosen = self._classes[probabilities.argmax(axis=1)] if greatest else self._steps.predict(features)
        told = of_result(chosen, n_rows)
        return Predictions((*told.columns, *self._names), (*told.values, *probabilities.T))


def load(folder: artefact.ModelFolder, sample: Sample | None) -> SklearnModel:
    """Load the estimator that MLmodel names; raises ConfigurationError when it is not to be had."""
    where = str(folder.model_dir)
    if sample is None:
        raise ConfigurationError("there is no head_input.json", where=where, todo="train the model again")
    estimator = _read(folder.model_dir)
    if not callable(getattr(estimator, "predict", None)):
        raise ConfigurationError(
            f"the {type(estimator).__name__} cannot predict", where=where, todo="log a fitted estimator"
        )
    _in_one_thread(estimator)
    signature = sample.signature()
    return SklearnModel(estimator, signature, _inputs(estimator, signature, sample, folder.model_dir))


def _read(model_dir: Path) -> Any:
    flavor = (artefact.mlmodel(model_dir).get("flavors") or {}).get("sklearn")
    if not isinstance(flavor, dict) or "pickled_model" not in flavor:
        raise ConfigurationError(
            "names no scikit-learn model", where=str(model_dir / "MLmodel"), todo="train the model again"
        )
    path = model_dir / str(flavor["pickled_model"])
    if not path.is_file():
        raise ConfigurationError("is missing", where=str(path), todo="train the model again")
    try:
        if flavor.get("serialization_format") == "skops":
            return _read_skops(path, flavor.get("skops_trusted_types") or [], model_dir)
        with path.open("rb") as file:
            return pickle.load(file)  # noqa: S301 - the model's own environment; see the design on others' pickles
    except ImportError as error:
        raise missing_package(error, str(path)) from error


def _read_skops(path: Path, listed: list[str], model_dir: Path) -> Any:
    """Trusts what the trainer listed and the classes in the artefact's own code."""
    import skops.io

    code = model_dir / "code"
    own = {p.stem for p in code.iterdir()} if code.is_dir() else set()
    found = skops.io.get_untrusted_types(file=path)
    unknown = [t for t in found if t not in listed and t.split(".")[0] not in own]
    if unknown:
        raise ConfigurationError(
            f"holds types that are not trusted: {', '.join(unknown)}",
            where=str(path),
            todo="list them as skops_trusted_types when logging the model",
        )
    return skops.io.load(path, trusted=found)


def _inputs(estimator: Any, signature: Signature, sample: Sample, model_dir: Path) -> Inputs:
    """Arrays for numeric models that do not look at names, DataFrames for the others.

    Both hold the columns that the estimator was fitted with, in its order, where it remembers them.
    """
    fitted_with = getattr(estimator, "feature_names_in_", None)
    names = signature.names if fitted_with is None else tuple(map(str, fitted_with))
    if not set(names) <= set(signature.names):
        names = signature.names
    if signature.numeric and (fitted_with is None or _blind_to_names(estimator)):
        array = ArrayInputs(signature, names)
        if _takes(estimator, array, sample):
            warnings.filterwarnings("ignore", message="X does not have valid feature names")
            return array
    return FrameInputs(training_schema(model_dir, signature), names)


def _takes(estimator: Any, inputs: Inputs, sample: Sample) -> bool:
    """Whether the estimator predicts the sample when it is given such inputs."""
    if not sample.data:
        return True
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            estimator.predict(inputs.of_rows(sample.data[:2]))
    except Exception:
        return False
    return True


def _blind_to_names(estimator: Any) -> bool:
    """Whether only scikit-learn's own estimators, none of which picks columns by name, see the features."""
    return all(_own(e) and type(e).__name__ not in _FREE_FORM for e in _parts(estimator))


def _own(estimator: Any) -> bool:
    """Whether that is one of scikit-learn's own classes."""
    return type(estimator).__module__.startswith("sklearn.")


def _in_one_thread(estimator: Any) -> None:
    """Threads that are started for every call cost a server more than they gain; the results are the same."""
    for part in _parts(estimator):
        if getattr(part, "n_jobs", None) not in (None, 1):
            part.n_jobs = 1


def _parts(estimator: Any) -> Iterator[Any]:
    yield estimator
    if hasattr(estimator, "get_params"):
        yield from (
            v for v in estimator.get_params(deep=True).values() if hasattr(v, "get_params") and not isinstance(v, type)
        )


def _final(estimator: Any) -> Any:
    steps = getattr(estimator, "steps", None)
    return _final(steps[-1][1]) if steps else estimator


def _single_output_classes(estimator: Any) -> Any:
    """The classes, as an array, of a classifier with probabilities and one output; None otherwise."""
    import numpy as np

    if not hasattr(estimator, "predict_proba") or not hasattr(estimator, "classes_"):
        return None
    classes = estimator.classes_
    if isinstance(classes, list) and any(isinstance(c, np.ndarray | list) for c in classes):
        return None
    array = np.asarray(classes)
    return array if array.ndim == 1 else None
