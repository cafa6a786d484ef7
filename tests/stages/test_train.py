"""Stage train by the program itself: what it logs, what it leaves, what it skips, and how it fails."""

from __future__ import annotations

import json
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
from decimal import Decimal

import psutil
import pyarrow.parquet as pq
import pytest
import yaml
from legion_program import PROGRAM, Legion, wait_for
from repositories import MODEL, SETTINGS

from legion_ci.core.files import digest_file, digest_tree

OWN_CLASS = """
from legion_ci.train.output import TrainOutput
from parts.rule import Threshold

def train(data, parameters):
    model = Threshold(parameters["at"]).fit(data["train"].features, data["train"].target)
    return TrainOutput(model, metrics={"hits": 0.75, "rows": len(data["train"].target)}, tags={"saw": " ".join(sorted(data))})
"""

RULE = '''
"""A model that is all of the repository's own making."""

from sklearn.base import BaseEstimator, ClassifierMixin


class Threshold(ClassifierMixin, BaseEstimator):
    def __init__(self, at=0.0):
        self.at = at

    def fit(self, features, target):
        self.classes_ = sorted(set(target))
        return self

    def predict(self, features):
        return (features["a"] > self.at).astype(int).to_numpy()
'''

GIT = ("-c", "user.name=a", "-c", "user.email=a@b")
SLOW = "import time\ndef train(data, parameters):\n    open('started', 'a').close()\n    time.sleep(120)\n"


def git(folder, *words):
    return subprocess.run(["git", *GIT, *words], cwd=folder, check=True, capture_output=True, text=True).stdout.strip()


def mlflow_rows(legion, query):
    with sqlite3.connect(legion.site / "store" / "mlflow.db") as connection:
        return connection.execute(query).fetchall()


@pytest.fixture(scope="module")
def trained(tmp_path_factory, caches):
    """A model of the repository's own class, trained in a build with a commit."""
    legion = Legion(tmp_path_factory.mktemp("own"), caches)
    settings = SETTINGS.replace("{C: 1.0}", "{at: 0.25}").replace("{name: tiny}", "{name: tiny, tags: {team: blue}}")
    legion.make(model=OWN_CLASS, settings=settings)
    (legion.folder / "parts").mkdir()
    (legion.folder / "parts" / "__init__.py").write_text("")
    (legion.folder / "parts" / "rule.py").write_text(RULE)
    (legion.folder / ".gitignore").write_text(".legion\ndata\n__pycache__\n")
    for words in (["init", "-q"], ["add", "."], ["commit", "-qm", "first"]):
        git(legion.folder, *words)
    code, out, legion.said = legion("train", "--run", "r1", BUILD_TAG="jenkins-tiny-7")
    assert code == 0, out + legion.said
    return legion


def artefact(legion):
    return legion.run("r1") / "artefact"


class TestWhatMLflowKnows:
    def test_parameters_metrics_and_tags(self, trained):
        run = trained.result("train", "r1")["model"]["run_id"]
        assert mlflow_rows(trained, f"select key, value from params where run_uuid = '{run}'") == [("at", "0.25")]
        metrics = dict(mlflow_rows(trained, f"select key, value from latest_metrics where run_uuid = '{run}'"))
        assert metrics == {"hits": 0.75, "rows": 400.0}
        tags = dict(mlflow_rows(trained, f"select key, value from tags where run_uuid = '{run}'"))
        assert (tags["team"], tags["legion.build"]) == ("blue", "jenkins-tiny-7")

    def test_commit_and_the_digest_of_the_data(self, trained):
        run = trained.result("train", "r1")["model"]["run_id"]
        tags = dict(mlflow_rows(trained, f"select key, value from tags where run_uuid = '{run}'"))
        assert tags["legion.commit"] == tags["mlflow.source.git.commit"] == git(trained.folder, "rev-parse", "HEAD")
        origin = trained.result("train", "r1")["provenance"]
        assert tags["legion.data.train"] == origin["data"]["train"]
        assert (origin["dirty"], origin["build"]) == (False, "jenkins-tiny-7")

    def test_a_version_marked_complete_of_a_finished_run(self, trained):
        assert mlflow_rows(trained, "select name, version from model_versions") == [("tiny", 1)]
        marks = mlflow_rows(trained, "select value from model_version_tags where key = 'legion.complete'")
        assert marks == [("true",)]
        assert mlflow_rows(trained, "select status from runs") == [("FINISHED",)]


