"""What the tasks ``token.…`` do: sign, rotate, revoke, and have a running gateway follow."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from legion_ci.core.errors import ConfigurationError
from legion_ci.core.site import Site
from legion_ci.core.tools import Tools
from legion_ci.gateway import admin, apply, revoked, tokens
from legion_ci.gateway import keys as key_store
from legion_ci.settings.load import FILE, Loaded, load
from legion_ci.settings.schema import AuthSettings, Duration


def issue(tools: Tools, subject: str, settings: str, sets: Sequence[str], role: str, lifetime: str, output: str) -> int:
    """Print a token, or write it to a file; its id goes to standard error by progress, to revoke it by."""
    loaded = _load(settings, sets)
    auth = loaded.settings.deploy.auth or AuthSettings()
    if not subject:
        raise ConfigurationError("is empty", where="--subject", todo="say who the token is for")
    token, jti = tokens.issue(loaded.site, auth, subject, role or auth.role or "", _seconds(lifetime))
    tools.progress.say(f"token {jti} for {subject}; legion-ci token.revoke --jti {jti} ends it")
    if output:
        key_store.write_private(Path(output).resolve(), token)
    else:
        print(token)
    return 0


def keys(tools: Tools, settings: str, sets: Sequence[str], rotate: bool) -> int:
    """Print the public keys; a private one never leaves its file."""
    site = _load(settings, sets).site
    current = key_store.rotate(site) if rotate else key_store.ensure(site)
    _follow(site, tools)
    print(key_store.public(current))
    return 0


def revoke(tools: Tools, settings: str, sets: Sequence[str], jti: str, subject: str) -> int:
    """Put a token or a subject on the list."""
    if not jti and not subject:
        raise ConfigurationError("nothing to revoke", todo="give --jti or --subject")
    site = _load(settings, sets).site
    listed = revoked.add(site, jti=jti, sub=subject)
    _follow(site, tools)
    print(f"{len(listed.jti)} tokens and {len(listed.sub)} subjects are turned away")
    return 0


def _load(settings: str, sets: Sequence[str]) -> Loaded:
    return load(Path(settings or FILE), sets)


def _seconds(lifetime: str) -> float:
    try:
        seconds: float = TypeAdapter(Duration).validate_python(lifetime)
    except ValidationError as error:
        found = error.errors()[0]["msg"]
        raise ConfigurationError(f"is no duration ({found})", where="--lifetime", todo="write 30m, 1h or 7d") from error
    return seconds


def _follow(site: Site, tools: Tools) -> None:
    """A running gateway works by keys and list at once; one that is down reads them when it starts."""
    if admin.answers(site):
        apply.sync(site, tools=tools)
    else:
        apply.write(site)
