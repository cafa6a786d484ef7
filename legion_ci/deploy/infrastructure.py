"""What every site runs besides its models: the gateway, and the collector of outcomes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from legion_ci.core.errors import OrderError
from legion_ci.core.site import Site
from legion_ci.deploy import ports
from legion_ci.deploy.protocol import GATEWAY, Deployer, Place, Wanted
from legion_ci.gateway import admin, apply, routes, settings
from legion_ci.gateway.auth import Auth
from legion_ci.gateway.settings import GatewaySettings
from legion_ci.gateway.tls import Tls
from legion_ci.gateway.tls import check as check_tls

_PORT_SETTING = "deploy.port"


@dataclass(frozen=True)
class Front:
    """What is wanted of a site's gateway.

    port: None: the one it has, or a free one. rate: requests a second. own: the settings that only its deployer has.
    """

    port: int | None
    unit_header: str
    auth: Auth | None = None
    tls: Tls | None = None
    rate: int | None = None
    own: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def kept(cls, known: GatewaySettings) -> Front:
        """As the site has it already."""
        port = None if known.chosen else known.port
        return cls(port, known.unit_header, known.auth, known.tls, known.rate, known.own)


def ensure(place: Place, deployer: Deployer, wanted: Wanted, front: Front) -> GatewaySettings:
    """Have gateway and collector run, with these settings; what runs well already is not touched.

    wanted: a model server that is deployed. Raises ConfigurationError when another program has the port.
    """
    site = place.site
    running = (server := deployer.servers().get(GATEWAY)) is not None and server.alive
    port, picked = _port(site, front, deployer, running)
    chosen = GatewaySettings(
        port=port,
        listen=deployer.listen,
        unit_header=front.unit_header,
        chosen=picked,
        auth=front.auth,
        tls=front.tls,
        rate=front.rate,
        use=wanted.use,
        own=dict(front.own),
        log=deployer.log(GATEWAY),
    )
    _check_tls(settings.read(site), chosen, running)
    settings.write(site, chosen)
    endpoint = deployer.collector(wanted)
    routes.change(site, lambda r: msgspec.structs.replace(r, feedback=endpoint))
    _gateway(place, deployer)
    return chosen


def _port(site: Site, front: Front, deployer: Deployer, running: bool) -> tuple[int, bool]:
    """The gateway's port and whether we picked it, after making sure that it can be had."""
    known = settings.read(site)
    if known and known.unit_header != front.unit_header and len(routes.read(site).segments) > 1:
        raise OrderError(
            f"deploy.unit_header changed from {known.unit_header} to {front.unit_header} during an experiment",
            todo="it would move users between arms; promote or roll back first",
        )
    told = front.port if front.port is not None else (known.port if known else None)
    if told is None:
        return ports.choose(_taken(deployer)), True
    if not (running and known and known.port == told):
        ports.require_free(told, _PORT_SETTING)
    return told, front.port is None


def _check_tls(known: GatewaySettings | None, wanted: GatewaySettings, running: bool) -> None:
    """Certificate, key and port are right before anything is changed."""
    if wanted.tls is None:
        return
    check_tls(wanted.tls)
    ours = running and known is not None and known.tls is not None and known.tls.port == wanted.tls.port
    if not ours:
        ports.require_free(wanted.tls.port, "deploy.tls.port")


def _gateway(place: Place, deployer: Deployer) -> None:
    """Envoy with its files: told of new routes when it runs, started with them when it does not."""
    site = place.site
    if apply.bootstrap_differs(site) or not admin.answers(site):
        apply.write(site)
    with place.tools.progress.waiting("the gateway"):
        deployer.gateway()
    apply.sync(site, tools=place.tools)


def _taken(deployer: Deployer) -> set[int]:
    known = {**deployer.observe(), **deployer.servers()}
    return {int(server.address.rpartition(":")[2]) for server in known.values()}
