"""The stage and the tasks of a site on a real container engine; tiny images stand for packaged models."""

import json

import pytest
from deploy_gateway import QUIET
from deploy_site import ask, eventually, free_port
from docker_engine import containers, docker_site, need_engine
from docker_stage import DockerStage

from legion_ci.core.errors import ConfigurationError, OrderError, ToolError
from legion_ci.deploy import copies, deployers, installed, site_tasks
from legion_ci.deploy.local import LocalSettings
from legion_ci.gateway import apply, routes, settings
from legion_ci.results import Verdict
from legion_ci.supervise import client as supervisor


@pytest.fixture(scope="module")
def engine():
    return need_engine()


@pytest.fixture
def stage(engine, tmp_path):
    with docker_site(tmp_path) as site:
        yield DockerStage(site, tmp_path)


def change(stage: DockerStage, edit) -> None:
    apply.change(stage.site, edit, tools=QUIET)


def answering(stage: DockerStage, units: int) -> list[object]:
    return [ask(stage.url, {"x-legion-unit": f"u{n}"}).told["deployment"] for n in range(units)]


def test_two_models_share_the_traffic_behind_envoy_and_nothing_runs_as_a_process_of_ours(stage):
    one, two = stage.package("1"), stage.package("2")
    result = stage.deploy(one, first=True)
    assert (result.verdict, result.share, result.champion) == (Verdict.PASS, 0.0, None)
    assert ask(result.url).status == 503
    stage.live(one)
    result = stage.deploy(two)
    assert (result.verdict, result.share, result.champion) == (Verdict.PASS, 0.0, one.deployment)
    assert stage.serving() == one.deployment
    direct = ask(f"{result.direct_url}/healthcheck")
    assert direct.told["deployment"] == two.deployment
    assert direct.seen["x-legion-purpose"] == "direct"
    assert ask(f"{result.url}/api/v1/feedback", body=b"{}").told["deployment"] == "collector"
    change(stage, lambda r: routes.set_share(r, two.deployment, 5000))
    before = answering(stage, 60)
    assert set(before) == {one.deployment, two.deployment}
    change(stage, lambda r: routes.set_share(r, two.deployment, 9000))
    moved = [(a, b) for a, b in zip(before, answering(stage, 60), strict=True) if a != b]
    assert set(moved) == {(one.deployment, two.deployment)}
    told = site_tasks.status(stage.site)
    assert (told.problems, told.supervised) == ((), True)
    assert [(d.role, d.share) for d in told.deployments] == [("champion", 0.1), ("challenger", 0.9)]
    assert supervisor.observe(stage.site) == {}
    change(stage, lambda r: routes.promote(r, two.deployment))
    assert set(answering(stage, 20)) == {two.deployment}
    log = stage.site.gateway / "access.log"
    eventually(lambda: '"arm"' in log.read_text())  # it is flushed now and then


def test_a_dead_challengers_users_are_answered_by_the_champion_until_it_is_back(stage, engine):
    one, two = stage.package("1"), stage.package("2")
    stage.live(one)
    stage.deploy(two, restart="no")
    change(stage, lambda r: routes.set_share(r, two.deployment, 9000))
    assert two.deployment in answering(stage, 20)
    stage.container(engine, two.deployment).kill()
    assert {ask(stage.url, {"x-legion-unit": f"u{n}"}).status for n in range(100)} == {200}
    eventually(lambda: set(answering(stage, 20)) == {one.deployment})
    assert [p for p in site_tasks.status(stage.site).problems if two.deployment in p]
    site_tasks.up(stage.site, QUIET, stage.place)
    eventually(lambda: two.deployment in answering(stage, 20))


def test_deploying_again_changes_nothing_and_heals_what_does_not_run(stage, engine):
    one = stage.package("1")
    stage.live(one)
    before = {c.name: c.id for c in containers(engine, stage.site)}
    assert len(before) == 4
    assert stage.deploy(one).share == 1.0
    assert {c.name: c.id for c in containers(engine, stage.site)} == before
    for container in containers(engine, stage.site):
        container.remove(force=True)
    told = site_tasks.status(stage.site)
    assert len(told.problems) == 3
    assert stage.deploy(one).share == 1.0
    assert stage.serving() == one.deployment


def test_undeploy_stops_everything_such_that_up_brings_it_back_with_its_shares(stage, engine):
    one, two = stage.package("1"), stage.package("2")
    stage.live(one)
    stage.deploy(two, memory=256 << 20)
    change(stage, lambda r: routes.set_share(r, two.deployment, 2500))
    url, before = stage.url, routes.read(stage.site)
    site_tasks.undeploy(stage.site, None, QUIET)
    assert containers(engine, stage.site) == []
    assert ask(url).status == 0
    assert one.deployment in site_tasks.up(stage.site, QUIET, stage.place).text()
    assert routes.read(stage.site).segments == before.segments
    assert site_tasks.status(stage.site).problems == ()
    eventually(lambda: set(answering(stage, 40)) == {one.deployment, two.deployment})
    assert stage.container(engine, two.deployment).attrs["HostConfig"]["Memory"] == 256 << 20
    assert "is removed" in site_tasks.undeploy(stage.site, two.deployment, QUIET).text()
    assert len(containers(engine, stage.site)) == 4


def test_copies_for_a_duel_are_reached_without_the_gateway_capture_nothing_and_go(stage, engine):
    one, two = stage.package("1"), stage.package("2")
    stage.live(one)
    stage.deploy(two)
    live = {c.id for c in containers(engine, stage.site)}
    pair = (two.deployment, one.deployment)
    with copies.started(stage.site, pair, QUIET, place=stage.place, workers=2) as urls:
        for deployment, url in urls.items():
            assert ask(f"{url}/healthcheck").told["deployment"] == f"{deployment}-duel"
            command = stage.container(engine, f"{deployment}-duel").attrs["Config"]["Cmd"]
            assert "--capture" not in command
            assert command[command.index("--workers") + 1] == "2"
    assert {c.id for c in containers(engine, stage.site)} == live


