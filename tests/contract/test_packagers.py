"""Every built-in packager is put through the contract that plug-in authors run on theirs."""

from __future__ import annotations

import sys
import tarfile
from pathlib import Path

import msgspec
import pytest
from image_models import adder

from legion_ci.core import plugins
from legion_ci.oci import layout
from legion_ci.oci.blobs import Blobs
from legion_ci.oci.document import Platform
from legion_ci.results import Image
from legion_ci.testing.packagers import PackagerContract


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


PROGRAM = """#!{python}
import hashlib, json, pathlib, sys

model, told = map(pathlib.Path, sys.argv[1:3])
spec = json.loads(told.read_bytes())["modelPackaging"]["spec"]
files = sorted(p for p in model.rglob("*") if p.is_file())
digest = hashlib.sha256(b"".join(p.read_bytes() for p in files)).hexdigest()[:12]
(model / "requirements.lock").write_text("the program may do what it likes with its copy")
pathlib.Path("result.json").write_text(json.dumps({{"image": spec["arguments"]["imageName"] + ":" + digest}}))
"""


class TestExternalPackager(PackagerContract):
    use = "external"

    @pytest.fixture(autouse=True)
    def program(self, tmp_path_factory, monkeypatch):
        program = tmp_path_factory.mktemp("program") / "packager"
        program.write_text(PROGRAM.format(python=sys.executable))
        program.chmod(0o755)
        stated = {"program": (str(program),), "arguments": {"imageName": "demo"}}
        monkeypatch.setattr(type(self), "settings", stated)


def test_every_packager_of_ours_is_put_through_this():
    assert set(plugins.installed("packagers")) == {c.use for c in PackagerContract.__subclasses__()}
