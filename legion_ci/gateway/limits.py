"""How many requests a second users may send in all: beyond it 429 with ``Retry-After``, before a model is asked."""

from __future__ import annotations

from legion_ci.gateway.document import Node, header, typed

_FILTER = "envoy.filters.http.local_ratelimit"
_TYPE = "extensions.filters.http.local_ratelimit.v3.LocalRateLimit"


def filters() -> list[Node]:
    """The listener's filter; routes say what holds on them, and without a word nothing does."""
    return [typed(_FILTER, _TYPE, stat_prefix="limit")]


def limited(rate: int | None) -> dict[str, Node]:
    """What a route's ``typed_per_filter_config`` adds; rate: requests a second of all users together."""
    if rate is None:
        return {}
    always = {"default_value": {"numerator": 100, "denominator": "HUNDRED"}}
    return {
        _FILTER: {
            "@type": f"type.googleapis.com/envoy.{_TYPE}",
            "stat_prefix": "limit",
            "token_bucket": {"max_tokens": rate, "tokens_per_fill": rate, "fill_interval": "1s"},
            "filter_enabled": always,
            "filter_enforced": always,
            "response_headers_to_add": [header("retry-after", "1")],
        }
    }
