"""``legion-ci integrations``: the installed plug-ins as a table, one plug-in's settings, or all of it as JSON."""

from __future__ import annotations

import difflib

import msgspec

from legion_ci.core import plugins
from legion_ci.core.errors import ConfigurationError
from legion_ci.core.tools import Tools
from legion_ci.integrations import catalogue
from legion_ci.integrations.catalogue import Integration


def show(tools: Tools, name: str, group: str, json: bool) -> int:
    """Print the plug-ins; name: only those of that name, with their settings."""
    if group and group not in plugins.GROUPS:
        raise ConfigurationError(
            f"there is no group {group!r}", where="--group", todo=f"there are {', '.join(plugins.GROUPS)}"
        )
    found = list(catalogue.installed(group, name))
    if name and not found:
        known = {i.name for i in catalogue.installed(group)}
        near = difflib.get_close_matches(name, known, n=1)
        hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(sorted(known))}"
        raise ConfigurationError(f"there is no plug-in {name!r}", where="--name", todo=hint)
    if json:
        print(msgspec.json.format(msgspec.json.encode(found, enc_hook=str), indent=2).decode())
    else:
        print("\n\n".join(settings(one) for one in found) if name else table(found))
    return 0


def table(found: list[Integration]) -> str:
    """One line a plug-in: group, name, where from, what it is, or what is wrong with it."""
    rows = [
        (i.group, i.name, i.distribution, f"BROKEN: {i.problem}" if i.problem else _sentence(i.about)) for i in found
    ]
    widths = [max(len(row[k]) for row in rows) for k in range(3)] if rows else []
    return "\n".join("  ".join([*(f"{c:{w}}" for c, w in zip(row, widths, strict=False)), row[3]]) for row in rows)


def settings(one: Integration) -> str:
    """A plug-in with its settings."""
    lines = [f"{one.group} {one.name}: {one.about or one.problem}", f"  {one.object} of {one.distribution}"]
    width = max((len(s.name) for s in one.settings), default=0)
    lines += [
        f"  {s.name:{width}}  {s.type}{', required' if s.required else f', default {s.default!r}'}"
        for s in one.settings
    ]
    return "\n".join(lines)


def _sentence(text: str) -> str:
    head = text.split(". ")[0].rstrip(".")
    return head if len(head) <= 90 else head[:89] + "…"
