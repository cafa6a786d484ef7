"""From the routes document to Envoy's files: one pure function; the same files wherever the gateway runs."""

from __future__ import annotations

from legion_ci.gateway import auth, clusters, limits, listener, split, tls
from legion_ci.gateway.auth import Trust
from legion_ci.gateway.document import Node, discovery, dump, typed
from legion_ci.gateway.routes import Routes
from legion_ci.gateway.tls import Tls

BOOTSTRAP, ROUTES, CLUSTERS, AUTH, TLS = "envoy.yaml", "rds.yaml", "cds.yaml", "auth.yaml", "tls.yaml"
ADMIN_SOCKET = "admin.sock"
_CONNECTIONS = 4000


def render(
    routes: Routes,
    *,
    listen: str,
    port: int,
    unit_header: str,
    trust: Trust = Trust(),  # noqa: B008 - frozen
    secure: Tls | None = None,
    rate: int | None = None,
    access_log: str = "access.log",
    admin_socket: str = ADMIN_SOCKET,
) -> dict[str, str]:
    """Envoy's files by name: bootstrap, routes, clusters. Paths in them are relative to where Envoy starts.

    unit_header: whose value keeps a user in one arm (a verified token's subject goes before it), else the request id.
    trust: whose tokens are accepted. secure: a second listener, with TLS, on the same routes. rate: requests
    a second that users may send in all. admin_socket: a file, so that nobody
    outside the folder (and never the network) reaches Envoy's administration.
    """
    same: Node = {
        "unit_header": unit_header,
        "access_log": access_log,
        "watched": _watched(ROUTES),
        "checks": [*limits.filters(), *auth.filters(_watched(AUTH))],
    }
    listeners = [listener.build(listen=listen, port=port, **same)]
    if secure:
        socket = tls.socket(_watched(TLS))
        listeners.append(listener.build(name="tls", listen=secure.listen, port=secure.port, socket=socket, **same))
    entries = split.build(routes, unit_header, trust, rate)
    return {
        BOOTSTRAP: dump(_bootstrap(listeners, admin_socket)),
        ROUTES: discovery("config.route.v3.RouteConfiguration", [entries], routes.revision),
        CLUSTERS: discovery("config.cluster.v3.Cluster", clusters.build(routes, trust.auth), 0),
        AUTH: auth.build(trust),
        **({TLS: tls.build(secure)} if secure else {}),
    }


def _watched(name: str) -> Node:
    """A file replaced by rename; its folder is watched, as a mounted file keeps its old content."""
    return {"path_config_source": {"path": f"./{name}", "watched_directory": {"path": "."}}}


def _bootstrap(listeners: list[Node], admin_socket: str) -> Node:
    connections = typed(
        "envoy.resource_monitors.global_downstream_max_connections",
        "extensions.resource_monitors.downstream_connections.v3.DownstreamConnectionsConfig",
        max_active_downstream_connections=_CONNECTIONS,
    )
    return {
        "node": {"id": "legion", "cluster": "legion"},
        "admin": {"address": {"pipe": {"path": admin_socket, "mode": 0o600}}},
        "dynamic_resources": {"cds_config": _watched(CLUSTERS)},
        "static_resources": {"listeners": listeners},
        "overload_manager": {"resource_monitors": [connections]},
    }
