"""A champion and a candidate of two scikit-learn versions, each asked in its own locked environment, compared by the gate."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from legion_ci.core.progress import Progress
from legion_ci.core.tools import Tools
from legion_ci.data.files import FileSettings
from legion_ci.gateway.routes import Arm
from legion_ci.quality.metric_settings import MetricSettings
from legion_ci.quality.stage import run
from legion_ci.results import ModelRef, TrainResult, Verdict
from legion_ci.settings.schema import QualitySettings
from legion_ci.store import artefacts
from legion_ci.train import environment

STAMPED = """
import sklearn
from sklearn.linear_model import LogisticRegression

class Stamped(LogisticRegression):
    def fit(self, x, y):
        self.trained_with_ = sklearn.__version__
        return super().fit(x, y)

    def predict(self, x):
        assert self.trained_with_ == sklearn.__version__, f"made by {self.trained_with_}, asked by {sklearn.__version__}"
        return super().predict(x)
"""
FIT = """
import json, sys, cloudpickle, numpy as np, pandas as pd, sklearn
sys.path.insert(0, sys.argv[1] + "/code")
from stamped import Stamped
rng = np.random.default_rng(1)
x = pd.DataFrame(rng.normal(size=(400, 2)), columns=["a", "b"])
model = Stamped().fit(x, (x.a + rng.normal(size=400) > 0).astype(int))
open(sys.argv[1] + "/model.pkl", "wb").write(cloudpickle.dumps(model))
print(sklearn.__version__)
"""


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("LEGION_CACHE", str(tmp_path / "cache"))


def tools():
    return Tools(progress=Progress(stream=io.StringIO()))


def trained(folder: Path, version: str, wanted: str) -> tuple[ModelRef, str]:
    """A model fitted in an environment that holds that scikit-learn; with the version that it was."""
    inside = folder / "legion_model"
    (inside / "code").mkdir(parents=True)
    (inside / "code" / "stamped.py").write_text(STAMPED)
    listed = folder / "requirements.txt"
    listed.write_text(f"scikit-learn{wanted}\ncloudpickle\npandas<3\n")
    made = environment.prepare(listed, (), tools(), folder)
    shutil.copyfile(made.lock, inside / "requirements.lock")
    told = subprocess.run(
        [made.python, "-c", FIT, str(inside)], capture_output=True, text=True, check=True
    ).stdout.strip()
    flavor = {"pickled_model": "model.pkl", "serialization_format": "cloudpickle"}
    (inside / "MLmodel").write_text(yaml.safe_dump({"flavors": {"sklearn": flavor}}))
    sample = {
        "columns": ["a", "b"],
        "types": {"a": "number", "b": "number"},
        "nullable": {"a": False, "b": False},
        "data": [[0.0, 1.0]],
    }
    (inside / "head_input.json").write_text(json.dumps(sample))
    (folder / "legion.project.yaml").write_text(
        "model: {name: m, version: '1', workDir: legion_model, entrypoint: entrypoint}\n"
        "legion: {schema_version: 1, flavor: sklearn}\n"
    )
    return ModelRef(name="m", version=version, artefact=artefacts.of_folder(folder)), told


def test_models_of_two_scikit_learn_versions_are_compared_each_in_its_own_environment(tmp_path, cache):
    (old, before), (new, after) = trained(tmp_path / "old", "1", "<1.8"), trained(tmp_path / "new", "2", ">=1.8")
    assert before < "1.8" <= after
    rng = np.random.default_rng(2)
    a = rng.normal(size=2_000)
    rows = pa.table({"a": a, "b": rng.normal(size=2_000), "y": (a + rng.normal(size=2_000) > 0).astype(int)})
    pq.write_table(rows, tmp_path / "eval.parquet")
    result = run(
        QualitySettings(checks=(MetricSettings(metric="accuracy", versus="champion", margin=0.02),)),
        {"eval": FileSettings(path="eval.parquet", target="y")},
        trained=TrainResult(model=new, tracking_uri="", experiment=""),
        champion=Arm(deployment="d", model=old, endpoint="127.0.0.1:1"), first=False, folder=tmp_path,
        work=tmp_path / "work", tools=tools(),
    )  # fmt: skip
    assert (result.verdict, result.n_rows) == (Verdict.PASS, 2_000)
    assert result.checks[0].candidate == pytest.approx(result.checks[0].champion, abs=0.02)
