"""Tokens that the site issues: for people (``token.issue``), and for our own tools where the gateway asks for one."""

from __future__ import annotations

import secrets as random
import time
from typing import NamedTuple

from legion_ci.core.errors import ConfigurationError
from legion_ci.core.secrets import Secrets
from legion_ci.core.site import Site
from legion_ci.gateway import keys
from legion_ci.settings.schema import AuthSettings

TOOLS = "legion-ci"  # the subject of our own tools
_TOOLS_S = 86400.0  # longer than any acceptance test or load test


class Issued(NamedTuple):
    """A token and its id, to revoke it by."""

    token: str
    jti: str


def issue(site: Site, auth: AuthSettings, subject: str, role: str, lifetime_s: float) -> Issued:
    """A token that the gateway accepts. Raises ConfigurationError when it accepts another issuer's keys."""
    if auth.jwks is not None:
        raise ConfigurationError(
            f"the gateway accepts the keys of {auth.jwks}, not the site's own",
            where="deploy.auth.jwks",
            todo="ask your identity provider for a token, or leave deploy.auth.jwks out",
        )
    now, jti = int(time.time()), random.token_hex(8)
    claims = {
        "iss": auth.issuer,
        "aud": auth.audience[0],
        "sub": subject,
        "jti": jti,
        "iat": now,
        "nbf": now,
        "exp": now + round(lifetime_s),
        **({auth.role_claim: [role]} if role else {}),
    }
    return Issued(keys.sign(site, claims), jti)


def for_tools(site: Site, auth: AuthSettings | None, secrets: Secrets) -> str:
    """The token with which acceptance tests and load tests ask; "" where none is asked for.

    It is ``deploy.auth.token``, else one of the site's own, issued here. Raises ConfigurationError when neither can be.
    """
    if auth is None:
        return ""
    if auth.token is not None:
        return secrets.resolve(auth.token, "deploy.auth.token")
    if auth.jwks is not None:
        raise ConfigurationError(
            f"the gateway asks for tokens of {auth.jwks}, and our own tests have none",
            where="deploy.auth.token",
            todo="say where one is: env:NAME or file:PATH",
        )
    token = issue(site, auth, TOOLS, auth.role or "", _TOOLS_S).token
    secrets.known.add(token)
    return token


def kept_for_tools(site: Site, auth: AuthSettings | None, secrets: Secrets) -> str | None:
    """A reference to the same, for processes that read it themselves."""
    if auth is None or auth.token is not None:
        return auth.token if auth else None
    path = keys.folder(site) / "tools.token"
    keys.write_private(path, for_tools(site, auth, secrets))
    return f"file:{path}"
