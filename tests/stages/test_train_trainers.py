"""Trainers by the program itself: notebooks, existing models, described environments, and searches."""

from __future__ import annotations

import json
import re
import signal
import sqlite3
import sys

import nbformat
import psutil
import pytest
import yaml
from legion_program import wait_for
from repositories import SETTINGS

pytestmark = pytest.mark.timeout(900)  # several trainings in a test, on a machine that may be busy


def rows(legion, query):
    with sqlite3.connect(legion.site / "store" / "mlflow.db") as connection:
        return connection.execute(query).fetchall()


def settings(legion, **train):
    path = legion.folder / "legion.yaml"
    path.write_text(yaml.safe_dump({**yaml.safe_load(path.read_text()), "train": train}))


class TestNotebooks:
    CELLS = (
        ("C = 100.0", ["parameters"]),
        ("from legion_ci.train import inside\nfrom sklearn.linear_model import LogisticRegression", []),
        ("rows = inside.data('train')\nmodel = LogisticRegression(C=C).fit(rows.features, rows.target)\nrows.frame.head(2)", []),
        ("inside.save(model, metrics={'given': C}, tags={'by': 'a notebook'})", []),
    )  # fmt: skip

    def write(self, legion, *more):
        cells = [nbformat.v4.new_code_cell(c, metadata={"tags": t}) for c, t in (*self.CELLS, *more)]
        cells.insert(1, nbformat.v4.new_markdown_cell("# A title\n<script>alert(1)</script>"))
        legion.make()
        (legion.folder / "fit.ipynb").write_text(nbformat.writes(nbformat.v4.new_notebook(cells=cells)))
        settings(legion, use="notebook", notebook="fit.ipynb", parameters={"C": 0.5})

    def test_one_is_executed_with_the_parameters_and_its_page_is_in_the_report(self, legion):
        self.write(legion)
        legion.good("train")
        result = legion.result("train")
        assert (result["metrics"], result["tags"]["by"]) == ({"given": 0.5}, "a notebook")
        folder = legion.run() / "report" / "training"
        assert result["documents"] == ["notebook.html", "notebook.ipynb"]
        page = (folder / "notebook.html").read_text()
        assert "A title" in page
        assert "<table" in page
        assert not re.search(r"<script|<style|\sstyle=|\son\w+=|src=.https?://", page)
        assert (folder / "notebook.css").is_file()
        assert any(c.source.startswith("# Parameters") for c in nbformat.read(folder / "notebook.ipynb", 4).cells)
        legion.good("report")
        assert 'href="training/notebook.html"' in (legion.run() / "report" / "lineage.html").read_text()

    def test_the_cell_that_fails_is_shown_with_its_error_and_kept_and_nothing_is_registered(self, legion):
        self.write(legion, ("x = 1\nx / 0", []))
        code, _, err = legion("train", "--set", "train.parameters.C=1.0")
        assert code == 5
        assert "fit.ipynb: cell 6 raised ZeroDivisionError: division by zero\n  | x = 1\n  | x / 0" in err
        assert "division by zero" in (legion.run() / "report" / "training" / "notebook.html").read_text()
        assert rows(legion, "select count(*) from model_versions") == [(0,)]
        code, _, err = legion("train", "--set", "train.parameters.D=1")
        assert code == 2
        assert "the notebook has no parameter 'D'; its cell tagged parameters has C" in err


class TestExistingModels:
    def test_a_version_of_the_registry_becomes_a_new_one_with_the_same_answers(self, legion):
        legion.make().good("train", "--run", "r1")
        settings(legion, use="existing", model="models:/tiny/1")
        legion.good("train", "--run", "r2")
        assert legion.result("train", "r2")["model"]["version"] == "2"
        heads = [
            json.loads((legion.run(r) / "artefact" / "legion_model" / "head_output.json").read_text())
            for r in ("r1", "r2")
        ]
        assert heads[0] == heads[1]
        code, _, err = legion("train", "--run", "r3", "--set", "train.model=models:/tiny/7")
        assert code == 5
        assert "models:/tiny/7: cannot be had from sqlite" in err

    def test_an_entry_point_of_ones_own_is_kept(self, legion):
        legion.make()
        made = legion.folder / "made" / "legion_model"
        made.mkdir(parents=True)
        (made.parent / "legion.project.yaml").write_text(
            "model: {name: own, version: '3', workDir: legion_model, entrypoint: entrypoint}\nlegion: {flavor: gppi}\n"
        )
        entry = "def init():\n    return 'matrix'\n\ndef predict_on_matrix(input_matrix, provided_columns_names=None):\n    return [[int(r[0] > 0)] for r in input_matrix], ('prediction',)\n"
        (made / "entrypoint.py").write_text(entry)
        settings(legion, use="existing", model="made", requirements=[])
        legion.good("train")
        model_dir = legion.run() / "artefact" / "legion_model"
        assert (model_dir / "entrypoint.py").read_text() == entry
        heads = [json.loads((model_dir / f"head_{n}.json").read_text())["data"] for n in ("input", "output")]
        assert [[int(r[0] > 0)] for r in heads[0]] == heads[1]
        (made / "link").symlink_to("/etc/passwd")
        code, _, err = legion("train", "--run", "r3")
        assert (code, "made: holds symbolic links (legion_model/link)" in err) == (2, True)


