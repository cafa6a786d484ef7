"""The model of $name: what legion-ci train calls."""

from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler


def train(data, parameters):
    """Fit on data["train"]: its features are a DataFrame, its target is a Series. Return a fitted estimator."""
    training = data["train"]
    return make_pipeline(StandardScaler(), LogisticRegression(**parameters)).fit(training.features, training.target)
