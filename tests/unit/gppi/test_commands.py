"""The tasks as people call them, in real environments of the models' own."""

import csv
import io
import json
import os
import pickle
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from foreign_models import adder, compressed_tar

from legion_ci.core.errors import ConfigurationError
from legion_ci.core.progress import Progress
from legion_ci.core.tools import Tools
from legion_ci.gppi import convert
from legion_ci.store import foreign, unpack
from legion_ci.train import environment

LEGION = str(Path(sys.executable).with_name("legion-ci"))
ROWS = "a,b\n1.5,1\n2,0.5\n"
LOGISTIC = """
import pickle, sys
import pandas as pd
from sklearn.linear_model import LogisticRegression
rows = pd.DataFrame({"a": [-2.0, -1.0, 1.0, 2.0], "b": [0.0, 1.0, 0.0, 1.0]})
model = LogisticRegression().fit(rows, [0, 0, 1, 1])
pickle.dump(model, open("m.pkl", "wb"))
rows.to_csv("rows.csv", index=False)
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A folder with an archive of ODAHU's and a pickle; environments are shared by the tests."""
    home = tmp_path_factory.mktemp("gppi")
    compressed_tar(adder(home / "made"), home / "adder.zip")
    subprocess.run([sys.executable, "-c", LOGISTIC], cwd=home, check=True)
    return home


@pytest.fixture(scope="module")
def legion(home):
    def run(*words, code=0, given=""):
        environment = {k: v for k, v in os.environ.items() if not k.startswith("LEGION")}
        environment["LEGION_CACHE"] = os.environ.get("LEGION_CACHE", str(home / "cache"))
        done = subprocess.run(
            [LEGION, *words], cwd=home, env=environment, input=given, capture_output=True, text=True, check=False
        )
        assert "Traceback" not in done.stderr
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout if code == 0 else done.stderr

    return run


@pytest.fixture(scope="module")
def ours(home, legion):
    """ODAHU's model as a trained model of ours."""
    (home / "rows2.csv").write_text(ROWS)
    legion("gppi.convert", "adder.zip", "ours", "--samples", "rows2.csv")
    return home / "ours"


def test_an_archive_of_odahu_is_tested_predicted_with_and_converted(legion, ours):
    assert "adder.zip can be packaged and deployed" in legion("gppi.test", "--model", "adder.zip")
    told = legion("gppi.predict", "-", "-", "--format", "json", "--model", "adder.zip", given='[{"a": 1.5, "b": 1}]')
    assert json.loads(told) == [{"total": 4.0}]
    assert json.loads((ours / "legion_model" / "head_output.json").read_bytes())["data"] == [[4.0], [4.5]]
    steps = json.loads(legion("gppi.test", "--model", "ours", "--json"))["steps"]
    assert [s["step"] for s in steps if s["ok"]] == [
        "import",
        "init",
        "info",
        "samples",
        "predict_on_matrix",
        "as at training",
    ]


def test_a_pickle_becomes_a_model_of_ours(home, legion):
    legion("gppi.convert", "m.pkl", "logistic", "--samples", "rows.csv", "--here", "--model-version", "7")
    assert "version: '7'" in (home / "logistic" / "legion.project.yaml").read_text()
    told = list(csv.DictReader(io.StringIO(legion("gppi.predict", "rows.csv", "-", "--model", "logistic"))))
    assert [row["prediction"] for row in told] == ["0", "0", "1", "1"]
    assert set(told[0]) == {"prediction", "probability_0", "probability_1"}


def test_a_model_for_odahu_is_a_compressed_tar_with_pickled_tables_that_passes_its_own_test(home, legion, ours):
    legion("gppi.convert", "ours", "theirs.zip", "--for", "odahu")
    folder = unpack.unpack(home / "theirs.zip", home / "theirs")
    found = foreign.read(folder)
    assert (found.name, found.version, found.model_dir.name, found.ours) == ("adder", "1.2", "odahuflow_model", False)
    with (found.model_dir / "head_input.pkl").open("rb") as file:
        assert pickle.load(file).to_dict("list") == {"a": [1.5, 2.0], "b": [1.0, 0.5]}
    assert "pandas==" in found.conda.read_text()
    out = home / "tried.json"
    words = ["--model-dir", found.model_dir, "--entrypoint", found.entrypoint, "--output", out]
    subprocess.run([sys.executable, "-P", "-m", "legion_ci.gppi.inside", *words], check=True)
    assert [s["said"] for s in json.loads(out.read_bytes()) if not s["ok"]] == []


