"""Small pieces of Envoy's configuration that every file is made of: typed extensions, header changes, documents."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import yaml

Node = dict[str, Any]
_API = "type.googleapis.com/"


def typed(name: str, message: str, **fields: Any) -> Node:
    """An extension ``name`` whose configuration is the protobuf ``message`` (after ``envoy.``)."""
    return {"name": name, "typed_config": {"@type": f"{_API}envoy.{message}", **fields}}


def header(name: str, value: str) -> Node:
    """Set a header to ``value`` whatever was there; an empty value leaves it out. ``value`` may hold %COMMAND%s."""
    return {"header": {"key": name, "value": value}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}


def discovery(message: str, resources: list[Node], revision: int) -> str:
    """A discovery file: its version is the routes' revision and a digest, so that any change has its own."""
    content = json.dumps(resources, sort_keys=True).encode()
    version = f"{revision}.{hashlib.sha256(content).hexdigest()[:12]}"
    listed = [{"@type": f"{_API}envoy.{message}", **resource} for resource in resources]
    return dump({"version_info": version, "resources": listed})


def version_of(text: str) -> str:
    """The version of a discovery file made here."""
    first = text.partition("\n")[0]
    return first.removeprefix("version_info:").strip().strip("'\"")


def dump(document: Node) -> str:
    """YAML in the order of the keys, without anchors and without breaking long lines."""
    text: str = yaml.dump(document, Dumper=_Plain, sort_keys=False, width=100_000, default_flow_style=False)
    return text


class _Plain(getattr(yaml, "CSafeDumper", yaml.SafeDumper)):  # type: ignore[misc]
    """Writes a value that occurs twice twice."""

    def ignore_aliases(self, data: Any) -> bool:
        """Never an alias."""
        return True
