"""What a request is for, signed: only who holds the site's keys can have requests not counted as users'."""

from __future__ import annotations

import time

from legion_ci.core.site import Site
from legion_ci.gateway import keys

HEADER = "legion-purpose"  # what a client sends: the signed purpose
SEEN = "x-legion-purpose"  # what the server gets: the purpose itself
ISSUER, AUDIENCE = "legion-ci", "legion-purpose"


def sign(site: Site, purpose: str = "perf", *, lifetime_s: float = 3600.0) -> str:
    """The value of the header ``Legion-Purpose`` for requests that are not users'; valid for ``lifetime_s``."""
    now = int(time.time())
    claims = {"iss": ISSUER, "aud": AUDIENCE, "iat": now, "exp": now + int(lifetime_s), "purpose": purpose}
    return keys.sign(site, claims)
