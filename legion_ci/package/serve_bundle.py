"""Serves the model of this bundle: makes its environment beside it on the first start. Needs only Python and pip.

python serve.py [--port 8080] [--host 127.0.0.1] [--workers 1] [--environment DIR]
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
import subprocess
import sys
import venv
from pathlib import Path

HERE = Path(__file__).resolve().parent


def main() -> None:
    """Make the environment if it is not there, then become the server."""
    parser = argparse.ArgumentParser(description="Serve this bundle's model over REST.")
    parser.add_argument("--port", type=int, default=8080)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--environment", type=Path, default=HERE / ".environment")
    options = parser.parse_args()
    python = environment(options.environment)
    arguments = [
        str(python),
        "-m",
        "legion_ci.serving",
        "--model",
        str(HERE / "artefact"),
        "--host",
        options.host,
        "--port",
        str(options.port),
        "--workers",
        str(options.workers),
    ]
    os.execv(python, arguments)  # noqa: S606 - we become the server


def environment(folder: Path) -> Path:
    """Python of the environment with exactly the locked packages; made anew when it is not complete."""
    lock = HERE / "requirements.lock"
    wanted = f"{_checked(lock)} {platform.python_version()}"
    mark = folder / "complete"
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    if not (mark.is_file() and mark.read_text() == wanted):
        print(
            f"installing the model's {sum('==' in line for line in lock.read_text().splitlines())} packages into {folder}",
            file=sys.stderr,
        )
        venv.create(folder, with_pip=True, clear=True)
        pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
        subprocess.run([*pip, "--require-hashes", "-r", str(lock)], check=True)
        subprocess.run([*pip, *map(str, (HERE / "wheel").glob("*.whl"))], check=True)
        mark.write_text(wanted)
    return python


def _checked(lock: Path) -> str:
    """sha256 of the lock, which must be the one that was packaged."""
    found = hashlib.sha256(lock.read_bytes()).hexdigest()
    packaged = json.loads((HERE / "bundle.json").read_text())["lock"]
    if found != packaged:
        sys.exit(
            f"{lock}: is not the lock that was packaged (sha256 {found[:12]}, bundle.json says {packaged[:12]}); "
            "unpack the bundle again"
        )
    return found


if __name__ == "__main__":
    try:
        main()
    except subprocess.CalledProcessError as error:
        sys.exit(
            f"serve.py: the environment could not be made: pip ended with status {error.returncode}; its message is above"
        )
