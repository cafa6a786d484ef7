"""Stage ``train``: plan from digests, train in a process of its own, log and register in MLflow, write the artefact."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from legion_ci.core import plugins
from legion_ci.core.errors import ConfigurationError, LegionError
from legion_ci.core.files import digest_file, digest_pairs, digest_tree
from legion_ci.core.site import Site
from legion_ci.core.tools import Tools
from legion_ci.data import source
from legion_ci.results import Artefact, ModelRef, Provenance, TrainResult
from legion_ci.settings.schema import DataSettings, ModelSettings, StoreSettings, TrainSettings
from legion_ci.train import artefact as artefacts
from legion_ci.train import environment
from legion_ci.train.described import read as described
from legion_ci.train.protocol import Trained, Trainer, TrainJob, documents_of
from legion_ci.train.search import held_out

if TYPE_CHECKING:
    from legion_ci.store.mlflow import Store


def inputs(settings: TrainSettings, data: Mapping[str, DataSettings], folder: Path) -> dict[str, str]:
    """Digests of everything that a training is a function of: data sets and code. Raises for missing data.

    data: what ``data.source.tagged`` lets training see, here and in ``run``.
    """
    trainer: Trainer = plugins.load("trainers", settings.use, "train.use")()
    if trainer.needs_data and "train" not in data:
        raise ConfigurationError(
            "there is no data set named train", where="data", todo="add data.train with a path and a target"
        )
    if settings.search is not None:
        held_out.check(settings.search, data, trainer.needs_data, settings.use)
    digests = {f"data.{n}": source.open_source(n, s, folder).digest() for n, s in data.items()}
    return {"code": code(settings, folder), **digests}


def code(settings: TrainSettings, folder: Path) -> str:
    """Digest of the files that a training runs, and of what describes its environment."""
    trainer: Trainer = plugins.load("trainers", settings.use, "train.use")()
    path = settings.described_in(folder)
    found = {*trainer.code(settings, folder), *(described.files(path) if path else ())}
    return digest_pairs((os.path.relpath(p, folder), digest_file(p)) for p in sorted(found))


def run(
    settings: TrainSettings,
    data: Mapping[str, DataSettings],
    *,
    model: ModelSettings,
    store: StoreSettings,
    folder: Path,
    work: Path,
    site: Site,
    provenance: Provenance,
    find_links: tuple[str, ...],
    tools: Tools,
) -> TrainResult:
    """Train and register a model.

    folder: the model repository. work: scratch of this run. Raises ConfigurationError for data or settings that cannot
    be trained on, ToolError when the team's code fails. MLflow's run ends as FAILED or KILLED then.
    """
    from legion_ci.store.mlflow import Store

    trainer: Trainer = plugins.load("trainers", settings.use, "train.use")()
    target = _clean(work / "artefact")
    mlflow = Store.open(site, store.tracking_uri, store.experiment)
    run_id = mlflow.start_run(f"{model.name} {work.name}", _tags(provenance, model))
    scratch = _clean(work / "scratch")
    shutil.rmtree(documents_of(work), ignore_errors=True)
    try:
        prepared = _prepared(settings, folder, scratch, find_links, tools)
        python = prepared.python if prepared else sys.executable
        job = TrainJob(
            settings, dict(data), folder, target / "legion_model", scratch, mlflow.uri, run_id, tools, python
        )
        tools.progress.say(f"training with {settings.use}")
        job, trained = _trained(trainer, job, mlflow)
        artefacts.complete(target, job, trained, prepared, tools, find_links)
        mlflow.log(run_id, trained.parameters, trained.metrics, {**trained.tags, **model.tags})
        version, uri = mlflow.register(run_id, _tags(provenance, model), model.description)
        artefacts.sign(
            target,
            name=model.name,
            version=version,
            run_id=run_id,
            flavor=trained.flavor,
            trainer=settings.use,
            provenance=provenance,
        )
        tools.progress.say(f"registering {model.name} {version}")
        mlflow.upload(run_id, version, target)
    except BaseException as error:
        with contextlib.suppress(LegionError):  # the first error is the one to tell
            mlflow.end_run(run_id, "FAILED" if isinstance(error, LegionError) else "KILLED")
        raise
    mlflow.end_run(run_id, "FINISHED")
    found = Artefact(uri=uri, digest=digest_tree(target), host=_host(uri), size_bytes=_size(target))
    shutil.rmtree(job.scratch, ignore_errors=True)
    return _result(
        trained, ModelRef(name=model.name, version=version, artefact=found, run_id=run_id), mlflow, provenance, target
    )


def _trained(trainer: Trainer, job: TrainJob, mlflow: Store) -> tuple[TrainJob, Trained]:
    """Train, with the best hyper-parameters where they are searched for."""
    if job.settings.search is None:
        return job, trainer.train(job)
    from legion_ci.train.search import rounds

    found = rounds.best(job, job.settings.search, mlflow)
    trained = trainer.train(found.job)
    more = {"metrics": {**trained.metrics, **found.metrics}, "tags": {**trained.tags, **found.tags}}
    return found.job, msgspec.structs.replace(trained, **more)


def _prepared(
    settings: TrainSettings, folder: Path, scratch: Path, find_links: tuple[str, ...], tools: Tools
) -> environment.Prepared | None:
    """The environment that the settings describe, made; None: train in this one."""
    path = settings.described_in(folder)
    if path is None:
        return None
    if settings.requirements is not None:
        raise ConfigurationError(
            "both name what the model needs", where="train: requirements, environment", todo="keep one of them"
        )
    return environment.prepare(path, settings.tools, tools, scratch, find_links)


def _result(trained: Trained, model: ModelRef, mlflow: object, provenance: Provenance, target: Path) -> TrainResult:
    metrics = ", ".join(f"{k} {v:.4g}" for k, v in sorted(trained.metrics.items()))
    rows = f"{trained.n_rows:,} rows" if trained.n_rows else "its own data"
    return TrainResult(
        summary=f"{model.name} {model.version} trained on {rows}" + (f": {metrics}" if metrics else ""),
        model=model,
        tracking_uri=getattr(mlflow, "uri", ""),
        experiment=getattr(mlflow, "experiment", ""),
        metrics=trained.metrics,
        parameters=trained.parameters,
        tags=trained.tags,
        documents=trained.documents,
        provenance=provenance,
        n_rows=trained.n_rows,
        lock_digest=digest_file(target / "legion_model" / "requirements.lock"),
    )


def _tags(provenance: Provenance, model: ModelSettings) -> dict[str, str]:
    facts = msgspec.to_builtins(provenance)
    flat = {
        "legion.commit": facts["commit"],
        "legion.dirty": str(facts["dirty"]),
        "legion.build": facts["build"],
        "legion.code": facts["code"],
        "mlflow.source.git.commit": facts["commit"],
        **{f"legion.data.{k}": v for k, v in facts["data"].items()},
    }
    return {k: v for k, v in flat.items() if v}


def _host(uri: str) -> str | None:
    import socket

    from legion_ci.store.artefacts import local_path

    return socket.gethostname() if local_path(uri) else None


def _size(folder: Path) -> int:
    return sum(p.stat().st_size for p in folder.rglob("*") if p.is_file())


def _clean(folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder
