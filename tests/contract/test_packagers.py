"""What every packager must do; each built-in one is put through it."""

from __future__ import annotations

import shutil
import tarfile
from pathlib import Path

import msgspec
import pytest
from image_models import adder
from serving_artefacts import wine

from legion_ci.core import plugins
from legion_ci.core.errors import OrderError
from legion_ci.core.files import digest_tree
from legion_ci.core.progress import Progress
from legion_ci.core.tools import Tools
from legion_ci.oci import layout
from legion_ci.oci.blobs import Blobs
from legion_ci.oci.document import Platform
from legion_ci.package.protocol import Job, Packager
from legion_ci.results import Image, ModelRef, TrainResult
from legion_ci.settings.schema import PackageSettings
from legion_ci.store import artefacts

LOCK = "msgspec==0.19.0 \\\n    --hash=sha256:" + "a" * 64 + "\n"


class PackagerContract:
    """A subclass names the plug-in, makes an artefact that it takes, and finds the lock in a package."""

    use: str

    def make(self, folder: Path, scratch: Path) -> Path:
        """An artefact with the lock in ``legion_model``."""
        artefact = wine(folder)
        (artefact / "legion_model" / "requirements.lock").write_text(LOCK)
        return artefact

    def kept_lock(self, package: Path) -> str:
        """The lock in a package."""
        return (package / "requirements.lock").read_text()

    def plugin(self) -> Packager:
        return plugins.load("packagers", self.use)()

    @pytest.fixture
    def artefact(self, tmp_path):
        return self.make(tmp_path / "artefact", tmp_path)

    def package(self, artefact: Path, target: Path):
        target.mkdir(parents=True)
        model = ModelRef(name="tiny", version="3", artefact=artefacts.of_folder(artefact))
        trained = TrainResult(model=model, tracking_uri="sqlite://", experiment="tiny")
        settings = self.plugin().Settings(use=self.use)
        job = Job(trained, artefact, target, Tools(progress=Progress(quiet=True)))
        return self.plugin().package(settings, job).package

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
        lock = (artefact / "legion_model" / "requirements.lock").read_text()
        assert self.kept_lock(artefacts.local_path(made.uri)) == lock
        assert digest_tree(artefact) == before

    def test_an_artefact_without_a_lock_is_refused(self, artefact, tmp_path):
        (artefact / "legion_model" / "requirements.lock").unlink()
        with pytest.raises(OrderError, match="no requirements.lock"):
            self.package(artefact, tmp_path / "one")


class TestBundlePackager(PackagerContract):
    use = "bundle"


class ImageContract:
    """What images need: packages that can really be installed."""

    def make(self, folder: Path, scratch: Path) -> Path:
        return adder(folder, scratch)

    def kept_lock(self, package: Path) -> str:
        blobs = Blobs(package / "layout")
        platform = Platform.parse(msgspec.json.decode((package / "image.json").read_bytes(), type=Image).platforms[0])
        model = layout.image_of(blobs, layout.top_of(blobs.folder), platform).manifest.layers[-1]
        with tarfile.open(blobs.path(model.digest)) as tar:
            return tar.extractfile("opt/legion/model/artefact/legion_model/requirements.lock").read().decode()


class TestRestPackager(ImageContract, PackagerContract):
    use = "docker-rest"


class TestCliPackager(ImageContract, PackagerContract):
    use = "docker-cli"


def test_every_packager_of_ours_is_put_through_this():
    assert set(plugins.installed("packagers")) == {c.use for c in PackagerContract.__subclasses__()}
