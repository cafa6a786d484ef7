"""TLS for users (tls.yaml): a listener of its own with the user's certificate, read again when the files change."""

from __future__ import annotations

import ssl
from pathlib import Path

import msgspec

from legion_ci.core.errors import ConfigurationError, Problem
from legion_ci.core.files import digest_file
from legion_ci.gateway.document import Node, discovery, typed

SECRET = "server"  # noqa: S105 - the name of the certificate in Envoy's files


class Tls(msgspec.Struct, frozen=True, kw_only=True):
    """Where users are served with TLS. certificate, key: PEM files, absolute; listen: an address of this machine."""

    port: int
    certificate: str
    key: str
    listen: str = "0.0.0.0"  # noqa: S104 - what users reach; the plain listener stays on loopback


def socket(watched: Node) -> Node:
    """The transport socket of the listener: the certificate comes from a watched file."""
    return typed(
        "envoy.transport_sockets.tls",
        "extensions.transport_sockets.tls.v3.DownstreamTlsContext",
        common_tls_context={
            "tls_params": {"tls_minimum_protocol_version": "TLSv1_2"},
            "alpn_protocols": ["h2", "http/1.1"],
            "tls_certificate_sds_secret_configs": [{"name": SECRET, "sds_config": watched}],
        },
    )


def build(tls: Tls) -> str:
    """tls.yaml. Envoy reads certificate and key again when a file is moved into the certificate's folder."""
    pair = {"certificate_chain": {"filename": tls.certificate}, "private_key": {"filename": tls.key}}
    folder = {"watched_directory": {"path": str(Path(tls.certificate).parent)}}
    secret = {"name": SECRET, "tls_certificate": {**pair, **folder}}
    return discovery("extensions.transport_sockets.tls.v3.Secret", [secret], 0)


def check(tls: Tls, where: str = "deploy.tls") -> None:
    """Raise ConfigurationError, all problems at once, when the files are not a certificate and its key."""
    problems = [
        Problem(f"{path} cannot be read ({_why(path)})", f"{where}.{name}", "give a PEM file, relative to legion.yaml")
        for name, path in (("certificate", tls.certificate), ("key", tls.key))
        if _why(path)
    ]
    if problems:
        raise ConfigurationError(problems)
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(tls.certificate, tls.key)
    except (ssl.SSLError, OSError) as error:
        raise ConfigurationError(
            f"{tls.certificate} and {tls.key} are not a certificate and its key ({error.__class__.__name__}: {error})",
            where=where,
            todo="both must be PEM, the key without a pass phrase and belonging to the certificate",
        ) from error


def _why(path: str) -> str:
    try:
        digest_file(Path(path))
    except OSError as error:
        return error.strerror or str(error)
    return ""
