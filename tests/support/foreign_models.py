"""Trained models as ODAHU's and Legion's trainers leave them, small and without packages."""

from __future__ import annotations

import io
import json
import pickle
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import yaml

ENTRYPOINT = """
import json, os

def init():
    global _by
    _by = json.load(open(os.path.join(os.environ["MODEL_LOCATION"], "weights.json")))
    return "matrix"

def predict_on_matrix(input_matrix, provided_columns_names=None):
    names = list(provided_columns_names or ["a", "b"])
    a, b = names.index("a"), names.index("b")
    return [[_by["a"] * row[a] + _by["b"] * row[b]] for row in input_matrix], ("total",)

def info():
    return ([{"name": n, "type": "number", "example": 1.5, "required": True} for n in ("a", "b")],
            [{"name": "total", "type": "number", "example": 4.0, "required": True}])
"""


def content(entrypoint: str = "entrypoint") -> dict[str, Any]:
    """ODAHU's manifest."""
    return {
        "odahuflowVersion": "1.0",
        "binaries": {"type": "python", "dependencies": "conda", "conda_path": "odahuflow_model/conda.yaml"},
        "model": {"name": "adder", "version": "1.2", "workDir": "odahuflow_model", "entrypoint": entrypoint},
        "toolchain": {"name": "mlflow", "version": "1.0.0"},
        "output": {"run_id": "0123456789abcdef"},
    }


def adder(folder: Path, *, entrypoint: str = "entrypoint", code: str = ENTRYPOINT, samples: bool = True) -> Path:
    """A model 2a + b of plain Python; its samples are pickled lists of rows."""
    inside = folder / "odahuflow_model"
    inside.mkdir(parents=True)
    (folder / "odahuflow.project.yaml").write_text(yaml.safe_dump(content(entrypoint)))
    (inside / f"{entrypoint}.py").write_text(code)
    (inside / "weights.json").write_text(json.dumps({"a": 2.0, "b": 1.0}))
    (inside / "conda.yaml").write_text(yaml.safe_dump({"name": "m", "dependencies": ["pip", {"pip": []}]}))
    if samples:
        (inside / "head_input.pkl").write_bytes(pickle.dumps([[1.5, 1.0], [2.0, 0.5]]))
        (inside / "head_output.pkl").write_bytes(pickle.dumps([[4.0], [4.5]]))
    return folder


def compressed_tar(folder: Path, path: Path) -> Path:
    """As ODAHU's trainer packs, whatever the name says."""
    with tarfile.open(path, "w:gz") as archive:
        for item in sorted(folder.iterdir()):
            archive.add(item, item.name)
    return path


def zipped(folder: Path, path: Path) -> Path:
    """As the documents say."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for item in sorted(p for p in folder.rglob("*") if p.is_file()):
            archive.write(item, item.relative_to(folder).as_posix())
    return path


def tar_of(path: Path, *members: tuple[str, bytes | None, dict[str, Any]]) -> Path:
    """A compressed tar of (name, content, fields of its header)."""
    with tarfile.open(path, "w:gz") as archive:
        for name, data, fields in members:
            item = tarfile.TarInfo(name)
            for field, value in fields.items():
                setattr(item, field, value)
            item.size = len(data) if data is not None else 0
            archive.addfile(item, io.BytesIO(data) if data is not None else None)
    return path
