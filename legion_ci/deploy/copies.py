"""Short-lived copies of deployments, outside the traffic, for a duel or a sweep: all started the same way, nothing captured."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress

import msgspec

from legion_ci.core.errors import LegionError
from legion_ci.core.lock import locked
from legion_ci.core.site import Site
from legion_ci.core.tools import Tools
from legion_ci.deploy import deployers, installed
from legion_ci.deploy.protocol import Deployer, Place

SUFFIX = "-duel"


@contextmanager
def started(
    site: Site,
    deployments: tuple[str, ...],
    tools: Tools,
    find_links: tuple[str, ...] = (),
    place: Place | None = None,
    workers: int | None = None,
) -> Iterator[dict[str, str]]:
    """Copies of these deployments while the block runs: deployment -> ``http://host:port`` of its copy.

    workers: server processes of each copy; None: as many as the deployment has. Copies that a killed duel left are replaced. One duel at a time: OrderError when another one runs on this site.
    Raises ToolError with the server's last lines when a copy does not get ready.
    """
    place = place or Place.of(site, tools, find_links)
    deployer = deployers.of_site(place)
    with locked(site.locks / "duel.lock", wait=False, what="this site's duel"):
        try:
            yield {name: f"http://{_start(place, deployer, name, workers)}" for name in deployments}
        finally:
            for name in deployments:
                with suppress(LegionError):  # one that cannot be removed must not hide why the duel ended
                    deployer.remove(name + SUFFIX)


def _start(place: Place, deployer: Deployer, name: str, workers: int | None) -> str:
    wanted = installed.read(place.site, name)
    copy = msgspec.structs.replace(wanted, deployment=name + SUFFIX, capture=False, workers=workers or wanted.workers)
    deployer.remove(copy.deployment)
    return deployer.apply(copy).address
