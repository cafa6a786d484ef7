"""Programs of third parties: what they are told, and every way in which they may go wrong."""

import json
import sys
from pathlib import Path

import pytest
from foreign_models import adder

from legion_ci.core.errors import ConfigurationError, ToolError
from legion_ci.core.progress import Progress
from legion_ci.core.tools import Tools
from legion_ci.data.files import FileSettings
from legion_ci.package.external import ExternalPackager, ExternalPackageSettings
from legion_ci.package.protocol import Job
from legion_ci.results import ModelRef, TrainResult
from legion_ci.store import artefacts
from legion_ci.train.external import ExternalSettings, ExternalTrainer, described
from legion_ci.train.protocol import TrainJob

QUIET = Tools(progress=Progress(quiet=True))


def program(folder, text):
    path = folder / "program"
    path.write_text(f"#!{sys.executable}\nimport json, pathlib, shutil, sys, time\n{text}\n")
    path.chmod(0o755)
    return path


def job(tmp_path, **more):
    for name in ("repository", "scratch", "artefact"):
        (tmp_path / name).mkdir(exist_ok=True)
    settings = ExternalSettings(**{"use": "external", "program": ("./program",), **more})
    data = {"train": FileSettings(path="data/train.parquet")}
    return TrainJob(
        settings, data, tmp_path / "repository", tmp_path / "artefact" / "legion_model", tmp_path / "scratch",
        f"sqlite:///{tmp_path}/mlflow.db", "a1b2", QUIET,
    )  # fmt: skip


def test_a_training_is_told_as_legions_operator_tells_it(tmp_path):
    told = described(job(tmp_path, entrypoint="main", parameters={"alpha": 1.5}, envs={"SEED": "7"}, arguments=("-x",)),
                     ExternalSettings(program=("./program",), entrypoint="main", parameters={"alpha": 1.5}, envs={"SEED": "7"}))  # fmt: skip
    assert set(told) == {"vcs", "inputData", "outputConn", "modelTraining", "toolchainIntegration"}
    spec = told["modelTraining"]["spec"]
    assert spec["hyperParameters"] == {"alpha": "1.5"}
    assert spec["envs"] == [{"name": "SEED", "value": "7"}]
    assert spec["data"] == [{"connection": "train", "localPath": "data/train.parquet", "remotePath": ""}]
    assert spec["entrypoint"] == "main"


@pytest.mark.parametrize(("text", "more", "said"), [
    ("sys.exit(2)", {}, "./program ended with status 2; look at its output above"),
    ("pass", {}, "is no trained model (it has no manifest)"),
    ("time.sleep(60)", {"timeout": 2.0}, "did not end within 2 s and was stopped"),
    ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", {}, "ended with status 137"),
    ("pathlib.Path(sys.argv[sys.argv.index('--target') + 1], 'odahuflow.project.yaml').write_text('model: {}')", {},
     "model.entrypoint is missing"),
])  # fmt: skip
def test_a_trainer_that_goes_wrong_is_told_and_leaves_no_model(tmp_path, text, more, said):
    made = job(tmp_path, **more)
    program(made.folder, text)
    with pytest.raises(ToolError) as caught:
        ExternalTrainer().train(made)
    assert said in str(caught.value)
    assert not made.model_dir.exists()


def test_a_program_that_is_not_there_is_told(tmp_path):
    with pytest.raises(ConfigurationError, match=r"train\.program: there is no program 'no-such-program'"):
        ExternalTrainer().train(job(tmp_path, program=("no-such-program",)))


def packaged(tmp_path, text, **more):
    artefact = adder(tmp_path / "artefact")
    (artefact / "legion_model").mkdir()
    (artefact / "legion_model" / "requirements.lock").write_text("")
    target = tmp_path / "target"
    target.mkdir()
    model = ModelRef(name="adder", version="3", artefact=artefacts.of_folder(artefact))
    settings = ExternalPackageSettings(program=(str(program(tmp_path, text)),), **more)
    trained = TrainResult(model=model, tracking_uri="", experiment="")
    return ExternalPackager().package(settings, Job(trained, artefact, target, QUIET)), target


def test_a_packager_is_told_the_model_and_its_arguments_and_its_result_is_kept(tmp_path):
    text = """
model, told = map(pathlib.Path, sys.argv[1:3])
assert sys.argv[3:] == ["--verbose"]
assert (model / "odahuflow.project.yaml").is_file()
told = json.loads(told.read_bytes())
(model / "result.json").write_text(json.dumps({"image": told["modelPackaging"]["spec"]["arguments"]["imageName"], "to": told["targets"]}))
"""
    made, target = packaged(tmp_path, text, arguments={"imageName": "demo:1"}, targets={"docker-push": "registry"})
    result = json.loads((artefacts.local_path(made.package.uri) / "result.json").read_bytes())
    assert result == {"image": "demo:1", "to": [{"name": "docker-push", "connection": {"id": "registry", "spec": {}}}]}
    assert {p.name for p in target.iterdir()} == {"package"}
    assert not (tmp_path / "artefact" / "result.json").exists()


@pytest.mark.parametrize(("text", "more", "said"), [
    ("print('out of space'); sys.exit(2)", {}, "out of space"),
    ("pass", {}, "left no result.json"),
    ("pathlib.Path('result.json').write_text('{')", {}, "that is no JSON"),
    ("pathlib.Path('result.json').write_text('[]')", {}, "that says nothing"),
    ("time.sleep(60)", {"timeout": 1.0}, "did not end within 1 s"),
])  # fmt: skip
def test_a_packager_that_goes_wrong_is_told(tmp_path, text, more, said):
    with pytest.raises(ToolError) as caught:
        packaged(tmp_path, text, **more)
    assert said in str(caught.value)
    assert not Path(tmp_path / "target" / "unpacked").exists()
