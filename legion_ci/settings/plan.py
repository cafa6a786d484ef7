"""The effective configuration as a table: each value with the layer and place that it came from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from legion_ci.settings.load import Loaded
from legion_ci.settings.yaml import Key

DEFAULT = "default"


@dataclass(frozen=True)
class Row:
    """One value."""

    key: str
    value: Any
    origin: str


def rows(loaded: Loaded) -> list[Row]:
    """Every leaf of the configuration in the order of the schema."""
    return [Row(".".join(map(str, key)), value, _origin(key, loaded)) for key, value in _leaves(loaded.settings, ())]


def text(table: list[Row]) -> str:
    """The table for people."""
    width = max(len(r.key) for r in table)
    values = [str(r.value) for r in table]
    wide = min(44, max(len(v) for v in values))
    return "\n".join(f"{r.key:{width}}  {v:{wide}}  {r.origin}" for r, v in zip(table, values, strict=True))


def _leaves(value: Any, key: Key) -> Iterator[tuple[Key, Any]]:
    if isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from _leaves(getattr(value, name), (*key, name))
    elif isinstance(value, dict) and value:
        for name, item in value.items():
            yield from _leaves(item, (*key, str(name)))
    elif isinstance(value, tuple) and any(isinstance(v, BaseModel) for v in value):
        for index, item in enumerate(value):
            yield from _leaves(item, (*key, index))
    else:
        yield key, list(value) if isinstance(value, tuple) else value


def _origin(key: Key, loaded: Loaded) -> str:
    return loaded.origins.get(key, DEFAULT)
