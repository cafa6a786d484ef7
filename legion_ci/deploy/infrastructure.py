"""What every site runs besides its models: the gateway, and the collector of outcomes."""

from __future__ import annotations

import msgspec

from legion_ci.core.errors import OrderError
from legion_ci.core.site import Site
from legion_ci.deploy import ports
from legion_ci.deploy.protocol import Place
from legion_ci.gateway import admin, apply, process, routes, settings
from legion_ci.gateway.auth import Auth
from legion_ci.gateway.settings import GatewaySettings
from legion_ci.gateway.tls import Tls
from legion_ci.gateway.tls import check as check_tls
from legion_ci.supervise import client, identity
from legion_ci.supervise.process import Actual, Process

COLLECTOR = "collector"
_PORT_SETTING = "deploy.port"


def ensure(
    place: Place,
    port: int | None,
    unit_header: str,
    auth: Auth | None = None,
    tls: Tls | None = None,
    rate: int | None = None,
) -> GatewaySettings:
    """Have gateway and collector run, with these settings; what runs well already is not touched.

    port: of the gateway; None: the one it has, or a free one. Raises ConfigurationError when another program has it.
    """
    site, processes = place.site, client.observe(place.site)
    chosen = msgspec.structs.replace(_settings(site, port, unit_header, processes), auth=auth, tls=tls, rate=rate)
    _check_tls(settings.read(site), chosen, _lives(processes.get(process.NAME)))
    settings.write(site, chosen)
    collector = _collector(place, processes)
    client.apply(site, {COLLECTOR: collector})
    endpoint = f"{ports.HOST}:{collector.env['LEGION_PORT']}"
    routes.change(site, lambda r: msgspec.structs.replace(r, feedback=endpoint))
    _gateway(place)
    return chosen


def _settings(site: Site, port: int | None, unit_header: str, processes: dict[str, Actual]) -> GatewaySettings:
    """The settings to be, after making sure that they can be had."""
    known, running = settings.read(site), _lives(processes.get(process.NAME))
    if known and known.unit_header != unit_header and len(routes.read(site).segments) > 1:
        raise OrderError(
            f"deploy.unit_header changed from {known.unit_header} to {unit_header} during an experiment",
            todo="it would move users between arms; promote or roll back first",
        )
    told = port if port is not None else (known.port if known else None)
    if told is None:
        return GatewaySettings(port=ports.choose(_taken(processes)), unit_header=unit_header)
    if not (running and known and known.port == told):
        ports.require_free(told, _PORT_SETTING)
    return GatewaySettings(port=told, unit_header=unit_header, chosen=port is None)


def _check_tls(known: GatewaySettings | None, wanted: GatewaySettings, running: bool) -> None:
    """Certificate, key and port are right before anything is changed."""
    if wanted.tls is None:
        return
    check_tls(wanted.tls)
    ours = running and known is not None and known.tls is not None and known.tls.port == wanted.tls.port
    if not ours:
        ports.require_free(wanted.tls.port, "deploy.tls.port")


def _collector(place: Place, processes: dict[str, Actual]) -> Process:
    known = processes.get(COLLECTOR)
    port = int(known.process.env["LEGION_PORT"]) if known else _kept(place.site)
    if not port or not (_lives(known) or ports.is_free(port)):
        port = ports.choose(_taken(processes))
    store = str(place.site.feedback.resolve())
    return Process(
        name=COLLECTOR,
        command=(*place.collector, "--store", store, "--port", str(port)),
        env={"LEGION_PORT": str(port)},
        cwd=str(place.site.path.resolve()),
        health=f"http://{ports.HOST}:{port}/healthcheck",
        ready_timeout_s=60.0,
    )


def _gateway(place: Place) -> None:
    """Envoy with its files: told of new routes when it runs, started with them when it does not."""
    site = place.site
    if apply.bootstrap_differs(site) or not admin.answers(site):
        apply.write(site)
    with place.tools.progress.waiting("the gateway"):
        client.apply(site, {process.NAME: process.process(site)})
    apply.sync(site, tools=place.tools)


def _kept(site: Site) -> int:
    """Port of the collector as the routes know it; 0: none."""
    return int((routes.read(site).feedback or ":0").rpartition(":")[2])


def _taken(processes: dict[str, Actual]) -> set[int]:
    return {int(p.process.env.get("LEGION_PORT", 0)) for p in processes.values()}


def _lives(actual: Actual | None) -> bool:
    return actual is not None and identity.lives(actual.identity)
