"""Writes the data: scikit-learn's 178 wines of three cultivars, half to train on and half to judge by.

Put your own data in their place: one table to train on, one that the model never sees before it is judged.
"""

from __future__ import annotations

from pathlib import Path

from sklearn.datasets import load_wine
from sklearn.model_selection import train_test_split

TARGET = "$target"
FOLDER = Path(__file__).parent / "data"


def main() -> None:
    """Write ``data/train.$use`` and ``data/eval.$use``, 89 rows each, the cultivars in equal parts."""
    wine = load_wine(as_frame=True)
    rows = wine.data.assign(**{TARGET: wine.target_names[wine.target]})
    parts = train_test_split(rows, test_size=0.5, stratify=rows[TARGET], random_state=0)
    FOLDER.mkdir(exist_ok=True)
    for name, part in zip(("train", "eval"), parts, strict=True):
        path = FOLDER / f"{name}.$use"
        part.to_parquet(path, index=False)
        print(f"{path}  {len(part)} rows")


if __name__ == "__main__":
    main()
