"""Credentials of data sources and sinks: given by reference only, and kept out of every message."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator
from pydantic_core import PydanticCustomError

from legion_ci.core.errors import ConfigurationError, Problem
from legion_ci.core.secrets import Secrets
from legion_ci.settings.schema import NOT_SHOWN

_SECRET = re.compile(r"password|passwd|secret|api_?key|access_?key|private_?key", re.IGNORECASE)
_REFERENCE = re.compile(r"(env:[A-Za-z_][A-Za-z0-9_]*|file:\S.*)")


def _reference(text: str) -> str:
    if not _REFERENCE.fullmatch(text):  # the value itself may be the secret: it is not shown
        raise PydanticCustomError(NOT_SHOWN, "say where it is, env:NAME or file:PATH, not the value itself")
    return text


def _address(text: str) -> str:
    if not _REFERENCE.fullmatch(text) and urlsplit(text).password:
        raise PydanticCustomError(
            NOT_SHOWN, "it holds a password; say env:NAME or file:PATH of the whole address, or give it as password"
        )
    return text


def _plain(options: dict[str, Any]) -> dict[str, Any]:
    if secret := sorted(k for k in options if _SECRET.search(str(k))):
        raise PydanticCustomError(NOT_SHOWN, "a secret is named, not written ({names})", {"names": ", ".join(secret)})
    return options


Options = Annotated[dict[str, Any], AfterValidator(_plain)]
Reference = Annotated[str, AfterValidator(_reference)]
Address = Annotated[str, AfterValidator(_address)]


def value(reference: str | None, secrets: Secrets, where: str) -> str | None:
    """What is behind a reference, remembered by ``secrets``; None for None."""
    return None if reference is None else secrets.resolve(reference, where)


def values(references: Mapping[str, str], secrets: Secrets, where: str) -> dict[str, str]:
    """What is behind each reference; raises ConfigurationError with all that cannot be read."""
    found: dict[str, str] = {}
    problems: list[Problem] = []
    for name, reference in references.items():
        try:
            found[name] = secrets.resolve(reference, f"{where}.{name}")
        except ConfigurationError as error:
            problems.extend(error.problems)
    if problems:
        raise ConfigurationError(problems)
    return found


def address(told: str, secrets: Secrets, where: str) -> str:
    """An address as it is, or the one behind a reference; its password is remembered by ``secrets``."""
    found = secrets.resolve(told, where) if _REFERENCE.fullmatch(told) else told
    if password := urlsplit(found).password:
        secrets.known.add(password)
    return found


def said(error: BaseException, secrets: Secrets, length: int = 300) -> str:
    """The first line that an error says, without what must not be shown."""
    lines = str(error).strip().splitlines()
    return secrets.redact(lines[0] if lines else type(error).__name__)[:length]
