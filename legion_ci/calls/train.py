"""How ``train`` is called."""

from __future__ import annotations

import msgspec

from legion_ci import provenance
from legion_ci.calls.digests import Digests, of_section
from legion_ci.context import Context
from legion_ci.core.files import digest_bytes
from legion_ci.data.source import tagged
from legion_ci.results import (
    StageResult,
)


def run(c: Context) -> StageResult:
    """Call the stage."""
    from legion_ci.train import stage

    s, found = c.settings, provenance.look(c.loaded.folder, c.tools.shell)
    data = tagged(s.data, "train")
    digests = stage.inputs(s.train, data, c.loaded.folder)
    origin = msgspec.structs.replace(
        found,
        code=digests["code"],
        settings=of_section(s.train),
        data={k.removeprefix("data."): v for k, v in digests.items() if k.startswith("data.")},
    )
    return stage.run(
        s.train,
        data,
        model=s.model,
        store=s.store,
        folder=c.loaded.folder,
        work=c.run.folder,
        site=c.site,
        provenance=origin,
        find_links=s.distribution.find_links,
        tools=c.tools,
    )


def inputs(c: Context) -> Digests:
    """Digests of everything that its result depends on."""
    from legion_ci.train import stage

    s = c.settings
    seen = tagged(s.data, "train")
    data = {f"settings.data.{n}": of_section(d) for n, d in seen.items()}
    return {
        "settings.train": of_section(s.train),
        "settings.model": of_section(s.model),
        "settings.store": of_section(s.store),
        "site": digest_bytes(str(c.site.path).encode()),
        **data,
        **stage.inputs(s.train, seen, c.loaded.folder),
    }
