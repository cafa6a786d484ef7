"""What every trainer must do; each built-in one is put through it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from repositories import repository

from legion_ci.core import plugins
from legion_ci.core.errors import LegionError
from legion_ci.core.progress import Progress
from legion_ci.core.site import Site
from legion_ci.core.tools import Tools
from legion_ci.data.files import FileSettings
from legion_ci.settings.schema import TrainSettings
from legion_ci.train.protocol import Trainer, TrainJob

HEAVY = "{'mlflow', 'pandas', 'sklearn', 'numpy', 'pyarrow', 'duckdb'}"


class TrainerContract:
    """A subclass names the plug-in, writes a repository for it and says what in it is code and what breaks it."""

    use: str
    settings: dict[str, Any]
    code_file: str
    broken: dict[str, Any]

    def write(self, folder: Path) -> None:
        raise NotImplementedError

    @pytest.fixture
    def folder(self, tmp_path):
        folder = tmp_path / "model"
        self.write(folder)
        return folder

    def plugin(self) -> Trainer:
        return plugins.load("trainers", self.use)()

    def stated(self, **more: Any) -> TrainSettings:
        settings: TrainSettings = self.plugin().Settings(use=self.use, **{**self.settings, **more})
        return settings

    def job(self, folder: Path, tmp_path: Path, **more: Any) -> TrainJob:
        from legion_ci.store.mlflow import Store

        store = Store.open(Site(tmp_path / "site", "tiny"), None, None)
        artefact, scratch = tmp_path / "artefact", tmp_path / "scratch"
        for made in (artefact, scratch):
            made.mkdir()
        data = {"train": FileSettings(path="data/train.parquet", target="y")} if self.plugin().needs_data else {}
        tools, run_id = Tools(progress=Progress(quiet=True)), store.start_run("contract", {})
        return TrainJob(self.stated(**more), data, folder, artefact / "legion_model", scratch, store.uri, run_id, tools)

    def test_its_settings_extend_the_section(self):
        assert issubclass(self.plugin().Settings, TrainSettings)

    def test_loading_it_imports_nothing_heavy(self):
        code = f"from legion_ci.core import plugins; plugins.load('trainers', {self.use!r})()\nimport sys; print({HEAVY} & set(sys.modules))"
        told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
        assert told.strip() == "set()"

    def test_its_code_is_files_of_the_repository_in_order_without_tests_and_hidden_folders(self, folder):
        for name in ("tests/test_x.py", ".legion/runs/x.py", "data/x.py", "__pycache__/x.py"):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text("")
        found = self.plugin().code(self.stated(), folder)
        names = [p.relative_to(folder).as_posix() for p in found]
        assert self.code_file in names
        assert names == sorted(names)
        assert all(p.is_file() for p in found)
        assert not [n for n in names if n.endswith("/x.py") or n.startswith("tests/")]

    def test_training_leaves_a_model_that_mlflow_loads_and_says_its_flavour(self, folder, tmp_path):
        import mlflow.pyfunc
        import pandas as pd

        job = self.job(folder, tmp_path)
        trained = self.plugin().train(job)
        assert trained.flavor in ("sklearn", "pyfunc")
        assert trained.parameters == {k: str(v) for k, v in job.settings.parameters.items()}
        assert all(isinstance(v, float) for v in trained.metrics.values())
        assert (job.model_dir / "MLmodel").is_file()
        model = mlflow.pyfunc.load_model(str(job.model_dir))
        answers = model.predict(pd.DataFrame({"a": [-3.0, 3.0], "b": [0.0, 0.0]}))
        assert list(answers) == [0, 1]

    def test_a_job_that_cannot_be_right_is_an_error_of_ours_and_leaves_no_model(self, folder, tmp_path):
        job = self.job(folder, tmp_path, **self.broken)
        with pytest.raises(LegionError) as caught:
            self.plugin().train(job)
        assert caught.value.exit_code in (2, 5)
        assert not job.model_dir.exists()


class TestFunctionTrainer(TrainerContract):
    use = "function"
    settings = {"entrypoint": "model:train", "parameters": {"C": 1.0}}  # noqa: RUF012
    code_file = "model.py"
    broken = {"entrypoint": "model:fit"}  # noqa: RUF012

    def write(self, folder: Path) -> None:
        repository(folder)


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


def test_every_trainer_of_ours_is_put_through_this():
    assert set(plugins.installed("trainers")) == {c.use for c in TrainerContract.__subclasses__()}
