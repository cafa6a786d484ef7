"""The process in which a function of the repository judges: ``python -m legion_ci.quality.call_worker JOB``."""

from __future__ import annotations

import importlib
import json
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

MISSING, FAILED = 2, 1  # exit status: no such function; the function's own error


def main(arguments: list[str]) -> int:
    """Call as the job says and write the answer; the reason of a failure is the last line of standard error."""
    job = json.loads(Path(arguments[0]).read_text())
    sys.path.insert(0, job["folder"])
    try:
        function = _function(job["function"])
    except LookupError as error:
        return _say(str(error.args[0]), MISSING)
    except BaseException as error:
        return _failed(error)
    try:
        answer = json.dumps(_plain(function(*(_table(p) for p in job["tables"]), **job["arguments"])))
    except BaseException as error:
        return _failed(error)
    Path(job["answer"]).write_text(answer)
    return 0


def _function(name: str) -> Callable[..., Any]:
    module_name, _, function = name.partition(":")
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name != module_name.split(".")[0]:
            raise
        raise LookupError(f"there is no module {module_name!r} in the model repository") from error
    found = getattr(module, function, None)
    if not callable(found):
        names = sorted(n for n, v in vars(module).items() if callable(v) and not n.startswith("_"))
        raise LookupError(f"{module_name} has no function {function!r} (it has {', '.join(names) or 'none'})")
    return found  # type: ignore[no-any-return]


def _table(path: str) -> Any:
    import pyarrow as pa

    with pa.memory_map(path) as file:
        return pa.ipc.open_file(file).read_all()


def _plain(value: Any) -> Any:
    """The answer for JSON: arrays, columns and numbers of other libraries as Python's own."""
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    for method in ("to_pylist", "tolist", "as_py"):
        if hasattr(value, method):
            return _plain(getattr(value, method)())
    return value


def _failed(error: BaseException) -> int:
    if isinstance(error, KeyboardInterrupt):
        raise error
    traceback.print_exception(error)
    return _say(f"{type(error).__name__}: {' '.join(str(error).split())}", FAILED)


def _say(text: str, status: int) -> int:
    sys.stderr.write(text + "\n")
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
