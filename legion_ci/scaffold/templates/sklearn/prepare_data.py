"""Writes data/train.parquet and data/eval.parquet: scikit-learn's breast cancer data. Put your own data here."""

from pathlib import Path

from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split

frame = load_breast_cancer(as_frame=True).frame.rename(columns={"target": "$target"})
frame.columns = [c.replace(" ", "_") for c in frame.columns]
training, held_out = train_test_split(frame, test_size=0.5, random_state=0, stratify=frame["$target"])

folder = Path(__file__).parent / "data"
folder.mkdir(exist_ok=True)
training.to_parquet(folder / "train.parquet", index=False)
held_out.to_parquet(folder / "eval.parquet", index=False)
print(f"{len(training)} rows for training, {len(held_out)} for the quality gate")