class TestTheArtefact:
    def test_it_has_every_file_of_the_format(self, trained):
        model_dir = artefact(trained) / "legion_model"
        names = {p.relative_to(model_dir).as_posix() for p in model_dir.rglob("*") if p.is_file()}
        assert {
            "entrypoint.py", "MLmodel", "model.pkl", "conda.yaml", "requirements.txt", "requirements.lock",
            "head_input.parquet", "head_output.parquet", "head_input.json", "head_output.json",
            "code/model.py", "code/parts/rule.py",
        } <= names  # fmt: skip
        manifest = yaml.safe_load((artefact(trained) / "legion.project.yaml").read_text())
        assert manifest["model"] == {
            "name": "tiny", "version": "1", "workDir": "legion_model", "entrypoint": "entrypoint",
        }  # fmt: skip
        assert (
            manifest["legion"]["digests"]["data.train"] == trained.result("train", "r1")["provenance"]["data"]["train"]
        )

    def test_its_digest_is_that_of_its_files_wherever_it_is(self, trained):
        made = trained.result("train", "r1")["model"]["artefact"]
        assert digest_tree(artefact(trained)) == made["digest"]
        stored = next((trained.site / "store" / "artefacts").rglob("legion.project.yaml")).parent
        assert digest_tree(stored) == made["digest"]

    def test_its_lock_has_a_hash_for_every_package_and_no_address(self, trained):
        lock = (artefact(trained) / "legion_model" / "requirements.lock").read_text()
        packages = [line for line in lock.splitlines() if "==" in line and not line.startswith(" ")]
        assert len(packages) > 5
        assert all(line.endswith("\\") for line in packages)
        assert "://" not in lock

    def test_a_class_of_the_repository_predicts_in_the_locked_environment_without_the_repository(
        self, trained, tmp_path
    ):
        shutil.copytree(artefact(trained), tmp_path / "artefact")
        model_dir = tmp_path / "artefact" / "legion_model"
        rows = pq.read_table(model_dir / "head_input.parquet")
        arrow(rows, tmp_path / "in.arrow")
        python = environment_of(trained.caches, model_dir / "requirements.lock")
        words = ["--model", tmp_path / "artefact", "--input", tmp_path / "in.arrow", "--output", tmp_path / "out.arrow"]
        subprocess.run([python, "-m", "legion_ci.serving.predict", *words], cwd=tmp_path, check=True)
        expected = [int(a > 0.25) for a in rows.column("a").to_pylist()]
        assert read_arrow(tmp_path / "out.arrow").column("prediction").to_pylist() == expected
        assert pq.read_table(model_dir / "head_output.parquet").column("prediction").to_pylist() == expected

    def test_the_held_out_rows_are_never_shown_to_training_code(self, trained):
        assert trained.result("train", "r1")["tags"] == {"saw": "train"}

    def test_nothing_that_we_know_better_is_shown_as_a_warning(self, trained):
        assert "WARNING" not in trained.said


def environment_of(caches, lock):
    marks = (caches / "environments").glob("*/legion-complete")
    return next(m.parent / "bin" / "python" for m in marks if m.read_text() == digest_file(lock))


def arrow(table, path):
    import pyarrow as pa

    with pa.OSFile(str(path), "wb") as out, pa.ipc.new_file(out, table.schema) as writer:
        writer.write_table(table)


def read_arrow(path):
    import pyarrow as pa

    with pa.OSFile(str(path)) as file:
        return pa.ipc.open_file(file).read_all()


