"""How ``package`` is called."""

from __future__ import annotations

from legion_ci.calls.digests import Digests, of_section
from legion_ci.context import Context
from legion_ci.results import (
    StageResult,
)


def run(c: Context) -> StageResult:
    """Call the stage."""
    from legion_ci.package import stage

    c.need("quality", "package")
    return stage.run(
        c.settings.package,
        trained=c.need("train", "package"),
        work=c.run.folder,
        tools=c.tools,
        find_links=c.settings.distribution.find_links,
    )


def inputs(c: Context) -> Digests:
    """Digests of everything that its result depends on."""
    from legion_ci.core import wheel

    c.need("quality", "package")
    return {
        "settings.package": of_section(c.settings.package),
        "artefact": c.need("train", "package").model.artefact.digest,
        "wheel": wheel.digest(),
    }
