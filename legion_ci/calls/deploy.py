"""How ``deploy`` is called."""

from __future__ import annotations

from legion_ci.calls.digests import Digests, of_section
from legion_ci.context import Context
from legion_ci.results import (
    StageResult,
)


def run(c: Context) -> StageResult:
    """Call the stage."""
    from legion_ci.deploy import stage

    c.need("quality", "deploy")
    return stage.run(
        c.settings.deploy,
        packaged=c.need("package", "deploy"),
        trained=c.need("train", "deploy"),
        site=c.site,
        folder=c.loaded.folder,
        work=c.run.folder,
        first=c.first,
        tools=c.tools,
        find_links=c.settings.distribution.find_links,
    )


def inputs(c: Context) -> Digests:
    """Digests of everything that its result depends on."""
    return {"settings.deploy": of_section(c.settings.deploy), "package": c.need("package", "deploy").package.digest}
