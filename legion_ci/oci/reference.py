"""Names of images: ``[registry/]repository[:tag][@digest]``."""

from __future__ import annotations

import re
from dataclasses import dataclass

from legion_ci.core.errors import ConfigurationError

_REPOSITORY = re.compile(r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*)*")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


@dataclass(frozen=True)
class Reference:
    """registry: host[:port], "" when none was named. tag, digest: "" when not named."""

    registry: str
    repository: str
    tag: str = ""
    digest: str = ""

    @property
    def name(self) -> str:
        """Registry and repository."""
        return f"{self.registry}/{self.repository}" if self.registry else self.repository

    def at(self, digest: str) -> Reference:
        """The same repository by digest."""
        return Reference(self.registry, self.repository, digest=digest)

    def __str__(self) -> str:
        return self.name + (f":{self.tag}" if self.tag else "") + (f"@{self.digest}" if self.digest else "")


def parse(text: str, where: str = "") -> Reference:
    """The reference that a text is; raises ConfigurationError that says what is wrong with it."""
    rest, _, digest = text.partition("@")
    registry, rest = _registry(rest)
    repository, _, tag = rest.partition(":")
    problem = _problem(repository, tag, digest, has_tag=":" in rest, has_digest="@" in text)
    if problem:
        raise ConfigurationError(
            f"{text!r} is not the name of an image ({problem})", where=where,
            todo="write [registry/]repository[:tag][@sha256:…], such as registry.example:5000/wine:3",
        )  # fmt: skip
    return Reference(registry, repository, tag, digest)


def _registry(text: str) -> tuple[str, str]:
    """(registry, rest): the first part is a registry when it has a dot or a port or is localhost."""
    first, slash, rest = text.partition("/")
    if slash and ("." in first or ":" in first or first == "localhost"):
        return first, rest
    return "", text


def _problem(repository: str, tag: str, digest: str, *, has_tag: bool, has_digest: bool) -> str:
    if not _REPOSITORY.fullmatch(repository):
        return f"repository {repository!r}: lower-case letters, digits and single separators"
    if has_tag and not _TAG.fullmatch(tag):
        return f"tag {tag!r}: letters, digits, _ . -, at most 128"
    if has_digest and not _DIGEST.fullmatch(digest):
        return f"digest {digest!r}: sha256: and 64 hexadecimal digits"
    return ""
