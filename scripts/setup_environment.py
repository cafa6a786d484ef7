"""Makes the project's own environment in one folder: says what it will download, checks first, can be run again.

python3 scripts/setup_environment.py FOLDER. Needs nothing but Python with venv. Honours PIP_INDEX_URL and UV_*.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import urllib.parse
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCK = ROOT / "requirements.lock"
DOWNLOAD_MB, DISK_MB = 330, 1500
OLDEST = (3, 11)


def main() -> int:
    """Set up, or say what is in the way."""
    folder = Path(sys.argv[1]).absolute() if len(sys.argv) > 1 else ROOT / ".venv"
    mark, wanted = folder / ".complete", fingerprint()
    if mark.is_file() and mark.read_text() == wanted:
        return 0
    if problems := list(check(folder)):
        print("\n".join(f"set-up: {p}" for p in problems), file=sys.stderr)
        return 2
    packages = sum("==" in line for line in LOCK.read_text().splitlines())
    print(
        f"Setting up: {packages} packages, about {DOWNLOAD_MB} MB to download from {index()}\n"
        f"            into {folder} ({DISK_MB} MB on disk; a second time only what is missing).",
        flush=True,
    )
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    steps = [
        ([sys.executable, "-m", "venv", str(folder)], "environment"),
        (
            [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", uv_requirement()],
            "uv, the installer",
        ),
        (
            [str(python), "-m", "uv", "pip", "install", "--python", str(python), "--require-hashes", "-r", str(LOCK)],
            "packages",
        ),
        (
            [
                str(python),
                "-m",
                "uv",
                "pip",
                "install",
                "--python",
                str(python),
                "--no-deps",
                "--no-build-isolation",
                "--quiet",
                "-e",
                str(ROOT),
            ],
            "legion-ci itself",
        ),
    ]
    for number, (command, what) in enumerate(steps, 1):
        print(f"[{number}/{len(steps)}] {what} …", flush=True)
        done = subprocess.run(command, env={**os.environ, **for_uv()}, check=False)
        if done.returncode:
            print(
                f"set-up: {what}: {Path(command[0]).name} ended with status {done.returncode}; its message is above; run it again to go on",
                file=sys.stderr,
            )
            return 5
    mark.write_text(wanted)
    return 0


def check(folder: Path) -> list[str]:
    """Everything that would make the set-up fail."""
    found = []
    if sys.version_info < OLDEST:
        found.append(
            f"Python {'.'.join(map(str, OLDEST))} or newer is needed (this is {sys.version.split()[0]}); call make with PYTHON=python3.12 or the like"
        )
    try:
        import ensurepip  # noqa: F401
    except ImportError:
        found.append("Python's venv cannot make environments here; on Debian and Ubuntu: apt-get install python3-venv")
    there = next(p for p in (folder, *folder.parents) if p.exists())
    free = shutil.disk_usage(there).free // 2**20
    if free < DISK_MB and not folder.exists():
        found.append(f"{DISK_MB} MB of disk are needed in {there}, {free} MB are free")
    return found


def index() -> str:
    """The package index, without what may be secret in its address."""
    address = os.environ.get("UV_DEFAULT_INDEX") or os.environ.get("UV_INDEX_URL") or os.environ.get("PIP_INDEX_URL")
    return (
        urllib.parse.urlsplit(address).hostname or address
        if address
        else "the configured index (PyPI unless pip or uv say otherwise)"
    )


def for_uv() -> dict[str, str]:
    """pip's settings told to uv, where uv has none of its own."""
    pairs = {"UV_DEFAULT_INDEX": "PIP_INDEX_URL", "UV_INDEX": "PIP_EXTRA_INDEX_URL", "UV_FIND_LINKS": "PIP_FIND_LINKS"}
    return {
        "UV_SYSTEM_CERTS": "1",
        **{uv: os.environ[pip] for uv, pip in pairs.items() if pip in os.environ and uv not in os.environ},
    }


def uv_requirement() -> str:
    """The locked version of uv."""
    return re.search(r"^uv==[^ \\]+", LOCK.read_text(), re.MULTILINE).group()


def fingerprint() -> str:
    """What the environment is made of."""
    total = hashlib.sha256(sys.version.encode())
    for file in (LOCK, ROOT / "pyproject.toml"):
        total.update(file.read_bytes())
    return total.hexdigest()


if __name__ == "__main__":
    sys.exit(main())
