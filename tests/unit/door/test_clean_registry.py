"""``clean --registry``: images that only old runs have go by digest, with all that refers to them; others never."""

from __future__ import annotations

import msgspec
import pytest
from image_models import QUIET, adder, job, rest
from image_registry import registry

from legion_ci import clean, runs
from legion_ci.core.errors import OrderError
from legion_ci.gateway.routes import Arm, Routes
from legion_ci.oci.blobs import shared
from legion_ci.oci.document import Platform
from legion_ci.oci.reference import parse
from legion_ci.oci.registry import Registry
from legion_ci.results import SCHEMA_VERSION, Artefact, Image, ModelRef, PackageResult, Record
from legion_ci.settings.load import Loaded, load


@pytest.fixture
def loaded(tmp_path) -> Loaded:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "legion.yaml").write_text(
        f"model: {{name: adder}}\nsite: {{path: {tmp_path / 'site'}}}\nkeep: {{runs: 1}}\npackage: {{use: docker-rest}}\n"
    )
    return load(folder / "legion.yaml", environment={})


def packaged(loaded: Loaded, tmp_path, number: int, address: str) -> Image:
    """A finished run that pushed an image."""
    job_ = job(adder(tmp_path / f"a{number}", tmp_path, str(number)), tmp_path / f"t{number}", str(number))
    made = rest(job_, image=f"{address}/adder:{{version}}", push=True)
    run = runs.choose(loaded.folder, f"r{number}", fresh=True)
    (run.folder / "run.json").write_text(f'{{"created": {1000 + number}}}')
    result = PackageResult(kind="docker-rest", package=made.package, model=job_.model, image=made.image)
    run.write(
        Record(schema_version=SCHEMA_VERSION, stage="package", run=run.id, started_at="", ended_at="", seconds=0, host="",
               inputs={}, input_digest="", tools={}, result=msgspec.Raw(msgspec.json.encode(result)))
    )  # fmt: skip
    run.finish("promote PASS")
    return made.image


def deployed(loaded: Loaded, image: Image) -> None:
    """A deployment of that image."""
    folder = loaded.site.deployments / "adder-live"
    folder.mkdir(parents=True)
    (folder / "image.json").write_bytes(msgspec.json.encode(image))
    model = ModelRef(name="adder", version="1", artefact=Artefact(uri="file:///a", digest="a" * 64))
    arm = Arm(deployment="adder-live", model=model, endpoint="127.0.0.1:1")
    loaded.site.routes.write_bytes(msgspec.json.encode(Routes(arms=(arm,))))


def test_only_what_old_runs_alone_have_goes_with_all_that_refers_to_it(loaded, tmp_path):
    with registry(tmp_path / "registry") as address:
        gone, lives, newest = (packaged(loaded, tmp_path, n, address) for n in range(3))
        deployed(loaded, lives)
        client = Registry(parse(f"{address}/adder"))
        told = "\n".join(clean.clean(loaded, dry_run=True, registry=True))
        assert f"would remove {gone.reference}@{gone.digest}" in told
        assert client.has(gone.digest)
        told = "\n".join(clean.clean(loaded, dry_run=False, registry=True))
        assert f"removed {gone.reference}@{gone.digest}" in told
        assert lives.digest not in told
        there = {
            name: client.has(image.digest) for name, image in (("gone", gone), ("lives", lives), ("newest", newest))
        }
        assert there == {"gone": False, "lives": True, "newest": True}
        assert not any(client.has(digest) for digest in (gone.sbom, gone.provenance))
        assert client.referrers(gone.digest) == ()
        assert client.image(
            parse(f"{address}/adder@{lives.digest}"), Platform.parse(lives.platforms[0]), shared(), QUIET
        )


def test_where_it_is_not_known_what_is_live_nothing_goes(loaded):
    with pytest.raises(OrderError, match="not known which images are live"):
        list(clean.clean(loaded, dry_run=False, registry=True))
