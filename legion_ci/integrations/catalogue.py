"""Every installed plug-in: where it is from, what it is, and its settings with their schema."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import EntryPoint
from typing import Any

import msgspec

from legion_ci.core import plugins
from legion_ci.core.errors import LegionError


class Setting(msgspec.Struct, frozen=True, kw_only=True):
    """One option. required: it has no default."""

    name: str
    type: str
    required: bool
    default: Any = None


class Integration(msgspec.Struct, frozen=True, kw_only=True):
    """One plug-in. group: of entry points. distribution: name and version. problem: why it cannot be used, empty when it can."""

    group: str
    name: str
    distribution: str
    object: str
    about: str = ""
    problem: str = ""
    settings: list[Setting] = []
    schema: dict[str, Any] = {}


def installed(group: str = "", name: str = "") -> Iterator[Integration]:
    """All plug-ins in order of group and name; those that are broken say so and hide no other."""
    for one in plugins.GROUPS if not group else (group,):
        for plugin, entry in sorted(plugins.installed(one).items()):
            if not name or plugin == name:
                yield _look(one, plugin, entry)


def _look(group: str, name: str, entry: EntryPoint) -> Integration:
    found = Integration(group=group, name=name, distribution=_distribution(entry), object=entry.value)
    try:
        plugin = plugins.load(group, name)
        schema = plugin.Settings.model_json_schema()
    except LegionError as error:
        return msgspec.structs.replace(found, problem=str(error))
    except Exception as error:  # a stranger's module may do anything
        return msgspec.structs.replace(found, problem=f"{type(error).__name__}: {error}")
    about = " ".join((plugin.__doc__ or "").split())
    settings = list(_settings(plugin.Settings, schema))
    return msgspec.structs.replace(found, about=about, settings=settings, schema=schema)


def _settings(model: Any, schema: dict[str, Any]) -> Iterator[Setting]:
    needed = schema.get("required", [])
    for name, told in schema.get("properties", {}).items():
        default = model.model_fields[name].get_default(call_default_factory=True) if name not in needed else None
        yield Setting(name=name, type=kind(told, schema), required=name in needed, default=_plain(default))


def kind(told: dict[str, Any], schema: dict[str, Any]) -> str:
    """A type of JSON schema for people."""
    if "anyOf" in told:
        return " or ".join(dict.fromkeys(kind(one, schema) for one in told["anyOf"]))
    if reference := told.get("$ref"):
        return str(reference.rpartition("/")[2])
    if "enum" in told or "const" in told:
        return ", ".join(str(v) for v in told.get("enum", [told.get("const")]))
    if told.get("type") == "array":
        inner: dict[str, Any] = told.get("items") or next(iter(told.get("prefixItems", [])), {})
        return f"list of {kind(inner, schema)}"
    if told.get("type") == "object":
        values = told.get("additionalProperties")
        return f"map to {kind(values, schema)}" if isinstance(values, dict) and values else "map"
    return str(told.get("type", "anything"))


def _plain(value: Any) -> Any:
    try:
        return msgspec.to_builtins(value.model_dump(mode="json") if hasattr(value, "model_dump") else value)
    except TypeError:
        return str(value)


def _distribution(entry: EntryPoint) -> str:
    return f"{entry.dist.name} {entry.dist.version}" if entry.dist else ""
