"""Somebody else's training: writes ``made``, a model in MLflow's format, which legion.yaml names."""

from __future__ import annotations

import shutil
from pathlib import Path

import mlflow.sklearn
import pandas as pd
from sklearn.ensemble import RandomForestClassifier

folder = Path(__file__).parent
rows = pd.read_csv(folder / "data" / "train.csv")
model = RandomForestClassifier(n_estimators=20, random_state=0).fit(rows.drop(columns="malignant"), rows["malignant"])
shutil.rmtree(folder / "made", ignore_errors=True)
mlflow.sklearn.save_model(
    model, str(folder / "made"), serialization_format="cloudpickle", pip_requirements=["scikit-learn", "pandas"]
)
