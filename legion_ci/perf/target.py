"""The address under test: on this machine, or one that the settings name; and there, before any load is sent."""

from __future__ import annotations

import ipaddress
import urllib.error
import urllib.request
from collections.abc import Sequence
from urllib.parse import urlsplit

from legion_ci.core.errors import Problem, ServiceError
from legion_ci.perf.purpose import MARK

_TIMEOUT_S = 5.0
_NOT_READY = (502, 503, 504)


def foreign(url: str, hosts: Sequence[str] = ()) -> Problem | None:
    """What is wrong with loading that address: only loopback addresses are loaded, and ``hosts`` (``perf.hosts``)."""
    host = urlsplit(url).hostname or ""
    if host == "localhost" or (host and host in hosts):
        return None
    try:
        loopback = ipaddress.ip_address(host).is_loopback
    except ValueError:
        loopback = False
    return (
        None
        if loopback
        else Problem(
            f"{url} is not on this machine, and other machines are loaded only when they are named",
            "perf",
            f"run perf where the deployment is local, or write perf.hosts: [{host}] if that machine may be loaded",
        )
    )


def reach(url: str, token: str = "") -> None:
    """Raise ServiceError when nothing answers at ``url``/healthcheck, or a gateway says that nothing is behind it."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    headers = {**MARK, **({"authorization": f"Bearer {token}"} if token else {})}
    request = urllib.request.Request(f"{url.rstrip('/')}/healthcheck", headers=headers)  # noqa: S310
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