class TestWhatIsSkipped:
    def test_equal_inputs_are_not_trained_again_and_import_no_mlflow(self, trained):
        again = Legion(trained.home, trained.caches, (sys.executable, "-X", "importtime", PROGRAM))
        code, out, err = again("train", "--run", "r2")
        assert code == 0, out
        assert "unchanged" in out
        imported = {line.split("|")[-1].strip() for line in err.splitlines() if line.startswith("import time:")}
        assert "legion_ci.train.stage" in imported
        assert not {m.split(".")[0] for m in imported} & {"mlflow", "pandas", "numpy", "sklearn", "duckdb", "pyarrow"}
        assert trained.record("train", "r2")["skipped"]
        assert trained.result("train", "r2") == trained.result("train", "r1")

    @pytest.mark.parametrize(
        ("changed", "skipped"),
        [
            ("data/eval.parquet", True),
            ("tests/test_model.py", True),
            ("README.md", True),
            ("data/train.parquet", False),
            ("parts/rule.py", False),
            ("a parameter", False),
        ],
    )
    def test_only_what_training_reads_counts(self, trained, changed, skipped, tmp_path):
        copy = Legion(tmp_path, trained.caches, more={"LEGION__SITE__PATH": str(trained.site)})
        shutil.copytree(trained.folder, copy.folder)
        words = ["--set", "train.parameters.at=0.5"] if changed == "a parameter" else []
        if not words:
            change(copy.folder / changed)
        out = copy.good("train", "--run", "r3", *words)
        assert ("unchanged" in out) == skipped, out
        if not skipped:
            assert copy.result("train", "r3")["model"]["version"] != "1"
            assert copy.result("train", "r1")["model"]["version"] == "1"


def change(path):
    if path.suffix == ".parquet":
        pq.write_table(pq.read_table(path).slice(1), path)
    else:
        path.parent.mkdir(exist_ok=True)
        path.write_text((path.read_text() if path.exists() else "") + "\n# changed\n")


class TestErrorsOfTheTeamsCode:
    """Each is exit 5 with their own message and no traceback; MLflow's run ends as FAILED."""

    @pytest.mark.parametrize(
        ("where", "message"),
        [
            ("a < 100 and y = 1", "needs samples of at least 2 classes"),
            ("a is not null union all by name select null as a, 1 as b, 1 as y", "contains NaN"),
        ],
    )
    def test_an_estimator_that_refuses_its_rows_is_quoted(self, legion, where, message):
        legion.make()
        code, _, err = legion("train", "--set", f"data.train.where={where}")
        assert code == 5, err
        assert message in err
        assert "model.py:5 in train" in err
        assert mlflow_rows(legion, "select status from runs") == [("FAILED",)]

    @pytest.mark.parametrize(
        ("body", "message"),
        [
            (
                "return TrainOutput(fitted(data), metrics={'loss': float('nan')})",
                "the metric 'loss' is not a finite number",
            ),
            ("return TrainOutput(fitted(data), metrics={'loss': 'low'})", "the metric 'loss' is not a finite number"),
            ("m = fitted(data); m.lock = threading.Lock(); return m", "cannot be saved (TypeError: cannot pickle"),
            ("raise SystemExit(0)", "model:train raised SystemExit"),
        ],
    )
    def test_what_cannot_be_kept_is_named(self, legion, body, message):
        head = "import threading\nfrom sklearn.linear_model import LogisticRegression\nfrom legion_ci.train.output import TrainOutput\n"
        fit = "def fitted(data):\n    return LogisticRegression().fit(data['train'].features, data['train'].target)\n"
        legion.make(model=f"{head}{fit}def train(data, parameters):\n    {body}\n")
        code, _, err = legion("train")
        assert code == 5, err
        assert message in err

    def test_a_feature_that_no_request_can_carry_is_told_before_training(self, legion):
        import pyarrow as pa

        legion.make()
        path = legion.folder / "data" / "train.parquet"
        table = pq.read_table(path)
        rows = pa.array([b"x"] * table.num_rows, pa.binary()), pa.array([[1]] * table.num_rows)
        pq.write_table(table.append_column("raw", rows[0]).append_column("many", rows[1]), path)
        code, _, err = legion("train")
        assert code == 2, err
        assert "data.train: the feature 'raw' has the type binary, which no request can carry" in err
        assert "the feature 'many' has the type list<" in err


