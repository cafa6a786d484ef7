import msgspec
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from image_models import QUIET, adder, job, rest
from image_registry import registry

from legion_ci.core.errors import ConfigurationError, OrderError, ToolError
from legion_ci.deploy import fetched
from legion_ci.deploy.local import LocalSettings
from legion_ci.oci import layout
from legion_ci.oci.blobs import Blobs, shared
from legion_ci.oci.document import MANIFEST, Descriptor
from legion_ci.oci.reference import parse
from legion_ci.oci.registry import Registry
from legion_ci.oci.signature import tag
from legion_ci.results import Image, PackageResult


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    """References to a private and a public key."""
    folder, key = tmp_path_factory.mktemp("keys"), ec.generate_private_key(ec.SECP256R1())
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "key").write_bytes(private)
    public = key.public_key().public_bytes(pem, serialization.PublicFormat.SubjectPublicKeyInfo)
    (folder / "key.pub").write_bytes(public)
    return f"file:{folder / 'key'}", f"file:{folder / 'key.pub'}"


@pytest.fixture(scope="module")
def artefact(tmp_path_factory):
    folder = tmp_path_factory.mktemp("adder")
    return adder(folder / "artefact", folder)


def packaged(job_, **settings) -> PackageResult:
    made = rest(job_, **settings)
    return PackageResult(kind="docker-rest", package=made.package, model=job_.model, image=made.image)


def fetch(result: PackageResult, work, key: str | None, model=None, **settings):
    return fetched.fetch(LocalSettings(verify=key, **settings), result, model or result.model, work, QUIET)


def test_a_signed_image_is_fetched_and_an_unsigned_one_is_not(keys, artefact, tmp_path):
    signed = packaged(job(artefact, tmp_path / "signed"), sign=keys[0])
    assert (fetch(signed, tmp_path, keys[1]) / "layout").is_dir()
    plain = packaged(job(artefact, tmp_path / "plain"))
    assert (fetch(plain, tmp_path, None) / "layout").is_dir()
    with pytest.raises(ToolError, match="is not signed; package it with package.sign"):
        fetch(plain, tmp_path, keys[1])


def test_the_package_of_another_model_is_refused(artefact, tmp_path):
    one = packaged(job(artefact, tmp_path / "one"))
    other = job(adder(tmp_path / "other", tmp_path, "2"), tmp_path / "two", "2").model
    with pytest.raises(OrderError, match="holds another model"):
        fetch(one, tmp_path, None, other)


def test_a_signature_of_another_image_is_refused(keys, artefact, tmp_path):
    signed = packaged(job(artefact, tmp_path / "signed"), sign=keys[0])
    other = packaged(job(adder(tmp_path / "other", tmp_path, "2"), tmp_path / "two", "2"), sign=keys[0])
    blobs = Blobs(tmp_path / "two" / "image" / "layout")
    lent = Blobs(tmp_path / "signed" / "image" / "layout")
    descriptor = Descriptor(media_type=MANIFEST, digest=signed.image.signature, size=0)
    for digest in layout.closure(lent, descriptor):
        lent.lend(digest, blobs)
    moved = msgspec.structs.replace(other.image, signature=signed.image.signature)
    with pytest.raises(ToolError, match="another image"):
        fetched._in_folder(blobs.folder, moved, QUIET.secrets.resolve(keys[1]).encode())


def test_an_image_that_was_changed_by_one_byte_after_signing_is_refused(keys, artefact, tmp_path):
    signed = packaged(job(artefact, tmp_path / "signed"), sign=keys[0])
    folder = tmp_path / "signed" / "image" / "layout"
    blobs = Blobs(folder)
    layer = blobs.path(layout.closure(blobs, layout.top_of(folder))[-3])
    content = bytearray(layer.read_bytes())
    content[len(content) // 2] ^= 1
    layer.unlink()  # the file is shared with the store
    layer.write_bytes(content)
    with pytest.raises(ToolError, match="was changed"):
        fetched._in_folder(folder, signed.image, QUIET.secrets.resolve(keys[1]).encode())


def test_a_package_that_is_no_image_cannot_be_verified(keys, tmp_path):
    from deploy_stage import package

    with pytest.raises(ConfigurationError, match="only images are signed"):
        fetch(package(tmp_path, "1").packaged, tmp_path, keys[1])


def test_the_signature_of_a_pushed_image_is_looked_up_in_the_registry(keys, artefact, tmp_path):
    with registry(tmp_path / "registry") as address:
        pushed = packaged(job(artefact, tmp_path / "pushed"), sign=keys[0], push=True, image=f"{address}/adder:1")
        folder = fetch(pushed, tmp_path / "work", keys[1])
        assert [p.name for p in folder.iterdir()] == ["image.json"]
        assert msgspec.json.decode((folder / "image.json").read_bytes(), type=Image) == pushed.image
        other = packaged(job(adder(tmp_path / "o", tmp_path, "9"), tmp_path / "t", "9"), sign=keys[0])
        client, blobs = Registry(parse(pushed.image.reference)), shared()
        wrong = Descriptor(
            media_type=MANIFEST, digest=other.image.signature, size=blobs.path(other.image.signature).stat().st_size
        )
        client.push(blobs, wrong, tag(pushed.image.digest), QUIET)
        with pytest.raises(ToolError, match="another image"):
            fetch(pushed, tmp_path / "work", keys[1])


def test_a_registry_that_asks_for_a_login_is_given_the_deployments_own(keys, artefact, tmp_path, monkeypatch):
    monkeypatch.setenv("REGISTRY_LOGIN", "ci:right")
    monkeypatch.setenv("OTHER_LOGIN", "ci:wrong")
    with registry(tmp_path / "registry", login="ci:right") as address:
        pushed = packaged(
            job(artefact, tmp_path / "pushed"), sign=keys[0], push=True, image=f"{address}/adder:1",
            credentials="env:REGISTRY_LOGIN",
        )  # fmt: skip
        assert fetch(pushed, tmp_path / "work", keys[1], credentials="env:REGISTRY_LOGIN").is_dir()
        with pytest.raises(ToolError, match="login"):
            fetch(pushed, tmp_path / "work", keys[1], credentials="env:OTHER_LOGIN")
