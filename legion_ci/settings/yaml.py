"""YAML with places: plain values, and for each of them the file, line and column that it was written at."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from legion_ci.core.errors import ConfigurationError, Problem

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
Key = tuple[str | int, ...]


@dataclass
class Layer:
    """Values of one layer, and the origin of each path in it."""

    values: dict[str, Any] = field(default_factory=dict)
    origins: dict[Key, str] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)


def read(path: Path, shown: str | None = None) -> Layer:
    """A YAML file as a layer; lists become tuples. Raises ConfigurationError with the place of a syntax error."""
    shown = shown or path.name
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ConfigurationError(
            "there is no such file", where=str(path), todo="legion-ci init makes a model repository"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"cannot be read ({error})", where=str(path)) from error
    loader = _Loader(text)
    try:
        node = loader.get_single_node()
        if node is None:
            return Layer()
        layer = Layer()
        value = _construct(loader, node, (), shown, layer)
    except yaml.YAMLError as error:
        raise _syntax(error, shown) from error
    finally:
        loader.dispose()
    if not isinstance(value, dict):
        raise ConfigurationError(
            "is not a mapping of sections", where=f"{shown}:1:1", todo="start with model: {name: …}"
        )
    layer.values = value
    if layer.problems:
        raise ConfigurationError(layer.problems)
    return layer


def scalar(text: str) -> Any:
    """A value given on the command line or in the environment, by YAML's rules; lists become tuples."""
    try:
        return _tuples(yaml.safe_load(text))
    except yaml.YAMLError:
        return text


def _construct(loader: Any, node: yaml.Node, key: Key, shown: str, layer: Layer) -> Any:
    place = f"{shown}:{node.start_mark.line + 1}:{node.start_mark.column + 1}"
    layer.origins[key] = place
    if isinstance(node, yaml.MappingNode):
        return _mapping(loader, node, key, shown, layer)
    if isinstance(node, yaml.SequenceNode):
        return tuple(_construct(loader, item, (*key, i), shown, layer) for i, item in enumerate(node.value))
    return loader.construct_object(node, deep=True)


def _mapping(loader: Any, node: yaml.MappingNode, key: Key, shown: str, layer: Layer) -> dict[str, Any]:
    loader.flatten_mapping(node)
    result: dict[str, Any] = {}
    for name_node, value_node in node.value:
        name = str(loader.construct_object(name_node, deep=True))
        place = f"{shown}:{name_node.start_mark.line + 1}:{name_node.start_mark.column + 1}"
        if name in result:
            layer.problems.append(Problem(f"{name!r} is there twice", place, "remove one of them"))
        result[name] = _construct(loader, value_node, (*key, name), shown, layer)
        layer.origins[(*key, name)] = place
    return result


def _tuples(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(_tuples(v) for v in value)
    if isinstance(value, dict):
        return {str(k): _tuples(v) for k, v in value.items()}
    return value


def _syntax(error: yaml.YAMLError, shown: str) -> ConfigurationError:
    mark = getattr(error, "problem_mark", None)
    place = f"{shown}:{mark.line + 1}:{mark.column + 1}" if mark else shown
    return ConfigurationError(
        f"is not valid YAML ({getattr(error, 'problem', error)})",
        where=place,
        todo="check indentation, colons and quotes",
    )
