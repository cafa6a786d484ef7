"""A site's containers and network on an engine, found by their labels; nothing else there is ever touched."""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import IPv4Address
from typing import TYPE_CHECKING

from legion_ci.core.errors import ConfigurationError, ToolError
from legion_ci.core.site import Site
from legion_ci.deploy.docker import names, network
from legion_ci.deploy.docker.container import Container
from legion_ci.deploy.docker.engine import NotFound, calling

if TYPE_CHECKING:
    import docker
    from docker.models.containers import Container as Found


class Containers:
    """What this site runs on an engine."""

    def __init__(self, client: docker.DockerClient, site: Site) -> None:
        self._client, self._site = client, site

    def of_role(self, role: str) -> list[Found]:
        """Containers of a role, dead ones too."""
        return self._listed(f"{names.ROLE}={role}")

    def find(self, name: str) -> Found | None:
        """The container of that name; raises ConfigurationError when it is somebody else's."""
        with calling(f"looking for {name}"):
            try:
                found = self._client.containers.get(name)
            except NotFound:
                return None
        if found.name != name:
            return None  # another one, whose id begins so
        if found.labels.get(names.SITE) != names.site_id(self._site):
            raise ConfigurationError(
                f"a container named {name} is there and is not this site's", todo="rename or remove that container"
            )
        return found

    def get(self, name: str) -> Found:
        """The same, which must be there."""
        found = self.find(name)
        if found is None:
            raise ToolError(f"{name} was removed while it started", todo="run the task again")
        return found

    def ensure(self, wanted: Container, well: Callable[[Found], bool]) -> bool:
        """Have it run as wanted; whether it had to be started. One that runs as wanted and is well is left alone."""
        found = self.find(wanted.name)
        if found is not None:
            if found.labels.get(names.FINGERPRINT) == wanted.fingerprint() and well(found):
                return False
            self._end(found)
        with calling(f"starting {wanted.name}"):
            made = self._client.containers.create(**wanted.created())
            try:
                made.start()
            except BaseException:
                made.remove(force=True)
                raise
        return True

    def address(self, name: str, where: str) -> str:
        """The address that a container has or will have in the network ``where``, which is made if it is not there."""
        with calling(f"making the network {where}"):
            subnet = network.ensure(self._client, where, {names.SITE: names.site_id(self._site)})
            kept = {str(f.name): f.labels.get(names.ADDRESS, "") for f in self._listed()}
            own = kept.get(name, "")
            if own and IPv4Address(own) in subnet:
                return str(own)
            return network.free(self._client, where, subnet, kept.values())

    def remove(self, name: str) -> None:
        """End and remove it, if it is there."""
        if (found := self.find(name)) is not None:
            self._end(found)

    def remove_all(self) -> None:
        """End and remove all of the site, and its own network."""
        for found in self._listed():
            self._end(found)
        with calling("removing the network"):
            for own in self._client.networks.list(filters={"label": self._mark}):
                own.reload()
                if not own.attrs.get("Containers"):  # else somebody joined it
                    own.remove()

    @property
    def _mark(self) -> str:
        return f"{names.SITE}={names.site_id(self._site)}"

    def _listed(self, *more: str) -> list[Found]:
        with calling("listing containers"):
            found = self._client.containers.list(all=True, filters={"label": [self._mark, *more]}, ignore_removed=True)
        return sorted(found, key=lambda f: str(f.name))

    def _end(self, found: Found) -> None:
        with calling(f"stopping {found.name}"):
            try:
                found.stop(timeout=int(found.labels.get(names.GRACE, 30)))
                found.remove(force=True)
            except NotFound:
                return
