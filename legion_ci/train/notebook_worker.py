"""The process that executes a training notebook: ``python -m legion_ci.train.notebook_worker JOB``."""

from __future__ import annotations

import json
import os
import sys
import warnings
from pathlib import Path
from typing import Any

from legion_ci.core.errors import ConfigurationError, Problem, ToolError
from legion_ci.core.files import write_atomic
from legion_ci.train import notebook_page
from legion_ci.train.faults import answered
from legion_ci.train.protocol import Trained
from legion_ci.train.work import Work

_KERNEL = "legion-training"
_INJECTED = "injected-parameters"


def train(work: Work) -> Trained:
    """Execute the notebook; the page of it is kept also when a cell failed."""
    warnings.filterwarnings("ignore", module=r"(papermill|nbclient|jupyter_client|traitlets|zmq)(\..*)?")
    path, documents = Path(work.folder) / work.entrypoint, Path(work.options["documents"])
    scratch = Path(work.options["scratch"])
    os.environ["JUPYTER_PATH"] = str(_kernel_folder(scratch))
    os.environ["PYTHONPATH"] = os.pathsep.join((str(path.parent), work.folder))
    prepared, executed = _prepared(path, scratch, work), scratch / "executed.ipynb"
    try:
        _execute(prepared, executed, work)
    finally:
        if executed.is_file():
            kept = notebook_page.write(executed, documents, path.name)
    return Trained(flavor="pyfunc", documents=kept)


def _prepared(path: Path, scratch: Path, work: Work) -> Path:
    """A copy of the notebook for our kernel; raises unless it is one in Python that takes these parameters."""
    import nbformat
    import papermill

    where = f"train.notebook: {work.entrypoint}"
    if not path.is_file():
        names = sorted(p.name for p in Path(work.folder).glob("*.ipynb"))
        hint = f"the folder holds {', '.join(names)}" if names else "write it"
        raise ConfigurationError("there is no such notebook", where=where, todo=hint)
    try:
        notebook = nbformat.read(path, as_version=4)
    except Exception as error:
        raise ConfigurationError(
            f"is not a notebook ({error})", where=where, todo="save it in Jupyter again"
        ) from error
    language = str(notebook.metadata.get("kernelspec", {}).get("language", "python")).lower()
    if language != "python":
        raise ConfigurationError(f"is written in {language}", where=where, todo="only Python notebooks are executed")
    notebook.metadata["kernelspec"] = {"name": _KERNEL, "language": "python", "display_name": "training"}
    copy = scratch / "notebook.ipynb"
    nbformat.write(notebook, copy)
    known = papermill.inspect_notebook(str(copy))
    if known and (unknown := sorted(set(work.parameters) - set(known))):
        todo = f"its cell tagged parameters has {', '.join(sorted(known))}"
        problems = [Problem(f"the notebook has no parameter {n!r}", "train.parameters", todo) for n in unknown]
        raise ConfigurationError(problems)
    return copy


def _execute(path: Path, executed: Path, work: Work) -> None:
    """Run all cells in a kernel of this interpreter; raises ToolError with the cell that failed."""
    import papermill
    from papermill.exceptions import PapermillExecutionError

    try:
        papermill.execute_notebook(
            str(path), str(executed), parameters=work.parameters, kernel_name=_KERNEL, language="python",
            cwd=work.folder, progress_bar=False, log_output=False, request_save_on_cell_execute=True, start_timeout=120,
        )  # fmt: skip
    except PapermillExecutionError as error:
        raise _failed(error, executed, work.entrypoint) from error
    except RuntimeError as error:  # DeadKernelError and a kernel that does not start
        raise ToolError(
            f"{work.entrypoint}: its kernel ended ({error})", where="train", todo="look at its output above"
        ) from error


def _kernel_folder(scratch: Path) -> Path:
    """A place with a kernel that is this interpreter, whatever kernels the machine has."""
    folder = scratch / "jupyter"
    spec = {
        "argv": [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"],
        "display_name": "training",
        "language": "python",
    }
    kernel = folder / "kernels" / _KERNEL
    kernel.mkdir(parents=True, exist_ok=True)
    write_atomic(kernel / "kernel.json", json.dumps(spec))
    return folder


def _failed(error: Any, executed: Path, name: str) -> ToolError:
    """The failing cell by its number in the notebook as it was written, its source, and its error."""
    import nbformat

    cells = nbformat.read(executed, as_version=4).cells
    before = [c for c in cells if not {_INJECTED, "papermill-error-cell-tag"} & set(c.metadata.get("tags", ()))]
    number = next(
        (i for i, c in enumerate(before, 1) if c.cell_type == "code" and c.get("execution_count") == error.exec_count),
        0,
    )
    source = "\n".join(f"  | {line}" for line in str(error.source).splitlines())
    return ToolError(
        f"{name}: cell {number} raised {error.ename}: {error.evalue}\n{source}",
        where="train",
        todo=f"its page with all outputs is report/training/{notebook_page.PAGE} of the run",
    )


if __name__ == "__main__":
    sys.exit(answered(train))
