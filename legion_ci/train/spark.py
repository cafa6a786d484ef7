"""Trainer ``spark``: a function of the model repository that fits a Spark pipeline, on this machine or on any master."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
from pathlib import Path
from typing import ClassVar

from pydantic import Field

from legion_ci.core.errors import ConfigurationError, PluginError, ServiceError
from legion_ci.settings.schema import Duration, TrainSettings
from legion_ci.train import work
from legion_ci.train.protocol import CodeFiles, Trained, TrainJob

_JAVA = "install Java 17 or newer (Debian: apt-get install default-jdk-headless), or set JAVA_HOME"
_HOST = re.compile(r"^(?:spark|k8s)://(?:https?://)?([^/:,]+|\[[^]]+\]):(\d+)$")


class SparkSettings(TrainSettings):
    """entrypoint: ``module:function``, called with a SparkSession, data frames by name, and parameters; returns a
    PipelineModel. master: local, local[N], local[*], spark://HOST:PORT, k8s://HOST:PORT or yarn. config: Spark's own
    settings. patience: how long a master may take to answer.
    """

    tools: ClassVar[tuple[str, ...]] = ("train", "spark")
    entrypoint: str = Field(default="model:train", pattern=r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$")
    master: str = "local[*]"
    config: dict[str, str] = Field(default_factory=dict)
    patience: Duration = 10.0


class SparkTrainer:
    """Calls the function with a session of its own; the pipeline is served in Spark's local mode."""

    Settings: ClassVar[type[TrainSettings]] = SparkSettings
    needs_data: ClassVar[bool] = True

    def code(self, settings: TrainSettings, folder: Path) -> list[Path]:
        """Every Python file of the repository."""
        return CodeFiles().below(folder)

    def train(self, job: TrainJob) -> Trained:
        """Run the worker; raises ServiceError in bounded time when the master is not there."""
        settings = job.settings
        assert isinstance(settings, SparkSettings)
        _check_java()
        reach(settings.master, settings.patience)
        options = {"master": settings.master, "config": json.dumps(settings.config)}
        left = job.scratch / "left"
        trained = work.ask(job, "legion_ci.train.spark_worker", settings.entrypoint, model_dir=left, options=options)
        shutil.copytree(left, job.model_dir)
        return trained


def reach(master: str, patience_s: float) -> None:
    """Raise ConfigurationError for what is no master, ServiceError for one that does not answer in that time."""
    where = f"train.master: {master}"
    if re.fullmatch(r"local(\[(\d+|\*)(,\s*\d+)?\])?", master):
        return
    if master == "yarn":
        if not (os.environ.get("HADOOP_CONF_DIR") or os.environ.get("YARN_CONF_DIR")):
            raise ConfigurationError("YARN is not configured", where=where, todo="set HADOOP_CONF_DIR or YARN_CONF_DIR")
        return
    first, *others = master.split(",")  # several masters of which one leads: spark://a:7077,b:7077
    scheme = first.partition("://")[0]
    hosts = [_HOST.match(m) for m in (first, *(f"{scheme}://{o}" for o in others))]
    if not all(hosts):
        raise ConfigurationError(
            "is no Spark master", where=where, todo="write local[*], spark://HOST:PORT, k8s://HOST:PORT or yarn"
        )
    failures = [f for h in hosts if h and (f := _failure(h[1], int(h[2]), patience_s / len(hosts)))]
    if len(failures) == len(hosts):
        raise ServiceError(
            f"the Spark master cannot be reached ({'; '.join(failures)})",
            where=where,
            todo="start it, or name another; local[*] needs none",
        )


def _failure(host: str, port: int, patience_s: float) -> str:
    try:
        socket.create_connection((host.strip("[]"), port), timeout=patience_s).close()
    except OSError as error:
        return f"{host}:{port}: {error.strerror or error}"
    return ""


def _check_java() -> None:
    home = os.environ.get("JAVA_HOME")
    if not (shutil.which("java") or (home and (Path(home) / "bin" / "java").is_file())):
        raise PluginError("there is no Java, which Spark needs", where="train.use: spark", todo=_JAVA)
