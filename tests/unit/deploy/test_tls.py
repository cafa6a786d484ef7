"""``deploy.tls``: checked before anything runs, kept by ``up``, and its port told when it is taken."""

import socket

import pytest
from deploy_site import ask, free_port, running_site
from deploy_stage import Stage

from legion_ci.core.errors import ConfigurationError
from legion_ci.deploy import site_tasks
from legion_ci.gateway import settings as gateway_settings
from legion_ci.settings.schema import TlsSettings


@pytest.fixture
def stage(tmp_path):
    with running_site(tmp_path) as site:
        yield Stage(site, tmp_path)


def test_a_certificate_that_is_not_there_is_refused_before_anything_runs(stage):
    tls = TlsSettings(certificate="pki/none.pem", key="pki/none.key", port=free_port())
    with pytest.raises(ConfigurationError) as caught:
        stage.deploy(stage.package("1"), first=True, tls=tls)
    assert [p.where for p in caught.value.problems] == ["deploy.tls.certificate", "deploy.tls.key"]
    assert str(stage.repository) in caught.value.problems[0].what
    assert gateway_settings.read(stage.site) is None


def test_a_port_that_is_taken_is_told(stage, certificate):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        tls = TlsSettings(certificate="server.pem", key="server.key", port=taken.getsockname()[1], listen="127.0.0.1")
        with pytest.raises(ConfigurationError, match="is in use"):
            stage.deploy(stage.package("1"), first=True, tls=tls)


def test_a_second_deploy_and_up_keep_the_secure_listener(stage, certificate):
    port = free_port()
    tls = TlsSettings(certificate="server.pem", key="server.key", port=port, listen="127.0.0.1")
    for version in ("1", "2"):
        stage.live(stage.package(version), tls=tls) if version == "1" else stage.deploy(stage.package(version), tls=tls)
    site_tasks.undeploy(stage.site, None, stage.place.tools)
    site_tasks.up(stage.site, stage.place.tools, stage.place)
    assert gateway_settings.read(stage.site).tls.port == port
    with socket.create_connection(("127.0.0.1", port), 10):
        pass
    assert ask(stage.url, {"x-legion-unit": "u"}).status == 200


@pytest.fixture
def certificate(stage):
    """A self-signed pair in the model repository."""
    from tls_pair import pair

    return pair(stage.repository, "models.example")
