"""A build's records and reports, brought here: each file as a whole, none outside its folder."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path, PurePosixPath

from legion_ci.core.errors import OrderError, ToolError
from legion_ci.core.files import unwritable
from legion_ci.jenkins.follow import Build
from legion_ci.jenkins.server import Server

RUNS = (".legion", "runs")
MOST_BYTES = 2_000_000_000  # of one file


def fetch(server: Server, build: Build, into: Path, *, only_records: bool = False) -> list[Path]:
    """Bring what the build archived of its runs into ``into/<run id>/``; the paths of the files.

    only_records: leave out the pages. Raises OrderError when the build has archived nothing of ours.
    """
    wanted = {r: inside for r in build.artefacts if (inside := _inside(r, only_records))}
    if not wanted:
        raise OrderError(
            f"{build.job} #{build.number} ({build.result}) has archived no records", where=build.url or server.address.url,
            todo="the log of the build says why; legionReport archives them, also after a failure",
        )  # fmt: skip
    return [_file(server, build, relative, into / inside) for relative, inside in sorted(wanted.items())]


def runs(files: list[Path], into: Path) -> list[Path]:
    """The runs' folders among them."""
    return sorted({into / p.relative_to(into).parts[0] for p in files})


def _inside(relative: str, only_records: bool) -> Path | None:
    """Where below ``.legion/runs`` an artefact belongs; None for what is none of ours or tries to get out."""
    parts = PurePosixPath(relative).parts
    at = next((i for i in range(len(parts) - 1) if parts[i : i + 2] == RUNS), None)
    if at is None or any(p in ("..", "/") or "\\" in p for p in parts) or len(parts) < at + 4:
        return None
    inside = Path(*parts[at + 2 :])
    return (
        inside if not only_records or (len(inside.parts) == 2 and inside.suffix in (".json", ".properties")) else None
    )


def _file(server: Server, build: Build, relative: str, target: Path) -> Path:
    temporary, size = "", 0
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=".", suffix=".tmp")
        with os.fdopen(handle, "wb") as out:
            for piece in server.artefact(build.job, build.number, relative):
                size += len(piece)
                if size > MOST_BYTES:
                    raise ToolError("is larger than 2 GB", where=relative, todo="archive less")
                out.write(piece)
        Path(temporary).chmod(0o644)
        Path(temporary).replace(target)
    except OSError as error:
        raise unwritable(target, error) from error
    finally:
        if temporary:
            Path(temporary).unlink(missing_ok=True)
    return target
