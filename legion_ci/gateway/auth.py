"""Who may ask (auth.yaml, and what routes say about it): JWT verification, roles, revoked tokens, signed purposes."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import msgspec

from legion_ci.gateway import purpose
from legion_ci.gateway.document import Node, discovery, typed
from legion_ci.gateway.revoked import Revoked

JWT, ROLE, REVOKED = "legion.jwt", "legion.role", "legion.revoked"
SUBJECT = "x-legion-sub"
KEYS_CLUSTER = "jwks"
_HTTP = "extensions.filters.http"
_TYPE = f"{_HTTP}.jwt_authn.v3"
_API = "type.googleapis.com/envoy."
_FILTER = "envoy.filters.http.jwt_authn"  # dynamic metadata has this name whatever the filter is called


class Auth(msgspec.Struct, frozen=True, kw_only=True):
    """How users' tokens are verified. jwks: URL, file, or "" for the site's own keys; clock_skew_s: seconds."""

    issuer: str
    audiences: tuple[str, ...]
    jwks: str = ""
    clock_skew_s: int = 60
    role_claim: str = "roleName"

    @property
    def url(self) -> str:
        """Where Envoy fetches the keys itself; "" when they are a file."""
        return self.jwks if self.jwks.startswith(("http://", "https://")) else ""


class Trust(msgspec.Struct, frozen=True, kw_only=True):
    """What rendering needs about tokens. site_keys, user_keys: JSON Web Key Sets; auth: None leaves routes open."""

    site_keys: str = '{"keys":[]}'
    auth: Auth | None = None
    user_keys: str = ""
    revoked: Revoked = Revoked()


def filters(watched: Node) -> list[Node]:
    """The listener's filters. Keys and providers come from a watched file: they change without a restart."""
    discovered = {"config_source": watched, "type_urls": [f"{_API}{_TYPE}.JwtAuthentication"]}
    return [
        {"name": JWT, "config_discovery": discovered},
        typed(REVOKED, f"{_HTTP}.rbac.v3.RBAC"),
        typed(ROLE, f"{_HTTP}.rbac.v3.RBAC"),
    ]


def build(trust: Trust) -> str:
    """auth.yaml: providers of users' tokens and of signed purposes. A change of routes leaves its version as it is."""
    wanted: Node = {"requires_any": {"requirements": [{"provider_name": "purpose"}, {"allow_missing_or_failed": {}}]}}
    providers, needs = {"purpose": _purpose(trust.site_keys)}, {"open": wanted}
    if trust.auth is not None:
        providers["user"] = _user(trust.auth, trust.user_keys)
        needs["user"] = {"requires_all": {"requirements": [{"provider_name": "user"}, wanted]}}
    verify = {"@type": f"{_API}{_TYPE}.JwtAuthentication", "providers": providers, "requirement_map": needs}
    return discovery("config.core.v3.TypedExtensionConfig", [{"name": JWT, "typed_config": verify}], 0)


def everywhere(revoked: Revoked) -> dict[str, Any]:
    """What holds on every route that says nothing else: signed purposes are read, revoked tokens denied."""
    denied = [*(_claim("jti", v) for v in revoked.jti), *(_claim("sub", v) for v in revoked.sub)]
    rules = {REVOKED: _rbac("DENY", denied)} if denied else {}
    return {"typed_per_filter_config": {JWT: _need("open"), **rules}}


def guarded(auth: Auth | None, role: str) -> dict[str, Any]:
    """What a route adds to ask for a token, and for a role in it; nothing when tokens are not asked for."""
    if auth is None:
        return {}
    roles = {ROLE: _rbac("ALLOW", [_claim(auth.role_claim, role)])} if role else {}
    return {"typed_per_filter_config": {JWT: _need("user"), **roles}}


def _need(name: str) -> Node:
    return {"@type": f"{_API}{_TYPE}.PerRouteConfig", "requirement_name": name}


def _purpose(site_keys: str) -> Node:
    return {
        "issuer": purpose.ISSUER,
        "audiences": [purpose.AUDIENCE],
        "require_expiration": True,
        "from_headers": [{"name": purpose.HEADER}],
        "forward": False,
        "claim_to_headers": [{"header_name": purpose.SEEN, "claim_name": "purpose"}],
        "clear_route_cache": True,
        "local_jwks": {"inline_string": site_keys},
    }


def _user(auth: Auth, user_keys: str) -> Node:
    return {
        "issuer": auth.issuer,
        "audiences": list(auth.audiences),
        "require_expiration": True,
        "clock_skew_seconds": auth.clock_skew_s,
        "from_headers": [{"name": "authorization", "value_prefix": "Bearer "}],
        "forward": False,  # models need no tokens, and may log what they are sent
        "payload_in_metadata": "user",
        "claim_to_headers": [{"header_name": SUBJECT, "claim_name": "sub"}],
        "clear_route_cache": True,  # the arm is chosen by the subject, which was not known before
        **(_remote(auth.url) if auth.url else {"local_jwks": {"inline_string": user_keys}}),
    }


def _remote(url: str) -> Node:
    uri = {"uri": url, "cluster": KEYS_CLUSTER, "timeout": "5s"}
    return {"remote_jwks": {"http_uri": uri, "cache_duration": "300s"}}


def keys_endpoint(auth: Auth | None) -> tuple[str, int, bool] | None:
    """Host, port and whether TLS is spoken where Envoy fetches keys; None when it fetches none."""
    if auth is None or not auth.url:
        return None
    parts = urlsplit(auth.url)
    secure = parts.scheme == "https"
    return parts.hostname or "", parts.port or (443 if secure else 80), secure


def _rbac(action: str, principals: list[Node]) -> Node:
    policy = {"permissions": [{"any": True}], "principals": principals}
    rules = {"action": action, "policies": {"tokens": policy}}
    return {"@type": f"{_API}{_HTTP}.rbac.v3.RBACPerRoute", "rbac": {"rules": rules}}


def _claim(name: str, value: str) -> Node:
    """The verified token's claim is that word, or a list that has it."""
    word = {"string_match": {"exact": value}}
    either = {"or_match": {"value_matchers": [word, {"list_match": {"one_of": word}}]}}
    path = [{"key": "user"}, {"key": name}]
    return {"sourced_metadata": {"metadata_matcher": {"filter": _FILTER, "path": path, "value": either}}}
