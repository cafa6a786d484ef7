"""A container that should run, decided before any engine is asked; and the same in the engine's own words."""

from __future__ import annotations

from typing import Any

import msgspec

from legion_ci.core.files import digest_bytes
from legion_ci.deploy.docker import names


class Mount(msgspec.Struct, frozen=True, kw_only=True):
    """A folder of this machine in the container."""

    source: str
    target: str
    read_only: bool = False


class Published(msgspec.Struct, frozen=True, kw_only=True):
    """A port of the container on an address of this machine. port: None: one that the engine picks at each start."""

    inside: int
    port: int | None = None
    address: str = "127.0.0.1"


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What it may use: memory, /tmp and log in bytes, cpus in cores."""

    memory: int | None = None
    cpus: float | None = None
    pids: int = 512
    tmp: int = 64 << 20
    log_size: int = 10 << 20
    log_files: int = 3


class Container(msgspec.Struct, frozen=True, kw_only=True):
    """A hardened container of a site: no rights, nothing to write but /tmp and its mounts.

    image: id or reference. address: in its network; "": any. entrypoint: () leaves the image's. secret: environment that is told by reference; only its digest
    is written anywhere.
    """

    name: str
    image: str
    user: str
    network: str
    labels: dict[str, str]
    address: str = ""
    entrypoint: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    environment: dict[str, str] = {}
    secret: dict[str, str] = {}
    mounts: tuple[Mount, ...] = ()
    published: tuple[Published, ...] = ()
    folder: str = "/"
    restart: str = "unless-stopped"
    stop_grace_s: int = 30  # until it is killed
    limits: Limits = Limits()

    def fingerprint(self) -> str:
        """Digest of what a running container would have to be replaced for."""
        return digest_bytes(msgspec.json.encode(self, order="sorted"))[:16]

    def created(self) -> dict[str, Any]:
        """Arguments of the client's ``containers.create``."""
        limits = self.limits
        return {
            "name": self.name,
            "image": self.image,
            "user": self.user,
            "network": self.network,
            **({"networking_config": {self.network: self._endpoint()}} if self.address else {}),
            "labels": {
                **self.labels,
                names.ADDRESS: self.address,
                names.FINGERPRINT: self.fingerprint(),
                names.GRACE: str(self.stop_grace_s),
            },
            **({"entrypoint": list(self.entrypoint)} if self.entrypoint else {}),
            "command": list(self.command),
            "environment": {**self.environment, **self.secret},
            "working_dir": self.folder,
            "stop_signal": "SIGTERM",
            "volumes": {m.source: {"bind": m.target, "mode": "ro" if m.read_only else "rw"} for m in self.mounts},
            "ports": {f"{p.inside}/tcp": (p.address, p.port) for p in self.published},
            "init": True,  # a server that starts is not deaf to TERM, and no process of its stays unfetched
            "read_only": True,
            "cap_drop": ["ALL"],
            "security_opt": ["no-new-privileges"],
            "pids_limit": limits.pids,
            "tmpfs": {"/tmp": f"size={limits.tmp},mode=1777"},  # noqa: S108 - the container's
            "mem_limit": limits.memory,
            "memswap_limit": limits.memory,  # no swap beyond it
            "nano_cpus": round(limits.cpus * 1e9) if limits.cpus else None,
            "healthcheck": {"test": ["NONE"]},  # we ask ourselves; the image's would start a Python every few seconds
            "restart_policy": {"Name": self.restart},
            "log_config": {
                "Type": "json-file",
                "Config": {"max-size": str(limits.log_size), "max-file": str(limits.log_files)},
            },
        }

    def _endpoint(self) -> dict[str, Any]:
        return {"IPAMConfig": {"IPv4Address": self.address}}
