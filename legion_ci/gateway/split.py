"""Envoy's routes (rds.yaml): the A/B split, each deployment by itself, and the outcome collector."""

from __future__ import annotations

import json

from legion_ci.gateway.auth import SUBJECT, Auth, Trust, everywhere, guarded
from legion_ci.gateway.clusters import COLLECTOR, is_backed, split_name
from legion_ci.gateway.document import Node, header
from legion_ci.gateway.limits import limited
from legion_ci.gateway.routes import Routes, Segment

NAME = "models"
REQUEST_ID = "%REQ(x-request-id)%"
_TIMEOUT = "60s"
_PERF = [{"name": "x-legion-purpose", "string_match": {"exact": "perf"}}]  # only the gateway itself can have set it


def build(routes: Routes, unit_header: str, trust: Trust, rate: int | None = None) -> Node:
    """The route configuration; the first route that matches a request takes it. rate: of users' requests, 1/s."""
    entries = [
        *_feedback(routes, trust.auth),
        *_direct(routes, trust.auth),
        _unknown(),
        *_split(routes, unit_header, trust.auth, rate),
    ]
    return {
        "name": NAME,
        "virtual_hosts": [{"name": "all", "domains": ["*"], "routes": entries, **everywhere(trust.revoked)}],
        "request_headers_to_add": [header("request-id", REQUEST_ID)],
        "response_headers_to_add": [header("request-id", REQUEST_ID)],
    }


def _feedback(routes: Routes, auth: Auth | None) -> list[Node]:
    """Outcomes are taken from whoever may ask the live model."""
    if not routes.feedback:
        return []
    addresses = ({"path": "/api/v1/feedback"}, {"safe_regex": {"regex": "/api/model/[^/]+/[^/]+/feedback"}})
    return [
        {
            "match": match,
            "route": {"cluster": COLLECTOR, "timeout": "15s"},
            "request_headers_to_remove": ["x-legion-purpose", "legion-purpose"],
            **guarded(auth, _role(routes)),
        }
        for match in addresses
    ]


def _role(routes: Routes) -> str:
    champion = routes.champion_arm
    return champion.role if champion else ""


def _direct(routes: Routes, auth: Auth | None) -> list[Node]:
    """Two routes a deployment: load tests keep their mark, everything else is marked as direct."""
    entries = []
    for arm in routes.arms:
        common = {"request_headers_to_remove": ["legion-purpose"], **guarded(auth, arm.role)}
        prefix = f"/model/{arm.deployment}/"
        route = {"cluster": arm.deployment, "timeout": _TIMEOUT, "prefix_rewrite": "/", "retry_policy": _retries()}
        arm_header = header("x-legion-arm", arm.deployment)
        direct = header("x-legion-purpose", "direct")
        entries += [
            {
                "match": {"prefix": prefix, "headers": _PERF},
                "route": route,
                "request_headers_to_add": [arm_header],
                **common,
            },
            {"match": {"prefix": prefix}, "route": route, "request_headers_to_add": [arm_header, direct], **common},
        ]
    return entries


def _unknown() -> Node:
    return _answer("/model/", 404, "there is no such deployment here")


def _split(routes: Routes, unit_header: str, auth: Auth | None, rate: int | None) -> list[Node]:
    """Users' route, and before it the one of load tests, which are never mirrored: a copy would pass for evidence."""
    if not routes.segments:
        return [_answer("/", 503, "no model takes traffic here yet")]
    route: Node = {
        "weighted_clusters": {
            "use_hash_policy": True,
            "clusters": [_weighted(routes, segment) for segment in routes.segments],
        },
        "hash_policy": [
            *([_hash(SUBJECT, routes.experiment, terminal=True)] if auth else []),
            _hash(unit_header, routes.experiment, terminal=True),
            _hash("x-request-id", routes.experiment, terminal=False),
        ],
        "timeout": _TIMEOUT,
        "retry_policy": _retries(),
    }
    mirrored = {"request_mirror_policies": [_mirror(routes.mirror)]} if routes.mirror else {}
    unit = [header(unit_header, f"%REQ({SUBJECT}?{unit_header})%")] if auth else []
    common = {
        **({"request_headers_to_add": unit} if unit else {}),
        "request_headers_to_remove": ["legion-purpose"],
        **guarded(auth, _role(routes)),
    }
    return [
        {"match": {"prefix": "/", "headers": _PERF}, "route": route, **common},
        _with({"match": {"prefix": "/"}, "route": {**route, **mirrored}, **common}, limited(rate)),
    ]


def _with(entry: Node, filters: dict[str, Node]) -> Node:
    """A route with more said about filters."""
    if not filters:
        return entry
    return {**entry, "typed_per_filter_config": {**entry.get("typed_per_filter_config", {}), **filters}}


def _weighted(routes: Routes, segment: Segment) -> Node:
    name = segment.deployment
    facts = {
        "x-legion-arm": name,
        "x-legion-share": f"{routes.share(name):g}",
        "x-legion-experiment": routes.experiment,
        "x-legion-step": routes.step,
    }
    return {
        "name": split_name(name) if is_backed(routes, name) else name,
        "weight": segment.width,
        "request_headers_to_add": [header(key, value) for key, value in facts.items() if value],
    }


def _hash(header_name: str, salt: str, *, terminal: bool) -> Node:
    """Hash of a header's value behind the experiment's salt, so that two experiments assign independently."""
    salted = {"pattern": {"regex": "^(.*)$"}, "substitution": f"{salt}:\\1"}
    policy: Node = {"header": {"header_name": header_name, "regex_rewrite": salted}}
    return {**policy, "terminal": True} if terminal else policy


def _mirror(deployment: str) -> Node:
    marked = [{"append": header("x-legion-purpose", "shadow")}]
    return {"cluster": deployment, "request_headers_mutations": marked}


def _retries() -> Node:
    """Only where the model cannot have seen the request; a dead challenger's go to the champion."""
    previous = "envoy.retry_priorities.previous_priorities"
    message = f"type.googleapis.com/{previous.replace('retry_priorities.', 'extensions.retry.priority.')}"
    return {
        "retry_on": "connect-failure,refused-stream,reset-before-request",
        "num_retries": 6,
        "retry_back_off": {"base_interval": "0.025s", "max_interval": "1s"},
        "retry_priority": {
            "name": previous,
            "typed_config": {"@type": f"{message}.v3.PreviousPrioritiesConfig", "update_frequency": 1},
        },
    }


def _answer(prefix: str, status: int, message: str) -> Node:
    return {
        "match": {"prefix": prefix},
        "direct_response": {"status": status, "body": {"inline_string": json.dumps({"message": message})}},
        "response_headers_to_add": [header("content-type", "application/json")],
    }
