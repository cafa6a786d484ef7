"""Whose containers are whose, what they may do, and that they are found again after restarts."""

import dataclasses
import shutil
import socket

import msgspec
import pytest
from deploy_site import ask, eventually, free_port, kill, model_ref
from docker_daemon import own_daemon
from docker_engine import containers, docker_place, docker_site, need_engine, tiny_image

from legion_ci.core.errors import ConfigurationError, OrderError, ToolError
from legion_ci.deploy.docker import names, owner
from legion_ci.deploy.docker.container import Container, Published
from legion_ci.deploy.docker.containers import Containers
from legion_ci.deploy.docker.runner import Runner
from legion_ci.deploy.protocol import Wanted
from legion_ci.gateway import apply, settings
from legion_ci.gateway.settings import GatewaySettings


@pytest.fixture(scope="module")
def client():
    return need_engine()


@pytest.fixture(scope="module")
def package(client, tmp_path_factory):
    folder = tmp_path_factory.mktemp("package")
    tiny_image(folder, "legion-tiny:good")
    return folder


@pytest.fixture
def site(client, tmp_path):
    with docker_site(tmp_path) as site:
        yield site


def wanted(package, name="wine-1", **more) -> Wanted:
    return Wanted(deployment=name, model=model_ref(), folder=str(package), use="docker", **more)


def only(client, site, server):
    return containers(client, site, f"{names.NAME}={server}")[0]


def test_a_server_has_no_rights_and_writes_nothing_but_tmp_and_feedback(client, site, package):
    Runner(docker_place(site)).apply(wanted(package, own={"memory": 128 << 20, "cpus": 0.5, "pids": 64}))
    container = only(client, site, "wine-1")
    host = container.attrs["HostConfig"]
    assert (host["ReadonlyRootfs"], host["CapDrop"], host["Privileged"]) == (True, ["ALL"], False)
    assert host["SecurityOpt"] == ["no-new-privileges"]
    assert (host["Memory"], host["NanoCpus"], host["PidsLimit"]) == (128 << 20, 500_000_000, 64)
    assert host["RestartPolicy"]["Name"] == "unless-stopped"
    assert host["LogConfig"]["Config"] == {"max-file": "3", "max-size": str(10 << 20)}
    assert not container.attrs["Config"]["User"].startswith("0")

    def attempt(code: str) -> int:
        return container.exec_run(["python3", "-c", code]).exit_code

    write = "from pathlib import Path; Path('{}/x').write_text('x')"
    assert [attempt(write.format(p)) for p in ("/tmp", "/var/lib/legion/feedback")] == [0, 0]
    assert [attempt(write.format(p)) for p in ("/opt", "/srv", "/etc", "/root")] == [1, 1, 1, 1]
    assert attempt("import os; os.setuid(0)") == 1
    status = container.exec_run(["python3", "-c", "print(open('/proc/self/status').read())"]).output.decode()
    assert "CapEff:\t0000000000000000" in status
    assert "NoNewPrivs:\t1" in status


def test_what_is_not_the_sites_is_never_touched(client, site, package, tmp_path):
    Runner(docker_place(site)).apply(wanted(package))
    image = only(client, site, "wine-1").attrs["Image"]
    foreign = client.containers.create(image, labels={"org.legion-ci.site": "another"}, name="legion-test-foreign")
    plain = client.containers.create(image, ["--port", "8080"], name="legion-test-plain")
    try:
        runner = Runner(docker_place(site))
        assert set(runner.observe()) == {"wine-1"}
        runner.remove("wine-1")
        runner.stop()
        for container in (foreign, plain):
            container.reload()
            assert container.status == "created"
    finally:
        foreign.remove(force=True)
        plain.remove(force=True)


def test_two_sites_with_the_same_model_do_not_meet(client, site, package, tmp_path):
    one = Runner(docker_place(site))
    mine = one.apply(wanted(package))
    with docker_site(tmp_path / "elsewhere") as other:
        two = Runner(docker_place(other))
        theirs = two.apply(wanted(package))
        assert mine.endpoint != theirs.endpoint
        assert (set(one.observe()), set(two.observe())) == ({"wine-1"}, {"wine-1"})
        one.stop()
        assert two.observe() == {"wine-1": theirs}
        assert ask(f"http://{theirs.address}/").status == 200
        assert one.observe() == {}
    assert client.networks.list(names=[names.network(other)]) == []


def test_another_containers_name_is_told_and_not_taken(client, site, package):
    image = _loaded(client, package)
    taken = client.containers.create(image, name=names.container(site, "wine-1"))
    try:
        with pytest.raises(ConfigurationError, match="is there and is not this site's"):
            Runner(docker_place(site)).apply(wanted(package))
        taken.reload()
        assert taken.status == "created"
    finally:
        taken.remove(force=True)


def test_an_address_stays_its_servers_own_when_the_engine_starts_it_again(client, site, package):
    runner = Runner(docker_place(site))
    before = {n: runner.apply(wanted(package, n)).endpoint for n in ("wine-1", "wine-2")}
    assert len(set(before.values())) == 2
    kill(runner.observe()["wine-1"].pid)
    eventually(lambda: runner.observe()["wine-1"].ready)
    now = runner.observe()
    assert {n: r.endpoint for n, r in now.items()} == before
    assert now["wine-1"].restarts == 1
    again = runner.apply(wanted(package))
    assert again.pid == now["wine-1"].pid
    runner.remove("wine-1")
    assert runner.apply(wanted(package, "wine-3")).endpoint != before["wine-2"]