def test_data_sets_go_in_and_sinks_take_the_answers(home, legion, ours):
    data = {"new": {"use": "csv", "path": "rows2.csv", "tags": ["predict"], "chunk_rows": 1},
            "train": {"use": "csv", "path": "rows2.csv", "tags": "train"}}  # fmt: skip
    sinks = {"answers": {"use": "sql", "url": "sqlite:///answers.db", "table": "said"}}
    (home / "legion.yaml").write_text(json.dumps({"model": {"name": "m"}, "data": data, "sinks": sinks}))
    legion("gppi.predict", "data:new", "sinks:answers", "--model", "ours")
    db = sqlite3.connect(home / "answers.db")
    assert [p for (p,) in db.execute("SELECT total FROM said")] == [4.0, 4.5]
    db.close()
    legion("gppi.predict", "data:new", "out/answers.parquet", "--model", "ours")
    import pyarrow.parquet as pq

    assert pq.read_table(home / "out" / "answers.parquet").column("total").to_pylist() == [4.0, 4.5]
    told = legion("gppi.predict", "data:train", "-", "--format", "csv", "--model", "ours", code=2)
    assert "data.train.tags: is not for predictions" in told
    told = legion("gppi.predict", "data:new", "sinks:x", "--model", "ours", code=2)
    assert "there is no sink 'x'; there are answers" in told


def test_rows_that_do_not_fit_are_told_and_nothing_is_written(home, legion, ours):
    (home / "bad.csv").write_text("a,b\n1,x\n")
    assert "bad.csv: rows[0]" in legion("gppi.predict", "bad.csv", "bad-out.csv", "--model", "ours", code=2)
    assert not (home / "bad-out.csv").exists()


def converted(*words, samples="", requirements="", here=False, for_=""):
    return convert.convert(Tools(progress=Progress(quiet=True)), *words, for_, samples, requirements, here, "", "")


@pytest.mark.parametrize(("words", "more", "said"), [
    (("nowhere", "x"), {}, "there is no such folder or archive"),
    (("m.pkl", "x"), {"samples": "rows.csv"}, "say --requirements FILE, or --here"),
    (("m.pkl", "x"), {"here": True}, "say --samples FILE"),
    (("m.pkl", "x"), {"here": True, "requirements": "r.txt"}, "contradicts --requirements"),
    (("m.pkl", "made"), {"here": True}, "made: is there already"),
    (("m.pkl", "x"), {"for_": "seldon"}, "--for: is unknown (found 'seldon')"),
    (("rows.csv", "x"), {}, "rows.csv: is no zip, tar or compressed tar"),
    (("made", "x.zip"), {"for_": "odahu"}, "made: is no trained model of legion-ci"),
])  # fmt: skip
def test_what_cannot_be_converted_is_told_and_leaves_nothing(home, monkeypatch, words, more, said):
    monkeypatch.chdir(home)
    if more.get("for_") == "odahu":
        monkeypatch.setattr(
            environment, "prepare", lambda *_: environment.Prepared(Path(sys.executable), (), Path("lock"))
        )
    with pytest.raises(ConfigurationError) as caught:
        converted(*words, **more)
    assert said in str(caught.value)
    assert not (home / "x").exists()
    assert not list(home.glob(".converting-*"))


def test_a_model_that_fails_is_told_step_by_step_with_exit_code_5(home, legion):
    adder(home / "broken", code="import no_such_package\n")
    assert legion("gppi.test", "--model", "broken", code=5).count("broken: import: ModuleNotFoundError") == 1
