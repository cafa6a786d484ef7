"""``python -m legion_ci.serving.prove``: loads everything that the server loads, and has the model predict its own sample.

Writes how many rows were predicted as when the model was trained, and the files of all modules that were loaded.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from legion_ci.core.errors import ConfigurationError, LegionError
from legion_ci.serving import artefact, check, imports, load
from legion_ci.serving.options import Limits
from legion_ci.serving.protocols import Protocols
from legion_ci.serving.signature import read_sample

_SERVER = (
    "legion_ci.serving.server",
    "legion_ci.serving.worker",
    "legion_ci.serving.__main__",
    "legion_ci.serving.health",
)


def main(words: list[str]) -> int:
    """Prove the model; the exit status, 0 when the predictions are equal."""
    parser = argparse.ArgumentParser(prog="python -m legion_ci.serving.prove")
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    told = parser.parse_args(words)
    imports.forget_working_folder()
    try:
        rows = prove(told.model)
    except LegionError as error:
        print(" ".join(str(error).split()))
        return error.exit_code
    files = {Path(f).resolve() for m in list(sys.modules.values()) if (f := getattr(m, "__file__", None))}
    told.output.write_text(json.dumps({"rows": rows, "modules": sorted(map(str, files))}))
    return 0


def prove(root: Path) -> int:
    """Load the server and the model, predict; rows that were compared, 0 for a model that never answers twice alike.

    Raises ConfigurationError when predictions differ from those of training.
    """
    for name in _SERVER:
        __import__(name)
    folder = artefact.read(root, digest="unknown")
    model = load.load(folder)
    protocols = Protocols(model.signature, Limits.max_rows)
    sample, expected = (read_sample(folder.model_dir / f"head_{side}.json") for side in ("input", "output"))
    if different := check.run(model, protocols, sample, expected):
        if folder.flavor != "sklearn" and check.answers_vary(model, protocols, sample):
            return 0
        raise ConfigurationError(different)
    return len(expected.data) if expected else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
