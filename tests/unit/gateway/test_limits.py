"""The rate limit through a real Envoy: users beyond it are told to come back, single deployments are not limited."""

import msgspec
import pytest
from deploy_gateway import QUIET, Gateway
from deploy_site import running_site

from legion_ci.gateway import apply, routes, settings
from legion_ci.gateway.routes import Segment
from legion_ci.gateway.settings import GatewaySettings

RATE = 20


@pytest.fixture
def gateway(tmp_path):
    with running_site(tmp_path) as site:
        found = Gateway(site)
        found.start(["one"])
        whole = (Segment(deployment="one", width=routes.WHOLE),)
        found.change(lambda r: msgspec.structs.replace(r, champion="one", segments=whole))
        yield found


def until(gateway, status):
    """Requests of users until one is answered so; that answer. All others were answered by the model."""
    for n in range(5000):
        answer = gateway.ask(unit=f"u{n}")
        if answer.status == status:
            return answer
        assert answer.status == 200
    raise AssertionError(f"5000 requests and none was answered {status}")


def limit(gateway, rate):
    settings.write(gateway.site, GatewaySettings(port=gateway.port, rate=rate))
    apply.sync(gateway.site, tools=QUIET)


def test_what_is_beyond_the_limit_is_told_to_come_back_and_single_deployments_are_not_limited(gateway):
    limit(gateway, RATE)
    assert until(gateway, 429).headers["retry-after"] == "1"
    assert {gateway.ask("/model/one/", unit=f"u{n}").status for n in range(10 * RATE)} == {200}


def test_a_limit_that_is_taken_away_holds_no_more(gateway):
    limit(gateway, 1)
    until(gateway, 429)
    limit(gateway, None)
    assert {gateway.ask(unit=f"u{n}").status for n in range(5 * RATE)} == {200}
