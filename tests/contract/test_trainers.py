"""Every built-in trainer is put through the contract that plug-in authors run on theirs."""

from __future__ import annotations

import dataclasses
import importlib.util
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest
from repositories import repository
from requirements_of_tests import need

from legion_ci.core import plugins
from legion_ci.core.errors import LegionError
from legion_ci.core.shell import Shell
from legion_ci.settings.schema import TrainSettings
from legion_ci.testing.trainers import TrainerContract

SLEEP = "import pathlib, time; pathlib.Path('started').touch(); time.sleep(3600)"


class TestFunctionTrainer(TrainerContract):
    use = "function"
    settings = {"entrypoint": "model:train", "parameters": {"C": 1.0}}  # noqa: RUF012
    code_file = "model.py"
    broken = {"entrypoint": "model:fit"}  # noqa: RUF012

    def write(self, folder: Path) -> None:
        repository(folder)

    def slow(self, folder: Path) -> dict[str, Any]:
        (folder / "slow.py").write_text(f"def train(data, parameters):\n    {SLEEP}\n")
        return {"entrypoint": "slow:train"}


SCRIPT = """
import argparse
from sklearn.linear_model import LogisticRegression
from legion_ci.train import inside

stated = argparse.ArgumentParser()
stated.add_argument("--C", type=float)
data = inside.data("train")
inside.save(LogisticRegression(C=stated.parse_args().C).fit(data.features, data.target), metrics={"rows": len(data.target)})
"""


class TestScriptTrainer(TrainerContract):
    use = "script"
    settings = {"parameters": {"C": 1.0}}  # noqa: RUF012
    code_file = "train.py"
    broken = {"script": "fit.py"}  # noqa: RUF012

    def write(self, folder: Path) -> None:
        repository(folder)
        (folder / "train.py").write_text(SCRIPT)

    def slow(self, folder: Path) -> dict[str, Any]:
        (folder / "slow.py").write_text(SLEEP)
        return {"script": "slow.py"}


def notebook(*cells: str, parameters: str = "") -> str:
    """A notebook of code cells; the first, tagged parameters, when there are any."""
    made = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(c) for c in cells])
    if parameters:
        made.cells.insert(0, nbformat.v4.new_code_cell(parameters, metadata={"tags": ["parameters"]}))
    return nbformat.writes(made)


class TestNotebookTrainer(TrainerContract):
    use = "notebook"
    settings = {"parameters": {"C": 1.0}}  # noqa: RUF012
    code_file = "train.ipynb"
    broken = {"notebook": "fit.ipynb"}  # noqa: RUF012

    def write(self, folder: Path) -> None:
        repository(folder)
        cells = ("from sklearn.linear_model import LogisticRegression\nfrom legion_ci.train import inside",
                 "data = inside.data('train')\nmodel = LogisticRegression(C=C).fit(data.features, data.target)",
                 "inside.save(model)")  # fmt: skip
        (folder / "train.ipynb").write_text(notebook(*cells, parameters="C = 100.0"))

    def slow(self, folder: Path) -> dict[str, Any]:
        (folder / "slow.ipynb").write_text(notebook(SLEEP, parameters="C = 1.0"))
        return {"notebook": "slow.ipynb"}


class NoShell(Shell):
    """Runs nothing."""

    def run(self, *command: Any, **more: Any) -> Any:
        raise AssertionError(f"{command} was started")


class TestExistingTrainer(TrainerContract):
    use = "existing"
    settings = {"model": "made"}  # noqa: RUF012
    code_file = "made/MLmodel"
    broken = {"model": "elsewhere"}  # noqa: RUF012

    def write(self, folder: Path) -> None:
        import mlflow.sklearn
        import pandas as pd
        from sklearn.linear_model import LogisticRegression

        folder.mkdir()
        rows = pd.DataFrame({"a": [-2.0, -1.0, 1.0, 2.0], "b": [0.0, 1.0, 0.0, 1.0]})
        model = LogisticRegression().fit(rows, [0, 0, 1, 1])
        mlflow.sklearn.save_model(model, str(folder / "made"), serialization_format="cloudpickle", pip_requirements=[])

    def test_stopped_in_the_middle_it_leaves_no_model_and_no_process(self, folder: Path, tmp_path: Path) -> None:
        """It starts no process, so that there is none to leave, and a fault in the middle leaves no model."""
        job = self.job(folder, tmp_path)
        job = dataclasses.replace(job, tools=dataclasses.replace(job.tools, shell=NoShell()))
        link = folder / "made" / "link"
        link.symlink_to("/etc/passwd")
        with pytest.raises(LegionError, match="symbolic links"):
            self.plugin().train(job)
        assert not job.model_dir.exists()
        link.unlink()
        assert self.plugin().train(job).flavor == "sklearn"


R_MODEL = """
train <- function(data, parameters) glm(y ~ a + b, data = data$train, family = binomial, weights = rep(parameters$w, nrow(data$train)))
test <- function(model, data) list(deviance = model$deviance)
predict <- function(model, data) as.integer(stats::predict(model, data, type = "response") > 0.5)
"""


