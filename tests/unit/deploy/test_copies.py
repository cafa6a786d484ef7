"""Copies for a duel: two servers beside the live ones, outside the traffic, gone afterwards whatever happens."""

import pytest
from deploy_gateway import QUIET
from deploy_site import ask, running_site
from deploy_stage import Stage

from legion_ci.core.errors import OrderError
from legion_ci.deploy import copies, installed
from legion_ci.deploy.local import LocalDeployer
from legion_ci.gateway import routes


@pytest.fixture
def stage(tmp_path):
    with running_site(tmp_path) as site:
        stage = Stage(site, tmp_path)
        stage.one, stage.two = stage.package("1"), stage.package("2")
        stage.live(stage.one)
        stage.deploy(stage.two)
        yield stage


def started(stage: Stage):
    return copies.started(stage.site, (stage.two.deployment, stage.one.deployment), QUIET, place=stage.place)


def running(stage: Stage) -> set[str]:
    return set(LocalDeployer(stage.place).observe())


def test_copies_run_beside_the_live_ones_capture_nothing_and_go(stage):
    before, live = routes.read(stage.site), running(stage)
    with started(stage) as urls:
        assert list(urls) == [stage.two.deployment, stage.one.deployment]
        for deployment, url in urls.items():
            assert ask(f"{url}/healthcheck").told["deployment"] == f"{deployment}-duel"
        commands = [p.process.command for n, p in copies_of(stage).items() if n.endswith("-duel")]
        assert len(commands) == 2
        assert not any("--capture" in c for c in commands)
        assert stage.serving() == stage.one.deployment
    assert running(stage) == live
    assert routes.read(stage.site) == before


def copies_of(stage: Stage):
    from legion_ci.supervise import client

    return client.observe(stage.site)


def test_copies_go_when_the_duel_fails_and_leftovers_are_replaced(stage):
    live = running(stage)
    with pytest.raises(ZeroDivisionError), started(stage):
        1 / 0  # noqa: B018
    assert running(stage) == live
    wanted = installed.read(stage.site, stage.one.deployment)
    import msgspec

    LocalDeployer(stage.place).apply(msgspec.structs.replace(wanted, deployment=f"{wanted.deployment}-duel"))
    with started(stage) as urls:
        assert ask(f"{urls[stage.one.deployment]}/healthcheck").status == 200
    assert running(stage) == live


def test_one_duel_at_a_time(stage):
    with started(stage), pytest.raises(OrderError, match="duel"), started(stage):
        pass
