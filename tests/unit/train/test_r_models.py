"""Models in R: what crosses the border, an R process that dies, hangs or refuses, and scripts that cannot be trained."""

from __future__ import annotations

import datetime as dt
import importlib.util
import json
import os
import shutil
import signal

import psutil
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from requirements_of_tests import need

from legion_ci.core.errors import ConfigurationError, PluginError, ToolError
from legion_ci.core.progress import Progress
from legion_ci.core.tools import Tools
from legion_ci.data.files import FileSettings
from legion_ci.store import manifest
from legion_ci.train.protocol import TrainJob
from legion_ci.train.r.trainer import RSettings, RTrainer

MODEL = """
source("line.R")
train <- function(data, parameters) {
  cat("training on", nrow(data$train), "rows\\n")
  stopifnot(is.numeric(data$train$a), is.character(data$train$s), is.logical(data$train$f), inherits(data$train$d, "POSIXct"))
  line(data$train, parameters$slope)
}
test <- function(model, data) list(rows = nrow(data$train), unknown = NA, gaps = sum(is.na(data$train$s)))
predict <- function(model, data) {
  cat("noise that is no answer\\n")
  a <- ifelse(is.na(data$a), 0, data$a)
  if (any(a == 666)) quit(status = 3)
  if (any(a == 667)) Sys.sleep(3600)
  if (any(a == 668)) stop("668 is too much")
  data.frame(prediction = model$slope * data$a + 1, told = data$s, when = format(data$d, "%Y-%m-%d"))
}
"""
LINE = "line <- function(rows, slope) list(slope = slope)\n"


@pytest.fixture(autouse=True)
def r():
    return need("Rscript", "apt-get install r-base-core r-cran-jsonlite")


def made_job(tmp_path, script=MODEL, **settings) -> TrainJob:
    folder = tmp_path / "model"
    (folder / "data").mkdir(parents=True)
    day = dt.datetime(2026, 11, 21, 12)
    rows = {
        "a": [1.0, None, 3.5],
        "s": ["ä \"'\n", "", None],
        "f": [True, False, None],
        "d": [day, day, None],
        "y": [1, 2, 3],
    }
    pq.write_table(pa.table(rows), folder / "data" / "t.parquet")
    (folder / "model.R").write_text(script)
    (folder / "line.R").write_text(LINE)
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    stated = RSettings(use="r", parameters={"slope": 2.5}, **settings)
    data = {"train": FileSettings(path="data/t.parquet", target="y")}
    return TrainJob(
        stated, data, folder, tmp_path / "artefact", scratch, "", "none", Tools(progress=Progress(quiet=True))
    )


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    need("Rscript", "apt-get install r-base-core r-cran-jsonlite")
    job = made_job(tmp_path_factory.mktemp("r"))
    said = RTrainer().train(job)
    rows = pq.read_table(job.folder / "data" / "t.parquet").drop(["y"])
    manifest.write_sample(job.model_dir, "head_input", rows)
    return job, said


