"""Runs the parts of the test suite, one after the other, and closes with a line a part.

python scripts/run_tests.py [lint] [unit] [contract] [stages] [groovy] [browser] [docs] [e2e]
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
_PYTEST = [sys.executable, "-m", "pytest", "-rs", "--durations=5"]
_ALONE = ("perf",)  # load generators get the machine to themselves
_SIDE_BY_SIDE = (
    "train",
    "train_trainers",
    "quality_versions",
    "distribution",
    "package",
)  # these start no servers, each test may go anywhere
PARTS: dict[str, list[list[str]]] = {
    "lint": [
        [str(BIN / "ruff"), "check", "."],
        [str(BIN / "mypy")],
        [str(BIN / "lint-imports")],
        [*_PYTEST, "tests/lint"],
    ],
    "unit": [
        [*_PYTEST, "-n", "2", "--dist", "loadscope", "tests/unit", *(f"--ignore=tests/unit/{f}" for f in _ALONE)],
        [*_PYTEST, *(f"tests/unit/{f}" for f in _ALONE)],
    ],
    "contract": [[*_PYTEST, "-n", "2", "--dist", "loadscope", "tests/contract"]],
    "stages": [
        [*_PYTEST, "-n", "2", "--dist", "worksteal", *(f"tests/stages/test_{f}.py" for f in _SIDE_BY_SIDE)],
        [
            *_PYTEST,
            "-n",
            "2",
            "--dist",
            "loadfile",
            "tests/stages",
            *(f"--ignore=tests/stages/test_{f}.py" for f in _SIDE_BY_SIDE),
        ],
    ],
    "groovy": [[*_PYTEST, "-n", "2", "--dist", "worksteal", "tests/groovy"]],
    "browser": [[*_PYTEST, "tests/browser"]],
    "docs": [[*_PYTEST, "tests/docs"]],
    "e2e": [[*_PYTEST, "-n", "2", "--dist", "loadfile", "tests/e2e"]],
}


def main(wanted: list[str]) -> int:
    """Run the wanted parts; the exit code is 0 only when all pass."""
    unknown = [p for p in wanted if p not in PARTS]
    if unknown:
        print(f"there is no part {', '.join(unknown)}; parts are {', '.join(PARTS)}", file=sys.stderr)
        return 2
    told = []
    for part in wanted or PARTS:
        began = time.monotonic()
        ok = sum(not run(part, command) for command in PARTS[part]) == 0  # every command, also after a failure
        told.append((part, ok, time.monotonic() - began))
    print("\n" + "\n".join(f"{'passed' if ok else 'FAILED'}  {part:10} {seconds:6.1f} s" for part, ok, seconds in told))
    return 0 if all(ok for _, ok, _ in told) else 1


def run(part: str, command: list[str]) -> bool:
    """Run one command of a part."""
    print(f"\n== {part}: {' '.join([Path(command[0]).name, *command[1:]])}", flush=True)
    return (
        subprocess.run(
            command, cwd=ROOT, env={**os.environ, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"}, check=False
        ).returncode
        == 0
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
