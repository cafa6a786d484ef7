"""Who we are to a registry: by reference from the settings, else from Docker's own configuration and its helpers."""

from __future__ import annotations

from dataclasses import dataclass

from legion_ci.core.errors import ConfigurationError, missing_package
from legion_ci.core.secrets import Secrets

_DOCKER_HUB = "docker.io"


@dataclass(frozen=True)
class Login:
    """user and password; both empty: nobody."""

    user: str = ""
    password: str = ""

    def __bool__(self) -> bool:
        return bool(self.user or self.password)


def login(host: str, told: str | None, secrets: Secrets, where: str = "package.credentials") -> Login:
    """The login of a registry. told: a reference (``env:NAME``, ``file:PATH``) to ``user:password``.

    Raises ConfigurationError when the secret cannot be read or is not of that form.
    """
    if told:
        user, colon, password = secrets.resolve(told, where).partition(":")
        if not colon:
            raise ConfigurationError(f"the secret {told} is not user:password", where=where, todo="write it that way")
        secrets.known.add(password)
        return Login(user, password)
    return _of_docker(host, secrets)


def _of_docker(host: str, secrets: Secrets) -> Login:
    try:
        from docker import auth
        from docker.errors import DockerException
    except ImportError as error:
        raise missing_package(error, "docker") from error
    try:
        found = auth.load_config().resolve_authconfig(host) or {}
    except DockerException as error:  # a credential helper that is not there, or has nothing
        raise ConfigurationError(
            f"Docker's configuration has no usable login for {host} ({error})", where="package.credentials",
            todo="log in with docker login, or name package.credentials",
        ) from error  # fmt: skip
    password = str(found.get("password") or found.get("Password") or "")
    secrets.known.update({password} - {""})
    return Login(str(found.get("username") or found.get("Username") or ""), password)
