"""Tokens and people that are turned away although their tokens are still valid."""

from __future__ import annotations

import msgspec

from legion_ci.core.errors import ToolError
from legion_ci.core.lock import locked
from legion_ci.core.site import Site
from legion_ci.gateway import keys

_FILE = "revoked.json"


class Revoked(msgspec.Struct, frozen=True, kw_only=True):
    """Ids of tokens (``jti``) and subjects (``sub``)."""

    jti: tuple[str, ...] = ()
    sub: tuple[str, ...] = ()


def read(site: Site) -> Revoked:
    """The site's list; empty when there is none. A list that cannot be read is never taken for an empty one."""
    path = keys.folder(site) / _FILE
    try:
        return msgspec.json.decode(path.read_bytes(), type=Revoked)
    except FileNotFoundError:
        return Revoked()
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise ToolError(f"is not a list of revoked tokens ({error})", where=str(path), todo="repair it") from error


def add(site: Site, *, jti: str = "", sub: str = "") -> Revoked:
    """The list with one more token or subject."""
    with locked(site.locks / "tokens.lock"):
        old = read(site)
        new = Revoked(jti=_with(old.jti, jti), sub=_with(old.sub, sub))
        keys.write_private(keys.folder(site) / _FILE, msgspec.json.format(msgspec.json.encode(new)).decode())
    return new


def _with(old: tuple[str, ...], word: str) -> tuple[str, ...]:
    return old if not word or word in old else (*old, word)
