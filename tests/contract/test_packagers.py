"""What every packager must do; each built-in one is put through it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from serving_artefacts import wine

from legion_ci.core import plugins
from legion_ci.core.errors import OrderError
from legion_ci.core.files import digest_tree
from legion_ci.core.progress import Progress
from legion_ci.core.tools import Tools
from legion_ci.package.protocol import Packager
from legion_ci.results import ModelRef
from legion_ci.settings.schema import PackageSettings
from legion_ci.store import artefacts

LOCK = "msgspec==0.19.0 \\\n    --hash=sha256:" + "a" * 64 + "\n"


class PackagerContract:
    """A subclass names the plug-in and says where a package keeps the lock."""

    use: str
    lock: str

    def plugin(self) -> Packager:
        return plugins.load("packagers", self.use)()

    @pytest.fixture
    def artefact(self, tmp_path):
        folder = wine(tmp_path / "artefact")
        (folder / "legion_model" / "requirements.lock").write_text(LOCK)
        return folder

    def package(self, artefact: Path, target: Path):
        target.mkdir(parents=True)
        model = ModelRef(name="tiny", version="3", artefact=artefacts.of_folder(artefact))
        settings = self.plugin().Settings(use=self.use)
        return self.plugin().package(settings, model, artefact, target, Tools(progress=Progress(quiet=True)))

    def test_its_settings_extend_the_section(self):
        assert issubclass(self.plugin().Settings, PackageSettings)

    def test_the_digest_and_size_are_those_of_what_was_made(self, artefact, tmp_path):
        made = self.package(artefact, tmp_path / "one")
        folder = artefacts.local_path(made.uri)
        assert made.digest == digest_tree(folder)
        assert made.size_bytes == sum(p.stat().st_size for p in folder.rglob("*") if p.is_file())

    def test_same_inputs_give_the_same_bytes_elsewhere_and_later(self, artefact, tmp_path):
        self.package(artefact, tmp_path / "one")
        moved = shutil.copytree(artefact, tmp_path / "moved", copy_function=shutil.copyfile)  # other times, other place
        self.package(moved, tmp_path / "deeper" / "two")
        assert digest_tree(tmp_path / "one") == digest_tree(tmp_path / "deeper" / "two")

    def test_another_model_gives_other_bytes(self, artefact, tmp_path):
        one = self.package(artefact, tmp_path / "one")
        (artefact / "legion_model" / "MLmodel").write_text("flavors: {}\n")
        assert self.package(artefact, tmp_path / "two").digest != one.digest

    def test_the_lock_is_kept_as_it_is_and_the_artefact_is_left_alone(self, artefact, tmp_path):
        before = digest_tree(artefact)
        made = self.package(artefact, tmp_path / "one")
        assert (artefacts.local_path(made.uri) / self.lock).read_text() == LOCK
        assert digest_tree(artefact) == before

    def test_an_artefact_without_a_lock_is_refused(self, artefact, tmp_path):
        (artefact / "legion_model" / "requirements.lock").unlink()
        with pytest.raises(OrderError, match="no requirements.lock"):
            self.package(artefact, tmp_path / "one")


class TestBundlePackager(PackagerContract):
    use = "bundle"
    lock = "requirements.lock"


def test_every_packager_of_ours_is_put_through_this():
    assert set(plugins.installed("packagers")) == {c.use for c in PackagerContract.__subclasses__()}
