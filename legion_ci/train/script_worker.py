"""The process in which a training script runs: ``python -m legion_ci.train.script_worker JOB``."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path
from typing import Any

from legion_ci.core.errors import ConfigurationError, LegionError, ToolError
from legion_ci.train.faults import answered, own_error
from legion_ci.train.protocol import Trained
from legion_ci.train.work import Work
from legion_ci.train.worker import lacking


def train(work: Work) -> Trained:
    """Run the script to its end; it leaves or logs the model."""
    folder = Path(work.folder)
    script = folder / work.entrypoint
    if not script.is_file():
        raise ConfigurationError(
            "there is no such script", where=f"train.script: {work.entrypoint}", todo=_near(folder)
        )
    sys.argv = [str(script), *arguments(work.parameters)]
    sys.path[:0] = [str(script.parent), str(folder)]
    _run(script, work.entrypoint, folder)
    return Trained(flavor="pyfunc")


def arguments(parameters: dict[str, Any]) -> list[str]:
    """Parameters as words of a command line: ``--name value``; true is ``--name``, false and null are left out."""
    words: list[str] = []
    for name, value in parameters.items():
        if value is True:
            words.append(f"--{name}")
        elif value is not None and value is not False:
            values = value if isinstance(value, list | tuple) else [value]
            words += [f"--{name}", *map(str, values)]
    return words


def _run(script: Path, name: str, folder: Path) -> None:
    try:
        runpy.run_path(str(script), run_name="__main__")
    except SystemExit as error:
        if error.code not in (None, 0):
            said = f": {error.code}" if isinstance(error.code, str) else f" with status {error.code}"
            raise ToolError(f"{name} ended itself{said}", where="train", todo="look at its output above") from error
    except LegionError:
        raise
    except ModuleNotFoundError as error:
        raise lacking(error, name) from error
    except Exception as error:
        raise own_error(error, name, folder) from error


def _near(folder: Path) -> str:
    names = sorted(p.name for p in folder.glob("*.py"))
    return f"the folder holds {', '.join(names[:8])}" if names else "write it"


if __name__ == "__main__":
    sys.exit(answered(train))
