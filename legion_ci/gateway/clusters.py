"""Envoy's clusters (cds.yaml): one a deployment, one more a challenger with the champion to fall back on."""

from __future__ import annotations

import ssl

from legion_ci.gateway.auth import KEYS_CLUSTER, Auth, keys_endpoint
from legion_ci.gateway.document import Node, typed
from legion_ci.gateway.routes import Arm, Routes

COLLECTOR = "collector"
_MANY = 8192  # Envoy's own limits of 1024 a cluster would be met before the model server's queue


def split_name(deployment: str) -> str:
    """Cluster of a challenger in the split: its own server first, the champion's when that is dead."""
    return f"{deployment}.split"


def build(routes: Routes, auth: Auth | None = None) -> list[Node]:
    """All clusters of the routes, in a fixed order."""
    direct = [_cluster(arm.deployment, [arm.endpoint]) for arm in routes.arms]
    backed = [_challenger(arm, routes) for arm in routes.arms if is_backed(routes, arm.deployment)]
    collector = [_cluster(COLLECTOR, [routes.feedback])] if routes.feedback else []
    return [*direct, *backed, *collector, *_keys(auth)]


def _keys(auth: Auth | None) -> list[Node]:
    """Where the public keys of users' tokens are fetched."""
    endpoint = keys_endpoint(auth)
    if endpoint is None:
        return []
    host, port, secure = endpoint
    cluster = {**_cluster(KEYS_CLUSTER, [f"{host}:{port}"]), "type": "STRICT_DNS", "connect_timeout": "5s"}
    if not secure:
        return [cluster]
    validation = {
        "trusted_ca": {"filename": ssl.get_default_verify_paths().cafile or "/etc/ssl/certs/ca-certificates.crt"},
        "match_typed_subject_alt_names": [{"san_type": "DNS", "matcher": {"exact": host}}],
    }
    context = typed(
        "envoy.transport_sockets.tls",
        "extensions.transport_sockets.tls.v3.UpstreamTlsContext",
        sni=host,
        common_tls_context={"validation_context": validation},
    )
    return [{**cluster, "transport_socket": context}]


def is_backed(routes: Routes, deployment: str) -> bool:
    """Whether the split needs a cluster of its own for that deployment: a challenger with traffic."""
    return deployment != routes.champion and routes.width(deployment) > 0


def _challenger(arm: Arm, routes: Routes) -> Node:
    champion = routes.champion_arm
    endpoints = [arm.endpoint, champion.endpoint] if champion else [arm.endpoint]
    return {
        **_cluster(split_name(arm.deployment), endpoints),
        "health_checks": [
            {
                # Slow enough that a busy server is not taken for a dead one, which would bend the experiment.
                "timeout": "5s",
                "interval": "2s",
                "no_traffic_interval": "2s",
                "unhealthy_interval": "0.3s",  # after a restart of everything the server may be ready a bit later than Envoy
                "unhealthy_threshold": 2,
                "healthy_threshold": 1,
                "http_health_check": {"path": "/healthcheck"},
            }
        ],
        "outlier_detection": {
            # Only what never reached the model: an answer of 500 is the challenger's own, and is evidence.
            "split_external_local_origin_errors": True,
            "consecutive_local_origin_failure": 3,
            "enforcing_consecutive_local_origin_failure": 100,
            "enforcing_consecutive_5xx": 0,
            "enforcing_success_rate": 0,
            "enforcing_local_origin_success_rate": 0,
            "enforcing_consecutive_gateway_failure": 0,
            "base_ejection_time": "2s",
            "max_ejection_time": "10s",
            "max_ejection_percent": 100,
            "interval": "1s",
        },
    }


def _cluster(name: str, endpoints: list[str]) -> Node:
    limits = {"max_connections": _MANY, "max_pending_requests": _MANY, "max_requests": _MANY, "max_retries": _MANY}
    return {
        "name": name,
        "type": "STATIC",
        "connect_timeout": "1s",
        "circuit_breakers": {"thresholds": [limits]},
        "typed_extension_protocol_options": {
            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
                "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
                "common_http_protocol_options": {"idle_timeout": "60s"},
                "explicit_http_config": {"http_protocol_options": {}},
            },
        },
        "load_assignment": {
            "cluster_name": name,
            "endpoints": [_locality(endpoint, priority) for priority, endpoint in enumerate(endpoints)],
        },
    }


def _locality(endpoint: str, priority: int) -> Node:
    host, _, port = endpoint.rpartition(":")
    address = {"socket_address": {"address": host, "port_value": int(port)}}
    return {"priority": priority, "lb_endpoints": [{"endpoint": {"address": address}}]}
