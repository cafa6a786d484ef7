"""Digests of inputs that several stages have."""

from __future__ import annotations

from legion_ci.core.files import digest_bytes
from legion_ci.settings.schema import Section

Digests = dict[str, str]


def of_section(section: Section) -> str:
    """Digest of a section of the configuration, defaults included."""
    return digest_bytes(section.model_dump_json(exclude=set(section.not_inputs)).encode())
