"""A docker compose file of what a site has deployed, for people who want to run it themselves."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from typing import Any

import yaml

from legion_ci.core.errors import OrderError
from legion_ci.core.site import Site
from legion_ci.deploy import installed
from legion_ci.deploy.docker import images, names, plan
from legion_ci.deploy.docker.container import Container, Published
from legion_ci.deploy.protocol import Wanted
from legion_ci.gateway import routes, settings
from legion_ci.gateway.settings import GatewaySettings
from legion_ci.oci import facts
from legion_ci.results import Image

_NETWORK = "site"
_HEAD = """\
# {model}: {arms}, as legion-ci runs it; written by legion-ci compose.
# Shares of the traffic are not in here: the gateway reads them from its mounted folder, where legion-ci changes them.
# To run it: legion-ci undeploy --all (both would want port {port}), then docker compose -p {project} -f FILE up -d
"""


def document(site: Site) -> str:
    """The file. Raises OrderError when nothing is deployed, or not as containers.

    No secret is in it: variables that were given by reference are to be set where compose is called.
    """
    now, known = routes.read(site), settings.read(site)
    if known is None or not now.arms or known.use != "docker":
        what = "nothing is deployed here" if not now.arms else "what is deployed here are no containers"
        raise OrderError(what, where=str(site.path), todo="deploy with deploy: {use: docker} first")
    wanted = [installed.read(site, arm.deployment) for arm in now.arms]
    addresses = {a.deployment: _host(a.endpoint) for a in now.arms} | {names.COLLECTOR: _host(now.feedback or "")}
    made = {c.labels[names.NAME]: c for c in _containers(site, known, wanted, addresses)}
    head = _HEAD.format(
        model=site.model, arms=", ".join(w.deployment for w in wanted), port=known.port, project=names.network(site)
    )
    services = {name: _service(container) for name, container in made.items()}
    content = {
        "services": services,
        "networks": {_NETWORK: _network(known.own.get("network"), addresses.values())},
    }
    return head + yaml.safe_dump(content, sort_keys=False, width=200)


def _containers(
    site: Site, known: GatewaySettings, wanted: list[Wanted], addresses: Mapping[str, str]
) -> list[Container]:
    shown = _reference(facts.read(Path(wanted[0].folder)))
    return [
        *(_model(site, one, addresses[one.deployment]) for one in wanted),
        plan.collector(site, known.own, shown, addresses[names.COLLECTOR]),
        plan.keeper(site, shown),
        plan.gateway(site, known, known.own.get("gateway_image") or images.gateway_name()),
    ]


def _host(endpoint: str) -> str:
    return endpoint.rpartition(":")[0]


def _subnet(addresses: Iterable[str]) -> IPv4Network:
    """The smallest network of at least 256 addresses that holds all of these; their lower half is the engine's."""
    numbers = [int(IPv4Address(address)) for address in addresses]
    length = min(24, 32 - (min(numbers) ^ max(numbers)).bit_length())
    return IPv4Network((min(numbers), length), strict=False)


def _network(own: str | None, addresses: Iterable[str]) -> dict[str, Any]:
    if own:
        return {"name": own, "external": True}
    return {"ipam": {"config": [{"subnet": str(_subnet(addresses))}]}}


def _model(site: Site, wanted: Wanted, address: str) -> Container:
    told: Mapping[str, str] = wanted.own.get("environment", {})
    secret = {name: _asked(name, reference) for name, reference in told.items()}
    return plan.model(site, wanted, _reference(facts.read(Path(wanted.folder))), address, secret)


def _asked(name: str, reference: str) -> str:
    """A variable that compose asks for, with what to set it to."""
    scheme, _, rest = reference.partition(":")
    variable = rest if scheme == "env" else name
    return f"${{{variable}:?set it to {'its value' if scheme == 'env' else 'the content of ' + rest}}}"


def _reference(image: Image) -> str:
    """By digest where a registry has it; else by the name that the engine knows it by."""
    name = re.sub(r":[^/:]+$", "", image.reference)
    return f"{name}@{image.digest}" if image.pushed else image.reference


def _service(container: Container) -> dict[str, Any]:
    limits, isolated = container.limits, container.network == "none"
    kept = {"max-size": str(limits.log_size), "max-file": str(limits.log_files)}
    return {
        "image": container.image,
        "user": container.user,
        **({"entrypoint": [_plain(w) for w in container.entrypoint]} if container.entrypoint else {}),
        "command": [_plain(word) for word in container.command],
        "working_dir": container.folder,
        "init": True,
        "read_only": True,
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges"],
        "pids_limit": limits.pids,
        "tmpfs": [f"/tmp:size={limits.tmp},mode=1777"],  # noqa: S108 - the container's
        **({"mem_limit": limits.memory, "memswap_limit": limits.memory} if limits.memory else {}),
        **({"cpus": limits.cpus} if limits.cpus else {}),
        "environment": {**{k: _plain(v) for k, v in container.environment.items()}, **container.secret},
        "volumes": [
            {"type": "bind", "source": _plain(m.source), "target": m.target, "read_only": m.read_only}
            for m in container.mounts
        ],
        "restart": container.restart,
        "stop_grace_period": f"{container.stop_grace_s}s",
        "healthcheck": {"disable": True},
        "logging": {"driver": "json-file", "options": kept},
        **({"network_mode": "none"} if isolated else {"networks": {_NETWORK: _place(container)}}),
        **({"ports": ports} if (ports := [_port(p) for p in container.published if p.port]) else {}),
    }


def _place(container: Container) -> dict[str, str]:
    return {"ipv4_address": container.address} if container.address else {}


def _port(published: Published) -> str:
    return f"{published.address}:{published.port}:{published.inside}"


def _plain(word: str) -> str:
    """As it is, where compose would put in variables."""
    return word.replace("$", "$$")