class TestRTrainer(TrainerContract):
    use = "r"
    settings = {"parameters": {"w": 1}}  # noqa: RUF012
    code_file = "model.R"
    broken = {"script": "other.R"}  # noqa: RUF012

    def write(self, folder: Path) -> None:
        need("Rscript", "apt-get install r-base-core r-cran-jsonlite")
        repository(folder)
        (folder / "model.R").write_text(R_MODEL)

    def slow(self, folder: Path) -> dict[str, Any]:
        (folder / "slow.R").write_text("file.create('started'); Sys.sleep(3600)")
        return {"script": "slow.R"}


SPARK_MODEL = """
from pyspark.ml import Pipeline
from pyspark.ml.classification import LogisticRegression
from pyspark.ml.feature import VectorAssembler

def train(spark, data, parameters):
    stages = [VectorAssembler(inputCols=["a", "b"], outputCol="features"), LogisticRegression(labelCol="y", **parameters)]
    return Pipeline(stages=stages).fit(data["train"])
"""


HAS_SPARK = importlib.util.find_spec("pyspark") is not None


@pytest.mark.skipif(not HAS_SPARK, reason="pyspark (450 MB) is not installed: pip install 'legion-ci[spark]'")
@pytest.mark.timeout(1200)
class TestSparkTrainer(TrainerContract):
    use = "spark"
    settings = {"parameters": {"maxIter": 5}, "master": "local[1]"}  # noqa: RUF012
    code_file = "model.py"
    broken = {"master": "spark://127.0.0.1:1"}  # noqa: RUF012

    def write(self, folder: Path) -> None:
        need("java", "apt-get install default-jdk-headless")
        repository(folder, model=SPARK_MODEL)

    def slow(self, folder: Path) -> dict[str, Any]:
        (folder / "slow.py").write_text(f"def train(spark, data, parameters):\n    {SLEEP}\n")
        return {"entrypoint": "slow:train"}


MLPROJECT = """
name: tiny
entry_points:
  main:
    parameters:
      C: float
    command: "python fit.py {C}"
"""
FIT = """
import sys
import mlflow, mlflow.sklearn, pandas as pd
from sklearn.linear_model import LogisticRegression

frame = pd.DataFrame({"a": [-2.0, -1.0, 1.0, 2.0], "b": [1.0, 0.0, 1.0, 0.0]})
model = LogisticRegression(C=float(sys.argv[1])).fit(frame, [0, 0, 1, 1])
with mlflow.start_run():
    mlflow.log_metric("rows", 4)
    mlflow.sklearn.log_model(model, name="model", input_example=frame)
"""


class TestMLflowProjectTrainer(TrainerContract):
    use = "mlflow-project"
    settings = {"parameters": {"C": 1.0}}  # noqa: RUF012
    code_file = "MLproject"
    broken = {"uri": "nowhere"}  # noqa: RUF012

    def write(self, folder: Path) -> None:
        folder.mkdir()
        (folder / "MLproject").write_text(MLPROJECT)
        (folder / "fit.py").write_text(FIT)

    def slow(self, folder: Path) -> dict[str, Any]:
        (folder / "fit.py").write_text(SLEEP)
        return {}


PROGRAM = """#!{python}
import argparse, json, pathlib, time

told = argparse.ArgumentParser()
told.add_argument("--verbose", action="store_true")
told.add_argument("--mt", type=pathlib.Path)
told.add_argument("--target", type=pathlib.Path)
told = told.parse_args()
spec = json.loads(told.mt.read_bytes())["modelTraining"]["spec"]
if spec["entrypoint"] == "slow":
    pathlib.Path("started").touch()
    time.sleep(3600)
inside = told.target / "odahuflow_model"
inside.mkdir()
(inside / "entrypoint.py").write_text(
    "def init(): return 'matrix'\\n"
    "def predict_on_matrix(rows, provided_columns_names=None):\\n"
    "    return [[int(row[0] > %s)] for row in rows], ('prediction',)\\n" % spec["hyperParameters"]["above"])
(inside / "conda.yaml").write_text("dependencies: [pip]")
model = {{"name": "m", "version": "1", "workDir": "odahuflow_model", "entrypoint": spec["entrypoint"]}}
binaries = {{"type": "python", "dependencies": "conda", "conda_path": "odahuflow_model/conda.yaml"}}
manifest = {{"odahuflowVersion": "1.0", "binaries": binaries, "model": model}}
(told.target / "odahuflow.project.yaml").write_text(json.dumps(manifest))
"""


class TestExternalTrainer(TrainerContract):
    use = "external"
    settings = {"program": ("./trainer",), "entrypoint": "entrypoint", "parameters": {"above": 0}}  # noqa: RUF012
    code_file = "trainer"
    broken = {"entrypoint": "nowhere"}  # noqa: RUF012

    def write(self, folder: Path) -> None:
        folder.mkdir()
        (folder / "trainer").write_text(PROGRAM.format(python=sys.executable))
        (folder / "trainer").chmod(0o755)

    def stated(self, **more: Any) -> TrainSettings:
        return super().stated(**{"program": ("./trainer",), **more})

    def slow(self, folder: Path) -> dict[str, Any]:
        return {"entrypoint": "slow"}


def test_every_trainer_of_ours_is_put_through_this():
    assert set(plugins.installed("trainers")) == {c.use for c in TrainerContract.__subclasses__()}
