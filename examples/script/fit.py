"""Fits a classifier: ``python fit.py --C 1.0 --balanced``; legion.yaml's parameters are its options."""

from __future__ import annotations

import argparse

from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from legion_ci.train import inside

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--C", type=float, default=1.0)
parser.add_argument("--balanced", action="store_true")
stated = parser.parse_args()

rows = inside.data("train")
classifier = LogisticRegression(C=stated.C, class_weight="balanced" if stated.balanced else None)
model = make_pipeline(StandardScaler(), classifier).fit(rows.features, rows.target)
inside.save(model, metrics={"train_accuracy": model.score(rows.features, rows.target)})
