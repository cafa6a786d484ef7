"""The process in which a Spark pipeline is fitted: ``python -m legion_ci.train.spark_worker JOB``."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

from legion_ci.core.errors import ConfigurationError, ServiceError, missing_package
from legion_ci.train import inside, saving
from legion_ci.train.faults import answered, output_of
from legion_ci.train.output import TrainOutput
from legion_ci.train.protocol import Trained
from legion_ci.train.work import Work
from legion_ci.train.worker import function


def train(work: Work) -> Trained:
    """Fit the pipeline in a session of the master, and save it."""
    folder = Path(work.folder)
    sys.path.insert(0, str(folder))
    called = function(work.entrypoint, folder)
    loaded = inside.datasets(work)
    session = _session(work)
    try:
        frames = {name: session.createDataFrame(data.table) for name, data in loaded.items()}
        output = _call(called, session, frames, work)
        measured = saving.metrics(output.metrics, work.entrypoint)
        flavor = saving.save_spark(output.model, Path(work.model_dir), work.entrypoint, folder)
    finally:
        session.stop()
    return Trained(
        flavor=flavor,
        n_rows=loaded["train"].table.num_rows,
        metrics=measured,
        parameters={k: str(v) for k, v in work.parameters.items()},
        tags={"spark.master": work.options["master"], **{k: str(v) for k, v in output.tags.items()}},
    )


def _session(work: Work) -> Any:
    os.environ["PYSPARK_PYTHON"] = os.environ["PYSPARK_DRIVER_PYTHON"] = sys.executable
    try:
        from pyspark.sql import SparkSession
    except ImportError as error:
        raise missing_package(error, "train.use: spark") from error
    master = work.options["master"]
    builder = SparkSession.builder.appName("legion-ci train").master(master)
    stated = {"spark.ui.enabled": "false", "spark.ui.showConsoleProgress": "false"}
    if master.startswith("local"):
        stated |= {"spark.driver.bindAddress": "127.0.0.1", "spark.driver.host": "127.0.0.1"}
    for name, value in {**stated, **json.loads(work.options["config"])}.items():
        builder = builder.config(name, value)
    try:
        session = builder.getOrCreate()
    except Exception as error:
        raise ServiceError(
            f"no Spark session could be started ({str(error).splitlines()[0][:300]})",
            where=f"train.master: {master}",
            todo="look at Spark's output above",
        ) from error
    session.sparkContext.setLogLevel("ERROR")
    return session


def _call(called: Any, session: Any, frames: dict[str, Any], work: Work) -> TrainOutput:
    output = output_of(lambda: called(session, frames, dict(work.parameters)), work.entrypoint, Path(work.folder))
    if not hasattr(output.model, "transform"):
        raise ConfigurationError(
            f"{work.entrypoint} returned {type(output.model).__name__}, not a fitted pipeline",
            where="train.entrypoint",
            todo="return what Pipeline.fit returned, or a TrainOutput with it",
        )
    return output


if __name__ == "__main__":
    sys.exit(answered(train))
