"""How ``promote`` is called."""

from __future__ import annotations

from legion_ci import aliases
from legion_ci.calls.digests import Digests, of_section
from legion_ci.context import Context
from legion_ci.core.files import digest_bytes
from legion_ci.results import (
    PerfResult,
    QualityResult,
    StageResult,
)


def run(c: Context) -> StageResult:
    """Call the stage."""
    from legion_ci.promote import stage

    quality: QualityResult = c.need("quality", "promote")
    perf: PerfResult = c.need("perf", "promote")
    said = stage.run(
        c.settings.promote.model_copy(update={"in_build": 0.0}) if c.once else c.settings.promote,
        quality=quality,
        perf=perf,
        deployed=c.need("deploy", "promote"),
        site=c.site,
        work=c.run.folder,
        first=c.first,
        tools=c.tools,
    )
    aliases.follow(c.site, c.settings.store, c.tools)
    return said


def inputs(c: Context) -> Digests:
    """Digests of everything that its result depends on."""
    return {
        "settings.promote": of_section(c.settings.promote),
        "deployment": digest_bytes(c.need("deploy", "promote").deployment.encode()),
    }
