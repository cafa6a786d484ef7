"""How ``package`` is called."""

from __future__ import annotations

from typing import cast

from legion_ci.calls.digests import Digests, of_section
from legion_ci.context import Context
from legion_ci.results import PackageResult, Record, StageResult, decode_result


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


def reusable(c: Context, record: Record) -> bool:
    """Whether what it made is still there: the folder, or the image in its registry."""
    made = cast(PackageResult, decode_result(record.stage, record))
    if made.image is not None and made.image.pushed:
        from legion_ci.package.image import pushed

        return pushed.is_there(made.image, c.settings.package, c.tools)
    from legion_ci.store.artefacts import local_path

    path = local_path(made.package.uri)
    return path is None or path.is_dir()


def inputs(c: Context) -> Digests:
    """Digests of everything that its result depends on."""
    from legion_ci.core import wheel

    c.need("quality", "package")
    return {
        "settings.package": of_section(c.settings.package),
        "artefact": c.need("train", "package").model.artefact.digest,
        "wheel": wheel.digest(),
    }
