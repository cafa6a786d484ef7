"""How ``quality`` and its self-test are called."""

from __future__ import annotations

from typing import Any

from legion_ci.calls.digests import Digests, of_section
from legion_ci.context import Context
from legion_ci.core.files import digest_file
from legion_ci.results import Record, StageResult


def run(c: Context) -> StageResult:
    """Call the stage."""
    from legion_ci.quality import stage

    return stage.run(c.settings.quality, c.settings.data, **_given(c))


def selftest(c: Context) -> StageResult:
    """Call the self-test."""
    from legion_ci.quality.selftest import stage

    return stage.run(c.settings.quality, c.settings.data, **_given(c))


def _given(c: Context) -> dict[str, Any]:
    return {
        "trained": c.need("train", "quality"),
        "champion": c.champion,
        "first": c.first,
        "folder": c.loaded.folder,
        "work": c.run.folder,
        "tools": c.tools,
        "find_links": c.settings.distribution.find_links,
    }


def inputs(c: Context) -> Digests:
    """Digests of everything that its result depends on."""
    from legion_ci.data import source

    data = c.settings.data.get("eval")
    rows = (
        {
            "settings.data.eval": of_section(data),
            "data.eval": source.open_source("eval", data, c.loaded.folder).digest(),
        }
        if data
        else {}
    )
    return {
        "settings.quality": of_section(c.settings.quality),
        "first": str(c.first),
        **rows,
        "candidate": c.need("train", "quality").model.artefact.digest,
        "champion": c.champion.model.artefact.digest if c.champion else "none",
        **_check_inputs(c),
    }


def _check_inputs(c: Context) -> Digests:
    """What checks read besides data and models: files of pinned rows, the repository's own functions."""
    from legion_ci.train import stage

    checks, folder = c.settings.quality.checks, c.loaded.folder
    files = {
        f"checks[{i}].{p.name}": digest_file(p) for i, k in enumerate(checks) for p in k.files(folder) if p.is_file()
    }
    code = {"code": stage.code(c.settings.train, folder)} if any(k.reads_code for k in checks) else {}
    return {**files, **code}


def reusable(c: Context, record: Record) -> bool:
    """A verdict on how fresh the rows are does not keep."""
    return not any(k.reads_clock for k in c.settings.quality.checks)
