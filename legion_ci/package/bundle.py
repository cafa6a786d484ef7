"""Packager ``bundle``: a self-contained folder and archive with the model, its hashed requirements and our server."""

from __future__ import annotations

import json
import shutil
import zipfile
from importlib.resources import files
from pathlib import Path
from typing import ClassVar

from legion_ci.core import wheel
from legion_ci.core.files import digest_file, unwritable, write_atomic
from legion_ci.package.protocol import LOCK, Job, Packed
from legion_ci.results import ModelRef
from legion_ci.settings.schema import PackageSettings
from legion_ci.store import artefacts

ARTEFACT, FACTS, ARCHIVE = "artefact", "bundle.json", "bundle.zip"
ACCELERATED = "accelerated"
_EPOCH = (1980, 1, 1, 0, 0, 0)


class BundleSettings(PackageSettings):
    """archive: also write bundle.zip, stored, not compressed: its bytes depend on nothing but the content."""

    archive: bool = True


class BundlePackager:
    """Writes ``artefact/``, ``requirements.lock``, ``wheel/``, ``serve.py`` and ``bundle.json``."""

    Settings: ClassVar[type[PackageSettings]] = BundleSettings

    def package(self, settings: PackageSettings, job: Job) -> Packed:
        """Write the bundle into ``target/bundle`` and, when wanted, ``target/bundle.zip``."""
        bundle, lock = job.target / "bundle", job.lock
        try:
            shutil.copytree(job.artefact, bundle / ARTEFACT)
            if job.accelerated is not None:
                shutil.copytree(job.accelerated, bundle / ACCELERATED)
            shutil.copyfile(lock, bundle / LOCK)
            ours = wheel.write(bundle / "wheel")
            write_atomic(bundle / "serve.py", files("legion_ci.package").joinpath("serve_bundle.py").read_bytes())
            write_atomic(bundle / FACTS, json.dumps(_facts(job.model, lock, ours), indent=2, sort_keys=True) + "\n")
            if getattr(settings, "archive", True):
                _archive(bundle, job.target / ARCHIVE)
        except OSError as error:
            raise unwritable(bundle, error) from error
        return Packed(artefacts.of_folder(bundle))


def _facts(model: ModelRef, lock: Path, ours: Path) -> dict[str, str]:
    return {
        "schema_version": "1",
        "model": model.name,
        "version": model.version,
        "artefact": model.artefact.digest,
        "lock": digest_file(lock),
        "wheel": digest_file(ours),
    }


def _archive(bundle: Path, path: Path) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for file in sorted(p for p in bundle.rglob("*") if p.is_file()):
            item = zipfile.ZipInfo(f"bundle/{file.relative_to(bundle).as_posix()}", _EPOCH)
            item.external_attr = 0o100644 << 16
            with file.open("rb") as source, archive.open(item, "w", force_zip64=True) as out:
                shutil.copyfileobj(source, out, 1 << 20)
