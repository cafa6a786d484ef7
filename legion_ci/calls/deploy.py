"""How ``deploy`` is called."""

from __future__ import annotations

from legion_ci import aliases
from legion_ci.calls.digests import Digests, of_section
from legion_ci.context import Context
from legion_ci.results import (
    StageResult,
)


def run(c: Context) -> StageResult:
    """Call the stage."""
    from legion_ci.deploy import stage
    from legion_ci.feedback import policy

    c.need("quality", "deploy")
    kept = c.settings.feedback
    policy.write(c.site.feedback, policy.Policy(sample=kept.sample, redact=kept.redact))
    said = stage.run(
        c.settings.deploy,
        packaged=c.need("package", "deploy"),
        trained=c.need("train", "deploy"),
        site=c.site,
        folder=c.loaded.folder,
        work=c.run.folder,
        first=c.first or c.settings.site.branch is not None,  # the site of a branch has no champion of its own
        tools=c.tools,
        find_links=c.settings.distribution.find_links,
    )
    aliases.follow(c.site, c.settings.store, c.tools)
    return said


def inputs(c: Context) -> Digests:
    """Digests of everything that its result depends on."""
    return {"settings.deploy": of_section(c.settings.deploy), "package": c.need("package", "deploy").package.digest}
