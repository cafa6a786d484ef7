"""What every packager must do: subclass ``PackagerContract`` in a test module of yours."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any, ClassVar

import pytest

from legion_ci.core import plugins
from legion_ci.core.errors import OrderError
from legion_ci.core.files import digest_tree
from legion_ci.core.progress import Progress
from legion_ci.core.tools import Tools
from legion_ci.package.protocol import Job, Packager
from legion_ci.results import Artefact, ModelRef, Provenance, TrainResult
from legion_ci.settings.schema import PackageSettings
from legion_ci.store import artefacts, manifest

LOCK = "msgspec==0.19.0 \\\n    --hash=sha256:" + "a" * 64 + "\n"


class PackagerContract:
    """A subclass names the plug-in, makes an artefact that it takes, and finds the lock in a package."""

    use: str
    settings: ClassVar[dict[str, Any]] = {}

    def make(self, folder: Path, scratch: Path) -> Path:
        """An artefact with the lock in ``legion_model``."""
        inside = folder / manifest.MODEL_DIR
        inside.mkdir(parents=True)
        (inside / "entrypoint.py").write_text("def init():\n    return 'matrix'\n")
        (inside / "requirements.lock").write_text(LOCK)
        manifest.write_manifest(
            folder, name="tiny", version="3", run_id="", flavor="gppi", trainer="none", provenance=Provenance()
        )
        return folder

    def kept_lock(self, package: Path) -> str:
        """The lock in a package."""
        return (package / "requirements.lock").read_text()

    def folder(self, made: Artefact) -> Path:
        """Where a package is."""
        found = artefacts.local_path(made.uri)
        assert found is not None
        return found

    def plugin(self) -> Packager:
        made: Packager = plugins.load("packagers", self.use)()
        return made

    @pytest.fixture
    def artefact(self, tmp_path: Path) -> Path:
        return self.make(tmp_path / "artefact", tmp_path)

    def package(self, artefact: Path, target: Path) -> Artefact:
        target.mkdir(parents=True)
        model = ModelRef(name="tiny", version="3", artefact=artefacts.of_folder(artefact))
        trained = TrainResult(model=model, tracking_uri="sqlite://", experiment="tiny")
        settings = self.plugin().Settings(use=self.use, **self.settings)
        job = Job(trained, artefact, target, Tools(progress=Progress(quiet=True)))
        return self.plugin().package(settings, job).package

    def test_its_settings_extend_the_section(self) -> None:
        assert issubclass(self.plugin().Settings, PackageSettings)

    def test_the_digest_and_size_are_those_of_what_was_made(self, artefact: Path, tmp_path: Path) -> None:
        made = self.package(artefact, tmp_path / "one")
        folder = self.folder(made)
        assert made.digest == digest_tree(folder)
        assert made.size_bytes == sum(p.stat().st_size for p in folder.rglob("*") if p.is_file())

    def test_same_inputs_give_the_same_bytes_elsewhere_and_later(self, artefact: Path, tmp_path: Path) -> None:
        self.package(artefact, tmp_path / "one")
        moved = shutil.copytree(artefact, tmp_path / "moved", copy_function=shutil.copyfile)  # other times, other place
        self.package(moved, tmp_path / "deeper" / "two")
        assert digest_tree(tmp_path / "one") == digest_tree(tmp_path / "deeper" / "two")

    def test_another_model_gives_other_bytes(self, artefact: Path, tmp_path: Path) -> None:
        one = self.package(artefact, tmp_path / "one")
        (artefact / "legion_model" / "MLmodel").write_text("flavors: {}\n")
        assert self.package(artefact, tmp_path / "two").digest != one.digest

    def test_the_lock_is_kept_as_it_is_and_the_artefact_is_left_alone(self, artefact: Path, tmp_path: Path) -> None:
        before = digest_tree(artefact)
        made = self.package(artefact, tmp_path / "one")
        lock = (artefact / "legion_model" / "requirements.lock").read_text()
        assert self.kept_lock(self.folder(made)) == lock
        assert digest_tree(artefact) == before

    def test_an_artefact_without_a_lock_is_refused(self, artefact: Path, tmp_path: Path) -> None:
        (artefact / "legion_model" / "requirements.lock").unlink()
        with pytest.raises(OrderError, match="no requirements.lock"):
            self.package(artefact, tmp_path / "one")
