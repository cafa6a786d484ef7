import json
import os
import subprocess
import sys
import tarfile

import msgspec
import pytest
from image_models import ADDER, QUIET, adder, base_of_two_platforms, cli, job, rest
from image_registry import registry

from legion_ci.core.errors import ConfigurationError, OrderError, ToolError
from legion_ci.oci import layout
from legion_ci.oci.blobs import Blobs
from legion_ci.oci.document import Index, Manifest, Platform
from legion_ci.package.image import bases, packager, proof
from legion_ci.package.image.settings import RestSettings
from legion_ci.results import Image

HERE = Platform(os="linux", architecture="amd64")


@pytest.fixture(scope="module")
def locks(tmp_path_factory):
    return tmp_path_factory.mktemp("locks")


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory):
    """A cache of this module's own: its images are made cold once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LEGION_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="module")
def first(tmp_path_factory, locks):
    """(artefact, target, image) of a first image."""
    folder = tmp_path_factory.mktemp("first")
    artefact = adder(folder / "artefact", locks)
    return artefact, folder / "target", rest(job(artefact, folder / "target")).image


def config(target) -> dict:
    blobs = Blobs(target / "image" / "layout")
    return dict(layout.image_of(blobs, layout.top_of(blobs.folder), HERE).document)


def layers(target) -> list[str]:
    blobs = Blobs(target / "image" / "layout")
    return [d.digest for d in layout.image_of(blobs, layout.top_of(blobs.folder), HERE).manifest.layers]


def test_a_second_cold_build_elsewhere_has_the_same_digest(first, locks, tmp_path, monkeypatch):
    monkeypatch.setenv("LEGION_CACHE", str(tmp_path / "another" / "cache"))
    artefact = adder(tmp_path / "deep" / "artefact", locks)
    again = rest(job(artefact, tmp_path / "target"))
    assert again.image == first[2]
    assert again.image.digest.startswith("sha256:")


def test_a_new_version_of_the_model_shares_all_layers_but_its_own(first, locks, tmp_path):
    rest(job(adder(tmp_path / "artefact", locks, "2"), tmp_path / "target", "2"))
    [*shared, model], [*before, old] = layers(tmp_path / "target"), layers(first[1])
    assert shared == before
    assert model != old


def test_the_image_tells_where_it_comes_from_and_how_it_runs(first):
    artefact, target, image = first
    run = config(target)["config"]
    assert run["User"] == "65532:65532"
    assert run["Healthcheck"]["Test"][0] == "CMD"
    told = {name: run["Labels"][f"org.legion-ci.{name}"] for name in ("run", "version", "digest", "data", "proved")}
    assert told == {
        "run": "0" * 32,
        "version": "1",
        "digest": job(artefact, target / "x").model.artefact.digest,
        "data": "train=" + "d" * 64,
        "proved": "2",
    }
    assert run["Labels"]["org.opencontainers.image.revision"] == "c" * 40
    assert msgspec.json.decode((target / "image" / "image.json").read_bytes(), type=Image) == image


def test_bill_of_materials_and_provenance_refer_to_the_image(first):
    _, target, image = first
    blobs = Blobs(target / "image" / "layout")
    listed = msgspec.json.decode((blobs.folder / "index.json").read_bytes(), type=Index).manifests
    assert {d.digest for d in listed} == {image.digest, image.sbom, image.provenance}
    documents = {}
    for digest in (image.sbom, image.provenance):
        manifest = msgspec.json.decode(blobs.read(digest), type=Manifest)
        assert manifest.subject.digest == image.digest
        documents[manifest.artifact_type] = json.loads(blobs.read(manifest.layers[0].digest))
    bill = documents["application/vnd.cyclonedx+json"]
    urls = {c["purl"].split("@")[0] for c in bill["components"]}
    assert {"pkg:pypi/granian", "pkg:deb/debian/libc6", "pkg:deb/debian/libpython3.11-stdlib"} <= urls
    statement = documents["application/vnd.in-toto+json"]
    assert statement["subject"] == [{"name": "adder", "digest": {"sha256": image.digest[7:]}}]
    found = {d["uri"]: d["digest"] for d in statement["predicate"]["buildDefinition"]["resolvedDependencies"]}
    assert found["git:commit"] == {"gitCommit": "c" * 40}
    assert found["legion:data/train"] == {"sha256": "d" * 64}


def test_a_model_that_would_predict_otherwise_is_not_packaged(locks, tmp_path):
    wrong = {"columns": ["result"], "types": {"result": "number"}, "data": [[3.0], [9.0]]}
    artefact = adder(tmp_path / "artefact", locks, source=ADDER + "\n# wrong", answer=wrong)
    with pytest.raises(ToolError, match=r"result of row 1 is 0.75, at training 9.0"):
        rest(job(artefact, tmp_path / "target"))


def test_a_model_that_never_answers_twice_alike_is_packaged_and_says_that_nothing_was_compared(locks, tmp_path):
    source = ADDER.replace("row[0] + row[1]", "__import__('random').random()")
    rest(job(adder(tmp_path / "artefact", locks, source=source), tmp_path / "target"))
    assert config(tmp_path / "target")["config"]["Labels"]["org.legion-ci.proved"] == "0"


def test_a_model_whose_packages_lack_something_is_not_packaged(locks, tmp_path):
    artefact = adder(tmp_path / "artefact", locks, source="import pandas\n" + ADDER)
    with pytest.raises(ToolError, match="No module named 'pandas'"):
        rest(job(artefact, tmp_path / "target"))


def test_a_proof_holds_for_a_model_trained_again_and_not_for_other_code(first, locks, tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(proof, "prove", lambda *a: asked.append(a) or proof.Proof(0, (), ()))
    rest(job(adder(tmp_path / "again", locks, "2"), tmp_path / "one"))
    assert asked == []
    rest(job(adder(tmp_path / "other", locks, "2", source=ADDER + "\nx = 1\n"), tmp_path / "two"))
    assert len(asked) == 1


def test_a_package_without_a_wheel_is_named(locks, tmp_path):
    artefact = adder(tmp_path / "artefact", locks)
    lock = artefact / "legion_model" / "requirements.lock"
    lock.write_text(lock.read_text() + "pyspark==3.5.1 \\\n    --hash=sha256:" + "a" * 64 + "\n")
    with pytest.raises(ToolError, match=r"(?s)cannot be installed for linux/amd64, Python 3\.\d+:.*pyspark"):
        rest(job(artefact, tmp_path / "target"))


def test_an_artefact_without_a_lock_is_refused(locks, tmp_path):
    artefact = adder(tmp_path / "artefact", locks)
    (artefact / "legion_model" / "requirements.lock").unlink()
    with pytest.raises(OrderError, match="no requirements.lock"):
        rest(job(artefact, tmp_path / "target"))


def test_a_base_with_another_python_is_refused(first, tmp_path, monkeypatch):
    monkeypatch.setattr(bases, "_version", lambda name, built: "3.9")
    with pytest.raises(ConfigurationError, match="has Python 3.9"):
        rest(job(first[0], tmp_path / "target"))


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"image": "Wine:1"}, "lower-case"),
        ({"image": "wine", "push": True}, "names no registry to push to"),
        ({"image": "wine@sha256:" + "a" * 64}, "a digest cannot be chosen"),
        ({"base": "oci:/nowhere"}, "is not an OCI image layout"),
    ],
)
def test_what_cannot_be_is_said_before_anything_is_made(first, tmp_path, settings, told):
    with pytest.raises((ConfigurationError, ToolError), match=told):
        rest(job(first[0], tmp_path / "target"), **settings)


def test_a_name_with_unknown_places_is_refused_by_the_settings():
    with pytest.raises(ValueError, match=r"may hold \{model\}, \{version\}, \{digest\}, \{commit\}"):
        RestSettings(use="docker-rest", image="{modell}:1")


def test_a_pushed_image_is_whole_in_the_registry_with_all_that_refers_to_it(first, tmp_path):
    with registry(tmp_path / "registry") as address:
        made = rest(job(first[0], tmp_path / "target"), image=f"{address}/models/adder", push=True)
        assert made.image.pushed
        assert made.image.reference == f"{address}/models/adder:1"
        assert [p.name for p in (tmp_path / "target" / "image").iterdir()] == ["image.json"]
        client = packager.Registry(packager.parse(made.image.reference))
        assert {d.digest for d in client.referrers(made.image.digest)} == {made.image.sbom, made.image.provenance}
        assert client.has("1")


def test_layers_above_a_base_from_a_registry_and_from_a_folder_are_the_same(first, tmp_path):
    with registry(tmp_path / "registry") as address:
        blobs, none = packager.shared(), job(first[0], tmp_path / "x").tools
        base = bases.find("debian", "", blobs, None, none).built
        packager.Registry(packager.parse(f"{address}/base:12")).push(blobs, base.descriptor, "12", none)
        layout.write(tmp_path / "base", blobs, base.descriptor, "base")
        for i, name in enumerate((f"{address}/base@{base.descriptor.digest}", f"oci:{tmp_path / 'base'}")):
            assert rest(job(first[0], tmp_path / f"target{i}"), base=name).image.digest == first[2].digest


def test_what_docker_cli_packages_differs_only_in_how_it_is_started(first, tmp_path):
    cli(job(first[0], tmp_path / "target"))
    assert layers(tmp_path / "target") == layers(first[1])
    entry = config(tmp_path / "target")["config"]["Entrypoint"]
    assert entry[-2:] == ["--model", "/opt/legion/model/artefact"]
    assert "legion_ci.serving.cli" in entry


def test_everything_a_new_process_packages_is_the_same(first, locks, tmp_path):
    """Nothing depends on what this process has imported, or on its hash seed."""
    program = (
        "import sys; from pathlib import Path; from image_models import *\n"
        "artefact, target = map(Path, sys.argv[1:])\n"
        "print(rest(job(artefact, target)).image.digest)"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "PYTHONHASHSEED": "7", "TZ": "Asia/Tokyo",
                   "LEGION_CACHE": str(tmp_path / "cold")}  # fmt: skip
    done = subprocess.run([sys.executable, "-c", program, str(first[0]), str(tmp_path / "target")],
                          env=environment, capture_output=True, text=True, check=False)  # fmt: skip
    assert done.stdout.strip() == first[2].digest, done.stderr


def test_an_image_for_two_platforms_holds_the_same_lock_for_each(first, tmp_path):
    both = base_of_two_platforms()
    with registry(tmp_path / "registry") as address:
        packager.Registry(packager.parse(f"{address}/base:2")).push(packager.shared(), both, "2", QUIET)
        made = rest(
            job(first[0], tmp_path / "target"),
            base=f"{address}/base@{both.digest}",
            platforms=("linux/amd64", "linux/arm64"),
        )
    assert made.image.platforms == ("linux/amd64", "linux/arm64")
    store = Blobs(tmp_path / "target" / "image" / "layout")
    machines = {}
    for platform in made.image.platforms:
        image = layout.image_of(store, layout.top_of(store.folder), Platform.parse(platform))
        with tarfile.open(store.path(image.manifest.layers[1].digest)) as tar:
            library = next(m for m in tar if m.name.endswith(".so") and "granian" in m.name)
            machines[platform] = int.from_bytes(tar.extractfile(library).read(20)[18:], "little")
        proved = dict(image.document)["config"]["Labels"].get("org.legion-ci.proved")
        assert proved == ("2" if platform == "linux/amd64" else None)
    assert machines == {"linux/amd64": 0x3E, "linux/arm64": 0xB7}  # e_machine of ELF