IN_ITS_OWN = """
import sys
from legion_ci.train.output import TrainOutput
from sklearn.linear_model import LogisticRegression

def train(data, parameters):
    rows = data["train"]
    return TrainOutput(LogisticRegression().fit(rows.features, rows.target), tags={"prefix": sys.prefix})
"""


class TestDescribedEnvironments:
    def test_training_runs_in_what_becomes_the_models_lock(self, legion):
        legion.make(model=IN_ITS_OWN)
        (legion.folder / "env").mkdir()
        (legion.folder / "env" / "conda.yaml").write_text(
            "name: x\nchannels: [conda-forge]\ndependencies: [scikit-learn, pip, {pip: [pandas]}]\n"
        )
        settings(legion, use="function", environment="env/conda.yaml")
        out = legion.good("train", "--run", "r1")
        assert "env" not in out.splitlines()[-1]
        model_dir = legion.run("r1") / "artefact" / "legion_model"
        lock = (model_dir / "requirements.lock").read_text()
        assert {"scikit-learn", "pandas"} <= set((model_dir / "requirements.txt").read_text().splitlines())
        assert "scikit-learn==" in lock
        assert "mlflow" not in lock  # training needed it, the model does not
        assert "--hash=sha256:" in lock
        prefix = legion.result("train", "r1")["tags"]["prefix"]
        assert prefix != sys.prefix
        assert prefix.startswith(str(legion.caches))
        assert "unchanged" in legion.good("train", "--run", "r2")
        (legion.folder / "env" / "conda.yaml").write_text(
            "name: x\ndependencies: [scikit-learn, cudatoolkit, r-base]\n"
        )
        code, _, err = legion("train", "--run", "r2")
        assert code == 2
        assert "the package cudatoolkit is conda's alone" in err
        assert "the package r-base is conda's alone" in err

    def test_a_name_that_nobody_has_is_an_error_before_training(self, legion):
        legion.make()
        (legion.folder / "requirements.txt").write_text("scikit-learn\nlegion-ci-no-such-package==1.0\n")
        code, _, err = legion("train", "--set", "train.environment=requirements.txt")
        assert code == 2
        assert "legion-ci-no-such-package" in err


SEARCH = {"space": {"C": [0.001, 1.0, -1.0, 10.0]}, "metric": "log_loss", "sampler": "grid", "parallel": 2}


class TestSearches:
    def test_the_best_is_trained_and_registered_and_every_trial_is_a_run_below_it(self, legion):
        legion.make(settings=SETTINGS.replace("{C: 1.0}", "{max_iter: 200}"))
        settings(legion, use="function", parameters={"max_iter": 200}, search=SEARCH)
        legion.good("train")
        result = legion.result("train")
        assert result["parameters"]["max_iter"] == "200"
        assert result["n_rows"] == 400  # the last training sees all rows again
        assert result["metrics"]["search.trials"] == 4
        parent = result["model"]["run_id"]
        below = rows(legion, f"select run_uuid from tags where key = 'mlflow.parentRunId' and value = '{parent}'")
        assert len(below) == 4
        tried = {
            value: run
            for run, value in rows(legion, "select run_uuid, value from params where key = 'C'")
            if run != parent
        }
        assert set(tried) == {"0.001", "1.0", "-1.0", "10.0"}
        status = dict(rows(legion, "select run_uuid, status from runs"))
        assert (status[tried["-1.0"]], status[tried["1.0"]], status[parent]) == ("FAILED", "FINISHED", "FINISHED")
        reached = dict(rows(legion, "select run_uuid, value from latest_metrics where key = 'search.log_loss'"))
        of_trials = {c: reached[r] for c, r in tried.items() if r in reached}
        assert result["parameters"]["C"] == min(of_trials, key=of_trials.get)
        assert result["metrics"]["search.log_loss"] == min(of_trials.values())
        assert rows(legion, "select count(*) from model_versions") == [(1,)]

    def test_stopped_it_leaves_no_trial_running(self, legion):
        slow = "import time, pathlib, os\ndef train(data, parameters):\n    pathlib.Path(f'started{parameters[\"C\"]}').touch()\n    time.sleep(3600)\n"
        legion.make(model=slow)
        settings(legion, use="function", search={**SEARCH, "trials": 2})
        process = legion.start("train")
        wait_for(lambda: len(list(legion.folder.glob("started*"))) == 2, "two trials")
        children = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=120)
        _, alive = psutil.wait_procs(children, timeout=60)
        assert not alive
        assert rows(legion, "select distinct status from runs") == [("KILLED",)]

    @pytest.mark.parametrize(
        ("search", "what"),
        [
            ({**SEARCH, "on": "eval"}, "data.eval judges the model that was found"),
            ({**SEARCH, "metric": "luck"}, "train.search.metric"),
        ],
    )
    def test_what_cannot_be_right_is_refused_before_anything_is_trained(self, legion, search, what):
        legion.make()
        settings(legion, use="function", search=search)
        code, _, err = legion("train")
        assert (code, what in err) == (2, True), err
