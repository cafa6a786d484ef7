"""Write scikit-learn's wine data, 178 wines of three cultivars, as one file to train on and one to judge by."""

from __future__ import annotations

import argparse
from pathlib import Path

from sklearn.datasets import load_wine
from sklearn.model_selection import train_test_split

TARGET = "cultivar"


def main() -> None:
    """Write ``data/train.csv`` and ``data/eval.csv``: 89 wines each, the cultivars in equal parts."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--target", type=Path, default=Path(__file__).parent / "data", help="folder to write")
    folder = parser.parse_args().target
    folder.mkdir(parents=True, exist_ok=True)
    wine = load_wine(as_frame=True)
    rows = wine.data.assign(**{TARGET: wine.target_names[wine.target]})
    train, evaluation = train_test_split(rows, test_size=0.5, stratify=rows[TARGET], random_state=0)
    for name, part in (("train", train), ("eval", evaluation)):
        part.to_csv(folder / f"{name}.csv", index=False, lineterminator="\n")
        print(f"{folder / name}.csv  {len(part)} rows")


if __name__ == "__main__":
    main()
