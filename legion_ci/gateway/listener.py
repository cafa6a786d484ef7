"""Envoy's listener: request ids, limits, the access log, and what clients may not say about themselves."""

from __future__ import annotations

from typing import Any

from legion_ci.gateway.document import Node, header, typed
from legion_ci.gateway.split import NAME

OWN_HEADERS = (
    "x-legion-arm",
    "x-legion-share",
    "x-legion-experiment",
    "x-legion-step",
    "x-legion-purpose",
    "x-legion-sub",
)
MAX_BODY_BYTES = 32 << 20
_HTTP = "extensions.filters.http"


def build(
    *,
    name: str = "main",
    listen: str,
    port: int,
    unit_header: str,
    access_log: str,
    watched: Node,
    checks: list[Node],
    socket: Node | None = None,
) -> Node:
    """A listener. checks: filters that a request passes before its body is read. socket: how it speaks TLS."""
    connection = typed(
        "envoy.filters.network.http_connection_manager",
        "extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        stat_prefix=name,
        rds={"route_config_name": NAME, "config_source": watched},
        access_log=[_access_log(access_log, unit_header)],
        **_request_ids(),
        **_limits(),
        http_filters=[
            *checks,
            typed("envoy.filters.http.buffer", f"{_HTTP}.buffer.v3.Buffer", max_request_bytes=MAX_BODY_BYTES),
            typed("envoy.filters.http.router", f"{_HTTP}.router.v3.Router", suppress_envoy_headers=True),
        ],
    )
    chain = {"filters": [connection], **({"transport_socket": socket} if socket else {})}
    return {
        "name": name,
        "address": {"socket_address": {"address": listen, "port_value": port}},
        "per_connection_buffer_limit_bytes": 1 << 20,
        "filter_chains": [chain],
    }


def _request_ids() -> dict[str, Any]:
    """``Request-Id`` becomes Envoy's x-request-id before a route (and so an arm) is chosen; made when absent."""
    removed = [{"remove": name} for name in OWN_HEADERS]
    copied = {"append": header("x-request-id", "%REQ(request-id)%")}
    return {
        "early_header_mutation_extensions": [
            typed(
                "envoy.http.early_header_mutation.header_mutation",
                "extensions.http.early_header_mutation.header_mutation.v3.HeaderMutation",
                mutations=[*removed, copied],
            )
        ],
        "generate_request_id": True,
        "preserve_external_request_id": True,
        "request_id_extension": {
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.request_id.uuid.v3.UuidRequestIdConfig",
                "pack_trace_reason": False,
            }
        },
    }


def _limits() -> dict[str, Any]:
    return {
        "use_remote_address": True,
        # No address is internal: nobody may steer us with x-envoy-… headers, as everyone on loopback else could.
        "internal_address_config": {"cidr_ranges": [{"address_prefix": "255.255.255.255", "prefix_len": 32}]},
        "normalize_path": True,
        "merge_slashes": True,
        "request_headers_timeout": "10s",
        "request_timeout": "60s",
        "stream_idle_timeout": "90s",
        "max_request_headers_kb": 32,
        "common_http_protocol_options": {"idle_timeout": "300s", "max_headers_count": 100},
        "server_name": "legion",
    }


def _access_log(path: str, unit_header: str) -> Node:
    facts = {
        "time": "%START_TIME(%Y-%m-%dT%H:%M:%S.%3fZ)%",
        "request_id": "%REQ(x-request-id)%",
        "method": "%REQ(:method)%",
        "path": "%REQ(x-envoy-original-path?:path)%",
        "arm": "%REQ(x-legion-arm)%",
        "share": "%REQ(x-legion-share)%",
        "experiment": "%REQ(x-legion-experiment)%",
        "step": "%REQ(x-legion-step)%",
        "purpose": "%REQ(x-legion-purpose)%",
        "unit": f"%REQ({unit_header})%",
        "upstream": "%UPSTREAM_HOST%",
        "code": "%RESPONSE_CODE%",
        "flags": "%RESPONSE_FLAGS%",
        "duration_ms": "%DURATION%",
        "attempts": "%UPSTREAM_REQUEST_ATTEMPT_COUNT%",
        "bytes_in": "%BYTES_RECEIVED%",
        "bytes_out": "%BYTES_SENT%",
    }
    return typed(
        "envoy.access_loggers.file",
        "extensions.access_loggers.file.v3.FileAccessLog",
        path=path,
        log_format={"json_format": facts, "omit_empty_values": True},
    )
