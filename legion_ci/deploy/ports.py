"""Ports on the loopback interface: free ones are chosen, and taken ones are told with who holds them."""

from __future__ import annotations

import random
import socket
from contextlib import suppress

from legion_ci.core.errors import ConfigurationError

HOST = "127.0.0.1"
_RANGE = range(20_000, 30_000)  # below the range from which systems take ports for outgoing connections


def is_free(port: int, host: str = HOST) -> bool:
    """Whether a server could listen there now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as servers do: closed connections do not count
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def choose(avoid: set[int]) -> int:
    """A free port that is not in ``avoid``."""
    for port in random.sample(_RANGE, len(_RANGE)):
        if port not in avoid and is_free(port):
            return port
    raise ConfigurationError(
        f"no port from {_RANGE[0]} to {_RANGE[-1]} is free", where="deploy", todo="end some servers"
    )


def require_free(port: int, where: str) -> None:
    """Raise ConfigurationError naming the port and, where the system tells, who holds it."""
    if not is_free(port):
        raise ConfigurationError(
            f"port {port} is in use{_holder(port)}",
            where=where,
            todo="end that program or choose another port with deploy.port",
        )


def _holder(port: int) -> str:
    import psutil

    with suppress(psutil.Error, OSError):
        for connection in psutil.net_connections("inet"):
            listens = connection.status == psutil.CONN_LISTEN and connection.laddr.port == port
            if listens and connection.pid:
                return f" by process {connection.pid} ({psutil.Process(connection.pid).name()})"
    return ""