def test_decimals_categories_dates_and_flags_are_features_like_others(legion):
    import pyarrow as pa

    legion.make()
    path = legion.folder / "data" / "train.parquet"
    table = pq.read_table(path)
    n = table.num_rows
    table = table.append_column("price", pa.array([Decimal("1.50")] * n, pa.decimal128(12, 2)))
    table = table.append_column("kind", pa.array(["x", "y"] * (n // 2)).dictionary_encode())
    table = table.append_column("day", pa.array([1] * n, pa.int32()).cast(pa.date32()))
    pq.write_table(table.append_column("flag", pa.array([True, None] * (n // 2))), path)
    (legion.folder / "model.py").write_text(
        "from sklearn.base import BaseEstimator, ClassifierMixin\n"
        "class One(ClassifierMixin, BaseEstimator):\n"
        "    classes_ = [0, 1]\n"
        "    def predict(self, features):\n"
        "        assert list(features.columns) == ['a', 'b', 'price', 'kind', 'day', 'flag']\n"
        "        return (features['price'] * 1.0 > 0).astype(int).to_numpy()\n"
        "def train(data, parameters):\n"
        "    return One()\n"
    )
    legion.good("train")
    sample = json.loads((legion.run() / "artefact" / "legion_model" / "head_input.json").read_text())
    assert sample["types"] == {
        "a": "number", "b": "number", "price": "number", "kind": "string", "day": "datetime", "flag": "boolean",
    }  # fmt: skip
    assert sample["data"][0][2:] == [1.5, "x", "1970-01-02", True]


def test_a_python_model_is_kept_as_pyfunc_with_mlflow_in_its_lock(legion):
    legion.make(
        model="""
        import mlflow.pyfunc

        class Sign(mlflow.pyfunc.PythonModel):
            def predict(self, context, model_input, params=None):
                return [int(a > 0) for a in model_input["a"]]

        def train(data, parameters):
            return Sign()
        """
    )
    legion.good("train")
    folder = legion.run() / "artefact"
    assert yaml.safe_load((folder / "legion.project.yaml").read_text())["legion"]["flavor"] == "pyfunc"
    assert "\nmlflow" in (folder / "legion_model" / "requirements.lock").read_text()
    features = pq.read_table(folder / "legion_model" / "head_input.parquet").column("a").to_pylist()
    answers = pq.read_table(folder / "legion_model" / "head_output.parquet").column("prediction").to_pylist()
    assert answers == [int(a > 0) for a in features]


PROJECT = {
    "MLproject": """
name: tiny
entry_points:
  main:
    parameters:
      models: {type: int, default: 1}
    command: "python fit.py {models}"
""",
    "fit.py": """
import sys
import mlflow, mlflow.sklearn, pandas as pd
from sklearn.linear_model import LogisticRegression

frame = pd.DataFrame({"a": [0.0, 1.0, 2.0, 3.0], "b": [1.0, 0.0, 1.0, 0.0]})
model = LogisticRegression().fit(frame, [0, 0, 1, 1])
with mlflow.start_run():
    mlflow.log_metric("rows", 4)
    for number in range(int(sys.argv[1])):
        mlflow.sklearn.log_model(model, name=f"model{number}", input_example=frame)
""",
    "legion.yaml": "model: {name: project}\ntrain: {use: mlflow-project, parameters: {models: 1}}\n",
}


class TestMLflowProjects:
    @pytest.fixture
    def project(self, legion):
        legion.folder.mkdir()
        for name, text in PROJECT.items():
            (legion.folder / name).write_text(text)
        return legion

    def test_the_one_model_that_a_project_logs_becomes_an_artefact(self, project):
        project.good("train")
        result = project.result("train")
        assert (result["metrics"], result["parameters"]) == ({"rows": 4.0}, {"models": "1"})
        model_dir = project.run() / "artefact" / "legion_model"
        assert pq.read_table(model_dir / "head_output.parquet").column("prediction").to_pylist() == [0, 0, 1, 1]
        assert mlflow_rows(project, "select run_uuid, status from runs") == [(result["model"]["run_id"], "FINISHED")]

    @pytest.mark.parametrize("count", [0, 2])
    def test_another_number_of_models_is_refused(self, project, count):
        code, _, err = project("train", "--set", f"train.parameters.models={count}")
        assert code == 5
        assert f"the project logged {count} models in its run; log exactly one" in err

    def test_a_folder_without_a_project_is_named(self, project):
        code, _, err = project("train", "--set", "train.uri=elsewhere")
        assert code == 2
        assert "elsewhere: there is no MLproject file" in err


class TestFullDisk:
    def small_files(self, legion, limit_bytes, *words):
        """A task whose process can write no file longer than that; the system's errors are those of a full disk."""
        return subprocess.run(
            [PROGRAM, *words],
            cwd=legion.folder,
            env=legion.environment,
            capture_output=True,
            text=True,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit_bytes, limit_bytes)),
        )

    def test_while_a_record_is_written_loses_nothing(self, trained):
        before = (trained.run("r1") / "train.json").read_bytes()
        done = self.small_files(trained, 400, "train", "--run", "r1")
        assert done.returncode == 5, done.stderr
        assert "train.json: cannot be written" in done.stderr
        assert "nothing was lost" in done.stderr
        assert "Traceback" not in done.stderr
        assert (trained.run("r1") / "train.json").read_bytes() == before
        assert not list(trained.run("r1").glob("*.tmp"))
        out = trained.good("train", "--run", "r1")
        assert "unchanged" in out

    @pytest.mark.parametrize("limit_bytes", [20, 20_000])
    def test_while_training_is_told_and_the_next_try_works_on(self, legion, limit_bytes):
        legion.make()
        done = self.small_files(legion, limit_bytes, "train", "--run", "r1")
        assert done.returncode == 5, done.stderr
        assert "Traceback" not in done.stderr
        assert "taking over" not in done.stderr


class TestTwoAtOnceAndInterrupted:
    def test_the_second_is_refused_with_the_firsts_pid(self, legion):
        legion.make(model=SLOW)
        first = legion.start("train")
        try:
            wait_for((legion.folder / "started").exists, "training")
            code, _, err = legion("train")
            assert code == 3
            assert f"is in use by process {first.pid} on" in err
        finally:
            first.send_signal(signal.SIGTERM)
            first.communicate(timeout=60)
        assert first.returncode == 143

    @pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
    def test_mlflows_run_of_an_interrupted_training_ends_as_killed(self, legion, sign):
        legion.make(model=SLOW)
        process = legion.start("train")
        wait_for((legion.folder / "started").exists, "training")
        process.send_signal(sign)
        process.communicate(timeout=60)
        assert mlflow_rows(legion, "select status from runs") == [("KILLED",)]
        assert mlflow_rows(legion, "select count(*) from model_versions") == [(0,)]

    def test_after_a_kill_the_worker_ends_and_the_next_one_takes_over_and_says_so(self, legion):
        legion.make(model=SLOW)
        process = legion.start("train", "--run", "r1")
        wait_for((legion.folder / "started").exists, "training")
        children = psutil.Process(process.pid).children(recursive=True)
        process.kill()
        process.communicate(timeout=60)
        _, alive = psutil.wait_procs(children, timeout=30)
        assert not alive
        (legion.folder / "model.py").write_text(MODEL)
        code, _, err = legion("train", "--run", "r1")
        assert code == 0, err
        assert f"taking over from a writer that died (process {process.pid} on" in err
        assert legion.result("train", "r1")["model"]["version"] == "1"
        code, _, err = legion("train", "--run", "r1")
        assert (code, "taking over" in err) == (0, False)
