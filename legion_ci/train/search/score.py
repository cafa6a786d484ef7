"""The metric of a trial: what a model answered, held against what came."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from legion_ci.core.errors import ConfigurationError

if TYPE_CHECKING:
    import pyarrow as pa

LOWER_IS_BETTER = frozenset({"log_loss", "brier", "rmse", "mae"})
_PREFIX = "probability_"


def measure(metric: str, answers: pa.Table, truth: Any) -> float:
    """The metric of predictions (a row each) against the true values (same order).

    Raises ConfigurationError when the metric needs probabilities and the model tells none.
    """
    if metric in _OF_PROBABILITIES:
        return float(_OF_PROBABILITIES[metric](*_probabilities(metric, answers, truth)))
    return float(_of_answers()[metric](truth, answers.column("prediction").to_numpy(zero_copy_only=False)))


def _of_answers() -> dict[str, Callable[[Any, Any], float]]:
    from sklearn import metrics

    return {
        "accuracy": metrics.accuracy_score,
        "balanced_accuracy": metrics.balanced_accuracy_score,
        "f1_macro": lambda t, a: metrics.f1_score(t, a, average="macro"),
        "rmse": metrics.root_mean_squared_error,
        "mae": metrics.mean_absolute_error,
        "r2": metrics.r2_score,
    }


def _probabilities(metric: str, answers: pa.Table, truth: Any) -> tuple[Any, Any]:
    """(classes × rows) of what came as 0 and 1, and of what was said."""
    import numpy as np

    names = [c for c in answers.column_names if c.startswith(_PREFIX)]
    if len(names) < 2:
        raise ConfigurationError(
            f"{metric} needs probabilities, and the model tells none",
            where="train.search.metric",
            todo="take a metric of predictions, such as accuracy, or a model with predict_proba",
        )
    said = np.array([answers.column(n).to_numpy() for n in names])
    came = np.array([[str(t) == n.removeprefix(_PREFIX) for t in truth] for n in names], dtype=float)
    return came, said


def _area(came: Any, said: Any) -> float:
    """Area under the ROC curve; of several classes the mean of each against the rest."""
    from sklearn.metrics import roc_auc_score

    if len(came) == 2:
        return float(roc_auc_score(came[1], said[1]))
    return float(sum(roc_auc_score(c, s) for c, s in zip(came, said, strict=True)) / len(came))


def _log_loss(came: Any, said: Any) -> float:
    import numpy as np

    given = np.clip((came * said).sum(axis=0), 1e-15, 1.0)
    return float(-np.log(given).mean())


def _brier(came: Any, said: Any) -> float:
    """Mean squared error of the probabilities; of two classes that of one of them."""
    squares = ((said - came) ** 2).sum(axis=0)
    return float(squares.mean() / (2 if len(came) == 2 else 1))


_OF_PROBABILITIES: dict[str, Callable[[Any, Any], float]] = {"roc_auc": _area, "log_loss": _log_loss, "brier": _brier}
