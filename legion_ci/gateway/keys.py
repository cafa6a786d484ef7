"""The site's own signing keys: private ones for its user alone, public ones for Envoy; several overlap in a rotation."""

from __future__ import annotations

import json
import os
import secrets
from pathlib import Path
from typing import Any

from legion_ci.core.errors import ToolError, missing_package
from legion_ci.core.lock import locked
from legion_ci.core.site import Site

ALGORITHM = "ES256"
_PRIVATE = frozenset({"d"})
Key = dict[str, Any]  # a JSON Web Key


def folder(site: Site) -> Path:
    """Where keys and the list of revoked tokens are, open to the site's user alone."""
    return site.path / "tokens"


def ensure(site: Site) -> list[Key]:
    """The site's private keys, newest first; the first one is made here."""
    return _read(site) or rotate(site, keep=0)


def rotate(site: Site, keep: int = 1) -> list[Key]:
    """Make a new key that signs from now on; the ``keep`` newest old ones go on to be accepted."""
    with locked(site.locks / "tokens.lock"):
        keys = [_new(), *_read(site)[:keep]]
        write_private(folder(site) / "keys.json", json.dumps({"keys": keys}))
    return keys


def public(keys: list[Key]) -> str:
    """The JSON Web Key Set that verifies what these keys sign."""
    return json.dumps({"keys": [{k: v for k, v in key.items() if k not in _PRIVATE} for key in keys]}, sort_keys=True)


def sign(site: Site, claims: dict[str, Any]) -> str:
    """A JWT with these claims, signed by the newest key."""
    import jwt

    key = ensure(site)[0]
    return jwt.encode(claims, jwt.PyJWK(key).key, ALGORITHM, headers={"kid": key["kid"]})


def write_private(path: Path, text: str) -> None:
    """Replace a file that only its owner may read, at no moment readable by others."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as out:
        out.write(text)
        out.flush()
        os.fsync(out.fileno())
    temporary.replace(path)


def _read(site: Site) -> list[Key]:
    path = folder(site) / "keys.json"
    try:
        keys: list[Key] = json.loads(path.read_text())["keys"]
    except FileNotFoundError:
        return []
    except (ValueError, KeyError) as error:
        raise ToolError("is not a key file", where=str(path), todo="remove it: new keys are made") from error
    return keys


def _new() -> Key:
    try:
        from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
        from jwt.algorithms import ECAlgorithm
    except ImportError as error:
        raise missing_package(error, "gateway") from error
    key: Key = json.loads(ECAlgorithm.to_jwk(generate_private_key(SECP256R1())))
    return {**key, "kid": secrets.token_hex(8), "alg": ALGORITHM, "use": "sig"}
