import json

import msgspec
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from legion_ci.core.errors import ConfigurationError, ToolError
from legion_ci.oci import signature
from legion_ci.oci.blobs import Blobs
from legion_ci.oci.document import MANIFEST, Manifest, encode

DIGEST = "sha256:" + "ab" * 32
PRIVATE = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
PUBLIC = serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo


def pair(key=None) -> tuple[bytes, bytes]:
    key = key or ec.generate_private_key(ec.SECP256R1())
    return key.private_bytes(*PRIVATE), key.public_key().public_bytes(*PUBLIC)


@pytest.fixture
def blobs(tmp_path):
    return Blobs(tmp_path)


def test_a_signature_is_good_for_its_image_and_key_alone(blobs):
    private, public = pair()
    signed = signature.sign(blobs, "reg.example/wine", DIGEST, private, "k")
    signature.verify(blobs, signed, DIGEST, public, "deploy.verify")
    with pytest.raises(ToolError, match="another image"):
        signature.verify(blobs, signed, "sha256:" + "cd" * 32, public, "deploy.verify")
    with pytest.raises(ToolError, match="not signed by this key"):
        signature.verify(blobs, signed, DIGEST, pair()[1], "deploy.verify")


def test_the_same_image_and_key_give_the_same_signature(blobs):
    private, _ = pair()
    assert signature.sign(blobs, "wine", DIGEST, private, "") == signature.sign(blobs, "wine", DIGEST, private, "")


def test_no_single_changed_bit_of_payload_or_signature_is_accepted(blobs):
    private, public = pair()
    signed = signature.sign(blobs, "wine", DIGEST, private, "")
    manifest = msgspec.json.decode(blobs.read(signed.digest), type=Manifest)
    [layer] = manifest.layers
    payload = blobs.read(layer.digest)
    text = layer.annotations[signature.ANNOTATION]
    for bit in range(0, len(payload) * 8, 7):
        changed = bytearray(payload)
        changed[bit // 8] ^= 1 << bit % 8
        refused(blobs, manifest, blobs.put(bytes(changed), signature.PAYLOAD), text, public)
    for position in range(len(text) - 4):
        other = "A" if text[position] != "A" else "B"
        refused(blobs, manifest, layer, text[:position] + other + text[position + 1 :], public)


def refused(blobs, manifest, layer, text, public):
    layer = msgspec.structs.replace(layer, annotations={signature.ANNOTATION: text})
    changed = blobs.put(encode(msgspec.structs.replace(manifest, layers=(layer,))), MANIFEST)
    with pytest.raises(ToolError):
        signature.verify(blobs, changed, DIGEST, public, "")


def test_the_payload_is_the_one_that_cosign_reads(blobs):
    signed = signature.sign(blobs, "reg.example/wine", DIGEST, pair()[0], "")
    [layer] = msgspec.json.decode(blobs.read(signed.digest), type=Manifest).layers
    assert json.loads(blobs.read(layer.digest)) == {
        "critical": {
            "identity": {"docker-reference": "reg.example/wine"},
            "image": {"docker-manifest-digest": DIGEST},
            "type": "cosign container image signature",
        },
        "optional": None,
    }
    assert signature.tag(DIGEST) == "sha256-" + "ab" * 32 + ".sig"


@pytest.mark.parametrize("pem", [b"nonsense", pair(ed25519.Ed25519PrivateKey.generate())[0]])
def test_a_wrong_key_says_how_to_make_a_right_one(blobs, pem):
    with pytest.raises(ConfigurationError, match="openssl ecparam -name prime256v1"):
        signature.sign(blobs, "wine", DIGEST, pem, "package.sign")
