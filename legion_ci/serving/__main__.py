"""``python -m legion_ci.serving``: serves one artefact folder until it is told to stop."""

from __future__ import annotations

import os
import sys

from legion_ci.core.errors import LegionError, missing_package
from legion_ci.serving import artefact, imports, options

# A request is a row or a few: threads inside predict cost more than they bring, and starve each other under load
# (measured with a boosted model on two busy cores: p99 28 ms with one thread, 1,040 ms with the default).
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def main(arguments: list[str]) -> int:
    """Serve; returns the exit status of a start that failed, its reason in the last lines of standard error."""
    imports.forget_working_folder()
    for name in _THREADS:
        os.environ.setdefault(name, "1")
    told = options.parse(arguments)
    try:
        folder = artefact.read(told.model, told.digest)
        try:
            from legion_ci.serving import server
        except ImportError as error:
            raise missing_package(error, "serving") from error
        server.run(folder, told)
    except LegionError as error:
        sys.stderr.write("".join(f"legion-serving: {problem}\n" for problem in error.problems))
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
