"""The project's entry point, as MLflow's users write it: reads its own rows and logs one model."""

from __future__ import annotations

import sys

import mlflow.sklearn
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

rows = pd.read_csv("data/train.csv")
features, target = rows.drop(columns="malignant"), rows["malignant"]
model = make_pipeline(StandardScaler(), LogisticRegression(C=float(sys.argv[1]))).fit(features, target)
with mlflow.start_run():
    mlflow.log_metric("train_accuracy", model.score(features, target))
    mlflow.sklearn.log_model(model, name="model", serialization_format="cloudpickle")
