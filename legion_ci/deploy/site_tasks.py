"""The tasks of a site that are no stage: ``status``, ``up`` and ``undeploy``."""

from __future__ import annotations

from collections.abc import Iterable

from legion_ci.core.errors import OrderError
from legion_ci.core.lock import locked
from legion_ci.core.site import Site
from legion_ci.core.tools import Tools
from legion_ci.deploy import deployers, infrastructure, installed, stage
from legion_ci.deploy.infrastructure import Front
from legion_ci.deploy.protocol import COLLECTOR, GATEWAY, Deployer, Place, Running
from legion_ci.deploy.status import NOT_RUNNING, DeploymentStatus, Done, ServerStatus, SiteStatus
from legion_ci.gateway import apply, routes, settings
from legion_ci.gateway.routes import Arm, Routes


def status(site: Site) -> SiteStatus:
    """What should run, what does, and who gets which share. Changes nothing."""
    now, gateway, deployer = routes.read(site), settings.read(site), deployers.of_site(Place.of(site, Tools()))
    running, beside = deployer.observe(), deployer.servers()
    url = gateway.url if gateway else None
    deployments = tuple(_deployment(now, arm, running.get(arm.deployment), url) for arm in now.arms)
    servers = tuple(_server(name, beside.get(name)) for name in (GATEWAY, COLLECTOR))
    return SiteStatus(
        site=str(site.path),
        model=site.model,
        url=url,
        champion=now.champion,
        experiment=now.experiment,
        step=now.step,
        mirror=now.mirror,
        revision=now.revision,
        supervised=deployer.supervised(),
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
        deployer = deployers.of_site(place)
        for arm in now.arms:
            _revive(place, deployer, arm)
        shown = installed.read(site, now.champion or now.arms[0].deployment)
        infrastructure.ensure(place, deployer, shown, Front.kept(gateway))
    shares = ", ".join(f"{a.deployment} {now.share(a.deployment):.1%}" for a in now.arms)
    return Done(lines=(f"up at {gateway.url}: {shares}",))


def undeploy(site: Site, deployment: str | None, tools: Tools) -> Done:
    """Remove one deployment; None: stop everything, gateway and supervisor too, such that ``up`` brings it back."""
    with locked(site.locks / "deploy.lock", wait=False, what="this site's deployment"):
        if deployment is None:
            deployers.of_site(Place.of(site, tools)).stop()
            back = "; legion-ci up brings it back" if routes.read(site).arms else ""
            return Done(lines=(f"everything at {site.path} is stopped{back}",))
        now = routes.read(site)
        if now.arm(deployment) is None:
            known = ", ".join(a.deployment for a in now.arms) or "nothing"
            raise OrderError(f"{deployment} is not deployed", where=str(site.path), todo=f"deployed is {known}")
        place = Place.of(site, tools)
        stage.remove(place, deployers.of_site(place), deployment)
    champion = routes.read(site).champion
    return Done(
        lines=(f"{deployment} is removed; {f'{champion} has its traffic' if champion else 'no model is left'}",)
    )


def compose(site: Site) -> str:
    """What is deployed as a docker compose file; raises OrderError when it is not run by the deployer ``docker``."""
    from legion_ci.deploy.docker import compose

    return compose.document(site)


def _revive(place: Place, deployer: Deployer, arm: Arm) -> None:
    """Start a deployment again; its port may be another one than before."""
    endpoint = deployer.apply(installed.read(place.site, arm.deployment)).endpoint
    moved = Arm(deployment=arm.deployment, model=arm.model, endpoint=endpoint, role=arm.role)
    apply.change(place.site, lambda r: routes.add_arm(r, moved), tools=place.tools, may_be_down=True)


def _deployment(now: Routes, arm: Arm, running: Running | None, url: str | None) -> DeploymentStatus:
    name = arm.deployment
    return DeploymentStatus(
        deployment=name,
        model=arm.model.name,
        version=arm.model.version,
        role=_role(now, name),
        share=now.share(name),
        endpoint=arm.endpoint,
        url=f"{url}/model/{name}" if url else "",
        server=_server(name, running),
    )


def _role(now: Routes, deployment: str) -> str:
    if deployment == now.champion:
        return "champion"
    idle = now.width(deployment) == 0 and now.mirror != deployment
    return "previous" if deployment == now.previous and idle else "challenger"


def _server(name: str, running: Running | None) -> ServerStatus:
    if running is None:
        return ServerStatus(name=name, phase="stopped")
    return ServerStatus(name=name, phase=running.phase, pid=running.pid, restarts=running.restarts, last=running.last)


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
