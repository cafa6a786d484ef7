"""A Jenkins on loopback, and a model repository whose settings lead to it."""

import subprocess
from pathlib import Path

import jenkins_server
import pytest

from legion_ci import door

MODEL = "model: {name: flight-delay}\njenkins: {folder: Models/Flights, timeout: 10}\n"
TOKEN = "11a-token-of-alice"


def write_model(folder: Path, text: str = MODEL) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "legion.yaml").write_text(text)
    (folder / "Jenkinsfile").write_text("@Library('legion-ci') _\nlegionPipeline()\n")
    return folder


@pytest.fixture
def jenkins():
    with jenkins_server.running() as server:
        yield server


@pytest.fixture
def model(tmp_path, monkeypatch, jenkins):
    """A repository with a remote, as the current folder; its environment names the server."""
    folder = write_model(tmp_path / "flights")
    subprocess.run(["git", "init", "-q", "-b", "main", folder], check=True)
    subprocess.run(["git", "-C", folder, "remote", "add", "origin", "https://git.example.org/flights.git"], check=True)
    monkeypatch.chdir(folder)
    for name, value in {"URL": jenkins.url, "USER": "alice", "TOKEN": TOKEN}.items():
        monkeypatch.setenv(f"JENKINS_{name}", value)
    return folder


@pytest.fixture
def call(capsys, monkeypatch):
    """Call a task's function through the door: (exit code, what was printed, what was said on standard error)."""
    monkeypatch.setattr("signal.signal", lambda *args: None)

    def enter(function: str, **options):
        defaults = {
            "job": {"write": "", "dry_run": False},
            "build": {"branch": "", "parameter": (), "wait": True},
            "reports": {"branch": "", "build": "lastCompletedBuild", "out": ""},
            "check": {"json": False},
        }[function]
        code = door.enter(f"jenkins.stage:{function}", {"settings": "", "sets": (), **defaults, **options})
        printed = capsys.readouterr()
        assert TOKEN not in printed.out + printed.err
        return code, printed.out, printed.err

    return enter
