"""Runs another command line of ours in this process and lists the distributions that it loaded.

``python -m legion_ci.train.probe LIST MODULE ARGUMENTS…``: how the model's requirements are found.
"""

from __future__ import annotations

import json
import runpy
import sys
from importlib.metadata import distribution, packages_distributions
from pathlib import Path

_OURS = {"legion-ci"}


def loaded() -> dict[str, str]:
    """Distribution -> version of every module that this process has imported."""
    owners = packages_distributions()
    names = {name for module in list(sys.modules) for name in owners.get(module.partition(".")[0], ())}
    if "mlflow-skinny" in names:  # the full package only adds servers and user interfaces
        names -= {"mlflow"}
    return {name: distribution(name).version for name in sorted(names - _OURS)}


def main(arguments: list[str]) -> None:
    """Run the module, then write the list, however it ended."""
    target, module, *rest = arguments
    sys.argv = [module, *rest]
    try:
        runpy.run_module(module, run_name="__main__")
    finally:
        Path(target).write_text(json.dumps(loaded()))


if __name__ == "__main__":
    main(sys.argv[1:])