@pytest.fixture
def entry(trained, tmp_path, monkeypatch):
    """The model's entry point in a folder of its own, loaded as any server does."""
    shutil.copytree(trained[0].model_dir, tmp_path / "moved")
    monkeypatch.setenv("MODEL_LOCATION", str(tmp_path / "moved"))
    monkeypatch.setenv("LEGION_R_RESTARTS", "2")
    spec = importlib.util.spec_from_file_location("entrypoint_of_r", tmp_path / "moved" / "entrypoint.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    yield module
    module._R.end()


def ask(entry, *values):
    rows = [[v, "x", True, "2026-01-02T00:00:00"] for v in values]
    return [row[0] for row in entry.predict_on_matrix(rows)[0]]


class TestWhatCrossesTheBorder:
    def test_metrics_parameters_and_versions(self, trained):
        _, said = trained
        assert said.metrics == {"rows": 3.0, "gaps": 1.0}
        assert said.parameters == {"slope": "2.5"}
        assert said.tags["r.version"][0].isdigit()
        assert said.tags["r.package.jsonlite"]
        assert (said.flavor, said.n_rows, said.requirements) == ("gppi", 3, ())

    def test_numbers_texts_flags_dates_and_gaps_arrive_as_they_are(self, entry):
        assert entry.init() == "matrix"
        rows = [
            [1e-17, "ä \"'\n", True, "2026-11-21T12:00:00"],
            [None, "", None, None],
            [float("nan"), None, False, None],
        ]
        answers, columns = entry.predict_on_matrix(rows, ["a", "s", "f", "d"])
        assert columns == ("prediction", "told", "when")
        assert answers == [[1.0, "ä \"'\n", "2026-11-21"], [None, "", None], [None, None, None]]

    def test_columns_may_come_in_another_order(self, entry):
        answers, _ = entry.predict_on_matrix([["x", 2.0, None, True]], ["s", "a", "d", "f"])
        assert answers[0][0] == 6.0

    def test_inputs_are_told(self, entry):
        assert [i["type"] for i in entry.info()[0]] == ["number", "string", "boolean", "datetime"]

    def test_files_that_the_script_sources_come_along(self, trained):
        assert (trained[0].model_dir / "r" / "code" / "line.R").read_text() == LINE


class TestAProcessThat:
    def test_was_killed_between_calls_is_replaced_and_nobody_notices(self, entry):
        assert ask(entry, 2.0) == [6.0]
        before = entry._R.pid
        os.kill(before, signal.SIGKILL)
        assert ask(entry, 2.0) == [6.0]
        assert entry._R.pid != before
        assert not psutil.pid_exists(before)

    def test_dies_of_a_call_fails_that_call_only(self, entry):
        with pytest.raises(entry.RFailed, match="ended while it predicted"):
            ask(entry, 666)
        assert ask(entry, 2.0) == [6.0]

    def test_dies_again_and_again_is_not_started_for_ever(self, entry):
        entry._R.restarts = 1
        for _ in range(2):
            with pytest.raises(entry.RFailed):
                ask(entry, 666)
        with pytest.raises(entry.RFailed, match="died 2 times within a minute"):
            ask(entry, 1.0)

    def test_hangs_is_ended_after_the_time_that_a_call_may_take(self, entry):
        ask(entry, 1.0)
        entry._R.timeout_s, before = 0.2, entry._R.pid
        with pytest.raises(TimeoutError, match=r"did not answer within 0\.2 s"):
            ask(entry, 667)
        assert not psutil.pid_exists(before)
        entry._R.timeout_s = 60.0
        assert ask(entry, 2.0) == [6.0]

    def test_refuses_says_why_and_goes_on(self, entry):
        ask(entry, 1.0)
        before = entry._R.pid
        with pytest.raises(ValueError, match="R: 668 is too much"):
            ask(entry, 668)
        assert ask(entry, 2.0) == [6.0]
        assert entry._R.pid == before

    def test_lacks_a_package_or_is_another_r_does_not_start(self, entry):
        path = entry.FOLDER / "r" / "packages.json"
        kept = json.loads(path.read_text())
        path.write_text(json.dumps({**kept, "packages": {**kept["packages"], "notThere": "1"}}))
        with pytest.raises(RuntimeError, match="R lacks notThere"):
            entry.init()
        path.write_text(json.dumps({**kept, "r": "1.9.1"}))
        with pytest.raises(RuntimeError, match=r"trained with R 1\.9\.1, and this is"):
            entry.init()


class TestScriptsThatCannotBeTrained:
    @pytest.mark.parametrize(
        ("script", "kind", "what"),
        [
            ("library(notThere)\nf <- function() alsoNot::g(1)\n", ToolError, r"R lacks the packages alsoNot, notThere.*install.packages\(c\("),
            ("train <- function(data, parameters) 1\n", ConfigurationError, "has no function predict"),
            ("train <- function(", ToolError, "the script cannot be read"),
            ("train <- function(d, p) stop('no luck')\npredict <- function(m, d) 1", ToolError, "train: no luck"),
            ("train <- function(d, p) 1\npredict <- function(m, d) 1", ToolError, "predict: predict returned 1 predictions for 3 rows"),
            ("train <- function(d, p) quit(status = 4)\npredict <- function(m, d) 1", ToolError, r"ended R \(status 4\) without a model"),
        ],
    )  # fmt: skip
    def test_are_told_by_what_is_wrong_with_them(self, tmp_path, script, kind, what):
        job = made_job(tmp_path, script)
        with pytest.raises(kind, match=what):
            RTrainer().train(job)
        assert not job.model_dir.exists()

    def test_packages_that_the_settings_name_are_looked_for_too(self, tmp_path):
        with pytest.raises(ToolError, match="R lacks the packages fromSettings"):
            RTrainer().train(made_job(tmp_path, packages=("fromSettings",)))

    def test_without_r_it_says_what_to_install(self, tmp_path, monkeypatch):
        monkeypatch.setenv("PATH", "/nowhere")
        with pytest.raises(PluginError, match="Rscript is not on PATH; install R"):
            RTrainer().train(made_job(tmp_path))
