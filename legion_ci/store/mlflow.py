"""MLflow through its client with explicit ids; the only module that imports mlflow in our own processes."""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")
os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")  # its default waits for minutes

from legion_ci.core.errors import LegionError, ServiceError, ToolError, missing_package
from legion_ci.core.lock import locked
from legion_ci.core.site import Site
from legion_ci.results import ModelRef

try:
    from mlflow import artifacts
    from mlflow.entities import LoggedModel, Metric, Param, RunTag
    from mlflow.exceptions import MlflowException
    from mlflow.store.artifact.mlflow_artifacts_repo import MlflowArtifactsRepository
    from mlflow.tracking import MlflowClient
except ImportError as _error:
    raise missing_package(_error, "MLflow") from _error

for _name in ("mlflow", "alembic", "alembic.runtime.migration"):
    logging.getLogger(_name).setLevel(logging.WARNING)

ARTEFACT_PATH = "legion"
_NO_CONNECTION = ("Max retries", "Connection", "timed out", "sqlite3.OperationalError")
_SAYS_WHAT_WE_KNOW = ("mlflow.sklearn", "mlflow.utils.environment")  # we lock, and open pickles only in the model's own
T = TypeVar("T")
_BATCH = 100  # parameters or tags
_TEXT_MAX = 6000  # MLflow refuses longer parameter values


@dataclass(frozen=True)
class Store:
    """The tracking server and registry of one model. model: its name in the registry, one of its own for a branch."""

    uri: str
    artefacts: str | None  # where a new experiment keeps its artefacts; None: the server decides
    experiment: str
    model: str
    lock: Path

    @classmethod
    def open(cls, site: Site, uri: str | None, experiment: str | None) -> Store:
        """The configured server, else SQLite and a folder in the site."""
        if uri is None:
            site.store.mkdir(parents=True, exist_ok=True)
            uri = f"sqlite:///{site.store / 'mlflow.db'}"
        artefacts = (site.store / "artefacts").as_uri() if urlsplit(uri).scheme == "sqlite" else None
        return cls(uri, artefacts, experiment or site.model, site.registered, site.locks / "mlflow.lock")

    @cached_property
    def client(self) -> MlflowClient:
        """The client; the first use creates or upgrades a local database, one process at a time."""
        with locked(self.lock), _told(self.uri):
            client = MlflowClient(tracking_uri=self.uri, registry_uri=self.uri)
            client.search_experiments(max_results=1)
            return client

    def start_run(self, name: str, tags: Mapping[str, str]) -> str:
        """Start a run and return its id."""
        with _told(self.uri):
            found = self.client.get_experiment_by_name(self.experiment)
            number = found.experiment_id if found else self.client.create_experiment(self.experiment, self.artefacts)
            return str(self.client.create_run(number, run_name=name, tags=dict(tags)).info.run_id)

    def end_run(self, run_id: str, status: str) -> None:
        """End a run as FINISHED, FAILED or KILLED."""
        with _told(self.uri):
            self.client.set_terminated(run_id, status)

    def log(
        self, run_id: str, parameters: Mapping[str, str], metrics: Mapping[str, float], tags: Mapping[str, str]
    ) -> None:
        """Log parameters, metrics and tags, in as many calls as MLflow's limits ask for."""
        with _told(self.uri):
            run = self.client.get_run(run_id)
            new = [Param(k, v[:_TEXT_MAX]) for k, v in parameters.items() if k not in run.data.params]
            for some in _batched(new):
                self.client.log_batch(run_id, params=some)
            for measured in _batched([Metric(k, v, run.info.start_time, 0) for k, v in metrics.items()]):
                self.client.log_batch(run_id, metrics=measured)
            for told in _batched([RunTag(k, v) for k, v in tags.items()]):
                self.client.log_batch(run_id, tags=told)

    def metrics(self, run_id: str) -> dict[str, float]:
        """The last value of every metric of a run."""
        with _told(self.uri):
            return dict(self.client.get_run(run_id).data.metrics)

    def parameters(self, run_id: str) -> dict[str, str]:
        """The parameters of a run."""
        with _told(self.uri):
            return dict(self.client.get_run(run_id).data.params)

    def register(self, run_id: str, tags: Mapping[str, str], description: str = "") -> tuple[str, str]:
        """Create the next version of the registered model; returns (version, URI that its artefact will have)."""
        with _told(self.uri):
            with contextlib.suppress(MlflowException):
                self.client.create_registered_model(self.model)
            source = f"{self.client.get_run(run_id).info.artifact_uri}/{ARTEFACT_PATH}"
            version = self.client.create_model_version(
                self.model, source, run_id, tags=dict(tags), description=description
            )
            return str(version.version), self._with_server(source)

    def _with_server(self, source: str) -> str:
        """An ``mlflow-artifacts:`` URI does not say whose it is; other agents must know, so it becomes the server's address."""
        if urlsplit(source).scheme != "mlflow-artifacts":
            return source
        server = urlsplit(self.uri)  # without a password: a record is no place for one
        plain = server._replace(netloc=server.netloc.rpartition("@")[2]).geturl()
        return str(MlflowArtifactsRepository.resolve_uri(source, plain))

    def upload(self, run_id: str, version: str, folder: Path) -> None:
        """Upload an artefact and mark its version complete; on failure the version is removed again."""
        with _told(self.uri):
            try:
                self.client.log_artifacts(run_id, str(folder), ARTEFACT_PATH)
                self.client.set_model_version_tag(self.model, version, "legion.complete", "true")
            except BaseException:
                with contextlib.suppress(Exception):
                    self.client.delete_model_version(self.model, version)
                raise

    def point(self, alias: str, model: ModelRef | None) -> None:
        """Let an alias (champion, challenger) name that version, or nothing."""
        with _told(self.uri):
            if model is None:
                with contextlib.suppress(MlflowException):
                    self.client.delete_registered_model_alias(self.model, alias)
            else:
                self.client.set_registered_model_alias(self.model, alias, model.version)

    def unregister(self) -> None:
        """Remove the registered model with all its versions, where there is one; its runs stay."""
        with _told(self.uri):
            if self.client.search_registered_models(filter_string=f"name = '{self.model}'"):
                self.client.delete_registered_model(self.model)

    def logged_models(self, run_id: str) -> list[LoggedModel]:
        """The models that a run logged (MLflow 3)."""
        with _told(self.uri):
            number = self.client.get_run(run_id).info.experiment_id
            found = self.client.search_logged_models([number])
            return [m for m in found if m.source_run_id == run_id]


