import subprocess
import sys

import pytest
from pydantic import ValidationError

from legion_ci.quality.metric_settings import MetricSettings


def problem(**settings):
    with pytest.raises(ValidationError) as caught:
        MetricSettings(**settings)
    return str(caught.value)


def test_an_unknown_metric_is_told_with_the_nearest_one():
    assert "did you mean roc_auc?" in problem(metric="roc_acu", min=0.5)


@pytest.mark.parametrize("given", [{}, {"min": 0.1, "max": 0.2}, {"min": 0.1, "versus": "champion"}])
def test_exactly_one_of_min_max_and_versus_is_needed(given):
    assert "exactly one of min, max and versus" in problem(metric="accuracy", **given)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"min": 0.5, "margin": 0.1}, "margin and superior need versus"),
        ({"min": 0.5, "superior": True}, "margin and superior need versus"),
        ({"versus": "champion", "superior": True, "margin": 0.1}, "superior allows no margin"),
        ({"versus": "champion", "superior": True, "slices": ["a"]}, "superior needs role: require"),
        ({"versus": "champion", "slices": ["a"], "alpha": 0.01}, "alarms share quality.alpha"),
        ({"versus": "champion", "min_detectable": 0.01}, "min_detectable is for alarms"),
        ({"min": float("nan")}, "finite"),
        ({"versus": "champion", "margin": -0.1}, "greater than or equal to 0"),
    ],
)
def test_what_does_not_go_together_is_told(given, said):
    assert said in problem(metric="accuracy", **given)


def test_a_threshold_is_for_labels_and_a_positive_class_for_classes():
    assert "threshold is for metrics of labels" in problem(metric="roc_auc", min=0.5, threshold=0.5)
    assert "positive is for classes" in problem(metric="mae", max=1.0, positive=1)


def test_all_clashes_are_told_at_once():
    said = problem(metric="accuracy", superior=True, margin=0.1, threshold=None)
    assert "exactly one of" in said
    assert "superior allows no margin" in said


def test_slices_are_columns_or_columns_with_declared_values():
    assert MetricSettings(metric="recall", versus="champion", slices=["a", "b"]).slices == {"a": (), "b": ()}
    assert MetricSettings(metric="recall", versus="champion", slices={"a": [1, "x"]}).slices == {"a": (1, "x")}


def test_slices_are_alarms_unless_said_otherwise():
    assert MetricSettings(metric="recall", versus="champion", slices=["a"]).is_alarm
    assert not MetricSettings(metric="recall", versus="champion", slices=["a"], role="require").is_alarm
    assert not MetricSettings(metric="recall", versus="champion").is_alarm


def test_the_check_imports_nothing_heavy():
    code = (
        "import sys, legion_ci.quality.metric_check, legion_ci.quality.checks; "
        "print([m for m in ('numpy', 'scipy', 'pyarrow', 'sklearn', 'duckdb', 'mlflow') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
