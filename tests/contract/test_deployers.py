"""What every deployer must do; each built-in one is put through it. Tiny servers stand for model servers."""

from pathlib import Path

import pytest
from deploy_site import alive, ask, eventually, kill, model_ref, running_site
from deploy_stage import tiny_place

from legion_ci.core import plugins
from legion_ci.core.errors import ToolError
from legion_ci.deploy.protocol import Deployer, Wanted
from legion_ci.settings.schema import DeploySettings


class DeployerContract:
    """A subclass names the plug-in."""

    use: str

    @pytest.fixture
    def deployer(self, tmp_path):
        with running_site(tmp_path) as site:
            yield plugins.load("deployers", self.use)(tiny_place(site, tmp_path))

    def wanted(self, folder: Path, name: str = "wine-1", **more) -> Wanted:
        package = folder / name
        (package / "artefact").mkdir(parents=True, exist_ok=True)
        (package / "requirements.lock").write_text("")
        return Wanted(deployment=name, model=model_ref(), folder=str(package), use=self.use, **more)

    def test_its_settings_extend_the_section(self):
        assert issubclass(plugins.load("deployers", self.use).Settings, DeploySettings)

    def test_a_server_is_ready_when_apply_returns(self, deployer: Deployer, tmp_path):
        endpoint = deployer.apply(self.wanted(tmp_path))
        assert ask(f"http://{endpoint}/healthcheck").status == 200
        running = deployer.observe()["wine-1"]
        assert (running.endpoint, running.ready, running.restarts) == (endpoint, True, 0)

    def test_applying_again_leaves_it_alone(self, deployer: Deployer, tmp_path):
        endpoint = deployer.apply(self.wanted(tmp_path))
        before = deployer.observe()
        assert deployer.apply(self.wanted(tmp_path)) == endpoint
        assert deployer.observe() == before

    def test_two_servers_stand_side_by_side(self, deployer: Deployer, tmp_path):
        endpoints = {n: deployer.apply(self.wanted(tmp_path, n)) for n in ("wine-1", "wine-2")}
        assert {n: ask(f"http://{e}/").told["deployment"] for n, e in endpoints.items()} == {n: n for n in endpoints}

    def test_a_killed_server_is_healed_by_apply(self, deployer: Deployer, tmp_path):
        deployer.apply(self.wanted(tmp_path))
        kill(deployer.observe()["wine-1"].pid)
        endpoint = deployer.apply(self.wanted(tmp_path))
        assert ask(f"http://{endpoint}/healthcheck").status == 200

    def test_other_settings_start_it_anew(self, deployer: Deployer, tmp_path):
        deployer.apply(self.wanted(tmp_path))
        first = deployer.observe()["wine-1"].pid
        deployer.apply(self.wanted(tmp_path, workers=2))
        assert deployer.observe()["wine-1"].pid != first
        assert not alive(first)

    def test_a_server_that_cannot_start_is_an_error_with_its_last_lines(self, deployer: Deployer, tmp_path):
        wanted = self.wanted(tmp_path)
        (Path(wanted.folder) / "artefact" / "broken").write_text("")
        with pytest.raises(ToolError, match="this model cannot be loaded"):
            deployer.apply(wanted)
        assert not deployer.observe()["wine-1"].ready

    def test_removing_stops_it_and_removing_nothing_is_no_error(self, deployer: Deployer, tmp_path):
        endpoint = deployer.apply(self.wanted(tmp_path))
        deployer.remove("wine-1")
        assert deployer.observe() == {}
        eventually(lambda: ask(f"http://{endpoint}/").status == 0)
        deployer.remove("wine-1")


class TestLocalDeployer(DeployerContract):
    use = "local"


def test_every_deployer_of_ours_is_put_through_this():
    assert set(plugins.installed("deployers")) == {c.use for c in DeployerContract.__subclasses__()}
