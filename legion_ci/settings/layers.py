"""The layers: defaults < platform file < legion.yaml < environment < flags; each value knows its origin."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from legion_ci.core.errors import ConfigurationError, Problem
from legion_ci.settings import yaml
from legion_ci.settings.schema import DataSettings
from legion_ci.settings.yaml import Key, Layer

PREFIX = "LEGION__"
PLATFORM = "LEGION_PLATFORM"
_SWAPPED = {"data": frozenset(DataSettings.model_fields), "sinks": frozenset[str]()}  # section -> what stays at a swap


def stack(file: Path, flags: Sequence[str], environment: Mapping[str, str]) -> Layer:
    """All layers merged, later ones over earlier ones; mappings are merged, everything else is replaced.

    A layer that names another ``use`` for a data set or a sink swaps it: what earlier layers told the other plug-in goes.
    """
    layers = [*_platform(environment), yaml.read(file), _environment(environment), _flags(flags)]
    total = Layer()
    for layer in layers:
        _merge(total, layer.values, (), layer.origins)
    return total


def _platform(environment: Mapping[str, str]) -> list[Layer]:
    if told := environment.get(PLATFORM):
        return [yaml.read(Path(told), told)]
    home = Path(environment.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "legion" / "platform.yaml"
    return [yaml.read(p, str(p)) for p in (Path("/etc/legion/platform.yaml"), home) if p.is_file()][-1:]


def _environment(environment: Mapping[str, str]) -> Layer:
    layer = Layer()
    for name, text in sorted(environment.items()):
        if name.startswith(PREFIX) and len(name) > len(PREFIX):
            _put(layer, tuple(name[len(PREFIX) :].lower().split("__")), text, name)
    return layer


def _flags(flags: Sequence[str]) -> Layer:
    layer = Layer()
    bad = [f for f in flags if "=" not in f or not f.partition("=")[0].strip()]
    if bad:
        raise ConfigurationError(
            [Problem("is not KEY=VALUE", f"--set {f}", "write it like --set quality.alpha=0.01") for f in bad]
        )
    for flag in flags:
        name, _, text = flag.partition("=")
        _put(layer, tuple(name.strip().split(".")), text, f"--set {name.strip()}")
    return layer


def _put(layer: Layer, key: tuple[str, ...], text: str, origin: str) -> None:
    values = layer.values
    for i, part in enumerate(key[:-1]):
        values = values.setdefault(part, {})
        layer.origins.setdefault(key[: i + 1], origin)
        if not isinstance(values, dict):
            raise ConfigurationError(f"{'.'.join(key[: i + 1])} is a value, not a section", where=origin)
    values[key[-1]] = yaml.scalar(text)
    _tell(layer, key, values[key[-1]], origin)


def _tell(layer: Layer, key: Key, value: Any, origin: str) -> None:
    """The origin of a value, and of everything in it."""
    layer.origins[key] = origin
    for name, inner in value.items() if isinstance(value, dict) else ():
        _tell(layer, (*key, name), inner, origin)


def _merge(total: Layer, values: Mapping[str, Any], key: Key, origins: Mapping[Key, str]) -> None:
    target = total.values
    for part in key:
        target = target[str(part)]
    for name, value in values.items():
        here = (*key, name)
        if isinstance(value, dict) and isinstance(target.get(name), dict):
            _swap(total, target[name], value, here)
            _merge(total, value, here, origins)
            continue
        target[name] = _copied(value)
        for old in [k for k in total.origins if k[: len(here)] == here]:
            del total.origins[old]
        total.origins.update({k: v for k, v in origins.items() if k[: len(here)] == here})


def _swap(total: Layer, target: dict[str, Any], value: Mapping[str, Any], here: Key) -> None:
    if len(here) != 2 or here[0] not in _SWAPPED or value.get("use", _use(target)) == _use(target):
        return
    for gone in [k for k in target if k not in _SWAPPED[str(here[0])]]:
        del target[gone]
        for key in [k for k in total.origins if k[:3] == (*here, gone)]:
            del total.origins[key]


def _use(values: Mapping[str, Any]) -> Any:
    return values.get("use", "parquet")


def _copied(value: Any) -> Any:
    return {k: _copied(v) for k, v in value.items()} if isinstance(value, dict) else value


def current_environment() -> Mapping[str, str]:
    """The process's environment; the only place that settings are read from it."""
    return os.environ
