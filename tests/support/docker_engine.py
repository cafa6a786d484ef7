"""The container engine of this machine, tiny images that stand for packaged models, and sites that are gone afterwards."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import docker
import msgspec
import pytest
from deploy_gateway import QUIET
from deploy_site import SERVER

from legion_ci.core.errors import LegionError
from legion_ci.core.site import Site
from legion_ci.deploy.docker import engine, names
from legion_ci.deploy.docker.runner import Runner
from legion_ci.deploy.protocol import Place
from legion_ci.oci import blobs, debian, image, layer, layout
from legion_ci.oci.image import Run
from legion_ci.oci.layer import Entry
from legion_ci.results import Image
from legion_ci.supervise import logs

_COLLECTOR = b"""
import runpy, sys
sys.argv += ["--deployment", "collector"]
runpy.run_path("/srv/deploy_server.py", run_name="__main__")
"""


def need_engine(address: str | None = None) -> docker.DockerClient:
    """A client of the engine; without one the test is skipped, or fails under LEGION_TEST_REQUIRE=all."""
    try:
        return engine.connect(address)
    except LegionError as error:
        message = f"no container engine for this test: {error}"
    if os.environ.get("LEGION_TEST_REQUIRE") == "all":
        pytest.fail(message)
    pytest.skip(message)


def tiny_image(folder: Path, name: str, *more: str, files: Mapping[str, str] | None = None) -> Image:
    """An image of the tiny server on our base, as a package's ``image.json`` and ``layout/`` in ``folder``.

    more: options that it is started with. files: more content, so that images differ.
    """
    store = blobs.shared()
    base = debian.ensure(store, QUIET)
    entries = [
        Entry("srv/deploy_server.py", SERVER),
        Entry("srv/legion_ci/feedback/collector.py", _COLLECTOR),
        Entry("srv/legion_ci/supervise/logs.py", Path(logs.__file__)),
        *(Entry(f"opt/legion/{path}", text.encode()) for path, text in (files or {}).items()),
    ]
    run = Run(
        entrypoint=["python3", "/srv/deploy_server.py", "--host", "0.0.0.0", "--port", "8080", *more],
        environment={"PYTHONPATH": "/srv"},
        user="65532:65532",
        labels={"org.legion-ci.layers": "1"},
    )
    built = image.assemble(store, base, base.platform, [("tiny server", layer.build(store, entries))], run)
    layout.write(folder / "layout", store, built.descriptor, name)
    made = Image(
        reference=name,
        digest=built.descriptor.digest,
        config=built.manifest.config.digest,
        platforms=(str(built.platform),),
    )
    (folder / "image.json").write_bytes(msgspec.json.encode(made))
    return made


@contextlib.contextmanager
def docker_site(folder: Path, model: str = "wine") -> Iterator[Site]:
    """A site whose containers and network are removed at the end, whatever happened."""
    site = Site(path=folder / "site", model=model)
    site.path.mkdir(parents=True)
    try:
        yield site
    finally:
        Runner(docker_place(site)).stop()
        shutil.rmtree(site.path, ignore_errors=True)


def docker_place(site: Site, own: Mapping[str, Any] | None = None) -> Place:
    """A place that makes no environments: images have theirs."""
    return Place(site=site, tools=QUIET, environment=_none, own=own or {})


def containers(client: docker.DockerClient, site: Site, *more: str) -> Sequence[Any]:
    """All containers of a site."""
    return client.containers.list(all=True, filters={"label": [f"{names.SITE}={names.site_id(site)}", *more]})


def _none(lock: Path) -> Path:
    raise AssertionError("a container has its own environment")
