import io
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from textwrap import dedent

import numpy as np
import pyarrow as pa
import pytest

from legion_ci.core.errors import ConfigurationError, OrderError, ToolError
from legion_ci.core.progress import Progress
from legion_ci.core.shell import Shell
from legion_ci.core.tools import Tools
from legion_ci.quality import limited, predictions
from legion_ci.quality.predictions import LockedPredictor, Request, write_arrow
from legion_ci.results import ModelRef
from legion_ci.settings.schema import LimitsSettings
from legion_ci.store import artefacts

HALVES = """
def init(): return "matrix"
def info(): return {}, {}
def predict_on_matrix(matrix, provided_columns_names=None):
    return [[row[0] * 0.5] for row in matrix], ["prediction"]
"""
RAISES = HALVES.replace("    return [[row", "    raise ValueError('no such aeroplane: N123')\n    return [[row")


@pytest.fixture(autouse=True)
def edges(tmp_path, monkeypatch):
    """The cache is the test's own; the locked environment is this one, since making one is another part's test."""
    monkeypatch.setenv("LEGION_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(predictions.environments, "ensure", lambda lock, tools, links=(): Path(sys.executable))


def artefact(folder: Path, code: str = HALVES, columns: str = '["x"]') -> ModelRef:
    """A model that is an entry point of its own, as an artefact folder."""
    inside = folder / "legion_model"
    inside.mkdir(parents=True)
    (folder / "legion.project.yaml").write_text(
        "model: {name: m, version: '3', workDir: legion_model, entrypoint: entrypoint}\n"
        "legion: {schema_version: 1, flavor: gppi}\n"
    )
    (inside / "entrypoint.py").write_text(dedent(code))
    (inside / "requirements.lock").write_text("")
    names = json.loads(columns)
    told = {
        "columns": names,
        "types": dict.fromkeys(names, "number"),
        "nullable": dict.fromkeys(names, False),
        "data": [[1.0] * len(names)],
    }
    sample = json.dumps(told)
    (inside / "head_input.json").write_text(sample)
    return ModelRef(name="m", version="3", artefact=artefacts.of_folder(folder))


class RecordingShell(Shell):
    """Runs programs and notes how many."""

    runs = 0

    def run(self, *arguments, **keywords):
        type(self).runs += 1
        return super().run(*arguments, **keywords)


class AnsweringShell(Shell):
    """Writes a table where the predictions should go, as a model server of another make would."""

    table: pa.Table | None = None

    def run(self, command, **keywords):
        out = Path(command[command.index("--output") + 1])
        if self.table is not None:
            write_arrow(self.table, out)
        return subprocess.CompletedProcess(command, 0, "", "")


def predictor(tmp_path, shell=None):
    tools = Tools(progress=Progress(stream=io.StringIO()), shell=shell or Shell())
    return LockedPredictor(tools, tmp_path / "work")


def request(n=50, digest="rows", **columns):
    table = pa.table({"x": np.arange(n) * 1.0, "y": np.zeros(n), **columns})
    return Request(table, digest, ("x",), 60.0)


def test_a_model_answers_every_row_in_a_process_of_its_own(tmp_path):
    found = predictor(tmp_path).predict("candidate", artefact(tmp_path / "a"), request())
    assert found.column("prediction").to_pylist() == [i * 0.5 for i in range(50)]


def test_answers_are_kept_by_the_digests_of_model_and_rows(tmp_path):
    RecordingShell.runs = 0
    asked, model = predictor(tmp_path, RecordingShell()), artefact(tmp_path / "a")
    first, again = (asked.predict("candidate", model, request()) for _ in range(2))
    assert RecordingShell.runs == 1
    assert first.equals(again)
    asked.predict("candidate", model, request(digest="other rows"))
    asked.predict("candidate", artefact(tmp_path / "b", HALVES + "\n# another"), request())
    assert RecordingShell.runs == 3


def test_kept_answers_that_are_broken_are_asked_for_again(tmp_path):
    asked, model = predictor(tmp_path), artefact(tmp_path / "a")
    asked.predict("candidate", model, request())
    (kept,) = (tmp_path / "cache" / "predictions").iterdir()
    kept.write_bytes(kept.read_bytes()[:100])
    assert asked.predict("candidate", model, request()).num_rows == 50


def test_nothing_is_left_in_the_scratch_folder(tmp_path):
    predictor(tmp_path).predict("candidate", artefact(tmp_path / "a"), request())
    assert list((tmp_path / "work").iterdir()) == []


def test_a_model_that_raises_is_an_error_with_its_message(tmp_path):
    with pytest.raises(
        ToolError, match=r"the champion m 3 cannot predict the evaluation rows .*no such aeroplane: N123"
    ):
        predictor(tmp_path).predict("champion", artefact(tmp_path / "a", RAISES), request())
    assert not (tmp_path / "cache" / "predictions").exists()


def test_columns_that_the_model_needs_and_the_rows_lack_are_told_with_the_nearest(tmp_path):
    model = artefact(tmp_path / "a", columns='["xx", "z"]')
    with pytest.raises(ConfigurationError) as caught:
        predictor(tmp_path).predict("champion", model, request())
    assert str(caught.value).splitlines() == [
        "data.eval: there is no column 'xx', which the champion needs; did you mean x?",
        "data.eval: there is no column 'z', which the champion needs; there are x, y",
    ]


def test_a_model_without_a_signature_is_given_the_features(tmp_path):
    model = artefact(tmp_path / "a")
    (tmp_path / "a" / "legion_model" / "head_input.json").unlink()
    assert predictions._columns("candidate", tmp_path / "a", request()) == ["x"]
    assert model.version == "3"


@pytest.mark.parametrize(
    ("table", "said"),
    [
        (pa.table({"prediction": [1.0, 2.0]}), "gave 2 predictions for 50 rows"),
        (pa.table({"score": [1.0] * 50}), "gave columns score instead of predictions"),
        (None, "gave no table instead of predictions"),
    ],
)
def test_answers_of_another_shape_are_errors_and_are_not_kept(tmp_path, table, said):
    shell = AnsweringShell()
    object.__setattr__(shell, "table", table)
    with pytest.raises(ToolError, match=said):
        predictor(tmp_path, shell).predict("candidate", artefact(tmp_path / "a"), request())
    assert not (tmp_path / "cache" / "predictions").exists()


def test_a_model_that_is_gone_is_out_of_reach(tmp_path):
    model = artefact(tmp_path / "a")
    for path in sorted((tmp_path / "a").rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    (tmp_path / "a").rmdir()
    with pytest.raises(OrderError, match="the artefact is gone"):
        predictor(tmp_path).predict("champion", model, request())


TELLS_THREADS = """
import os
def init(): return "matrix"
def info(): return {}, {}
def predict_on_matrix(matrix, provided_columns_names=None):
    return [[float(os.environ["OMP_NUM_THREADS"])] for row in matrix], ["prediction"]
"""
GREEDY = HALVES.replace("    return [[row", "    data = bytearray(8 << 30)\n    return [[row")


def test_a_model_uses_as_many_threads_as_it_is_allowed(tmp_path, monkeypatch):
    model, about = artefact(tmp_path / "a", TELLS_THREADS), request(3)
    told = predictor(tmp_path).predict("candidate", model, replace(about, limits=LimitsSettings(threads=3)))
    assert told.column("prediction").to_pylist() == [3.0] * 3
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    assert limited.environment(LimitsSettings())["OMP_NUM_THREADS"] == str(limited.usable_cores())
    monkeypatch.setenv("OMP_NUM_THREADS", "5")
    assert "OMP_NUM_THREADS" not in limited.environment(LimitsSettings())


@pytest.mark.skipif(sys.platform != "linux", reason="memory is limited on Linux only")
def test_a_model_that_wants_more_memory_than_it_may_have_fails_and_says_so(tmp_path):
    model, about = artefact(tmp_path / "a", GREEDY), request(3)
    with pytest.raises(ToolError, match=r"MemoryError.*quality\.limits\.memory"):
        predictor(tmp_path).predict("candidate", model, replace(about, limits=LimitsSettings(memory="4GiB")))


def test_cores_are_those_of_the_containers_quota(tmp_path):
    for told, cores in (("150000 100000", min(2, limited.usable_cores(tmp_path / "none"))), ("50000 100000", 1)):
        (tmp_path / "cpu.max").write_text(told)
        assert limited.usable_cores(tmp_path / "cpu.max") == cores
    (tmp_path / "cpu.max").write_text("max 100000")
    assert limited.usable_cores(tmp_path / "cpu.max") == limited.usable_cores(tmp_path / "none")


def test_champion_and_candidate_with_other_columns_are_each_given_their_own(tmp_path):
    old, new = artefact(tmp_path / "old", columns='["x"]'), artefact(tmp_path / "new", columns='["y"]')
    ask = predictor(tmp_path)
    table = pa.table({"x": [2.0, 4.0], "y": [20.0, 40.0]})
    about = Request(table, "rows", ("x", "y"), 60.0)
    assert ask.predict("champion", old, about).column("prediction").to_pylist() == [1.0, 2.0]
    assert ask.predict("candidate", new, about).column("prediction").to_pylist() == [10.0, 20.0]
    with pytest.raises(ConfigurationError, match="'x', which the champion needs"):
        ask.predict("champion", old, Request(table.select(["y"]), "fewer", ("y",), 60.0))
