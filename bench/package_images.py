"""Images of the wine model: ours (slim set, and with mlflow's requirements), ``mlflow models build-docker``, BentoML's containerize.

For each: a cold build to a container that answers (package caches empty, base image there), a change of the model alone to one
that answers, the image's size, and the time from start to the first prediction. mlflow builds with ``--env-manager local``
on a Python image with pip and apt; where no registry is reachable the script makes one from Debian's packages by mmdebstrap
(``--make-base``). Needs a Docker engine and root or its group. Repeated builds of the changed model alternate between the two.

python bench/package_images.py --artefact FOLDER --changed FOLDER [--rounds 3] [--make-base]
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import sys
import tempfile
import time
import urllib.request
from contextlib import contextmanager
from http.client import HTTPException
from pathlib import Path

import docker
from peers.images import bento_image, bento_request, fitted, fresh_base, invocations, make_base, mlflow_image
from serving_peers import environment

from legion_ci.core import uv
from legion_ci.core.progress import Progress
from legion_ci.core.tools import Tools
from legion_ci.oci.blobs import shared
from legion_ci.oci.debian import ensure
from legion_ci.package.image.packager import RestPackager
from legion_ci.package.protocol import Job
from legion_ci.results import ModelRef, TrainResult
from legion_ci.store import artefacts

QUIET = Tools(progress=Progress(quiet=True))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--artefact", type=Path, required=True)
    parser.add_argument("--changed", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--make-base", action="store_true")
    told = parser.parse_args()
    client = docker.from_env(timeout=1200)
    if told.make_base:
        make_base(client)
    with tempfile.TemporaryDirectory() as scratch:
        found = measure(client, told.artefact.resolve(), told.changed.resolve(), told.rounds, Path(scratch))
    print(json.dumps(found, indent=2))


def measure(client: docker.DockerClient, first: Path, changed: Path, rounds: int, scratch: Path) -> dict:
    """All figures, by way of building."""
    full = [with_mlflow(folder, scratch / f"full-{i}") for i, folder in enumerate((first, changed))]
    bento = environment("bentoml")
    joblib = fitted(bento, scratch / "model.joblib")
    ways = {
        "mlflow": (lambda _, model, name, *__, **___: mlflow_image(model, name), first, changed),
        "bentoml": (lambda _, __, name, *___, **____: bento_image(bento, joblib, name, scratch), first, changed),
        "ours, mlflow's requirements": (our_image, *full),
        "ours": (our_image, first, changed),
    }
    found: dict = {}
    os.environ["LEGION_CACHE"] = str(scratch / "base")
    ensure(shared(), QUIET)
    fresh_base(client)
    for name, (make, before, _) in ways.items():
        cold = timed(lambda b=make, m=before, n=name: b(client, m, tag(n, "1"), scratch, cold=True))
        found[name] = {"cold_s": cold, "changed_s": []}
        say(f"{name}: cold {cold:.1f} s")
    for i in range(rounds):
        for name, (make, before, after) in ways.items():
            model = stamped(after if i % 2 == 0 else before, scratch / f"stamped-{i}-{slug(name)}", i)
            took = timed(lambda b=make, m=model, n=name, i=i: b(client, m, tag(n, f"c{i}"), scratch, cold=False))
            found[name]["changed_s"].append(took)
            say(f"{name}: changed {took:.2f} s")
    for name in ways:
        found[name]["changed_median_s"] = statistics.median(found[name]["changed_s"])
        found[name]["size_mb"] = client.images.get(tag(name, "1")).attrs["Size"] / 1e6
    for _ in range(rounds):
        for name in ways:
            asked = (bento_request if name == "bentoml" else invocations)(first)
            found[name].setdefault("ready_s", []).append(ready(client, tag(name, "1"), *asked))
            say(f"{name}: ready {found[name]['ready_s'][-1]:.2f} s")
    return found | {"ratios": ratios(found)}


def ratios(found: dict) -> dict:
    """Each peer's figure over each of ours; size: ours over the peer's."""
    peers = ("mlflow", "bentoml")
    return {
        f"{peer} / {name}": {
            "cold": theirs["cold_s"] / ours["cold_s"],
            "changed": theirs["changed_median_s"] / ours["changed_median_s"],
            "ready": statistics.median(theirs["ready_s"]) / statistics.median(ours["ready_s"]),
            "size": ours["size_mb"] / theirs["size_mb"],
        }
        for peer, theirs in ((p, found[p]) for p in peers)
        for name, ours in found.items()
        if name not in peers
    }


def our_image(client: docker.DockerClient, model: Path, name: str, scratch: Path, *, cold: bool) -> None:
    """Ours, loaded into the engine. cold: with no packages, layers or proofs; the base is there for all."""
    target, home = Path(tempfile.mkdtemp(dir=scratch)), scratch / name.split(":")[0]
    if cold:
        shutil.copytree(shared().folder, home / "oci")  # holds the base alone
    before = dict(os.environ)
    os.environ |= {"LEGION_CACHE": str(home), "UV_CACHE_DIR": str(home / "uv")}
    reference = ModelRef(name="wine", version="1", artefact=artefacts.of_folder(model))
    job = Job(TrainResult(model=reference, tracking_uri="", experiment=""), model, target, QUIET)
    RestPackager().package(RestPackager.Settings(use="docker-rest", image=name, load=True), job)
    os.environ.clear()
    os.environ |= before


def with_mlflow(folder: Path, target: Path) -> Path:
    """The artefact with a lock that also has mlflow, as mlflow's image does."""
    shutil.copytree(folder, target)
    lock = target / "legion_model" / "requirements.lock"
    pins = [line.split(" ")[0] for line in lock.read_text().splitlines() if "==" in line]
    stated = target.with_suffix(".in")
    stated.write_text("\n".join([*pins, "mlflow==3.17.2", "gunicorn[gevent]", "uvicorn", "fastapi"]) + "\n")
    uv.compile_lock(stated, lock, QUIET)
    return target


