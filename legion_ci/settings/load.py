"""Loads and checks the configuration: all problems at once, each with its place and the nearest known word."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Union

from pydantic import BaseModel, Discriminator, Tag, ValidationError, create_model
from pydantic_core import ErrorDetails

from legion_ci.core import plugins
from legion_ci.core.errors import ConfigurationError, LegionError, PluginError, Problem
from legion_ci.core.site import Site, state_home
from legion_ci.settings import layers
from legion_ci.settings.schema import NOT_SHOWN, QualitySettings, Section, Settings
from legion_ci.settings.yaml import Key, Layer

FILE = "legion.yaml"
_SECTIONS = {"train": "trainers", "package": "packagers", "deploy": "deployers"}
_TAG = "use:"


@dataclass(frozen=True)
class Loaded:
    """The settings, where each value came from, and the model repository that they belong to."""

    settings: Settings
    origins: Mapping[Key, str]
    folder: Path

    @property
    def site(self) -> Site:
        """The model's site, or that of the branch."""
        return _site(self.settings, self.folder)

    @property
    def main_site(self) -> Site:
        """The site whose users the champion serves, also for a branch."""
        return _main_site(self.settings, self.folder)


def load(file: Path, flags: Sequence[str] = (), environment: Mapping[str, str] | None = None) -> Loaded:
    """The configuration of the model repository that holds ``file``.

    Raises ConfigurationError with every problem found, or PluginError when the only problems are unknown plug-ins.
    """
    layer = layers.stack(file, flags, layers.current_environment() if environment is None else environment)
    schema = _complete(layer)
    try:
        settings = schema.model_validate(layer.values)
    except ValidationError as error:
        raise ConfigurationError([_problem(e, layer, schema) for e in error.errors()]) from None
    folder = file.resolve().parent
    data = {n: d.at(_main_site(settings, folder), settings.promote, folder) for n, d in settings.data.items()}
    settings = _on_a_branch(settings.model_copy(update={"data": data}))
    _place(settings, (), layer.origins)
    return Loaded(settings, layer.origins, folder)


def _site(settings: Settings, folder: Path) -> Site:
    main, branch = _main_site(settings, folder), settings.site.branch
    return Site(main.path.with_name(f"{main.path.name}-branches") / branch, main.model, branch) if branch else main


def _on_a_branch(settings: Settings) -> Settings:
    """Without the ports that the main site listens at."""
    if settings.site.branch is None:
        return settings
    return settings.model_copy(update={"deploy": settings.deploy.model_copy(update={"port": None, "tls": None})})


def _main_site(settings: Settings, folder: Path) -> Site:
    told, name = settings.site.path, settings.model.name
    path = (folder / Path(told).expanduser()) if told else state_home() / name
    return Site(path.resolve(), name)


@dataclass
class _Plugins:
    """Looks plug-ins up for the schema and gathers what cannot be found."""

    layer: Layer
    problems: list[Problem] = field(default_factory=list)

    def settings(self, group: str, name: Any, key: Key) -> Any:
        """The settings class of a plug-in; None, and a problem, when there is none."""
        where = self.layer.origins.get((*key, "use"), ".".join(map(str, key)))
        try:
            return plugins.load(group, str(name), where).Settings
        except LegionError as error:
            self.problems.extend(error.problems)
            return None

    def union(self, group: str, default: str, items: Mapping[Key, Any]) -> Any:
        """One type for entries that each name their plug-in."""
        used = {str(_mapping(item).get("use", default)): key for key, item in items.items()} or {default: ()}
        models = {use: model for use, key in used.items() if (model := self.settings(group, use, key))}
        if len(models) <= 1:
            return next(iter(models.values()), Section)
        tagged = tuple(Annotated[model, Tag(_TAG + use)] for use, model in models.items())
        chosen = Discriminator(lambda v: _TAG + str(_mapping(v).get("use", default)))
        return Annotated[Union[tagged], chosen]  # noqa: UP007 - made at run time


