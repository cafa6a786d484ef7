"""Engines that cannot be used, settings that make no sense, and names that must not meet; no engine is needed."""

import os
import socket
import stat
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from deploy_site import model_ref
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from legion_ci.core.errors import ConfigurationError, ServiceError
from legion_ci.core.site import Site
from legion_ci.deploy.docker import engine, names, owner, plan
from legion_ci.deploy.docker.deployer import DockerSettings
from legion_ci.deploy.protocol import Wanted


def test_no_engine_is_told_with_what_to_start(tmp_path):
    with pytest.raises(ServiceError, match=r"no container engine answers at unix://.*start it") as caught:
        engine.connect(f"unix://{tmp_path}/none.sock")
    assert caught.value.exit_code == 6


@pytest.mark.skipif(os.getuid() != 0, reason="only root can stop being root")
def test_no_rights_on_the_socket_is_told_with_the_group_to_join(tmp_path):
    tmp_path.chmod(0o755)
    path = tmp_path / "docker.sock"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen()
        path.chmod(stat.S_IRUSR | stat.S_IWUSR)
        for folder in (tmp_path, *tmp_path.parents):
            if folder.stat().st_uid == 0 and not folder.stat().st_mode & 0o001:
                folder.chmod(folder.stat().st_mode | 0o011)
        os.seteuid(65534)
        try:
            with pytest.raises(ServiceError, match=r"nobody has no rights on unix://.*usermod -aG docker"):
                engine.connect(f"unix://{path}")
        finally:
            os.seteuid(0)


@pytest.mark.parametrize("address", ["tcp://10.0.0.1:2375", "ssh://host", "npipe:////./pipe/docker"])
def test_an_engine_of_another_machine_is_refused(address):
    with pytest.raises(ConfigurationError, match="does not share files and sockets with us"):
        engine.connect(address)


def test_an_engine_that_changes_user_ids_is_refused():
    with pytest.raises(ConfigurationError, match="rootless or userns-remap"):
        engine._refuse_foreign_users(["name=seccomp,profile=default", "name=rootless"])
    engine._refuse_foreign_users(["name=seccomp,profile=default"])


def test_sizes_are_written_as_people_write_them():
    told = DockerSettings.model_validate({"memory": "1.5g", "tmp": "128m", "log_size": 20 << 20, "cpus": 1.5})
    assert (told.memory, told.tmp, told.log_size) == (3 << 29, 128 << 20, 20 << 20)


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ({"memory": "much"}, "is not a size such as 512m"),
        ({"memory": "1m"}, "greater than or equal"),
        ({"environment": {"KEY": "s3cret"}}, "should match pattern"),
        ({"engine": "tcp://10.0.0.1:2375"}, "should match pattern"),
        ({"restart": "sometimes"}, "unless-stopped"),
    ],
)
def test_settings_that_make_no_sense_are_refused(told, said):
    with pytest.raises(ValidationError, match=said):
        DockerSettings.model_validate(told)


@given(st.lists(st.text("abcdefghijklmnopqrstuvwxyz-0123456789", min_size=1, max_size=90), unique=True, max_size=20))
def test_names_of_containers_are_short_enough_and_differ(tmp_path_factory, servers):
    folder = tmp_path_factory.getbasetemp()
    one, two = (Site(path=folder / name, model="wine") for name in ("one", "two"))
    made = [names.container(site, server) for site in (one, two) for server in servers]
    assert all(len(name) <= 63 for name in made)
    assert len(set(made)) == len(made)


def test_a_fingerprint_changes_with_what_a_container_is_started_with_and_with_nothing_else(tmp_path):
    site = Site(path=tmp_path, model="wine")
    wanted = Wanted(deployment="wine-1", model=model_ref(), folder="/nowhere", use="docker")

    def of(wanted: Wanted = wanted, image: str = "sha256:1", word: str = "a") -> str:
        return plan.model(site, wanted, image, "172.18.128.16", {"WORD": word}).fingerprint()

    changes = {"workers": 2, "unit_header": "x-user", "capture": False, "own": {"memory": 128 << 20}}
    others = {of(msgspec.structs.replace(wanted, **{name: value})) for name, value in changes.items()}
    others |= {of(image="sha256:2"), of(word="b")}
    assert of() == of()
    assert len(others | {of()}) == 7


def test_a_key_that_containers_cannot_read_is_told(tmp_path):
    key = tmp_path / "server.key"
    key.write_text("x")
    key.chmod(0o600)
    if os.getuid() == 0:
        with pytest.raises(ConfigurationError, match="which runs as user 65532; chown 65532"):
            owner.require_readable(key, "deploy.tls.key")
        os.chown(key, owner.NOBODY, 0)
    owner.require_readable(key, "deploy.tls.key")


def test_folders_of_the_site_belong_to_who_writes_them(tmp_path):
    (tmp_path / "feedback" / "deep").mkdir(parents=True)
    owner.ready(tmp_path / "feedback")
    assert {p.stat().st_uid for p in (tmp_path / "feedback").rglob("*")} == {owner.ids()[0]}


@pytest.mark.parametrize(
    ("package", "deploy", "said"),
    [
        ("bundle", "docker", "docker runs a server image, and package: bundle makes a bundle"),
        ("docker-cli", "docker", "docker runs a server image, and package: docker-cli makes a program image"),
        ("docker-rest", "local", "local runs a bundle, and package: docker-rest makes a server image"),
    ],
)
def test_a_package_that_the_deployer_cannot_run_is_refused_before_anything_is_trained(tmp_path, package, deploy, said):
    data = "{train: {use: parquet, path: nowhere.parquet, target: y}}"
    (tmp_path / "legion.yaml").write_text(
        f"model: {{name: wine}}\ndata: {data}\ntrain: {{use: function, entrypoint: 'model:train'}}\n"
        f"package: {{use: {package}}}\ndeploy: {{use: {deploy}}}\n"
    )
    program = str(Path(sys.executable).with_name("legion-ci"))
    done = subprocess.run([program, "pipeline"], cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert (done.returncode, f"legion.yaml:5:1: {said}" in done.stderr) == (2, True), done.stderr
    assert not (tmp_path / ".legion").exists()
