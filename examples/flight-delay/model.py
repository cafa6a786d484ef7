"""Train the model that tells how likely a flight is to arrive more than 15 minutes late."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OrdinalEncoder

# Small trees: large ones learn what a winter's weather means, and fail in summer.
DEFAULTS = {"learning_rate": 0.05, "max_leaf_nodes": 8, "random_state": 0}


def train(data: Mapping[str, Any], parameters: Mapping[str, Any]) -> Pipeline:
    """Fit on ``data["train"]``; the pipeline takes strings and numbers, as they are in the files.

    parameters: those of HistGradientBoostingClassifier, over ``DEFAULTS``.
    """
    features, late = data["train"].features, data["train"].target
    categories = list(features.select_dtypes(exclude="number").columns)
    # An airline or airport that was not seen in training counts as missing, which the trees can handle.
    encoder = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
    boosting = HistGradientBoostingClassifier(
        **{**DEFAULTS, **parameters},
        categorical_features=list(range(len(categories))),  # the encoder's columns come first
    )
    columns = make_column_transformer((encoder, categories), remainder="passthrough", verbose_feature_names_out=False)
    return make_pipeline(columns, boosting).fit(features, late)
