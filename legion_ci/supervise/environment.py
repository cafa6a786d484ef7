"""The environment of supervised processes: few variables by name, no secret and no build's cookie inherited."""

from __future__ import annotations

import os
from collections.abc import Mapping

_PASSED = (
    "PATH",
    "HOME",
    "USER",
    "LANG",
    "LC_ALL",
    "LC_CTYPE",
    "TZ",
    "TMPDIR",
    "LD_LIBRARY_PATH",
    "LEGION_CACHE",
    "XDG_STATE_HOME",
    "XDG_CACHE_HOME",
)

# Jenkins ends every process that carries its build's cookie when a step is over; this value is its own way out.
_OUTLIVE_BUILD = {"JENKINS_NODE_COOKIE": "dontKillMe", "BUILD_ID": "dontKillMe"}


def base(environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """What every supervised process gets, taken from ``environ`` (default: our own)."""
    source = os.environ if environ is None else environ
    return {name: source[name] for name in _PASSED if name in source} | _OUTLIVE_BUILD
