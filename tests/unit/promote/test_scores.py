"""Scores of predictions, held to scikit-learn's."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from legion_ci.core.errors import ConfigurationError
from legion_ci.promote import scores

BINARY = json.dumps(["prediction", "probability_False", "probability_True"])


def score(metric: str, rows: list[Any], outcomes: list[Any], columns: str = BINARY, **more: Any) -> scores.Scored:
    told = {"positive": None, "missing_is_negative": False, **more}
    texts = [None if o is None else json.dumps(o) for o in outcomes]
    return scores.score(metric, columns=[columns] * len(rows), predictions=[json.dumps(r) for r in rows],
                        outcomes=texts, **told)  # fmt: skip


@pytest.mark.parametrize(("metric", "sign"), [("accuracy", 1), ("brier", -1), ("log_loss", -1)])
def test_class_metrics_are_those_of_scikit_learn(metric: str, sign: int) -> None:
    from sklearn import metrics

    random = np.random.default_rng(0)
    p, truth = random.random(200), random.random(200) < 0.4
    rows = [[bool(q > 0.5), 1 - q, q] for q in p]
    found = sign * score(metric, rows, truth.tolist()).score.mean()
    oracle = {
        "accuracy": metrics.accuracy_score(truth, p > 0.5),
        "brier": metrics.brier_score_loss(truth, p),
        "log_loss": metrics.log_loss(truth, p),
    }
    assert found == pytest.approx(oracle[metric], rel=1e-9)


@pytest.mark.parametrize("metric", ["mae", "mse"])
def test_number_metrics_are_those_of_scikit_learn(metric: str) -> None:
    from sklearn import metrics

    random = np.random.default_rng(0)
    said, truth = random.normal(size=50), random.normal(size=50)
    found = -score(metric, [[s] for s in said], truth.tolist(), '["prediction"]').score.mean()
    oracle = metrics.mean_absolute_error if metric == "mae" else metrics.mean_squared_error
    assert found == pytest.approx(oracle(truth, said))


@pytest.mark.parametrize("label", [True, 1, 1.0, "1", "true", "True"])
def test_labels_that_mean_the_same_are_the_same(label: Any) -> None:
    assert score("accuracy", [[label, 0.1, 0.9]] * 2, [1, True]).score.tolist() == [1.0, 1.0]


def test_the_positive_class_can_be_said() -> None:
    rows = [[1, 0.3, 0.7]]
    assert score("brier", rows, [True]).score[0] == pytest.approx(-0.09)
    assert score("brier", rows, [True], positive=0).score[0] == pytest.approx(-0.09)  # p of a binary class mirrors
    assert score("brier", rows, [None], positive=1, missing_is_negative=True).score[0] == pytest.approx(-0.49)


def test_a_missing_outcome_is_unknown_unless_only_positives_are_reported() -> None:
    rows = [[1, 0.3, 0.7], [0, 0.6, 0.4]]
    assert np.isnan(score("accuracy", rows, [None, None]).score).all()
    assert score("accuracy", rows, [None, None], positive=1, missing_is_negative=True).score.tolist() == [0.0, 1.0]


def test_several_classes_have_a_brier_score_over_all_of_them() -> None:
    columns = json.dumps(["prediction", "probability_a", "probability_b", "probability_c"])
    found = score("brier", [["a", 0.5, 0.3, 0.2]], ["b"], columns)
    assert found.score[0] == pytest.approx(-(0.25 + 0.49 + 0.04))
    assert (found.scale, score("brier", [[1, 0.2, 0.8]], [1]).scale, score("log_loss", [], []).scale) == (
        2.0,
        1.0,
        None,
    )


def test_what_cannot_be_scored_is_told_with_its_number() -> None:
    found = score("brier", [[1, 0.2, 0.8]] * 3, ["maybe", "maybe", 1])
    assert np.isfinite(found.score).sum() == 1
    assert found.problems == {"the outcome 'maybe' is none of the classes 0, 1": 2}
    assert list(score("brier", [[1]], [1], '["prediction"]').problems) == [
        "the answers hold no probabilities; use accuracy"
    ]


def test_an_answer_that_is_no_prediction_is_a_problem_and_no_crash() -> None:
    found = score("mae", [["x"], [None], []], [1, 1, 1], '["prediction"]')
    assert np.isnan(found.score).all()
    assert sum(found.problems.values()) == 3


def test_a_metric_that_is_no_mean_is_refused_with_the_nearest_word() -> None:
    with pytest.raises(ConfigurationError, match="did you mean brier"):
        scores.check("brier_score")
    with pytest.raises(ConfigurationError, match="known are accuracy"):
        scores.check("roc_auc")