def _complete(layer: Layer) -> type[Settings]:
    """The schema with the settings of the plug-ins that ``use`` names."""
    found = _Plugins(layer)
    fields: dict[str, Any] = {}
    for section, group in _SECTIONS.items():
        use = _mapping(layer.values.get(section)).get("use", _default_use(section))
        if model := found.settings(group, use, (section,)):
            fields[section] = (model, _made(model))
    sources: dict[Key, Any] = {("data", name): s for name, s in _mapping(layer.values.get("data")).items()}
    fields["data"] = (dict.__class_getitem__((str, found.union("data_sources", "parquet", sources))), {})
    sinks: dict[Key, Any] = {("sinks", name): s for name, s in _mapping(layer.values.get("sinks")).items()}
    fields["sinks"] = (dict.__class_getitem__((str, found.union("data_sinks", "parquet", sinks))), {})
    checks = _mapping(layer.values.get("quality")).get("checks", ())
    items: dict[Key, Any] = (
        {("quality", "checks", i): c for i, c in enumerate(checks)} if isinstance(checks, tuple) else {}
    )
    many: Any = tuple.__class_getitem__((found.union("checks", "metric", items), ...))
    quality = create_model("QualitySettings", __base__=QualitySettings, checks=(many, ()))
    fields["quality"] = (quality, quality())
    if found.problems:
        raise PluginError(found.problems)
    return create_model("Settings", __base__=Settings, **fields)


def _made(model: type[BaseModel]) -> Any:
    """The section's default: all its defaults, or required when the plug-in has settings without one."""
    try:
        return model()
    except ValidationError:
        return ...


def _default_use(section: str) -> str:
    annotation: Any = Settings.model_fields[section].annotation
    return str(annotation.model_fields["use"].default)


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _place(value: Any, key: Key, origins: Mapping[Key, str]) -> None:
    """Tell every section where it was written."""
    if isinstance(value, Section):
        value.placed(origins.get(key, ""))
        value = {name: getattr(value, name) for name in type(value).model_fields}
    if isinstance(value, dict | tuple):
        for name, item in value.items() if isinstance(value, dict) else enumerate(value):
            _place(item, (*key, name), origins)


def _problem(error: ErrorDetails, layer: Layer, schema: type[BaseModel]) -> Problem:
    key: Key = tuple(
        p
        for p in error["loc"]
        if not (isinstance(p, str) and p.startswith((_TAG, "function-", "literal[", "float", "constrained")))
    )
    where = _where(key, layer)
    path = ".".join(str(p) for p in key)
    if error["type"] == "extra_forbidden":
        return Problem(f"there is no setting {path}", where, _nearest(str(key[-1]), _fields(schema, key[:-1], layer)))
    if error["type"] == "missing":
        return Problem(f"{path} is missing", where, "add it")
    found = error.get("input")
    hidden = found is None or isinstance(found, dict | tuple) or error["type"] == NOT_SHOWN
    shown = "" if hidden else f" (found {found!r})"
    message = error["msg"].removeprefix("Value error, ")
    return Problem(f"{path}: {message[0].lower()}{message[1:]}{shown}", where)


def _where(key: Key, layer: Layer) -> str:
    for length in range(len(key), -1, -1):
        if place := layer.origins.get(key[:length]):
            return place
    return FILE


def _fields(schema: type[BaseModel], key: Key, layer: Layer) -> list[str]:
    """The settings known at a place."""
    model: Any = schema
    values: Any = layer.values
    for part in key:
        values = _below(values, part)
        known = getattr(model, "model_fields", {})
        model = _section_of(known[part].annotation if part in known else model, values) or model
    return list(model.model_fields) if hasattr(model, "model_fields") else []


def _below(values: Any, part: str | int) -> Any:
    if isinstance(values, tuple):
        return values[part] if isinstance(part, int) else {}
    return _mapping(values).get(str(part), {})


def _section_of(annotation: Any, values: Any) -> Any:
    if hasattr(annotation, "model_fields"):
        return annotation
    found = [m for a in getattr(annotation, "__args__", ()) if (m := _section_of(a, values))]
    use = _mapping(values).get("use")
    return next((m for m in found if use and use in m.__module__), found[0] if found else None)


def _nearest(word: str, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(word, known, n=1, cutoff=0.5)
    return f"did you mean {near[0]}?" if near else f"known here: {', '.join(sorted(known))}"