def test_a_server_that_uses_up_its_memory_is_told_so(client, site, tmp_path):
    folder = tmp_path / "hog"
    folder.mkdir()
    tiny_image(folder, "legion-tiny:hog", "--hog", "500")
    with pytest.raises(ToolError, match=r"it ran out of memory: its limit is 64 MiB \(deploy\.memory\)"):
        Runner(docker_place(site)).apply(wanted(folder, own={"memory": 64 << 20}))


def test_a_server_that_is_not_ready_in_time_is_told_with_where_its_output_is(client, site, package):
    with pytest.raises(ToolError, match=r"docker logs legion-\w+-wine-1: wine-1 was not ready within 0 s"):
        Runner(docker_place(site)).apply(wanted(package, ready_timeout_s=0.0))


def test_an_image_that_is_nowhere_is_told(client, site, package, tmp_path):
    lonely = tmp_path / "lonely"
    lonely.mkdir()
    (lonely / "image.json").write_bytes((package / "image.json").read_bytes())
    with pytest.raises(ToolError, match="neither in the package nor in a registry"):
        Runner(docker_place(site)).apply(wanted(lonely))
    (lonely / "image.json").unlink()
    with pytest.raises(OrderError, match="holds no image"):
        Runner(docker_place(site)).apply(wanted(lonely))


def test_the_users_own_network_is_used_and_left_as_it_is(client, site, package):
    pool = client.networks.create("legion-test-own").attrs["IPAM"]["Config"][0]
    client.networks.get("legion-test-own").remove()
    own = client.networks.create("legion-test-own", ipam={"Driver": "default", "Config": [{"Subnet": pool["Subnet"]}]})
    try:
        runner = Runner(dataclasses.replace(docker_place(site), own={"network": "legion-test-own"}))
        runner.apply(wanted(package, own={"network": "legion-test-own"}))
        assert list(only(client, site, "wine-1").attrs["NetworkSettings"]["Networks"]) == ["legion-test-own"]
        runner.stop()
        own.reload()
    finally:
        own.remove()


def test_after_a_restart_of_the_engine_everything_is_found_and_left_alone(package, tmp_path):
    with own_daemon() as daemon, docker_site(tmp_path) as site:
        own = {"engine": daemon.address}
        place = dataclasses.replace(docker_place(site), own=own)
        before = Runner(place).apply(wanted(package, own=own))
        daemon.stop()
        assert not Runner(place).answers()
        assert ask(f"http://{before.address}/").status == 0
        daemon.start()
        runner = Runner(place)
        eventually(lambda: runner.observe()["wine-1"].ready)
        found = runner.observe()["wine-1"]
        assert (found.endpoint, ask(f"http://{found.address}/").status) == (before.endpoint, 200)
        assert runner.apply(wanted(package, own=own)).pid == found.pid
        runner.stop()
        assert runner.observe() == {}


def _loaded(client, package) -> str:
    from deploy_gateway import QUIET

    from legion_ci.deploy.docker import images

    return images.of_package(client, package, QUIET)


def test_the_access_log_is_kept_from_growing_for_ever_without_us(client, site, package):
    runner = Runner(docker_place(site))
    runner.collector(wanted(package))
    keeper = only(client, site, names.KEEPER)
    assert keeper.attrs["HostConfig"]["NetworkMode"] == "none"
    log = site.gateway / "access.log"
    log.write_bytes(b"x" * (11 << 20))
    shutil.chown(log, *owner.ids())
    eventually(lambda: log.stat().st_size == 0)
    assert (site.gateway / "access.log.1").stat().st_size == 11 << 20
    runner.collector(wanted(package))
    assert only(client, site, names.KEEPER).id == keeper.id


def test_containers_run_as_the_sites_user_whoever_that_is(client, site, package, monkeypatch):
    monkeypatch.setattr(owner, "ids", lambda: (12345, 12345))
    runner = Runner(docker_place(site))
    runner.apply(wanted(package))
    runner.collector(wanted(package))
    settings.write(site, GatewaySettings(port=free_port(), listen="0.0.0.0", use="docker"))
    apply.write(site)
    runner.gateway()
    assert runner.servers()["gateway"].ready
    assert {c.attrs["Config"]["User"] for c in containers(client, site)} == {"12345:12345"}
    write = "from pathlib import Path; Path('/var/lib/legion/feedback/x').write_text('x')"
    assert only(client, site, "wine-1").exec_run(["python3", "-c", write]).exit_code == 0
    assert (site.feedback / "x").stat().st_uid == 12345


def test_a_port_that_was_taken_at_the_last_moment_is_told(client, site, package):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        wanted = Container(
            name=names.container(site, "late"),
            image=_loaded(client, package),
            user=owner.user(),
            network="none",
            labels=names.labels(site, names.MODEL, "late"),
        )
        place = Containers(client, site)
        address = place.address(wanted.name, names.network(site))
        port = Published(inside=8080, port=taken.getsockname()[1])
        bound = msgspec.structs.replace(wanted, network=names.network(site), address=address, published=(port,))
        with pytest.raises(ConfigurationError, match=r"address already in use.*choose another with deploy\.port"):
            place.ensure(bound, lambda found: False)
    assert containers(client, site) == []


def test_a_network_that_somebody_joined_is_left_to_them(client, site, package):
    runner = Runner(docker_place(site))
    runner.apply(wanted(package))
    guest = client.containers.run(_loaded(client, package), detach=True, network=names.network(site))
    try:
        runner.stop()
        assert client.networks.list(names=[names.network(site)])
    finally:
        guest.remove(force=True)
    runner.stop()
    assert client.networks.list(names=[names.network(site)]) == []
