"""What ``gppi.convert`` does: a model of another kind becomes a trained model of ours, by training's own writer."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from legion_ci.core import plugins
from legion_ci.core.errors import ConfigurationError, ToolError
from legion_ci.core.tools import Tools
from legion_ci.gppi import kinds, odahu
from legion_ci.gppi.kinds import Kind
from legion_ci.gppi.opened import Wanted, opened, scratch_folder
from legion_ci.results import Provenance
from legion_ci.settings.schema import DataSettings, TrainSettings
from legion_ci.train import artefact, environment
from legion_ci.train.protocol import Trained, TrainJob

ODAHU = "odahu"


def convert(
    tools: Tools, in_: str, out: str, for_: str, samples: str, requirements: str, here: bool, name: str, version: str
) -> int:
    """Write ``out``, which appears when all is in it and the model has predicted its samples in its own environment.

    Raises ConfigurationError for what cannot be converted, ToolError for a model that does not work there.
    """
    target = Path(out).resolve()
    if target.exists():
        raise ConfigurationError("is there already", where=out, todo="name a folder that is not")
    if for_ == ODAHU:
        with opened(Wanted(in_), tools) as found:
            odahu.write(found, target, tools)
        print(f"{out} is for ODAHU's and Legion's tools")
        return 0
    if for_:
        raise ConfigurationError(f"is unknown (found {for_!r})", where="--for", todo=f"say {ODAHU}, or nothing")
    with scratch_folder() as scratch:
        made = scratch / "artefact"
        kind = kinds.look(in_, scratch, made / "legion_model", tools)
        prepared = _environment(kind, requirements, here, scratch, tools)
        data = _samples(kind, samples, prepared, scratch, tools)
        job = TrainJob(
            TrainSettings(use=kind.name),
            data,
            Path.cwd(),
            made / "legion_model",
            _made(scratch / "work"),
            "",
            "",
            tools,
        )
        artefact.complete(made, job, Trained(flavor=kind.flavor), prepared, tools, ())
        (made / "legion_model" / artefact.REFERENCE).unlink(missing_ok=True)  # a few rows are no reference for drift
        artefact.sign(
            made, name=name or kind.model or _label(in_), version=version or kind.version or "1", run_id="", flavor=kind.flavor,
            trainer=kind.name, provenance=Provenance(),
        )  # fmt: skip
        place(made, target)
    print(f"{out} can be packaged, served and deployed; legion-ci gppi.test --model {out} tries it")
    return 0


def place(made: Path, target: Path) -> None:
    """Put a whole folder (or file) where it is wanted, in one step."""
    target.parent.mkdir(parents=True, exist_ok=True)
    beside = Path(tempfile.mkdtemp(prefix=".converting-", dir=target.parent))
    try:
        (shutil.copytree if made.is_dir() else shutil.copyfile)(made, beside / "made")
        (beside / "made").rename(target)
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def _environment(kind: Kind, requirements: str, here: bool, scratch: Path, tools: Tools) -> environment.Prepared | None:
    """Of the file that was told, else of what came with the model; None: as it is here."""
    described = Path(requirements) if requirements else kind.described
    if here and requirements:
        raise ConfigurationError("contradicts --requirements", where="--here", todo="say one of them")
    if here:
        return None
    if described is None:
        todo = "say --requirements FILE, or --here: then it is opened in this environment, whose versions it gets"
        raise ConfigurationError("does not say what it needs", where=str(kind.name), todo=todo)
    return environment.prepare(described, (), tools, _made(scratch / "lock"))


def _samples(
    kind: Kind, told: str, prepared: environment.Prepared | None, scratch: Path, tools: Tools
) -> dict[str, DataSettings]:
    """Rows to try the model with: as told, else those that came with it; none: MLflow's own input example."""
    if told:
        use = Path(told).suffix[1:].lower()
        if use not in ("csv", "json", "parquet"):
            raise ConfigurationError("is no file of rows", where=f"--samples {told}", todo="give csv, json or parquet")
        plugin = plugins.load("data_sources", use)
        return {"train": plugin.Settings(use=use, path=str(Path(told).resolve()))}
    if kind.pickled is None or prepared is None:
        if kind.has_example:
            return {}
        todo = "say --samples FILE with a few rows of its inputs"
        raise ConfigurationError("has no samples, which tell its columns and prove it", where=kind.name, todo=todo)
    rows = scratch / "samples.json"
    words: list[str | Path] = [
        prepared.python,
        "-P",
        "-m",
        "legion_ci.gppi.inside",
        "--samples",
        "--model-dir",
        kind.pickled,
        "--output",
        rows,
    ]
    done = tools.shell.run(words, cwd=scratch, check=False)
    if done.returncode:
        last = (done.stdout.strip().splitlines() or ["it said nothing"])[-1]
        raise ToolError(f"its pickled samples cannot be read ({last})", where=kind.name, todo="say --samples FILE")
    return {"train": kinds.of_samples(rows)}


def _label(path: str) -> str:
    """A name that a model may have."""
    kept = "".join(c if c.isalnum() else "-" for c in Path(path).name.partition(".")[0].lower()).strip("-")
    return kept if kept[:1].isalpha() else f"model-{kept}".rstrip("-")


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder
