"""Runs a compose file on an engine as the compose specification says, as far as legion-ci's files go; unknown keys are errors."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import docker
import yaml

_DIRECT = ("image", "user", "entrypoint", "command", "working_dir", "init", "read_only", "cap_drop", "security_opt",
           "pids_limit", "mem_limit", "memswap_limit")  # fmt: skip
_VARIABLE = re.compile(r"\$(?:\$|\{(\w+):\?([^}]*)\})")


@contextmanager
def up(client: docker.DockerClient, text: str, project: str, environ: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    """Containers by service while the block runs."""
    told = _interpolated(yaml.safe_load(text), environ)
    assert set(told) == {"services", "networks"}
    networks = {key: _network(client, f"{project}_{key}", spec) for key, spec in told["networks"].items()}
    made: dict[str, Any] = {}
    try:
        for service, spec in told["services"].items():
            name = f"{project}-{service}-1"
            made[service] = client.containers.create(name=name, **_arguments(spec, networks))
            made[service].start()
        yield made
    finally:
        for container in made.values():
            container.remove(force=True)
        for network in networks.values():
            network.remove()


def _network(client: docker.DockerClient, name: str, spec: dict[str, Any]) -> Any:
    pools = [{"Subnet": pool.pop("subnet")} for pool in spec["ipam"].pop("config")]
    assert spec == {"ipam": {}}
    return client.networks.create(name, ipam={"Driver": "default", "Config": pools})


def _arguments(spec: dict[str, Any], networks: dict[str, Any]) -> dict[str, Any]:
    spec = dict(spec)
    made = {key: spec.pop(key) for key in _DIRECT if key in spec}
    made["environment"] = spec.pop("environment")
    made["restart_policy"] = {"Name": spec.pop("restart")}
    made["tmpfs"] = dict(entry.split(":", 1) for entry in spec.pop("tmpfs"))
    made["volumes"] = {v["source"]: {"bind": v["target"], "mode": "ro" if v["read_only"] else "rw"}
                       for v in spec.pop("volumes")}  # fmt: skip
    made["ports"] = {f"{inside}/tcp": (host, int(port)) for host, port, inside in
                     (entry.split(":") for entry in spec.pop("ports", ()))}  # fmt: skip
    assert spec.pop("healthcheck") == {"disable": True}
    logging = spec.pop("logging")
    made["log_config"] = {"Type": logging["driver"], "Config": logging["options"]}
    if cpus := spec.pop("cpus", None):
        made["nano_cpus"] = round(cpus * 1e9)
    assert re.fullmatch(r"\d+s", spec.pop("stop_grace_period"))
    made |= _connected(spec, networks)
    assert spec == {}, f"keys that this runner does not know: {spec}"
    return made


def _connected(spec: dict[str, Any], networks: dict[str, Any]) -> dict[str, Any]:
    if mode := spec.pop("network_mode", None):
        return {"network": mode}
    ((key, place),) = spec.pop("networks").items()
    name = networks[key].name
    address = {"IPAMConfig": {"IPv4Address": place["ipv4_address"]}} if place else {}
    return {"network": name, "networking_config": {name: address}}


def _interpolated(node: Any, environ: Mapping[str, str]) -> Any:
    if isinstance(node, dict):
        return {key: _interpolated(value, environ) for key, value in node.items()}
    if isinstance(node, list):
        return [_interpolated(value, environ) for value in node]
    return _VARIABLE.sub(lambda m: environ[m[1]] if m[1] else "$", node) if isinstance(node, str) else node
