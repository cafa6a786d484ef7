"""TLS through a real Envoy: the user's certificate, a new one without a restart, and pairs that are none."""

import http.client
import ssl

import msgspec
import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID
from deploy_gateway import Gateway
from deploy_site import eventually, free_port, pid_of, running_site
from tls_pair import pair

from legion_ci.core.errors import ConfigurationError
from legion_ci.gateway import apply, process, routes, settings
from legion_ci.gateway.routes import Segment
from legion_ci.gateway.settings import GatewaySettings
from legion_ci.gateway.tls import Tls, check
from legion_ci.supervise import client


def seen(port):
    """Common name of the certificate that a client is shown, its protocol, and the status of a request."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    connection = http.client.HTTPSConnection("127.0.0.1", port, timeout=10, context=context)
    try:
        connection.request("GET", "/", headers={"x-legion-unit": "u1"})
        status = connection.getresponse().status
        certificate = x509.load_der_x509_certificate(connection.sock.getpeercert(binary_form=True))
        name = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value
        return name, connection.sock.version(), status
    finally:
        connection.close()


@pytest.fixture
def gateway(tmp_path):
    with running_site(tmp_path) as site:
        found = Gateway(site)
        found.start(["one"])
        whole = (Segment(deployment="one", width=routes.WHOLE),)
        found.change(lambda r: msgspec.structs.replace(r, champion="one", segments=whole))
        certificate, key = pair(tmp_path / "pki", "first")
        found.tls = Tls(port=free_port(), listen="127.0.0.1", certificate=str(certificate), key=str(key))
        settings.write(site, GatewaySettings(port=found.port, tls=found.tls))
        apply.write(site)
        client.apply(site, {process.NAME: process.process(site)})
        yield found


def test_users_are_served_with_the_certificate_and_a_new_one_needs_no_restart(gateway, tmp_path):
    assert seen(gateway.tls.port) == ("first", "TLSv1.3", 200)
    assert gateway.ask(unit="u1").status == 200, "the plain listener serves our own tools"
    pid = pid_of(gateway.site, process.NAME)
    pair(tmp_path / "pki", "second")
    eventually(lambda: seen(gateway.tls.port)[0] == "second")
    assert pid_of(gateway.site, process.NAME) == pid


def plain(port):
    """A request without TLS."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", "/")
    return connection.getresponse().status


def old(port):
    """A request by TLS 1.1."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with pytest.warns(DeprecationWarning, match="TLSv1"):
        context.minimum_version, context.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
    http.client.HTTPSConnection("127.0.0.1", port, timeout=10, context=context).request("GET", "/")


@pytest.mark.parametrize("ask", [plain, old])
def test_old_protocols_and_plain_text_are_refused_on_the_secure_port(gateway, ask):
    with pytest.raises((OSError, http.client.HTTPException)):
        ask(gateway.tls.port)


def test_files_that_are_no_pair_are_refused_with_all_that_is_wrong(tmp_path):
    one, two = pair(tmp_path / "a", "one"), pair(tmp_path / "b", "two")
    with pytest.raises(ConfigurationError) as caught:
        check(Tls(port=1, certificate=str(tmp_path / "none.pem"), key=str(tmp_path / "none.key")))
    assert [p.where for p in caught.value.problems] == ["deploy.tls.certificate", "deploy.tls.key"]
    with pytest.raises(ConfigurationError, match="are not a certificate and its key"):
        check(Tls(port=1, certificate=str(one[0]), key=str(two[1])))
    check(Tls(port=1, certificate=str(one[0]), key=str(one[1])))
