"""Stage ``deploy``: run the package beside the live model at 0 % of the traffic, and accept or remove it."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from legion_ci.core.errors import ConfigurationError
from legion_ci.core.lock import locked
from legion_ci.core.site import Site
from legion_ci.core.tools import Tools
from legion_ci.deploy import acceptance, deployers, fetched, installed
from legion_ci.deploy.acceptance import Acceptance
from legion_ci.deploy.plan import Plan, plan
from legion_ci.deploy.protocol import Deployer, Place, Wanted
from legion_ci.gateway import routes, tokens
from legion_ci.gateway.auth import Auth
from legion_ci.gateway.routes import Arm
from legion_ci.gateway.tls import Tls
from legion_ci.results import DeployResult, PackageResult, TrainResult, Verdict
from legion_ci.settings.schema import AuthSettings, DeploySettings, TlsSettings


def run(
    settings: DeploySettings,
    *,
    packaged: PackageResult,
    trained: TrainResult,
    site: Site,
    folder: Path,
    work: Path,
    first: bool,
    tools: Tools,
    find_links: tuple[str, ...] = (),
    place: Place | None = None,
) -> DeployResult:
    """Deploy the package to the site, idempotently: what runs is left alone, what should and does not is healed.

    folder: the model repository, where ``deploy.tests`` are run. first: there is no champion yet (``promote`` makes
    it one: nothing here moves traffic). Raises OrderError when there is no champion and ``first`` was not said, or when an
    experiment is running; ConfigurationError when the port is taken; ToolError when the server does not get ready.
    """
    if os.name != "posix" and settings.use == "local":
        raise ConfigurationError(
            "deploy: local does not run on Windows",
            where="deploy.use",
            todo="use Linux, macOS or WSL, or another deployer",
        )
    place = place or Place.of(site, tools, find_links)
    name = installed.deployment_id(trained.model)
    with locked(site.locks / "deploy.lock", wait=False, what="this site's deployment"):
        todo = plan(routes.read(site), name, first=first)
        deployer = deployers.chosen(place, settings)
        package = fetched.fetch(settings, packaged, trained.model, work, tools)
        with _removed_unless_accepted(place, deployer, name, todo) as kept:
            url = _start(settings, place, deployer, package, trained, folder)
            said = _accept(settings, place.site, trained, name, url, todo, folder, work, tools)
            kept.append(said.verdict is not Verdict.FAIL)
        if said.verdict is Verdict.PASS:
            _settle(place, deployer, name, todo)
    return _result(said, trained, name, url, site)


def _start(
    settings: DeploySettings, place: Place, deployer: Deployer, package: Path, trained: TrainResult, folder: Path
) -> str:
    """Install, start, and put behind the gateway at its present share; the gateway's address."""
    from legion_ci.deploy import infrastructure
    from legion_ci.gateway import apply

    site, name = place.site, installed.deployment_id(trained.model)
    target = installed.install(site, package, name, trained.model)
    wanted = Wanted(
        deployment=name,
        model=trained.model,
        folder=str(target.resolve()),
        use=settings.use,
        workers=settings.workers,
        unit_header=settings.unit_header,
        capture=settings.capture,
        ready_timeout_s=settings.ready_timeout,
        credentials=settings.credentials,
        own=deployers.own(settings),
    )
    installed.save(site, wanted)
    front = infrastructure.Front(
        settings.port,
        settings.unit_header,
        _auth(settings.auth, folder),
        _tls(settings.tls, folder),
        settings.rate_limit,
        wanted.own,
    )
    gateway = infrastructure.ensure(place, deployer, wanted, front)
    arm = Arm(deployment=name, model=trained.model, endpoint=deployer.apply(wanted).endpoint, role=_role(settings))
    apply.change(site, lambda r: routes.add_arm(r, arm), tools=place.tools)
    return gateway.url


def _auth(told: AuthSettings | None, folder: Path) -> Auth | None:
    """As the gateway keeps it; folder: the model repository, in which a file of keys is looked for."""
    if told is None:
        return None
    jwks = told.jwks or ""
    return Auth(
        issuer=told.issuer,
        audiences=told.audience,
        jwks=jwks if not jwks or "://" in jwks else str((folder / jwks).resolve()),
        clock_skew_s=round(told.clock_skew),
        role_claim=told.role_claim,
    )


def _tls(told: TlsSettings | None, folder: Path) -> Tls | None:
    """As the gateway keeps it: paths relative to the model repository made absolute."""
    if told is None:
        return None
    certificate, key = (str((folder / path).resolve()) for path in (told.certificate, told.key))
    return Tls(port=told.port, listen=told.listen, certificate=certificate, key=key)


def _role(settings: DeploySettings) -> str:
    return (settings.auth.role or "") if settings.auth else ""


def _accept(
    settings: DeploySettings,
    site: Site,
    trained: TrainResult,
    name: str,
    url: str,
    todo: Plan,
    folder: Path,
    work: Path,
    tools: Tools,
) -> Acceptance:
    if not todo.test:
        return Acceptance(summary="it serves users already")
    if not settings.tests:
        return Acceptance()
    facts = {
        "MODEL_URL": _direct(url, name),
        "MODEL_NAME": trained.model.name,
        "MODEL_VERSION": trained.model.version,
        "MODEL_DIGEST": trained.model.artefact.digest,
        "DEPLOYMENT": name,
        "MODEL_TOKEN": tokens.for_tools(site, settings.auth, tools.secrets),
    }
    return acceptance.run(settings, facts, folder=folder, work=work, tools=tools)


@contextmanager
def _removed_unless_accepted(place: Place, deployer: Deployer, name: str, todo: Plan) -> Iterator[list[bool]]:
    """Nothing half-done stays: a new deployment goes when the block fails, is interrupted, or does not accept it."""
    kept: list[bool] = []
    try:
        yield kept
    finally:
        if todo.disposable and not any(kept):
            place.tools.progress.say(f"removing {name}")
            remove(place, deployer, name)


def remove(place: Place, deployer: Deployer, name: str) -> None:
    """Take a deployment out of the routes (its share goes to the champion), stop it, remove its package."""
    from legion_ci.gateway import apply

    if routes.read(place.site).arm(name):
        apply.change(place.site, lambda r: routes.remove_arm(r, name), tools=place.tools, may_be_down=True)
    deployer.remove(name)
    installed.forget(place.site, name)


def _settle(place: Place, deployer: Deployer, name: str, todo: Plan) -> None:
    """Accepted: undecided challengers of before make room."""
    for other in todo.replaced:
        place.tools.progress.say(f"removing {other}, an earlier challenger without traffic")
        remove(place, deployer, other)


def _direct(url: str, name: str) -> str:
    return f"{url}/model/{name}"


def _result(said: Acceptance, trained: TrainResult, name: str, url: str, site: Site) -> DeployResult:
    now = routes.read(site)
    removed = "" if now.arm(name) else "; it was removed"
    return DeployResult(
        verdict=said.verdict,
        reason=said.reason,
        summary=f"{name} has {100 * now.share(name):g} % of the traffic; {said.summary}{removed}",
        deployment=name,
        model=trained.model,
        url=url,
        direct_url=_direct(url, name),
        share=now.share(name),
        champion=now.champion,
        site=str(site.path),
        host=socket.gethostname(),
        tests=said.tests,
    )
