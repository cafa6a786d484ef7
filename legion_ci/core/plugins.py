"""The plug-in registry: standard entry points, looked up by name, loaded only when used.

Built-in trainers, packagers, deployers, data sources and checks register in the same way as anybody's.
"""

from __future__ import annotations

import difflib
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from legion_ci.core.errors import PluginError, missing_package

GROUPS = ("trainers", "packagers", "deployers", "data_sources", "data_sinks", "checks")


@cache
def installed(group: str) -> dict[str, EntryPoint]:
    """Entry points of ``legion_ci.<group>`` by name."""
    return {e.name: e for e in entry_points(group=f"legion_ci.{group}")}


def load(group: str, name: str, where: str = "") -> Any:
    """The plug-in class ``name`` of ``group``; raises PluginError with the nearest name or the install line."""
    found = installed(group)
    if name not in found:
        near = difflib.get_close_matches(name, found, n=1)
        hint = f"did you mean {near[0]}?" if near else f"installed are: {', '.join(sorted(found)) or 'none'}"
        raise PluginError(f"there is no {group[:-1].replace('_', ' ')} named {name!r}", where=where, todo=hint)
    try:
        return found[name].load()
    except ImportError as error:
        if (error.name or "").startswith("legion_ci"):
            raise  # ours: a bug, not something to install
        raise missing_package(error, where) from error
