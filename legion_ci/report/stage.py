"""Writes the report: pages, pictures and machine-readable files from a run's records, the same bytes each time."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import replace
from importlib.resources import files as resources
from pathlib import Path

from legion_ci.core.files import unwritable, write_atomic
from legion_ci.report import (
    changes,
    deploy,
    index,
    junit,
    lineage,
    markdown,
    perf,
    plot,
    promote,
    promoted,
    quality,
    records,
    sarif,
    studies,
    warnings_ng,
    wording,
)
from legion_ci.report.layout import HOME, LINEAGE, PAGES, outcome
from legion_ci.report.pictures import signs
from legion_ci.report.records import Story

MOST_BYTES = 300_000  # of a page
JTL = "perf.jtl"
_ROWS = (400, 250, 120, 40, 10)
_WRITTEN = ".written"  # names of what the last report wrote, so that nothing of it stays behind
_RENDER: dict[str, Callable[[Story, str, int], str]] = {
    "quality": quality.render, "deploy": deploy.render, "perf": perf.render, "promote": promote.render,
}  # fmt: skip


def write(run_folder: Path, out: Path, *, title: str | None = None, memory: Path | None = None) -> Path:
    """Write the report of a run into ``out`` and return the path of index.html.

    Stages without a record are shown as not run, records that cannot be read as such. Files of an earlier report
    in ``out`` are replaced or removed; others are left alone. memory: where the site keeps the last promoted build, which
    this run is compared with and, once promoted, takes the place of. Raises ToolError when something cannot be written.
    """
    story = records.read(run_folder)
    if memory is not None:
        story = replace(story, last=promoted.before(memory, story.run))
    content = contents(story, title or story.subject)
    jtl = run_folder / JTL
    copied = [JTL] if jtl.is_file() and story.gate("perf").ran else []
    content[HOME] = index.render(story, title or story.subject, [*content, *copied])
    _forget(out, {*content, *copied})
    for name in sorted(content, key=lambda n: n == HOME):  # the overview last: it links to the others
        write_atomic(out / name, content[name])
    for name in copied:
        _copy(run_folder / name, out / name)
    if memory is not None and (build := changes.of(story)):
        promoted.remember(memory, build)
    return out / HOME


def contents(story: Story, title: str) -> dict[str, str]:
    """File name and content of everything but the overview."""
    pages = {PAGES[s]: _fitting(_RENDER[s], story, title) for s in PAGES if story.gate(s).ran}
    pictures: dict[str, str] = {}
    pictures |= quality.pictures(story.quality) if story.quality else {}
    pictures |= {**perf.pictures(story.perf), **studies.pictures(story)} if story.perf else {}
    pictures |= promote.pictures(story.promote) if story.promote else {}
    pages[LINEAGE] = lineage.render(story, title)
    tests = {f"junit-{s}.xml": junit.render(story.gate(s)) for s in PAGES if story.gate(s).ran}
    others = {
        "findings.sarif": sarif.render(story), "issues.json": warnings_ng.render(story), "summary.md": markdown.render(story, title),
        "badge.svg": signs.badge(story.subject, outcome(story), _share(story)),
        "legion.css": resources("legion_ci.report").joinpath("legion.css").read_text(encoding="utf-8"),
    }  # fmt: skip
    return {**pages, **pictures, **signs.files(), **tests, **plot.files(story), **others}


def _share(story: Story) -> str:
    return wording.share(story.promote.share_after) if story.promote else ""


def _fitting(render: Callable[[Story, str, int], str], story: Story, title: str) -> str:
    """The page with as many rows as keep it under the limit; it says how many are left out, and where they are."""
    for most in _ROWS:
        text = render(story, title, most)
        if len(text.encode()) <= MOST_BYTES:
            break
    return text


def _forget(out: Path, wanted: set[str]) -> None:
    """Remove what an earlier report wrote and this one does not."""
    memory = out / _WRITTEN
    before = memory.read_text(encoding="utf-8").splitlines() if memory.is_file() else []
    for name in {Path(n).name for n in before} - wanted - {""}:
        (out / name).unlink(missing_ok=True)
    write_atomic(memory, "".join(f"{n}\n" for n in sorted(wanted)))


def _copy(source: Path, target: Path) -> None:
    """Copy a file that may be large, all or nothing."""
    handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.", suffix=".tmp")
    os.close(handle)
    try:
        shutil.copyfile(source, temporary)
        Path(temporary).replace(target)
    except OSError as error:
        Path(temporary).unlink(missing_ok=True)
        raise unwritable(target, error) from error
