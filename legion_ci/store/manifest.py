"""The artefact's manifest and samples: the one writer of the trained-model format."""

from __future__ import annotations

import datetime as dt
import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

import legion_ci
from legion_ci.core.files import write_atomic
from legion_ci.results import Provenance

if TYPE_CHECKING:
    import pyarrow as pa

MANIFEST = "legion.project.yaml"
MODEL_DIR = "legion_model"
SCHEMA_VERSION = 1


def write_manifest(
    folder: Path, *, name: str, version: str, run_id: str, flavor: str, trainer: str, provenance: Provenance
) -> None:
    """Write ``legion.project.yaml``, last, into an artefact folder."""
    import msgspec

    content = {
        "legionVersion": "1.0",
        "binaries": {"type": "python", "dependencies": "conda", "conda_path": f"{MODEL_DIR}/conda.yaml"},
        "model": {"name": name, "version": version, "workDir": MODEL_DIR, "entrypoint": "entrypoint"},
        "toolchain": {"name": trainer, "version": legion_ci.__version__},
        "output": {"run_id": run_id},
        "legion": {
            "schema_version": SCHEMA_VERSION,
            "flavor": flavor,
            "digests": {"code": provenance.code, **{f"data.{k}": v for k, v in sorted(provenance.data.items())}},
            "build": {k: v for k, v in msgspec.to_builtins(provenance).items() if k in ("commit", "dirty", "build")},
        },
    }
    write_atomic(folder / MANIFEST, yaml.safe_dump(content, sort_keys=False))


def write_sample(model_dir: Path, name: str, table: pa.Table, nullable: dict[str, bool] | None = None) -> None:
    """Write ``<name>.parquet`` and the same rows with their types as ``<name>.json``."""
    import pyarrow.parquet as pq

    pq.write_table(table, model_dir / f"{name}.parquet")
    columns = table.column_names
    content = {
        "columns": columns,
        "types": {c: type_name(table.schema.field(c).type) for c in columns},
        "nullable": {c: (nullable or {}).get(c, table.column(c).null_count > 0) for c in columns},
        "data": [[_plain(row[c]) for c in columns] for row in table.to_pylist()],
    }
    write_atomic(model_dir / f"{name}.json", json.dumps(content, indent=1))


def type_name(kind: pa.DataType) -> str:
    """Legion's name of a column type: integer, number, string, boolean or datetime."""
    import pyarrow.types as t

    if t.is_dictionary(kind):
        return type_name(kind.value_type)
    for test, name in (
        (t.is_boolean, "boolean"),
        (t.is_integer, "integer"),
        (t.is_floating, "number"),
        (t.is_decimal, "number"),
        (t.is_timestamp, "datetime"),
        (t.is_date, "datetime"),
    ):
        if test(kind):
            return name
    return "string"


def _plain(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value.isoformat() if isinstance(value, dt.date | dt.datetime) else value
