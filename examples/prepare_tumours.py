"""Write a part of scikit-learn's breast cancer data as one file to train on and one to judge by; for the trainers' examples."""

from __future__ import annotations

import argparse
from pathlib import Path

from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split

COLUMNS = {
    "mean radius": "radius",
    "mean texture": "texture",
    "mean concavity": "concavity",
    "mean symmetry": "symmetry",
}


def main() -> None:
    """Write ``data/train.csv`` and ``data/eval.csv``: four measurements of a tumour, and whether it is malignant."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--target", type=Path, default=Path("data"), help="folder to write")
    folder = parser.parse_args().target
    folder.mkdir(parents=True, exist_ok=True)
    found = load_breast_cancer(as_frame=True)
    rows = found.data[list(COLUMNS)].rename(columns=COLUMNS).assign(malignant=1 - found.target)
    for name, part in zip(("train", "eval"), train_test_split(rows, test_size=0.5, random_state=0), strict=True):
        part.to_csv(folder / f"{name}.csv", index=False, lineterminator="\n")
        print(f"{folder / name}.csv  {len(part)} rows")


if __name__ == "__main__":
    main()
