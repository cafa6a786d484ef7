"""Signatures of images by a key, as cosign writes and reads them: a "simple signing" payload, ECDSA P-256 over SHA-256.

Sources: containers/image docs/containers-signature.5.md (payload); sigstore cosign specs/SIGNATURE_SPEC.md (annotation, place).
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import msgspec

from legion_ci.core.errors import ConfigurationError, ToolError, missing_package
from legion_ci.oci.blobs import Blobs
from legion_ci.oci.document import CONFIG, Descriptor, Manifest, encode

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey, EllipticCurvePublicKey

PAYLOAD = "application/vnd.dev.cosign.simplesigning.v1+json"
ANNOTATION = "dev.cosignproject.cosign/signature"
_TYPE = "cosign container image signature"


def tag(digest: str) -> str:
    """Where cosign looks for the signatures of an image."""
    return f"{digest.replace(':', '-')}.sig"


def sign(blobs: Blobs, name: str, digest: str, private_pem: bytes, where: str) -> Descriptor:
    """The signature of an image as a manifest in the store. name: registry and repository.

    The signature is deterministic (RFC 6979): the same image and key have the same. Raises ConfigurationError on a bad key.
    """
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec

    payload = encode(
        {
            "critical": {
                "identity": {"docker-reference": name},
                "image": {"docker-manifest-digest": digest},
                "type": _TYPE,
            },
            "optional": None,
        }
    )
    scheme = ec.ECDSA(hashes.SHA256(), deterministic_signing=True)
    signed = base64.b64encode(_private(private_pem, where).sign(payload, scheme)).decode()
    layer = msgspec.structs.replace(blobs.put(payload, PAYLOAD), annotations={ANNOTATION: signed})
    document = {"architecture": "", "os": "", "config": {}, "rootfs": {"type": "layers", "diff_ids": [layer.digest]}}
    config = blobs.put(encode(document), CONFIG)
    manifest = Manifest(config=config, layers=(layer,))
    return blobs.put(encode(manifest), manifest.media_type)


def verify(blobs: Blobs, signature: Descriptor, digest: str, public_pem: bytes, where: str) -> None:
    """Raise ToolError unless one of the signatures in that manifest is the key's and names exactly this image."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec

    key, reasons = _public(public_pem, where), []
    manifest = msgspec.json.decode(blobs.read(signature.digest), type=Manifest)
    for layer in manifest.layers:
        payload = blobs.read(layer.digest)
        try:
            key.verify(base64.b64decode(layer.annotations.get(ANNOTATION, "")), payload, ec.ECDSA(hashes.SHA256()))
            found = msgspec.json.decode(payload)["critical"]["image"]["docker-manifest-digest"]
        except (InvalidSignature, ValueError, KeyError, TypeError):
            reasons.append("not signed by this key")
            continue
        if found == digest:
            return
        reasons.append(f"it is of another image ({found[:19]})")
    raise ToolError(f"the image {digest[:19]} is not signed as it must be ({'; '.join(reasons) or 'no signature'})", where=where,
                    todo="package it again with package.sign, or deploy one that is signed")  # fmt: skip


def _private(pem: bytes, where: str) -> EllipticCurvePrivateKey:
    try:
        from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey
        from cryptography.hazmat.primitives.serialization import load_pem_private_key
    except ImportError as error:
        raise missing_package(error, where) from error
    try:
        key = load_pem_private_key(pem, password=None)
    except (ValueError, TypeError) as error:
        raise ConfigurationError(f"the signing key cannot be read ({error})", where=where, todo=_KEY) from error
    if not (isinstance(key, EllipticCurvePrivateKey) and isinstance(key.curve, SECP256R1)):
        raise ConfigurationError("the signing key is not of the curve P-256", where=where, todo=_KEY)
    return key


def _public(pem: bytes, where: str) -> EllipticCurvePublicKey:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    try:
        key = load_pem_public_key(pem)
    except (ValueError, TypeError) as error:
        raise ConfigurationError(f"the public key cannot be read ({error})", where=where, todo=_KEY) from error
    if not isinstance(key, EllipticCurvePublicKey):
        raise ConfigurationError("the public key is not of the curve P-256", where=where, todo=_KEY)
    return key


_KEY = "make one: openssl ecparam -name prime256v1 -genkey -noout -out key.pem; openssl ec -in key.pem -pubout -out key.pub"
