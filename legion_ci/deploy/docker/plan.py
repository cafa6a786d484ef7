"""The containers of a site, decided from what is wanted alone.

The settings of a deployment change its model server only: gateway and collector, which serve all, go on undisturbed.
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from legion_ci.core.files import digest_file
from legion_ci.core.site import Site
from legion_ci.deploy.docker import names, owner
from legion_ci.deploy.docker.container import Container, Limits, Mount, Published
from legion_ci.deploy.protocol import Wanted
from legion_ci.gateway import process
from legion_ci.gateway.render import BOOTSTRAP
from legion_ci.gateway.settings import GatewaySettings

PORT = 8080  # of model servers and collector, inside their containers
FEEDBACK, GATEWAY = "/var/lib/legion/feedback", "/var/lib/legion/gateway"
_LISTEN = ("--host", "0.0.0.0", "--port", str(PORT))  # noqa: S104 - in a container; published on loopback
_PYTHON = ("python3", "-P", "-m")
_LIMITS = ("memory", "cpus", "pids", "tmp", "log_size", "log_files")


def model(site: Site, wanted: Wanted, image: str, address: str, secret: Mapping[str, str]) -> Container:
    """A model server. address: in the site's network. secret: its environment, resolved."""
    own = wanted.own
    capture = ("--capture", FEEDBACK) if wanted.capture else ()
    return Container(
        name=names.container(site, wanted.deployment),
        image=image,
        user=owner.user(),
        network=network(site, own),
        address=address,
        labels=names.labels(site, names.MODEL, wanted.deployment),
        command=(
            *_LISTEN,
            *("--deployment", wanted.deployment),
            *("--workers", str(wanted.workers)),
            *("--unit-header", wanted.unit_header),
            *capture,
        ),
        secret=dict(secret),
        mounts=(_feedback(site),) if wanted.capture else (),
        published=(Published(inside=PORT),),
        restart=own.get("restart", "unless-stopped"),
        limits=Limits(**{name: own[name] for name in _LIMITS if own.get(name) is not None}),
    )


def collector(site: Site, own: Mapping[str, Any], image: str, address: str) -> Container:
    """The collector of outcomes, from an image that has our server, and so the collector, too."""
    return Container(
        name=names.container(site, names.COLLECTOR),
        image=image,
        user=owner.user(),
        network=network(site, own),
        address=address,
        labels=names.labels(site, names.COLLECTOR, names.COLLECTOR),
        entrypoint=(*_PYTHON, "legion_ci.feedback.collector"),
        command=("--store", FEEDBACK, *_LISTEN),
        mounts=(_feedback(site),),
        published=(Published(inside=PORT),),
    )


def keeper(site: Site, image: str) -> Container:
    """What keeps Envoy's access log from growing for ever: it reaches the gateway's folder, and no network."""
    return Container(
        name=names.container(site, names.KEEPER),
        image=image,
        user=owner.user(),
        network="none",
        labels=names.labels(site, names.KEEPER, names.KEEPER),
        entrypoint=(*_PYTHON, "legion_ci.supervise.logs"),
        command=(f"{GATEWAY}/access.log",),
        mounts=(Mount(source=str(site.gateway.resolve()), target=GATEWAY),),
        stop_grace_s=1,
        limits=Limits(pids=16),
    )


def gateway(site: Site, known: GatewaySettings, image: str) -> Container:
    """Envoy, with the folder of its files: a single mounted file would keep its first content for ever."""
    folder = site.gateway.resolve()
    secure = (Published(inside=known.tls.port, port=known.tls.port, address=known.tls.listen),) if known.tls else ()
    return Container(
        name=names.container(site, names.GATEWAY),
        image=image,
        user=owner.user(),
        network=network(site, known.own),
        labels=names.labels(site, names.GATEWAY, names.GATEWAY),
        command=process.ARGUMENTS,
        environment={"LEGION_BOOTSTRAP": digest_file(folder / BOOTSTRAP)},
        mounts=(Mount(source=str(folder), target=GATEWAY), *_certificates(known)),
        published=(Published(inside=known.port, port=known.port), *secure),
        folder=GATEWAY,
        stop_grace_s=10,
    )


def network(site: Site, own: Mapping[str, Any]) -> str:
    """The network that all containers of the site are in."""
    return own.get("network") or names.network(site)


def _certificates(known: GatewaySettings) -> tuple[Mount, ...]:
    """What Envoy's files name outside its folder, at the same place inside."""
    folders = {Path(p).parent for p in (known.tls.certificate, known.tls.key)} if known.tls else set()
    files = {Path(_authorities())} if known.auth and known.auth.url.startswith("https:") else set()
    return tuple(Mount(source=str(p), target=str(p), read_only=True) for p in sorted(folders | files))


def _authorities() -> str:
    return ssl.get_default_verify_paths().cafile or "/etc/ssl/certs/ca-certificates.crt"


def _feedback(site: Site) -> Mount:
    return Mount(source=str(site.feedback.resolve()), target=FEEDBACK)
