"""The tasks of a site that are no stage: ``status``, ``up`` and ``undeploy``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from legion_ci.core import plugins
from legion_ci.core.errors import LegionError, OrderError
from legion_ci.core.lock import locked
from legion_ci.core.site import Site
from legion_ci.core.tools import Tools
from legion_ci.deploy import infrastructure, installed, stage
from legion_ci.deploy.protocol import Deployer, Place, Running
from legion_ci.deploy.status import NOT_RUNNING, DeploymentStatus, Done, ServerStatus, SiteStatus
from legion_ci.gateway import apply, process, routes, settings
from legion_ci.gateway.routes import Arm, Routes
from legion_ci.supervise import client
from legion_ci.supervise.process import Actual


def status(site: Site) -> SiteStatus:
    """What should run, what does, and who gets which share. Changes nothing."""
    now, gateway, processes = routes.read(site), settings.read(site), client.observe(site)
    running = _running(Place.of(site, Tools()), now)
    url = gateway.url if gateway else None
    deployments = tuple(_deployment(now, arm, running.get(arm.deployment), url) for arm in now.arms)
    servers = tuple(_server(name, processes.get(name)) for name in (process.NAME, infrastructure.COLLECTOR))
    return SiteStatus(
        site=str(site.path),
        model=site.model,
        url=url,
        champion=now.champion,
        experiment=now.experiment,
        step=now.step,
        mirror=now.mirror,
        revision=now.revision,
        supervised=client.running(site),
        deployments=deployments,
        servers=servers if now.arms else (),
        problems=_problems(site, [*(d.server for d in deployments), *servers]) if now.arms else (),
    )


def up(site: Site, tools: Tools, place: Place | None = None) -> Done:
    """Bring back what should run, with the shares that it had: after a reboot, a crash, or ``undeploy --all``."""
    place = place or Place.of(site, tools)
    with locked(site.locks / "deploy.lock", wait=False, what="this site's deployment"):
        now, gateway = routes.read(site), settings.read(site)
        if not now.arms or gateway is None:
            raise OrderError("nothing is deployed here", where=str(site.path), todo="run legion-ci deploy first")
        for arm in now.arms:
            _revive(place, arm)
        infrastructure.ensure(
            place,
            None if gateway.chosen else gateway.port,
            gateway.unit_header,
            gateway.auth,
            gateway.tls,
            gateway.rate,
        )
    shares = ", ".join(f"{a.deployment} {now.share(a.deployment):.1%}" for a in now.arms)
    return Done(lines=(f"up at {gateway.url}: {shares}",))


def undeploy(site: Site, deployment: str | None, tools: Tools) -> Done:
    """Remove one deployment; None: stop everything, gateway and supervisor too, such that ``up`` brings it back."""
    with locked(site.locks / "deploy.lock", wait=False, what="this site's deployment"):
        if deployment is None:
            client.stop_all(site)
            back = "; legion-ci up brings it back" if routes.read(site).arms else ""
            return Done(lines=(f"everything at {site.path} is stopped{back}",))
        now = routes.read(site)
        if now.arm(deployment) is None:
            known = ", ".join(a.deployment for a in now.arms) or "nothing"
            raise OrderError(f"{deployment} is not deployed", where=str(site.path), todo=f"deployed is {known}")
        place = Place.of(site, tools)
        stage.remove(place, _deployer(place, deployment), deployment)
    champion = routes.read(site).champion
    return Done(
        lines=(f"{deployment} is removed; {f'{champion} has its traffic' if champion else 'no model is left'}",)
    )


def _revive(place: Place, arm: Arm) -> None:
    """Start a deployment again; its port may be another one than before."""
    wanted = installed.read(place.site, arm.deployment)
    endpoint = _deployer(place, arm.deployment).apply(wanted)
    moved = Arm(deployment=arm.deployment, model=arm.model, endpoint=endpoint, role=arm.role)
    apply.change(place.site, lambda r: routes.add_arm(r, moved), tools=place.tools, may_be_down=True)


def _deployer(place: Place, deployment: str) -> Deployer:
    """The deployer that made a deployment; ``local`` when its facts are lost."""
    try:
        use = installed.read(place.site, deployment).use
    except LegionError:
        use = "local"
    deployer: Deployer = plugins.load("deployers", use, f"deployment {deployment}")(place)
    return deployer


def _running(place: Place, now: Routes) -> Mapping[str, Running]:
    found: dict[str, Running] = {}
    for arm in now.arms:
        if arm.deployment not in found:
            found.update(_deployer(place, arm.deployment).observe())
    return found


def _deployment(now: Routes, arm: Arm, running: Running | None, url: str | None) -> DeploymentStatus:
    name = arm.deployment
    server = (
        ServerStatus(name=name, phase="stopped")
        if running is None
        else ServerStatus(name=name, phase=running.phase, pid=running.pid, restarts=running.restarts, last=running.last)
    )
    return DeploymentStatus(
        deployment=name,
        model=arm.model.name,
        version=arm.model.version,
        role=_role(now, name),
        share=now.share(name),
        endpoint=arm.endpoint,
        url=f"{url}/model/{name}" if url else "",
        server=server,
    )


def _role(now: Routes, deployment: str) -> str:
    if deployment == now.champion:
        return "champion"
    idle = now.width(deployment) == 0 and now.mirror != deployment
    return "previous" if deployment == now.previous and idle else "challenger"


def _server(name: str, actual: Actual | None) -> ServerStatus:
    if actual is None:
        return ServerStatus(name=name, phase="stopped")
    pid = actual.identity.pid if actual.identity else None
    return ServerStatus(name=name, phase=str(actual.phase), pid=pid, restarts=actual.restarts, last=actual.last)


def _problems(site: Site, servers: Iterable[ServerStatus]) -> tuple[str, ...]:
    found = []
    for server in servers:
        if server.phase in NOT_RUNNING:
            found.append(f"{server.name} should run and does not; run legion-ci up")
        elif not server.ready:
            last = f" ({server.last[-1]})" if server.last else ""
            found.append(f"{server.name} is {server.phase}{last}")
    if not found and not apply.in_force(site):
        found.append("the gateway works by older routes; run legion-ci up")
    return tuple(found)
