"""A site's network on an engine, and fixed addresses in it.

Fixed, because the gateway must never send one model's users to another: a container that the engine starts again would
get any free address, and names are looked up too late to see it.
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network
from typing import TYPE_CHECKING, Any

from legion_ci.core.errors import ConfigurationError, ToolError
from legion_ci.deploy.docker.engine import APIError, NotFound

if TYPE_CHECKING:
    import docker
    from docker.models.networks import Network

_TRIES = 5


def ensure(client: docker.DockerClient, name: str, labels: dict[str, str]) -> IPv4Network:
    """Have that network; its addresses. One that is there already, maybe the user's own, is taken as it is."""
    found = _find(client, name) or _create(client, name, labels)
    subnets = [IPv4Network(c["Subnet"]) for c in _configured(found) if ":" not in c["Subnet"]]
    if not subnets:
        raise ConfigurationError(f"the network {name} has no IPv4 addresses", where="deploy.network")
    return subnets[0]


def free(client: docker.DockerClient, name: str, subnet: IPv4Network, kept: Iterable[str]) -> str:
    """An address that nobody has, from the upper half: the engine itself gives out those from below.

    kept: addresses of containers that may not run now.
    """
    found = client.networks.get(name)
    running = {str(c["IPv4Address"]).partition("/")[0] for c in (found.attrs.get("Containers") or {}).values()}
    taken = running | set(kept) | {str(c.get("Gateway", "")) for c in _configured(found)}
    first = int(subnet.network_address) + subnet.num_addresses // 2 + min(16, subnet.num_addresses // 4)
    for number in range(first, int(subnet.broadcast_address)):
        if str(IPv4Address(number)) not in taken:
            return str(IPv4Address(number))
    raise ConfigurationError(f"the network {name} ({subnet}) is full", where="deploy.network", todo="give a larger one")


def _find(client: docker.DockerClient, name: str) -> Network | None:
    try:
        return client.networks.get(name)
    except NotFound:
        return None


def _create(client: docker.DockerClient, name: str, labels: dict[str, str]) -> Network:
    """With addresses that are the network's own, as the engine gives fixed ones only from such: it chooses, we insist."""
    refused: Exception | None = None
    for _ in range(_TRIES):
        proposed = client.networks.create(name, driver="bridge", check_duplicate=True, labels=labels)
        proposed.reload()
        pools = [{"Subnet": c["Subnet"], "Gateway": c["Gateway"]} for c in _configured(proposed)]
        proposed.remove()
        try:
            made = client.networks.create(
                name, driver="bridge", check_duplicate=True, labels=labels, ipam={"Driver": "default", "Config": pools}
            )
        except APIError as error:  # somebody else took the addresses in between
            refused = error
            continue
        made.reload()
        return made
    raise ToolError(f"the engine has no addresses for the network {name} ({refused})", where="deploy.network")


def _configured(network: Network) -> list[dict[str, Any]]:
    return list(network.attrs["IPAM"]["Config"] or [])
