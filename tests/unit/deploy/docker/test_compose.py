"""The exported compose file: complete, without secrets, and running the same site."""

import shutil
import subprocess

import pytest
import yaml
from compose_run import up
from deploy_gateway import QUIET
from deploy_site import ask, eventually
from docker_engine import docker_site, need_engine
from docker_stage import DockerStage

from legion_ci.core.errors import OrderError
from legion_ci.core.site import Site
from legion_ci.deploy import site_tasks
from legion_ci.gateway import apply, routes


@pytest.fixture(scope="module")
def engine():
    return need_engine()


@pytest.fixture
def stage(engine, tmp_path):
    with docker_site(tmp_path) as site:
        yield DockerStage(site, tmp_path)


def test_the_file_runs_the_same_site_and_traffic_still_moves(stage, engine, monkeypatch, tmp_path):
    monkeypatch.setenv("THE_WORD", "abra$cadabra")
    one, two = stage.package("1"), stage.package("2")
    stage.live(one, environment={"WORD": "env:THE_WORD"}, memory=256 << 20, cpus=1.5)
    stage.deploy(two)
    text = site_tasks.compose(stage.site)
    assert "cadabra" not in text
    assert "undeploy --all" in text
    (tmp_path / "compose.yaml").write_text(text)
    _accepted_by_compose(tmp_path / "compose.yaml")
    site_tasks.undeploy(stage.site, None, QUIET)
    with up(engine, text, "legion-test-compose", {"THE_WORD": "abra$cadabra"}) as made:
        assert set(made) == {one.deployment, two.deployment, "collector", "log-keeper", "gateway"}
        eventually(lambda: stage.serving() == one.deployment)
        assert ask(f"{stage.url}/api/v1/feedback", body=b"{}").told["deployment"] == "collector"
        apply.change(stage.site, lambda r: routes.promote(r, two.deployment), tools=QUIET)
        assert stage.serving() == two.deployment
        made[one.deployment].reload()
        config, host = (made[one.deployment].attrs[key] for key in ("Config", "HostConfig"))
        assert "WORD=abra$cadabra" in config["Env"]
        assert (host["Memory"], host["NanoCpus"], host["ReadonlyRootfs"]) == (256 << 20, 1_500_000_000, True)
    site_tasks.up(stage.site, QUIET, stage.place)
    assert stage.serving() == two.deployment


def _accepted_by_compose(path) -> None:
    """By compose itself, where it is installed."""
    program = shutil.which("docker-compose")
    if program:
        done = subprocess.run([program, "-f", path, "config"], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert set(yaml.safe_load(done.stdout)["services"]) == set(yaml.safe_load(path.read_text())["services"])


def test_an_image_in_a_registry_is_named_by_digest():
    from legion_ci.deploy.docker import compose
    from legion_ci.results import Image

    facts = {"digest": "sha256:" + "ab" * 32, "config": "sha256:" + "cd" * 32, "platforms": ("linux/amd64",)}
    pushed = Image(reference="127.0.0.1:5000/team/wine:3", pushed=True, **facts)
    assert compose._reference(pushed) == f"127.0.0.1:5000/team/wine@{facts['digest']}"
    assert compose._reference(Image(reference="wine:3", **facts)) == "wine:3"


def test_a_site_without_containers_has_no_compose_file(tmp_path):
    with pytest.raises(OrderError, match="nothing is deployed here"):
        site_tasks.compose(Site(path=tmp_path, model="wine"))
