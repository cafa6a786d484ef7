from dataclasses import replace

import numpy as np
import pytest
from sklearn import metrics as sk

from legion_ci.quality import constants, estimates, losses, ranking, tables
from legion_ci.quality.catalogue import METRICS
from legion_ci.quality.estimates import Resampling
from legion_ci.quality.sample import Sample

R = Resampling(10_000, (1,))


def binary(seed=0, n=800, noise=0.1):
    rng = np.random.default_rng(seed)
    y = (rng.random(n) < 0.35).astype(int)
    p = np.clip(0.3 * y + rng.random(n) * 0.7, 0, 1)
    return y, p, np.clip(p + rng.normal(0, noise, n), 0, 1)


def answers(metric, y, p):
    if metric.form == "label":
        return (p > 0.5).astype(int)
    return {"score": p, "probability": np.stack([1 - p, p], axis=1), "value": p}[metric.form]


def sample(name, seed=0, clusters=None):
    metric, (y, p, q) = METRICS[name], binary(seed)
    if metric.form == "query":  # already one value a query
        new, old = (ranking.by_query(name, y.astype(float), s, np.arange(len(y)) // 8, None) for s in (p, q))
        return metric, Sample(np.zeros(len(new)), new, old, cluster=None if clusters is None else clusters[: len(new)])
    if name in PARAMETERS:
        metric = replace(metric, parameter=PARAMETERS[name])
    truth = y if metric.of_classes else y + np.random.default_rng(9).normal(0, 0.3, len(y))
    return metric, Sample(truth, answers(metric, y, p), answers(metric, y, q), 2, 1, clusters)


SKLEARN = {
    "accuracy": sk.accuracy_score,
    "recall": sk.recall_score,
    "specificity": lambda y, a: sk.recall_score(y, a, pos_label=0),
    "precision": sk.precision_score,
    "f1": sk.f1_score,
    "balanced_accuracy": sk.balanced_accuracy_score,
    "roc_auc": sk.roc_auc_score,
    "brier": lambda y, a: sk.brier_score_loss(y, a[:, 1]),
    "log_loss": sk.log_loss,
    "mae": sk.mean_absolute_error,
    "mse": sk.mean_squared_error,
    "rmse": sk.root_mean_squared_error,
    "r2": sk.r2_score,
    "pinball": lambda y, a: sk.mean_pinball_loss(y, a, alpha=0.8),
    "average_precision": sk.average_precision_score,
    "mcc": sk.matthews_corrcoef,
    "top_k_accuracy": lambda y, a: sk.accuracy_score(y, a.argmax(axis=1)),  # of two classes: k is 1
    "roc_auc_ovr": lambda y, a: sk.roc_auc_score(y, a[:, 1]),  # of two classes both averages are the area itself
    "roc_auc_ovo": lambda y, a: sk.roc_auc_score(y, a[:, 1]),
    **dict.fromkeys(("ndcg", "map", "mrr"), lambda _, values: np.mean(values)),  # of queries: see test_ranking
}
PARAMETERS = {"pinball": 0.8, "top_k_accuracy": 1.0}


def test_every_metric_is_cross_checked():
    assert set(SKLEARN) == set(METRICS)


@pytest.mark.parametrize("name", METRICS)
def test_the_value_is_scikit_learns(name):
    metric, rows = sample(name)
    assert estimates.point(metric, rows) == pytest.approx(SKLEARN[name](rows.truth, rows.candidate), rel=1e-9)
    assert estimates.estimate(metric, rows.alone(), R).effect == pytest.approx(
        SKLEARN[name](rows.truth, rows.candidate)
    )


@pytest.mark.parametrize("name", METRICS)
def test_the_gain_is_the_difference_signed_so_that_more_is_better(name):
    metric, rows = sample(name)
    old, new = (SKLEARN[name](rows.truth, a) for a in (rows.champion, rows.candidate))
    wanted = new - old if metric.higher_is_better else old - new
    found = estimates.estimate(metric, rows, R)
    assert found.effect == pytest.approx(wanted, abs=1e-12)
    low, high = found.interval(0.05)
    assert low < wanted < high


@pytest.mark.parametrize("name", METRICS)
def test_the_methods_own_interval_and_the_clustered_one_of_single_rows_are_close(name):
    metric, rows = sample(name, clusters=None)
    _, single = sample(name, clusters=np.arange(800))
    for alone in (False, True):
        own = estimates.estimate(metric, rows.alone() if alone else rows, R)
        linear = estimates.estimate(metric, single.alone() if alone else single, R)
        width = own.interval(0.05)[1] - own.interval(0.05)[0]
        few = metric.form == "query"  # 100 queries, not 800 rows
        assert linear.interval(0.05) == pytest.approx(own.interval(0.05), abs=(0.12 if few else 0.06) * width)


def three_classes(n=900):
    rng = np.random.default_rng(3)
    y = rng.integers(0, 3, n)
    p = rng.dirichlet([1, 1, 1], n) + 0.8 * np.eye(3)[y]
    return y, p / p.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("name", ["accuracy", "balanced_accuracy", "brier", "log_loss"])
def test_metrics_of_three_classes_are_scikit_learns(name):
    y, p = three_classes()
    metric = METRICS[name]
    rows = Sample(y, p.argmax(axis=1) if metric.form == "label" else p, None, 3, -1)
    reference = {**SKLEARN, "brier": sk.brier_score_loss}[name]
    assert estimates.point(metric, rows) == pytest.approx(reference(y, rows.candidate), rel=1e-9)


@pytest.mark.parametrize("kind", ["ovr", "ovo"])
def test_areas_of_three_classes_are_scikit_learns(kind):
    y, p = three_classes()
    found = estimates.point(METRICS[f"roc_auc_{kind}"], Sample(y, p, None, 3, -1))
    assert found == pytest.approx(sk.roc_auc_score(y, p, multi_class=kind), rel=1e-9)


def test_the_correlation_and_the_first_two_of_three_classes_are_scikit_learns():
    y, p = three_classes()
    assert estimates.point(METRICS["mcc"], Sample(y, p.argmax(axis=1), None, 3, -1)) == pytest.approx(
        sk.matthews_corrcoef(y, p.argmax(axis=1))
    )
    two = replace(METRICS["top_k_accuracy"], parameter=2.0)
    assert estimates.point(two, Sample(y, p, None, 3, -1)) == pytest.approx(sk.top_k_accuracy_score(y, p, k=2))


@pytest.mark.parametrize("name", ["recall", "precision", "f1", "roc_auc", "average_precision"])
def test_one_class_of_three_can_be_the_positive_one(name):
    y, p = three_classes()
    metric = METRICS[name]
    rows = Sample(y, p.argmax(axis=1) if metric.form == "label" else p[:, 2], None, 3, 2)
    said = rows.candidate == 2 if metric.form == "label" else rows.candidate
    assert estimates.point(metric, rows) == pytest.approx(SKLEARN[name](y == 2, said))


def test_precision_without_any_positive_answer_is_0():
    rows = Sample(np.arange(10) % 2, np.zeros(10, int), None, 2, 1)
    assert estimates.point(METRICS["precision"], rows) == 0.0


@pytest.mark.parametrize("name", ["f1", "precision", "balanced_accuracy", "mcc"])
def test_gradients_of_tables_are_those_of_the_value(name):
    metric, rows = sample(name)
    check_gradient(*as_shares(tables.single(metric, rows)))
    check_gradient(*as_shares(tables.gain(metric, rows)))


def as_shares(found):
    smooth, cell, size = found
    return smooth, np.bincount(cell, minlength=size) / len(cell)


@pytest.mark.parametrize("name", ["rmse", "r2", "brier"])
def test_gradients_of_losses_are_those_of_the_value(name):
    metric, rows = sample(name)
    for smooth, columns in (losses.single(metric, rows), losses.gain(metric, rows)):
        check_gradient(smooth, columns.mean(axis=0))


def check_gradient(smooth, at):
    step = 1e-6
    wanted = [(smooth.value(at + step * e) - smooth.value(at - step * e)) / (2 * step) for e in np.eye(len(at))]
    assert smooth.gradient(at) == pytest.approx(np.array(wanted), abs=1e-6)
    assert smooth.gradient(np.stack([at, at])).shape == (2, len(at))


def test_constants_reach_what_a_model_that_always_says_the_same_would():
    y, _, _ = binary()
    rate = np.tile([np.mean(y == 0), np.mean(y == 1)], (len(y), 1))
    majority = np.zeros(len(y), int)
    wanted = {
        "accuracy": sk.accuracy_score(y, majority),
        "brier": SKLEARN["brier"](y, rate),
        "log_loss": sk.log_loss(y, rate),
    }
    for name, value in wanted.items():
        assert constants.value(METRICS[name], sample(name)[1]) == pytest.approx(value)
    metric, rows = sample("rmse")
    assert constants.value(metric, rows) == pytest.approx(np.std(rows.truth))