def download(uri: str, target: Path, server: str | None = None) -> Path:
    """Download an artefact folder by any URI that MLflow knows; server: whose ``models:`` and ``runs:`` are meant."""
    with _told(server or uri):
        found = artifacts.download_artifacts(
            artifact_uri=_located(uri, server) if server else uri, dst_path=str(target), tracking_uri=server
        )
        return Path(found)


def _located(uri: str, server: str) -> str:
    """Where a ``models:`` or ``runs:`` URI of that server points to; MLflow would ask the server of its global state."""
    client = MlflowClient(tracking_uri=server, registry_uri=server)
    while uri.startswith("models:/"):
        name, _, version = uri.removeprefix("models:/").partition("/")
        uri = client.get_model_version_download_uri(name, version) if version else _logged(client, name)
    if not uri.startswith("runs:/"):
        return uri
    run_id, _, path = uri.removeprefix("runs:/").partition("/")
    info = client.get_run(run_id).info
    for model in client.search_logged_models([info.experiment_id]):  # MLflow 3 keeps models beside the run
        if model.source_run_id == run_id and model.name == path:
            return str(model.artifact_location)
    return f"{info.artifact_uri}/{path}"


def _logged(client: MlflowClient, model_id: str) -> str:
    return str(client.get_logged_model(model_id).artifact_location)


def _batched(items: list[T]) -> Iterator[list[T]]:
    """Pieces that one call of MLflow takes."""
    yield from (items[i : i + _BATCH] for i in range(0, len(items), _BATCH))


@contextlib.contextmanager
def _told(uri: str) -> Iterator[None]:
    """MLflow's errors as ours: what could not be reached, or what it said."""
    try:
        yield
    except MlflowException as error:
        text = str(error).splitlines()[0]
        if any(word in text for word in _NO_CONNECTION):
            raise _unreachable(uri, text[:200]) from error
        raise ToolError(f"MLflow: {text[:300]}", where=uri) from error
    except Exception as error:
        if type(error).__module__.startswith(("sqlalchemy", "requests", "urllib3")):
            raise _unreachable(uri, str(error).splitlines()[0][:200]) from error
        raise


def _unreachable(uri: str, text: str) -> LegionError:
    if urlsplit(uri).scheme == "sqlite":
        return ToolError(
            f"cannot be used ({text})", where=uri, todo="check free space and the folder, then run the task again"
        )
    return ServiceError(
        f"cannot be reached ({text})", where=uri, todo="check store.tracking_uri and that the server runs"
    )


def save_model(model: Any, folder: Path, code: list[str]) -> str:
    """Write a fitted model in MLflow's format into ``folder``; returns the flavour, ``sklearn`` or ``pyfunc``.

    code: files and packages of the model repository that the model's class needs.
    """
    import mlflow.pyfunc
    import mlflow.sklearn

    with _without_warnings(_SAYS_WHAT_WE_KNOW):
        if isinstance(model, mlflow.pyfunc.PythonModel):
            mlflow.pyfunc.save_model(str(folder), python_model=model, pip_requirements=[], code_paths=code or None)
            return "pyfunc"
        mlflow.sklearn.save_model(
            model, str(folder), serialization_format="cloudpickle", pip_requirements=[], code_paths=code or None
        )
        return "sklearn"


def save_spark_model(model: Any, folder: Path, code: list[str]) -> None:
    """Write a fitted Spark pipeline in MLflow's format; the session that fitted it still runs."""
    import mlflow.spark

    mlflow.spark.save_model(model, str(folder), pip_requirements=[], code_paths=code or None)


@contextlib.contextmanager
def _without_warnings(names: Sequence[str]) -> Iterator[None]:
    loggers = [logging.getLogger(name) for name in names]
    before = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        for logger, level in zip(loggers, before, strict=True):
            logger.setLevel(level)


def input_example(model_dir: Path) -> Any:
    """The DataFrame that was logged as a model's input example, or None."""
    from mlflow.models import Model

    example = Model.load(str(model_dir)).load_input_example(str(model_dir))
    return example if hasattr(example, "columns") else None
