"""What every deployer must do: subclass ``DeployerContract`` in a test module of yours.

The packages hold a small HTTP server that answers ``{"deployment": NAME}`` and 200 at ``/healthcheck``.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from legion_ci.core import plugins
from legion_ci.core.errors import ToolError
from legion_ci.deploy.protocol import Deployer, Place, Wanted
from legion_ci.gateway import apply, routes, settings
from legion_ci.gateway.routes import Arm
from legion_ci.gateway.settings import GatewaySettings
from legion_ci.settings.schema import DeploySettings
from legion_ci.testing.probes import alive, ask, eventually, free_port, kill, model_ref


class DeployerContract:
    """A subclass names the plug-in, gives a site, and makes packages of the tiny server."""

    use: str

    @pytest.fixture
    def here(self, tmp_path: Path) -> Iterator[Place]:
        with self.place(tmp_path) as place:
            yield place

    @pytest.fixture
    def deployer(self, here: Place) -> Deployer:
        made: Deployer = plugins.load("deployers", self.use)(here)
        return made

    def place(self, folder: Path) -> AbstractContextManager[Place]:
        """A site to deploy to, ended afterwards."""
        raise NotImplementedError

    def package(self, folder: Path, *, broken: bool) -> None:
        """A package in that folder whose server tells its deployment's name, or says that this model cannot be loaded and ends."""
        raise NotImplementedError

    def wanted(self, folder: Path, name: str = "wine-1", broken: bool = False, **more: Any) -> Wanted:
        package = folder / name
        package.mkdir(exist_ok=True)
        self.package(package, broken=broken)
        return Wanted(deployment=name, model=model_ref(), folder=str(package), use=self.use, **more)

    def pid(self, deployer: Deployer) -> int:
        """The process of ``wine-1``."""
        found = deployer.observe()["wine-1"].pid
        assert found is not None
        return found

    def test_its_settings_extend_the_section(self) -> None:
        assert issubclass(plugins.load("deployers", self.use).Settings, DeploySettings)

    def test_a_server_is_ready_when_apply_returns(self, deployer: Deployer, tmp_path: Path) -> None:
        running = deployer.apply(self.wanted(tmp_path))
        assert ask(f"http://{running.address}/healthcheck").status == 200
        assert (running.name, running.ready, running.alive, running.restarts) == ("wine-1", True, True, 0)
        assert deployer.observe() == {"wine-1": running}

    def test_applying_again_leaves_it_alone(self, deployer: Deployer, tmp_path: Path) -> None:
        before = deployer.apply(self.wanted(tmp_path))
        assert deployer.apply(self.wanted(tmp_path)) == before
        assert deployer.observe() == {"wine-1": before}

    def test_two_servers_stand_side_by_side(self, deployer: Deployer, tmp_path: Path) -> None:
        running = {n: deployer.apply(self.wanted(tmp_path, n)) for n in ("wine-1", "wine-2")}
        told = {n: ask(f"http://{r.address}/").told["deployment"] for n, r in running.items()}
        assert told == {n: n for n in running}

    def test_a_killed_server_is_healed_by_apply(self, deployer: Deployer, tmp_path: Path) -> None:
        deployer.apply(self.wanted(tmp_path))
        kill(self.pid(deployer))
        running = deployer.apply(self.wanted(tmp_path))
        assert ask(f"http://{running.address}/healthcheck").status == 200

    def test_other_settings_start_it_anew(self, deployer: Deployer, tmp_path: Path) -> None:
        deployer.apply(self.wanted(tmp_path))
        first = self.pid(deployer)
        deployer.apply(self.wanted(tmp_path, workers=2))
        assert self.pid(deployer) != first
        assert not alive(first)

    def test_a_server_that_cannot_start_is_an_error_with_its_last_lines(
        self, deployer: Deployer, tmp_path: Path
    ) -> None:
        with pytest.raises(ToolError, match="this model cannot be loaded"):
            deployer.apply(self.wanted(tmp_path, broken=True))
        assert not deployer.observe()["wine-1"].ready

    def test_removing_stops_it_and_removing_nothing_is_no_error(self, deployer: Deployer, tmp_path: Path) -> None:
        address = deployer.apply(self.wanted(tmp_path)).address
        deployer.remove("wine-1")
        assert deployer.observe() == {}
        eventually(lambda: ask(f"http://{address}/").status == 0)
        deployer.remove("wine-1")

    def test_a_stopped_site_has_nothing_running_and_is_brought_back_by_apply(
        self, deployer: Deployer, tmp_path: Path
    ) -> None:
        address = deployer.apply(self.wanted(tmp_path)).address
        assert deployer.supervised()
        deployer.stop()
        assert not any(r.alive for r in deployer.observe().values())
        eventually(lambda: ask(f"http://{address}/").status == 0)
        assert ask(f"http://{deployer.apply(self.wanted(tmp_path)).address}/").told["deployment"] == "wine-1"

    def test_the_collector_runs_beside_the_models_and_is_left_alone(self, deployer: Deployer, tmp_path: Path) -> None:
        wanted = self.wanted(tmp_path)
        deployer.apply(wanted)
        endpoint = deployer.collector(wanted)
        before = deployer.servers()
        assert ask(f"http://{before['collector'].address}/").told["deployment"] == "collector"
        assert (before["collector"].endpoint, before["collector"].ready) == (endpoint, True)
        assert deployer.collector(wanted) == endpoint
        assert deployer.servers() == before
        assert list(deployer.observe()) == ["wine-1"]

    def test_the_gateway_stands_before_the_models_and_follows_its_files(
        self, here: Place, deployer: Deployer, tmp_path: Path
    ) -> None:
        site, tools = here.site, here.tools
        settings.write(site, GatewaySettings(port=free_port(), listen=deployer.listen, use=self.use))
        apply.write(site)
        deployer.gateway()
        before, stated = deployer.servers()["gateway"], settings.read(site)
        assert stated is not None
        url = stated.url
        assert ask(url).status == 503
        running = deployer.apply(self.wanted(tmp_path))
        arm = Arm(deployment="wine-1", model=model_ref(), endpoint=running.endpoint)
        apply.change(site, lambda r: routes.promote(routes.add_arm(r, arm), "wine-1"), tools=tools)
        assert ask(url).told["deployment"] == "wine-1"
        deployer.gateway()
        assert deployer.servers()["gateway"] == before
        assert deployer.log("gateway")
