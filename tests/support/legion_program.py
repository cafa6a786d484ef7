"""The program ``legion-ci`` in a repository of a test, as a process of its own with a site and a cache of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from repositories import repository

PROGRAM = Path(sys.executable).parent / "legion-ci"
_OF_A_BUILD = ("LEGION_", "JENKINS", "BUILD_", "WORKSPACE")


@dataclass
class Legion:
    """home: holds the repository ``model`` and the site. caches: shared by tests, as environments take long to make."""

    home: Path
    caches: Path
    program: tuple[str | Path, ...] = (PROGRAM,)
    more: dict[str, str] = field(default_factory=dict)

    @property
    def folder(self) -> Path:
        """The model repository."""
        return self.home / "model"

    @property
    def site(self) -> Path:
        """Where its models live."""
        return self.home / "site"

    @property
    def environment(self) -> dict[str, str]:
        """What its processes see: nothing of a build or another site around the test."""
        ours = {k: v for k, v in os.environ.items() if not k.startswith(_OF_A_BUILD)}
        return {**ours, "LEGION__SITE__PATH": str(self.site), "LEGION_CACHE": str(self.caches), **self.more}

    def make(self, **more: Any) -> Legion:
        """Write the repository."""
        repository(self.folder, **more)
        return self

    def start(self, *words: str, **env: str) -> subprocess.Popen[str]:
        """A task that is not waited for."""
        return subprocess.Popen(
            [*self.program, *words],
            cwd=self.folder,
            env={**self.environment, **env},
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def __call__(self, *words: str, **env: str) -> tuple[int, str, str]:
        """Run a task: exit code, standard output, standard error; there is never a traceback."""
        process = self.start(*words, **env)
        out, err = process.communicate(timeout=240)
        assert "Traceback" not in out + err, out + err
        return process.returncode, out, err

    def good(self, *words: str, **env: str) -> str:
        """Run a task that must end with 0; its standard output."""
        code, out, err = self(*words, **env)
        assert code == 0, out + err
        return out

    def run(self, name: str = "") -> Path:
        """Folder of a run; without a name the only one."""
        found = (
            [self.folder / ".legion" / "runs" / name] if name else list((self.folder / ".legion" / "runs").iterdir())
        )
        assert len(found) == 1
        return found[0]

    def record(self, stage: str, run: str = "") -> dict[str, Any]:
        """A stage's record."""
        return json.loads((self.run(run) / f"{stage}.json").read_bytes())

    def result(self, stage: str, run: str = "") -> dict[str, Any]:
        """The result in a stage's record."""
        return self.record(stage, run)["result"]

    def status(self) -> dict[str, Any]:
        """What ``legion-ci status --json`` says."""
        return json.loads(self.good("status", "--json"))


def wait_for(true: Callable[[], Any], what: str, patience_s: float = 120.0) -> Any:
    """Look until something is there, and return it."""
    end = time.monotonic() + patience_s
    while time.monotonic() < end:
        if found := true():
            return found
        time.sleep(0.1)
    raise AssertionError(f"{what} did not happen within {patience_s:g} s")