def test_the_servers_process_is_known_so_that_its_memory_can_be_watched(stage):
    from legion_ci.perf.soak import memory

    stage.live(stage.package("1"))
    pid = deployers.pid_of(stage.site, stage.package("2").deployment, QUIET)
    assert pid is None
    pid = deployers.pid_of(stage.site, routes.read(stage.site).champion, QUIET)
    assert memory.resident_bytes(pid) > 5 << 20


def test_a_model_that_does_not_start_leaves_nothing(stage, engine):
    stage.live(stage.package("1"))
    before, broken = routes.read(stage.site), stage.package("2", "--broken")
    with pytest.raises(ToolError, match="this model cannot be loaded: no such column"):
        stage.deploy(broken)
    assert routes.read(stage.site) == before
    assert not (stage.site.deployments / broken.deployment).exists()
    assert len(containers(engine, stage.site)) == 4


def test_a_package_without_an_image_is_told_by_its_setting(stage):
    from deploy_stage import package

    with pytest.raises(OrderError, match="say package: {use: docker-rest}"):
        stage.deploy(package(stage.folder, "1"), first=True)


def test_a_site_has_one_deployer_until_nothing_is_deployed(stage, engine):
    one = stage.package("1")
    stage.live(one)
    stage.settings = LocalSettings
    with pytest.raises(OrderError, match=f"runs by the deployer docker .{one.deployment}"):
        stage.deploy(stage.package("2"))
    assert stage.serving() == one.deployment
    site_tasks.undeploy(stage.site, one.deployment, QUIET)
    deployers.chosen(stage.place, LocalSettings())
    assert containers(engine, stage.site) == []


def test_the_network_cannot_change_under_what_is_deployed(stage):
    one = stage.package("1")
    stage.live(one)
    with pytest.raises(OrderError, match=r"deploy\.network: changed while wine-.* is deployed"):
        stage.deploy(stage.package("2"), network="another")
    assert stage.serving() == one.deployment


def test_the_gateways_port_is_the_one_that_was_asked_for_and_a_taken_one_is_told(stage, engine):
    one, port = stage.package("1"), free_port()
    other = engine.containers.run(
        _any_image(stage, engine, one), ["--port", "8080"], detach=True, ports={"8080/tcp": ("127.0.0.1", port)}
    )
    try:
        with pytest.raises(ConfigurationError, match=rf"deploy\.port: port {port} is in use"):
            stage.deploy(one, first=True, port=port)
    finally:
        other.remove(force=True)
    assert stage.live(one, port=port).url == f"http://127.0.0.1:{port}"
    assert settings.read(stage.site).log.startswith("docker logs legion-")


def _any_image(stage: DockerStage, engine, package) -> str:
    from legion_ci.deploy.docker import images

    return images.of_package(engine, package.folder, QUIET)


def test_a_second_listener_with_tls_is_published_and_its_certificate_mounted(stage):
    import ssl
    import urllib.request

    from tls_pair import pair

    from legion_ci.settings.schema import TlsSettings

    pair(stage.repository, "localhost")
    port = free_port()
    tls = TlsSettings(certificate="server.pem", key="server.key", port=port, listen="127.0.0.1")
    _readable_by_containers(stage)
    one = stage.package("1")
    stage.live(one, tls=tls)
    context = ssl.create_default_context(cafile=str(stage.repository / "server.pem"))
    context.check_hostname = False
    with urllib.request.urlopen(f"https://localhost:{port}/", context=context, timeout=20) as answer:
        assert json.load(answer)["deployment"] == one.deployment


def _readable_by_containers(stage: DockerStage) -> None:
    (stage.repository / "server.key").chmod(0o644)


def test_what_is_installed_remembers_its_settings_but_no_secret(stage, engine, monkeypatch):
    monkeypatch.setenv("THE_WORD", "abracadabra")
    one = stage.package("1")
    stage.live(one, environment={"WORD": "env:THE_WORD"})
    assert "WORD=abracadabra" in stage.container(engine, one.deployment).attrs["Config"]["Env"]
    kept = installed.read(stage.site, one.deployment)
    assert kept.own["environment"] == {"WORD": "env:THE_WORD"}
    written = [p.read_text(errors="replace") for p in stage.site.path.rglob("*.json")]
    assert not any("abracadabra" in text for text in written)
    monkeypatch.delenv("THE_WORD")
    with pytest.raises(ConfigurationError, match="deploy.environment.WORD: the secret env:THE_WORD cannot be read"):
        site_tasks.up(stage.site, QUIET, stage.place)


def test_clean_removes_images_of_deployments_that_are_gone_and_none_that_anybody_needs(stage, engine):
    one, two, three = (stage.package(v) for v in "123")
    stage.live(one)
    stage.deploy(two)
    kept = [stage.container(engine, p.deployment).attrs["Image"] for p in (one, two)]
    deployer = deployers.of_site(stage.place)
    assert deployer.leftovers() == {}
    stage.deploy(three)  # the second makes room
    foreign = _any_image(stage, engine, stage.package("4"))
    assert list(deployer.leftovers()) == [kept[1]]
    assert deployer.leftovers()[kept[1]] > 10 << 20
    user = engine.containers.create(kept[1])
    try:
        assert deployer.leftovers() == {}
    finally:
        user.remove()
    deployer.discard(kept[1])
    assert deployer.leftovers() == {}
    present = {image.id for image in engine.images.list()}
    assert kept[1] not in present
    assert {kept[0], foreign} <= present
