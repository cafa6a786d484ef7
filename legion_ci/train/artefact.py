"""Completes what a trainer left to a whole artefact: samples, entry point, lock, manifest."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from legion_ci.core.errors import ConfigurationError
from legion_ci.core.files import write_atomic
from legion_ci.core.tools import Tools
from legion_ci.data import source
from legion_ci.results import Provenance
from legion_ci.store import manifest
from legion_ci.train import environment
from legion_ci.train.protocol import TrainJob

if TYPE_CHECKING:
    import pyarrow as pa

REFERENCE = "reference_sketch.json"


def complete(artefact: Path, job: TrainJob, tools: Tools, find_links: tuple[str, ...]) -> None:
    """Write samples, requirements, lock and the sample's predictions, made in the locked environment."""
    model_dir = artefact / manifest.MODEL_DIR
    provisional(artefact, job)
    rows, nullable = _sample(job)
    _write_reference(model_dir, job)
    manifest.write_sample(model_dir, "head_input", rows, nullable)
    _write_arrow(rows, job.scratch / "head_input.arrow")
    environment.describe(artefact, job.settings.requirements, job.folder, tools, job.scratch)
    python = environment.lock(artefact, tools, find_links)
    environment.predict(python, artefact, job.scratch / "head_input.arrow", job.scratch / "head_output.arrow", tools)
    manifest.write_sample(model_dir, "head_output", _read_arrow(job.scratch / "head_output.arrow"))


def provisional(artefact: Path, job: TrainJob) -> None:
    """Entry point and a manifest without version, so that the model can be loaded before it is registered."""
    from legion_ci.serving.gppi import ENTRYPOINT

    model_dir = artefact / manifest.MODEL_DIR
    write_atomic(model_dir / "entrypoint.py", ENTRYPOINT)
    flavor = "sklearn" if "\n  sklearn:" in (model_dir / "MLmodel").read_text() else "pyfunc"
    sign(
        artefact,
        name="unregistered",
        version="0",
        run_id=job.run_id,
        flavor=flavor,
        trainer=job.settings.use,
        provenance=Provenance(),
    )


def sign(
    artefact: Path, *, name: str, version: str, run_id: str, flavor: str, trainer: str, provenance: Provenance
) -> None:
    """Write the final manifest."""
    manifest.write_manifest(
        artefact, name=name, version=version, run_id=run_id, flavor=flavor, trainer=trainer, provenance=provenance
    )


def _sample(job: TrainJob) -> tuple[pa.Table, dict[str, bool]]:
    if "train" not in job.data:
        return _logged_sample(job), {}
    data = source.load("train", job.data["train"], job.folder)
    features = data.table.select(data.feature_names)
    nullable = {c: features.column(c).null_count > 0 or _has_nan(features.column(c)) for c in features.column_names}
    return features.slice(0, job.settings.sample_rows), nullable


def _write_reference(model_dir: Path, job: TrainJob) -> None:
    """Sketches of the training data's columns, so that drift can be judged later without the data."""
    from legion_ci.data.sketches import table as sketches

    if "train" not in job.data:
        return
    data = source.load("train", job.data["train"], job.folder)
    wanted = [*data.feature_names, *([data.settings.target] if data.settings.target else [])]
    rows = data.table.select(list(dict.fromkeys(wanted)))
    write_atomic(model_dir / REFERENCE, sketches.encode(sketches.TableSketch.of(rows.to_batches(1 << 18))))


def _logged_sample(job: TrainJob) -> pa.Table:
    """The input example that an MLflow project logged with its model."""
    import pyarrow as pa

    from legion_ci.store import mlflow

    example = mlflow.input_example(job.model_dir)
    if example is None:
        raise ConfigurationError(
            "the logged model has no table as input example and there is no data set named train",
            where="train",
            todo="log the model with input_example=<DataFrame>, or add data.train",
        )
    sample = source.plain(pa.Table.from_pandas(example.head(job.settings.sample_rows), preserve_index=False))
    if problems := source.unusable(sample, "the model's input example"):
        raise ConfigurationError(problems)
    return sample


def _has_nan(column: pa.ChunkedArray) -> bool:
    import pyarrow as pa
    import pyarrow.compute as pc

    return pa.types.is_floating(column.type) and bool(pc.any(pc.is_nan(column)).as_py())


def _write_arrow(table: pa.Table, path: Path) -> None:
    import pyarrow as pa

    with pa.OSFile(str(path), "wb") as out, pa.ipc.new_file(out, table.schema) as writer:
        writer.write_table(table)


def _read_arrow(path: Path) -> pa.Table:
    import pyarrow as pa

    with pa.memory_map(str(path)) as file:
        return pa.ipc.open_file(file).read_all()