def stamped(folder: Path, target: Path, number: int) -> Path:
    """A model that no cache has seen: its manifest gets another comment."""
    shutil.copytree(folder, target)
    for name in ("legion.project.yaml", "legion_model/MLmodel"):
        path = target / name
        path.write_text(f"{path.read_text()}# {number} {time.time_ns()}\n")
    return target


def ready(client: docker.DockerClient, image: str, port: int, path: str, body: bytes) -> float:
    """Seconds from ``docker run`` to the first prediction."""
    began = time.monotonic()
    with running(client, image, port) as where:
        while time.monotonic() - began < 300:
            address = f"http://127.0.0.1:{where}{path}"
            request = urllib.request.Request(address, body, {"content-type": "application/json"})
            try:
                with urllib.request.urlopen(request, timeout=10):
                    return time.monotonic() - began
            except (OSError, HTTPException):
                time.sleep(0.02)
    raise SystemExit(f"{image} did not answer")


@contextmanager
def running(client: docker.DockerClient, image: str, port: int):
    """Where a container listens while the block runs."""
    container = client.containers.run(image, detach=True, ports={f"{port}/tcp": ("127.0.0.1", None)})
    try:
        container.reload()
        yield container.ports[f"{port}/tcp"][0]["HostPort"]
    finally:
        container.remove(force=True)


def timed(work) -> float:
    """Seconds that it took."""
    began = time.monotonic()
    work()
    return time.monotonic() - began


def tag(name: str, version: str) -> str:
    """The image's name."""
    return f"legion-bench-{slug(name)}:{version}"


def slug(name: str) -> str:
    """A name without blanks and marks."""
    return "".join(c for c in name.lower() if c.isalnum())


def say(text: str) -> None:
    """A line for people."""
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
