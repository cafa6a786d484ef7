"""Every built-in deployer is put through the contract that plug-in authors run on theirs. Tiny servers stand for model servers."""

from contextlib import contextmanager
from pathlib import Path

from deploy_site import running_site
from deploy_stage import tiny_place
from docker_engine import docker_place, docker_site, need_engine, tiny_image

from legion_ci.core import plugins
from legion_ci.testing.deployers import DeployerContract


class TestLocalDeployer(DeployerContract):
    use = "local"

    @contextmanager
    def place(self, folder: Path):
        with running_site(folder) as site:
            yield tiny_place(site, folder)

    def package(self, folder: Path, *, broken: bool) -> None:
        (folder / "artefact").mkdir(exist_ok=True)
        (folder / "requirements.lock").write_text("")
        if broken:
            (folder / "artefact" / "broken").write_text("")


class TestDockerDeployer(DeployerContract):
    use = "docker"

    @contextmanager
    def place(self, folder: Path):
        need_engine()
        with docker_site(folder) as site:
            yield docker_place(site)

    def package(self, folder: Path, *, broken: bool) -> None:
        tiny_image(folder, f"legion-tiny:{'broken' if broken else 'good'}", *["--broken"] * broken)


def test_every_deployer_of_ours_is_put_through_this():
    assert set(plugins.installed("deployers")) == {c.use for c in DeployerContract.__subclasses__()}
