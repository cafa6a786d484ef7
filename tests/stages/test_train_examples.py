"""Each trainer's example goes through the whole pipeline; models of any library pass the same gates on the same server."""

from __future__ import annotations

import importlib.util
import json
import sys
import urllib.request
from concurrent.futures import Future, ThreadPoolExecutor

import model_repository
import pytest
from requirements_of_tests import need

pytestmark = pytest.mark.slow

GATES = ("train", "quality", "package", "deploy")
# How fast a busy machine answers is not what is tested here.
PERF = ("--set", "perf.rate=60", "--set", "perf.duration=4s", "--set", 'perf.budgets=["errors < 4%"]')
LIBRARIES = {"lightgbm": "lightgbm", "xgboost": "xgboost", "onnx": "onnxruntime", "plain": "numpy"}
CASES = {
    **{name: (name, ()) for name in ("script", "notebook", "mlflow-project", "existing", "r")},
    **{name: ("libraries", ("--set", f"train.parameters.library={name}")) for name in LIBRARIES},
}  # fmt: skip


def whole(case: str, folder, cache) -> model_repository.Repository:
    """The example of a case in a folder of its own, taken live by one command and stopped again."""
    example, words = CASES[case]
    repository = model_repository.copy(example, folder / case, LEGION_CACHE=str(cache))
    if example == "existing":
        done = repository.run(sys.executable, "make_model.py")
        assert done.returncode == 0, done.stdout
    try:
        repository.legion("pipeline", "--run", "first", "--first", *PERF, *words, code=(0, 10))
        (folder / case / "answer").write_text(str(asked(repository)))
    finally:
        repository.stop()
    return repository


QUESTION = {"columns": ["radius", "texture", "concavity", "symmetry"], "data": [[25.0, 28.0, 0.35, 0.25]]}


def asked(repository: model_repository.Repository) -> object:
    """What the deployment answers of a large, irregular tumour, through the gateway."""
    url = f"{repository.status()['url']}/model/{repository.result('first', 'deploy')['deployment']}/api/model/invoke"
    request = urllib.request.Request(url, json.dumps(QUESTION).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as response:
        return json.load(response)["prediction"][0][0]


@pytest.fixture(scope="module")
def brought(tmp_path_factory, caches, request):
    """Every wanted case that this machine can run, two at a time: they wait for servers and loads more than they compute."""
    folder = tmp_path_factory.mktemp("examples")
    specs = [getattr(item, "callspec", None) for item in request.session.items if item.fspath == request.fspath]
    wanted = [spec.params["case"] for spec in specs if spec is not None]
    with ThreadPoolExecutor(2) as pool:
        yield folder, {case: pool.submit(whole, case, folder, caches) for case in wanted if not lacking(case)}


def lacking(case: str) -> str:
    """What a case needs and this machine does not have."""
    module = LIBRARIES.get(case) or {"notebook": "papermill"}.get(case, "mlflow")
    return "" if importlib.util.find_spec(module) else module


@pytest.mark.timeout(900)
@pytest.mark.parametrize("case", CASES)
def test_an_example_passes_every_stage_and_answers(brought, case):
    if case == "r":
        need("Rscript", "apt-get install r-base-core r-cran-jsonlite")
    assert not lacking(case), f"{lacking(case)} is not installed: see the extras of pyproject.toml"
    folder, cases = brought
    done: Future[model_repository.Repository] = cases[case]
    repository = done.result()
    results = {s: repository.result("first", s) for s in (*GATES, "perf", "promote")}
    assert {s: results[s]["verdict"] for s in GATES} == dict.fromkeys(GATES, "PASS")
    if not results["perf"].get("reason", "").startswith("invalid."):  # a busy machine spoils the measurement
        assert results["perf"]["verdict"] == "PASS"
        assert results["promote"]["action"] == "promoted"
    assert (folder / case / "answer").read_text() in ("1", "1.0")
