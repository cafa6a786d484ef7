"""Calls a scikit-learn pipeline's steps one after the other, without the checks that a Pipeline makes at every call.

Those (is it fitted, what are its tags) cost as much as a small model; the predictions are the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


class Steps:
    """A fitted pipeline, taken apart. predict, predict_proba: as the pipeline's own."""

    def __init__(self, transforms: Sequence[Any], final: Any) -> None:
        self._transforms, self._final = tuple(transforms), final

    def predict(self, features: Any) -> Any:
        """The last step's predictions."""
        return self._final.predict(self._transformed(features))

    def predict_proba(self, features: Any) -> Any:
        """The last step's probabilities."""
        return self._final.predict_proba(self._transformed(features))

    def _transformed(self, features: Any) -> Any:
        for transform in self._transforms:
            features = transform.transform(features)
        return features


def apart(estimator: Any) -> Any:
    """The estimator's steps when it is exactly scikit-learn's Pipeline, else the estimator itself."""
    from sklearn.pipeline import Pipeline

    if type(estimator) is not Pipeline:
        return estimator
    *before, last = [step for _, step in estimator.steps]
    if last is None or isinstance(last, str):  # passthrough: nothing that predicts
        return estimator
    return Steps([step for step in before if step is not None and not isinstance(step, str)], apart(last))
