"""What every deployer must do; each built-in one is put through it. Tiny servers stand for model servers."""

from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
from deploy_site import alive, ask, eventually, free_port, kill, model_ref, running_site
from deploy_stage import tiny_place
from docker_engine import docker_place, docker_site, need_engine, tiny_image

from legion_ci.core import plugins
from legion_ci.core.errors import ToolError
from legion_ci.deploy.protocol import Deployer, Place, Wanted
from legion_ci.gateway import apply, routes, settings
from legion_ci.gateway.routes import Arm
from legion_ci.gateway.settings import GatewaySettings
from legion_ci.settings.schema import DeploySettings


class DeployerContract:
    """A subclass names the plug-in, gives a site, and makes packages of the tiny server."""

    use: str

    @pytest.fixture
    def here(self, tmp_path):
        with self.place(tmp_path) as place:
            yield place

    @pytest.fixture
    def deployer(self, here):
        return plugins.load("deployers", self.use)(here)

    def place(self, folder: Path) -> AbstractContextManager[Place]:
        raise NotImplementedError

    def package(self, folder: Path, *, broken: bool) -> None:
        raise NotImplementedError

    def wanted(self, folder: Path, name: str = "wine-1", broken: bool = False, **more) -> Wanted:
        package = folder / name
        package.mkdir(exist_ok=True)
        self.package(package, broken=broken)
        return Wanted(deployment=name, model=model_ref(), folder=str(package), use=self.use, **more)

    def test_its_settings_extend_the_section(self):
        assert issubclass(plugins.load("deployers", self.use).Settings, DeploySettings)

    def test_a_server_is_ready_when_apply_returns(self, deployer: Deployer, tmp_path):
        running = deployer.apply(self.wanted(tmp_path))
        assert ask(f"http://{running.address}/healthcheck").status == 200
        assert (running.name, running.ready, running.alive, running.restarts) == ("wine-1", True, True, 0)
        assert deployer.observe() == {"wine-1": running}

    def test_applying_again_leaves_it_alone(self, deployer: Deployer, tmp_path):
        before = deployer.apply(self.wanted(tmp_path))
        assert deployer.apply(self.wanted(tmp_path)) == before
        assert deployer.observe() == {"wine-1": before}

    def test_two_servers_stand_side_by_side(self, deployer: Deployer, tmp_path):
        running = {n: deployer.apply(self.wanted(tmp_path, n)) for n in ("wine-1", "wine-2")}
        told = {n: ask(f"http://{r.address}/").told["deployment"] for n, r in running.items()}
        assert told == {n: n for n in running}

    def test_a_killed_server_is_healed_by_apply(self, deployer: Deployer, tmp_path):
        deployer.apply(self.wanted(tmp_path))
        kill(deployer.observe()["wine-1"].pid)
        running = deployer.apply(self.wanted(tmp_path))
        assert ask(f"http://{running.address}/healthcheck").status == 200

    def test_other_settings_start_it_anew(self, deployer: Deployer, tmp_path):
        deployer.apply(self.wanted(tmp_path))
        first = deployer.observe()["wine-1"].pid
        deployer.apply(self.wanted(tmp_path, workers=2))
        assert deployer.observe()["wine-1"].pid != first
        assert not alive(first)

    def test_a_server_that_cannot_start_is_an_error_with_its_last_lines(self, deployer: Deployer, tmp_path):
        with pytest.raises(ToolError, match="this model cannot be loaded"):
            deployer.apply(self.wanted(tmp_path, broken=True))
        assert not deployer.observe()["wine-1"].ready

    def test_removing_stops_it_and_removing_nothing_is_no_error(self, deployer: Deployer, tmp_path):
        address = deployer.apply(self.wanted(tmp_path)).address
        deployer.remove("wine-1")
        assert deployer.observe() == {}
        eventually(lambda: ask(f"http://{address}/").status == 0)
        deployer.remove("wine-1")

    def test_a_stopped_site_has_nothing_running_and_is_brought_back_by_apply(self, deployer: Deployer, tmp_path):
        address = deployer.apply(self.wanted(tmp_path)).address
        assert deployer.supervised()
        deployer.stop()
        assert not any(r.alive for r in deployer.observe().values())
        eventually(lambda: ask(f"http://{address}/").status == 0)
        assert ask(f"http://{deployer.apply(self.wanted(tmp_path)).address}/").told["deployment"] == "wine-1"

    def test_the_collector_runs_beside_the_models_and_is_left_alone(self, deployer: Deployer, tmp_path):
        wanted = self.wanted(tmp_path)
        deployer.apply(wanted)
        endpoint = deployer.collector(wanted)
        before = deployer.servers()
        assert ask(f"http://{before['collector'].address}/").told["deployment"] == "collector"
        assert (before["collector"].endpoint, before["collector"].ready) == (endpoint, True)
        assert deployer.collector(wanted) == endpoint
        assert deployer.servers() == before
        assert list(deployer.observe()) == ["wine-1"]

    def test_the_gateway_stands_before_the_models_and_follows_its_files(self, here, deployer, tmp_path):
        site, tools = here.site, here.tools
        settings.write(site, GatewaySettings(port=free_port(), listen=deployer.listen, use=self.use))
        apply.write(site)
        deployer.gateway()
        before, url = deployer.servers()["gateway"], settings.read(site).url
        assert ask(url).status == 503
        running = deployer.apply(self.wanted(tmp_path))
        arm = Arm(deployment="wine-1", model=model_ref(), endpoint=running.endpoint)
        apply.change(site, lambda r: routes.promote(routes.add_arm(r, arm), "wine-1"), tools=tools)
        assert ask(url).told["deployment"] == "wine-1"
        deployer.gateway()
        assert deployer.servers()["gateway"] == before
        assert deployer.log("gateway")


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
