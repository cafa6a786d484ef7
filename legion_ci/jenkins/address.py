"""Where the Jenkins server is and who asks it, read by reference; the token is never printed."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import urlsplit

from legion_ci.core.errors import ConfigurationError, Problem
from legion_ci.core.secrets import Secrets
from legion_ci.settings.schema import JenkinsSettings


@dataclass(frozen=True)
class Address:
    """A server's root URL (ends with a slash), a user and an API token."""

    url: str
    user: str
    token: str = field(repr=False)


def read(settings: JenkinsSettings, secrets: Secrets) -> Address:
    """The address that the settings name. Raises ConfigurationError with everything that is missing or wrong."""
    problems: list[Problem] = []
    url = _value(settings.url, "jenkins.url", "the address of the server", secrets, problems, hidden=False)
    user = _value(settings.user, "jenkins.user", "the user's id", secrets, problems, hidden=False)
    token = _value(
        settings.token, "jenkins.token", "an API token (your name → Security → API Token)", secrets, problems
    )
    if url and (wrong := _wrong(url)):
        problems.append(wrong)
    if problems:
        raise ConfigurationError(problems)
    return Address(url.rstrip("/") + "/", user, token)


def _value(
    reference: str, setting: str, what: str, secrets: Secrets, problems: list[Problem], hidden: bool = True
) -> str:
    """The value behind a reference. hidden: it must be one, and is kept out of what is printed."""
    if not reference.startswith(("env:", "file:")):
        if not hidden:
            return reference
        problems.append(Problem("is not a reference", setting, "write env:NAME or file:PATH, never the token itself"))
        return ""
    try:
        found = (secrets if hidden else Secrets(set())).resolve(reference, setting).strip()
    except ConfigurationError:
        found = ""
    if not found:
        scheme, _, rest = reference.partition(":")
        named = f"the environment variable {rest} is not set" if scheme == "env" else f"{rest} cannot be read"
        problems.append(Problem(named, setting, f"it holds {what}"))
    return found


def _wrong(url: str) -> Problem | None:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return Problem(f"{url!r} is not an address", "jenkins.url", "write it like https://jenkins.example.org/")
    if parts.username or parts.password:
        return Problem("the address holds a user or a password", "jenkins.url", "set jenkins.user and jenkins.token")
    if parts.query or parts.fragment:
        return Problem(f"{url!r} is the address of a page", "jenkins.url", "write the address of the start page")
    return None
