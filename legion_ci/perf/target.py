"""The address under test: on this machine only, and there, before any load is sent."""

from __future__ import annotations

import ipaddress
import urllib.error
import urllib.request
from urllib.parse import urlsplit

from legion_ci.core.errors import Problem, ServiceError

_TIMEOUT_S = 5.0
_NOT_READY = (502, 503, 504)


def foreign(url: str) -> Problem | None:
    """What is wrong with loading that address: only loopback addresses are loaded."""
    host = urlsplit(url).hostname or ""
    if host == "localhost":
        return None
    try:
        loopback = ipaddress.ip_address(host).is_loopback
    except ValueError:
        loopback = False
    return (
        None
        if loopback
        else Problem(
            f"{url} is not on this machine, and only this machine is loaded",
            "perf",
            "run perf where the deployment is local",
        )
    )


def reach(url: str) -> None:
    """Raise ServiceError when nothing answers at ``url``/healthcheck, or a gateway says that nothing is behind it."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    request = urllib.request.Request(f"{url}/healthcheck", headers={"x-legion-purpose": "perf"})  # noqa: S310
    todo = "look at `legion-ci status`; `legion-ci up` starts what should run"
    try:
        with opener.open(request, timeout=_TIMEOUT_S):
            return
    except urllib.error.HTTPError as error:
        if error.code in _NOT_READY:
            raise ServiceError(f"the deployment is not ready (HTTP {error.code})", where=url, todo=todo) from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", error)
        raise ServiceError(f"the deployment cannot be reached ({reason})", where=url, todo=todo) from error
