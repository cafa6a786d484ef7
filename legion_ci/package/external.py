"""Packager ``external``: a program of a third party that speaks Legion's protocol: ``MODEL_FOLDER MP_JSON``, ``result.json``."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any, ClassVar

from pydantic import Field

from legion_ci.core.errors import ConfigurationError, ToolError
from legion_ci.core.files import unwritable
from legion_ci.package.protocol import LOCK, Job, Packed
from legion_ci.settings.schema import Duration, PackageSettings
from legion_ci.store import artefacts

RESULT = "result.json"


class ExternalPackageSettings(PackageSettings):
    """program: its words; the first one a path, or a program on PATH. arguments, targets: what ``mp.json`` says of the packaging;
    a target's connection is named, its secrets are the program's own. It runs at most ``timeout``.
    """

    makes: ClassVar[str] = "result"
    program: tuple[str, ...] = Field(min_length=1)
    arguments: dict[str, Any] = Field(default_factory=dict)
    targets: dict[str, str] = Field(default_factory=dict)
    timeout: Duration = 3600.0


class ExternalPackager:
    """Gives the program a copy of the trained model, and keeps ``result.json`` and whatever else it leaves beside it."""

    Settings: ClassVar[type[PackageSettings]] = ExternalPackageSettings

    def package(self, settings: PackageSettings, job: Job) -> Packed:
        """Run the program in ``target/package``; raises ToolError unless it ends with 0 and leaves a result."""
        assert isinstance(settings, ExternalPackageSettings)
        lock, made = job.lock, job.target / "package"
        unpacked, told = job.target / "unpacked", job.target / "mp.json"
        try:
            shutil.copytree(job.artefact, unpacked)
            made.mkdir()
            told.write_text(json.dumps(described(job, settings), indent=2))
            words = [_program(settings.program[0]), *settings.program[1:], unpacked, told, "--verbose"]
            job.tools.shell.run(words, cwd=made, timeout_s=settings.timeout)
            result = _result(made, unpacked, settings.program[0])
            shutil.copyfile(lock, made / LOCK)
            (made / RESULT).write_text(json.dumps(result, indent=2, sort_keys=True) + "\n")
        except OSError as error:
            raise unwritable(job.target, error) from error
        finally:
            shutil.rmtree(unpacked, ignore_errors=True)
            told.unlink(missing_ok=True)
        job.tools.progress.say("result: " + ", ".join(f"{k} {v}" for k, v in sorted(result.items())))
        return Packed(artefacts.of_folder(made))


def described(job: Job, settings: ExternalPackageSettings) -> dict[str, Any]:
    """``mp.json`` as Legion's operator writes it: the packaging, its integration, its targets."""
    targets = [{"name": name, "connectionName": connection} for name, connection in sorted(settings.targets.items())]
    spec = {
        "integrationName": "external",
        "artifactName": f"{job.model.name}-{job.model.version}",
        "arguments": settings.arguments,
        "targets": targets,
    }
    integration = {"entrypoint": settings.program[0], "defaultImage": "", "privileged": False}
    connections = [{"name": n, "connection": {"id": c, "spec": {}}} for n, c in sorted(settings.targets.items())]
    return {
        "modelHolder": None,
        "modelPackaging": {"id": job.model.name, "spec": spec},
        "packagingIntegration": {"id": "external", "spec": integration},
        "trainingZipName": spec["artifactName"],
        "targets": connections,
    }


def _program(name: str) -> str | Path:
    if Path(name).is_file():
        return Path(name).resolve()
    if found := shutil.which(name):
        return found
    todo = "name a path from where legion-ci runs, or install it"
    raise ConfigurationError(f"there is no program {name!r}", where="package.program", todo=todo)


def _result(made: Path, unpacked: Path, who: str) -> dict[str, Any]:
    """What it says it made: in the folder where it ran, or in the model's."""
    path = next((f / RESULT for f in (made, unpacked) if (f / RESULT).is_file()), None)
    if path is None:
        raise ToolError(f"{who} left no {RESULT}", where="package.program", todo='it must write {"image": "…"} there')
    try:
        found = json.loads(path.read_bytes())
    except ValueError as error:
        raise ToolError(f"{who} left a {RESULT} that is no JSON ({error})", where="package.program") from error
    if not isinstance(found, dict) or not found:
        raise ToolError(f"{who} left a {RESULT} that says nothing", where="package.program")
    return found
