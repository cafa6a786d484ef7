"""What belongs to whom on an engine: a site's mark on everything that it runs there, and the names of it."""

from __future__ import annotations

from legion_ci.core.files import digest_bytes
from legion_ci.core.site import Site

SITE, PATH, ROLE, NAME, ADDRESS, FINGERPRINT, GRACE = (
    f"org.legion-ci.{word}" for word in ("site", "path", "role", "name", "address", "fingerprint", "grace")
)
MODEL, GATEWAY, COLLECTOR, KEEPER = "model", "gateway", "collector", "log-keeper"
_LONGEST = 63  # a label of the domain name system: others on the network may reach it by name


def site_id(site: Site) -> str:
    """The site's mark: two sites on one engine differ, and a site is itself after every restart."""
    return digest_bytes(str(site.path.resolve()).encode())[:12]


def container(site: Site, server: str) -> str:
    """Name of a server's container."""
    name = f"legion-{site_id(site)[:6]}-{server}"
    return name if len(name) <= _LONGEST else f"{name[: _LONGEST - 9]}-{digest_bytes(server.encode())[:8]}"


def network(site: Site) -> str:
    """Name of the site's own network."""
    return f"legion-{site.model}-{site_id(site)[:6]}"


def labels(site: Site, role: str, server: str) -> dict[str, str]:
    """What every container of the site carries."""
    return {SITE: site_id(site), PATH: str(site.path.resolve()), ROLE: role, NAME: server}
