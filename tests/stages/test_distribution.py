"""The wheel: what is in it, and that the base and ``[serve]`` work in environments where nothing else is installed."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
import urllib.request
import zipfile
from pathlib import Path

import pytest
from legion_program import Legion, wait_for
from ports import free_port
from repositories import repository

import legion_ci
from legion_ci.core import uv

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.slow


def run_uv(*words, cwd=ROOT):
    done = subprocess.run(
        [uv.program(), *map(str, words)],
        cwd=cwd,
        env={**os.environ, **uv.environment()},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel as it is released."""
    folder = tmp_path_factory.mktemp("dist")
    run_uv("build", "--wheel", "--no-build-isolation", "--python", sys.executable, "--out-dir", folder, ROOT)
    return next(folder.glob("*.whl"))


def installed(folder, *requirements):
    run_uv("venv", "--python", sys.executable, "--no-project", folder)
    run_uv("pip", "install", "--python", folder / "bin" / "python", *requirements)
    return folder / "bin"


class TestWhatIsInIt:
    def test_the_jenkinsfile_is_the_one_copy(self, wheel):
        with zipfile.ZipFile(wheel) as archive:
            content = archive.read("legion_ci/scaffold/templates/Jenkinsfile")
        assert content == (ROOT / "templates" / "Jenkinsfile").read_bytes()

    def test_name_metadata_package_and_project_say_one_version(self, wheel):
        project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
        with zipfile.ZipFile(wheel) as archive:
            path = next(n for n in archive.namelist() if n.endswith(".dist-info/METADATA"))
            metadata = archive.read(path).decode()
        told = re.search(r"^Version: (.+)$", metadata, re.MULTILINE).group(1)
        assert {told, project, wheel.name.split("-")[1], legion_ci.__version__} == {legion_ci.__version__}

    def test_every_python_file_of_the_package_is_in_it_and_nothing_else_is_imported_from_outside(self, wheel):
        with zipfile.ZipFile(wheel) as archive:
            names = set(archive.namelist())
        ours = {f"legion_ci/{p.relative_to(ROOT / 'legion_ci').as_posix()}" for p in (ROOT / "legion_ci").rglob("*.py")}
        assert ours <= names
        assert {n.split("/")[0] for n in names} == {"legion_ci", f"legion_ci-{legion_ci.__version__}.dist-info"}

    def test_no_path_of_this_machine_is_in_it(self, wheel):
        own = [str(ROOT).encode(), str(Path.home()).encode() + b"/", str(wheel.parent).encode()]
        with zipfile.ZipFile(wheel) as archive:
            assert not [n for n in archive.namelist() if n.startswith("/") or ".." in n]
            assert not [n for n in archive.namelist() for path in own if path in archive.read(n)]


@pytest.fixture(scope="module")
def base(wheel, tmp_path_factory):
    """A repository driven by the program of an environment that holds the base and nothing else."""
    home = tmp_path_factory.mktemp("base")
    programs = installed(home / "environment", wheel)
    repository(home / "model")
    return Legion(home, home / "cache", (programs / "legion-ci",))


class TestTheBase:
    def test_it_is_light(self, base):
        python = base.home / "environment" / "bin" / "python"
        names = {d["name"].lower() for d in json.loads(run_uv("pip", "list", "--python", python, "--format", "json"))}
        assert {"legion-ci", "invoke", "pydantic", "pyyaml", "msgspec"} <= names
        assert not names & {"numpy", "pandas", "mlflow", "locust", "duckdb", "pyarrow", "scikit-learn", "uv", "granian"}

    def test_it_lists_its_tasks_and_their_help(self, base):
        out = base.good("--list")
        assert all(stage in out for stage in ("train", "quality", "package", "deploy", "perf", "promote", "pipeline"))
        assert "Train a model" in base.good("--help", "train")
        assert "--version" in base.good("--help")

    def test_plan_shows_where_values_come_from(self, base):
        out = base.good("plan")
        assert "legion.yaml:2" in out
        assert "tiny" in out

    @pytest.mark.parametrize("task", ["train", "pipeline"])
    def test_train_names_the_extra_that_it_needs(self, base, task):
        code, out, err = base(task)
        assert code == 4, out + err
        assert "pip install 'legion-ci[train]'" in err

    def test_bad_settings_are_told_without_any_extra(self, base):
        code, _, err = base("train", "--set", "train.parametres={}")
        assert code == 2
        assert "did you mean parameters?" in err


def test_serve_and_scikit_learn_are_enough_to_serve_an_artefact(wheel, accepted, tmp_path):
    artefact = accepted.run("r1") / "artefact"
    lock = (artefact / "legion_model" / "requirements.lock").read_text()
    pinned = re.findall(r"^(?:scikit-learn|cloudpickle|pandas)==\S+", lock, re.MULTILINE)
    programs, port = installed(tmp_path / "environment", f"{wheel}[serve]", *pinned), free_port()
    log = tmp_path / "serve.log"
    with log.open("w") as out:
        server = subprocess.Popen(
            [programs / "python", "-m", "legion_ci.serving", "--model", artefact, "--port", str(port)],
            cwd=tmp_path,
            stdout=out,
            stderr=subprocess.STDOUT,
        )
    try:
        wait_for(lambda: answers(server, port, log), "the server")
        sample = json.loads((artefact / "legion_model" / "head_input.json").read_text())
        body = json.dumps({"columns": sample["columns"], "data": sample["data"][:3]}).encode()
        url, kind = f"http://127.0.0.1:{port}/api/model/invoke", {"Content-Type": "application/json"}
        with urllib.request.urlopen(urllib.request.Request(url, body, kind), timeout=20) as answer:
            told = json.loads(answer.read())
        expected = json.loads((artefact / "legion_model" / "head_output.json").read_text())
        assert [row[0] for row in told["prediction"]] == [row[0] for row in expected["data"][:3]]
    finally:
        server.terminate()
        server.wait(30)


def answers(server, port, log):
    assert server.poll() is None, log.read_text()
    try:
        return urllib.request.urlopen(f"http://127.0.0.1:{port}/healthcheck", timeout=2).status == 200
    except OSError:
        return False
