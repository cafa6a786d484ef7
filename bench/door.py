"""The door: ``legion-ci --list`` against ``inv --list`` of a ``tasks.py`` with one empty task."""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from timing import pairs

LIMIT = 1.5
FORBIDDEN = ("pydantic", "mlflow", "locust", "docker", "pandas", "numpy", "sklearn", "msgspec", "kubernetes")
TASKS = """\
from invoke import task


@task
def empty(context):
    "Nothing."
"""


def forbidden_imports() -> list[str]:
    """What the door has imported when it lists its tasks, and must not have."""
    script = (
        "import sys\nfrom legion_ci import program\n"
        "try: program.main(['legion-ci', '--list'])\nexcept SystemExit: pass\n"
        "print('\\n'.join({m.partition('.')[0] for m in sys.modules}), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    return sorted(set(FORBIDDEN) & set(done.stderr.split()))


def lister(command: list[str], folder: Path) -> None:
    """Run it, its output read as a terminal would."""
    subprocess.run(command, cwd=folder, check=True, capture_output=True)


def main() -> int:
    """0 when the goal is met or undecided and nothing forbidden is imported."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=30, help="interleaved pairs, at least 20 (default: 30)")
    count = max(20, parser.parse_args().pairs)
    programs = Path(sys.executable).parent
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "tasks.py").write_text(TASKS)
        ratio = pairs.measure(
            lambda: lister([str(programs / "legion-ci"), "--list"], folder),
            lambda: lister([str(programs / "inv"), "--list"], folder),
            count,
        )
    found = forbidden_imports()
    verdict = pairs.tell("door", ratio, LIMIT, forbidden_imports=found)
    if found:
        print(f"the door imports {', '.join(found)}", file=sys.stderr)
    return 1 if found or verdict == "missed" else 0


if __name__ == "__main__":
    sys.exit(main())
