import os
import subprocess

import pytest
from image_models import QUIET
from image_registry import breaking, registry
from requirements_of_tests import need

from legion_ci.core.errors import ConfigurationError, ServiceError, ToolError
from legion_ci.core.secrets import Secrets
from legion_ci.oci import layout
from legion_ci.oci.blobs import Blobs
from legion_ci.oci.credentials import Login, login
from legion_ci.oci.document import EMPTY, MANIFEST, Descriptor, Manifest, Platform, encode
from legion_ci.oci.image import Run, assemble
from legion_ci.oci.layer import Entry, build
from legion_ci.oci.reference import parse
from legion_ci.oci.registry import Registry

HERE = Platform(os="linux", architecture="amd64")


@pytest.fixture
def blobs(tmp_path):
    return Blobs(tmp_path / "store")


@pytest.fixture
def built(blobs):
    layers = [(name, build(blobs, [Entry(name, os.urandom(3 << 20))], level=1)) for name in ("one", "two")]
    return assemble(blobs, None, HERE, layers, Run(entrypoint=["/bin/none"]))


def at(address: str, who: Login | None = None, name: str = "models/wine:1") -> Registry:
    return Registry(parse(f"{address}/{name}"), who or Login())


def test_what_was_pushed_is_fetched_by_tag_and_by_digest_and_nothing_is_sent_twice(tmp_path, blobs, built):
    with registry(tmp_path / "r") as address:
        assert at(address).push(blobs, built.descriptor, "1", QUIET) > built.size
        assert at(address).push(blobs, built.descriptor, "2", QUIET) == 0
        for i, name in enumerate(("models/wine:2", f"models/wine@{built.descriptor.digest}")):
            other = Blobs(tmp_path / f"other{i}")
            found = at(address).image(parse(f"{address}/{name}"), HERE, other, QUIET)
            assert found.descriptor.digest == built.descriptor.digest
            assert all(other.has(layer.digest, layer.size) for layer in found.manifest.layers)


def test_other_programs_read_what_was_pushed_and_written(tmp_path, blobs, built):
    need("skopeo", "apt-get install skopeo")
    layout.write(tmp_path / "layout", blobs, built.descriptor, "wine:1")
    with registry(tmp_path / "r") as address:
        at(address).push(blobs, built.descriptor, "1", QUIET)
        for source in (f"docker://{address}/models/wine:1", f"oci:{tmp_path / 'layout'}:wine:1"):
            done = subprocess.run(
                ["skopeo", "copy", "--src-tls-verify=false", source, f"dir:{tmp_path / 'copied'}"],
                check=False, capture_output=True, text=True,
            )  # fmt: skip
            assert done.returncode == 0, done.stderr


def test_an_upload_that_breaks_off_goes_on_where_it_was(tmp_path, blobs, built):
    with registry(tmp_path / "r") as address, breaking(address, after=1 << 20, times=3) as proxy:
        at(f"127.0.0.1:{proxy.port}").push(blobs, built.descriptor, "1", QUIET)
        assert proxy.broken == 3
        found = at(address).image(parse(f"{address}/models/wine:1"), HERE, Blobs(tmp_path / "other"), QUIET)
    assert found.descriptor.digest == built.descriptor.digest


def test_a_registry_that_is_gone_in_the_middle_of_a_push_has_no_tag_afterwards(tmp_path, blobs, built, monkeypatch):
    monkeypatch.setattr("legion_ci.oci.registry._PAUSE_S", 0.01)
    with registry(tmp_path / "r") as address:
        with breaking(address, after=1 << 20, times=10_000) as proxy, pytest.raises(ServiceError, match="5 attempts"):
            at(f"127.0.0.1:{proxy.port}").push(blobs, built.descriptor, "1", QUIET)
        assert not at(address).has("1")
        at(address).push(blobs, built.descriptor, "1", QUIET)
        assert at(address).has("1")


def test_no_registry_at_all_is_told_as_such(blobs, built, monkeypatch):
    monkeypatch.setattr("legion_ci.oci.registry._PAUSE_S", 0.01)
    with pytest.raises(ServiceError, match="does not answer"):
        at("127.0.0.1:9").push(blobs, built.descriptor, "1", QUIET)


def test_a_login_is_used_and_a_wrong_one_is_told(tmp_path, blobs, built):
    with registry(tmp_path / "r", login="ann:secret-word") as address:
        at(address, Login("ann", "secret-word")).push(blobs, built.descriptor, "1", QUIET)
        for who in (Login(), Login("ann", "wrong")):
            with pytest.raises(ToolError, match="login is not accepted"):
                at(address, who).push(blobs, built.descriptor, "2", QUIET)


def test_credentials_come_by_reference_or_from_dockers_configuration(tmp_path, monkeypatch):
    secrets = Secrets()
    monkeypatch.setenv("LOGIN_X", "ann:pass:word")
    assert login("reg.example", "env:LOGIN_X", secrets) == Login("ann", "pass:word")
    assert secrets.redact("says pass:word") == "says ****"
    monkeypatch.setenv("LOGIN_X", "no colon")
    with pytest.raises(ConfigurationError, match="not user:password"):
        login("reg.example", "env:LOGIN_X", secrets)
    (tmp_path / "config.json").write_text('{"auths": {"reg.example": {"auth": "Ym9iOmZyb20tZmlsZQ=="}}}')
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    assert login("reg.example", None, secrets) == Login("bob", "from-file")
    assert not login("other.example", None, secrets)


def test_what_refers_to_an_image_is_found_again_and_several_stay(tmp_path, blobs, built):
    subject = Descriptor(media_type=MANIFEST, digest=built.descriptor.digest, size=built.descriptor.size)

    def attached(kind: str) -> Descriptor:
        manifest = Manifest(config=blobs.put(b"{}", EMPTY), layers=(blobs.put(kind.encode(), kind),),
                            artifact_type=kind, subject=subject)  # fmt: skip
        return blobs.put(encode(manifest), MANIFEST, artifact_type=kind)

    with registry(tmp_path / "r") as address:
        at(address).push(blobs, built.descriptor, "1", QUIET)
        for kind in ("application/one", "application/two", "application/one"):
            at(address).attach(blobs, subject.digest, [attached(kind)], QUIET)
        assert {d.artifact_type for d in at(address).referrers(subject.digest)} == {
            "application/one",
            "application/two",
        }
        assert len(at(address).referrers(subject.digest, "application/one")) == 1


def test_a_missing_image_and_a_missing_platform_say_so(tmp_path, blobs, built):
    other = assemble(blobs, None, Platform(os="linux", architecture="arm64"), [], Run(entrypoint=["/x"]))
    both = layout.join(blobs, [built, other])
    with registry(tmp_path / "r") as address:
        with pytest.raises(ToolError, match="there is no"):
            at(address).image(parse(f"{address}/models/wine:9"), HERE, blobs, QUIET)
        at(address).push(blobs, both, "both", QUIET)
        reference = parse(f"{address}/models/wine:both")
        assert at(address).image(reference, HERE, blobs, QUIET).descriptor.digest == built.descriptor.digest
        with pytest.raises(ToolError, match=r"no image for linux/s390x \(there are: linux/amd64, linux/arm64\)"):
            at(address).image(reference, Platform(os="linux", architecture="s390x"), blobs, QUIET)


def test_an_image_is_removed_by_digest(tmp_path, blobs, built):
    with registry(tmp_path / "r") as address:
        at(address).push(blobs, built.descriptor, "1", QUIET)
        assert at(address).delete(built.descriptor.digest)
        assert not at(address).delete(built.descriptor.digest)
        assert not at(address).has("1")
