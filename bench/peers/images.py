"""How the peers of the image bench build: ``mlflow models build-docker`` and ``bentoml containerize``, on a Python base of ours."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import docker

BASE, FRESH = "legion-bench-python:3.11", "legion-bench-python:fresh"
_CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"
_MLFLOW = (
    "import sys, mlflow.models\n"
    "mlflow.models.build_docker(model_uri=sys.argv[1], name=sys.argv[2], env_manager='local', base_image=sys.argv[3])"
)
_BENTO = """service: "bento_service:Model"
include: ["bento_service.py", "model.joblib"]
envs: [{{name: BENCH_MODEL, value: /home/bentoml/bento/src/model.joblib}}]
python: {{packages: ["scikit-learn"]}}
docker: {{base_image: "{base}"}}
"""


def mlflow_image(artefact: Path, name: str) -> None:
    """mlflow's, by its Python interface, the only one that takes a base image."""
    _run([sys.executable, "-c", _MLFLOW, str(artefact / "legion_model"), name, FRESH])


def bento_image(python: Path, fit: Path, name: str, scratch: Path) -> None:
    """BentoML's, of a model that is fitted and written in its own environment.

    A changed model is another file: the time of the build is written behind the pickle, where joblib does not look.
    """
    with tempfile.TemporaryDirectory(dir=scratch) as folder:
        app = Path(folder)
        (app / "bento_service.py").write_bytes(Path(__file__).with_name("bento_service.py").read_bytes())
        (app / "bentofile.yaml").write_text(_BENTO.format(base=FRESH))
        (app / "model.joblib").write_bytes(fit.read_bytes() + str(time.time_ns()).encode())
        own = {"BENTOML_HOME": str(app / "home"), "BENTOML_DO_NOT_TRACK": "true"}
        tag = _run([str(python), "-m", "bentoml", "build", "-o", "tag"], cwd=app, **own).split("__tag__:")[1].split()[0]
        _run([str(python), "-m", "bentoml", "containerize", tag, "-t", name], cwd=app, **own)


def fitted(python: Path, path: Path) -> Path:
    """The wine model as joblib writes it."""
    _run([str(python), "-W", "ignore", str(Path(__file__).with_name("fit.py")), "wine", "joblib", str(path)])
    return path


def fresh_base(client: docker.DockerClient) -> None:
    """The Python image under a new id, so that the engine's cache of earlier builds does not count for peers."""
    build(client, f"FROM {BASE}\nENV LEGION_BENCH={time.time_ns()}\n", FRESH)


def make_base(client: docker.DockerClient) -> None:
    """A Python image with pip, apt, curl and nginx (mlflow's container starts one) from Debian's packages; for this bench alone."""
    packages = "python3,python3-pip,python3-venv,ca-certificates,nginx-light,curl"
    with tempfile.TemporaryDirectory() as scratch:
        tar = Path(scratch) / "base.tar"
        _run(["mmdebstrap", "--variant=minbase", f"--include={packages}",
              "--customize-hook=rm -f $1/usr/lib/python3*/EXTERNALLY-MANAGED; ln -sf python3 $1/usr/bin/python",
              f"--customize-hook=copy-in {_CERTIFICATES} /etc/ssl/certs/", "bookworm", str(tar)])  # fmt: skip
        client.api.import_image(str(tar), repository=BASE.split(":")[0], tag=BASE.split(":")[1])
    build(client, f"FROM {BASE}\nENV SSL_CERT_FILE={_CERTIFICATES} PIP_CERT={_CERTIFICATES}\n", BASE)


def build(client: docker.DockerClient, dockerfile: str, name: str) -> None:
    """An image of a Dockerfile without a context."""
    with tempfile.TemporaryDirectory() as context:
        (Path(context) / "Dockerfile").write_text(dockerfile)
        client.images.build(path=context, tag=name)


def invocations(artefact: Path) -> tuple[int, str, bytes]:
    """Port, path and body of a first prediction in MLflow's protocol, which mlflow's image and ours speak."""
    sample = json.loads((artefact / "legion_model" / "head_input.json").read_text())
    body = {"dataframe_split": {"columns": sample["columns"], "data": sample["data"][:1]}}
    return 8080, "/invocations", json.dumps(body).encode()


def bento_request(artefact: Path) -> tuple[int, str, bytes]:
    """The same for BentoML's image."""
    sample = json.loads((artefact / "legion_model" / "head_input.json").read_text())
    return 3000, "/predict", json.dumps({"rows": sample["data"][:1]}).encode()


def _run(command: list[str], cwd: Path | None = None, **variables: str) -> str:
    """What it said; ends the bench with its last words when it fails."""
    done = subprocess.run(
        command, cwd=cwd, env={**os.environ, **variables}, capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.exit(f"{command[:4]}: {done.stdout[-3000:]}{done.stderr[-3000:]}")
    return done.stdout
