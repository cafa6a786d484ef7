"""Completes what a trainer left to a whole artefact: samples, entry point, lock, manifest."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from legion_ci.core.errors import ConfigurationError
from legion_ci.core.files import write_atomic
from legion_ci.core.tools import Tools
from legion_ci.data import source
from legion_ci.results import Provenance
from legion_ci.store import manifest
from legion_ci.train import environment
from legion_ci.train.protocol import Trained, TrainJob

if TYPE_CHECKING:
    import pyarrow as pa

REFERENCE = "reference_sketch.json"


def complete(
    artefact: Path,
    job: TrainJob,
    trained: Trained,
    prepared: environment.Prepared | None,
    tools: Tools,
    find_links: tuple[str, ...],
) -> None:
    """Write samples, requirements, lock and the sample's predictions, made in the locked environment.

    Raises ToolError when the model does not predict there: what is missing is an error now, not at serving.
    """
    model_dir = artefact / manifest.MODEL_DIR
    provisional(artefact, job, trained.flavor)
    rows, nullable = sample(job)
    _write_reference(model_dir, job)
    manifest.write_sample(model_dir, "head_input", rows, nullable)
    write_arrow(rows, job.scratch / "head_input.arrow")
    environment.describe(artefact, _wanted(artefact, job, trained, prepared))
    python = environment.lock(artefact, prepared, tools, find_links)
    environment.predict(python, artefact, job.scratch / "head_input.arrow", job.scratch / "head_output.arrow", tools)
    manifest.write_sample(model_dir, "head_output", read_arrow(job.scratch / "head_output.arrow"))


def _wanted(artefact: Path, job: TrainJob, trained: Trained, prepared: environment.Prepared | None) -> Iterable[str]:
    """What the model needs at run time: as described, as stated, as its trainer knows, else what it loads here."""
    if prepared is not None:
        return prepared.requirements
    if job.settings.requirements is not None:
        return environment.stated(job.settings.requirements, job.folder)
    if trained.requirements is not None:
        return trained.requirements
    return environment.observed(artefact, job.tools, job.scratch)


def provisional(artefact: Path, job: TrainJob, flavor: str) -> None:
    """Entry point and a manifest without version, so that the model can be loaded before it is registered.

    A model of the flavour gppi brought its own entry point.
    """
    from legion_ci.serving.gppi import ENTRYPOINT

    if flavor != "gppi":
        write_atomic(artefact / manifest.MODEL_DIR / "entrypoint.py", ENTRYPOINT)
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


def sample(job: TrainJob) -> tuple[pa.Table, dict[str, bool]]:
    """The first rows of the training features, and which of all their columns have gaps."""
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

    example = mlflow.input_example(job.model_dir) if (job.model_dir / "MLmodel").is_file() else None
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


def write_arrow(table: pa.Table, path: Path) -> None:
    """Write an Arrow file."""
    import pyarrow as pa

    with pa.OSFile(str(path), "wb") as out, pa.ipc.new_file(out, table.schema) as writer:
        writer.write_table(table)


def read_arrow(path: Path) -> pa.Table:
    """Read an Arrow file."""
    import pyarrow as pa

    with pa.memory_map(str(path)) as file:
        return pa.ipc.open_file(file).read_all()
