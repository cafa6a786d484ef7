"""The edge to the container engine: its client, and its errors in words that help."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import docker
import requests
from docker.errors import APIError, DockerException, ImageNotFound, NotFound

from legion_ci.core.errors import ConfigurationError, LegionError, ServiceError, ToolError
from legion_ci.oci import engine

_SETTING = "deploy.engine"
_FOREIGN_USERS = ("name=rootless", "name=userns")
_TAKEN = ("port is already allocated", "address already in use")


def connect(told: str | None) -> docker.DockerClient:
    """A client of an engine that answers.

    Raises ConfigurationError for an engine that does not see this machine's files, ServiceError when none answers or we
    have no rights on its socket.
    """
    where = engine.address(told)
    if sys.platform != "linux" or not where.startswith("unix://"):
        raise ConfigurationError(
            f"the engine at {where} does not share files and sockets with us",
            where=_SETTING,
            todo="use an engine of this Linux machine (unix://…)",
        )
    client = engine.connect(where, _SETTING)
    with calling("asking the engine"):
        _refuse_foreign_users(client.info().get("SecurityOptions") or [])
    return client


def _refuse_foreign_users(options: list[str]) -> None:
    if any(option.startswith(_FOREIGN_USERS) for option in options):
        raise ConfigurationError(
            "the engine gives containers other user ids than files have (rootless or userns-remap)",
            where=_SETTING,
            todo="use an engine without that; containers run without rights here anyway",
        )


@contextmanager
def calling(what: str) -> Iterator[None]:
    """Engine errors in the block become ours; what: what was to be done, as ``starting wine-1``."""
    try:
        yield
    except LegionError:
        raise
    except ImageNotFound as error:
        raise ToolError(f"the image is not there ({_said(error)})", where=what, todo="run package again") from error
    except APIError as error:
        raise _refused(what, _said(error), error.status_code) from error
    except (DockerException, requests.RequestException) as error:
        raise ServiceError(f"the container engine went away ({_short(str(error))})", where=what) from error


def _refused(what: str, said: str, status: int | None) -> LegionError:
    if any(words in said for words in _TAKEN):
        return ConfigurationError(
            said, where=what, todo="end the program that has the port, or choose another with deploy.port"
        )
    if status == 409 and "is already in use by container" in said:
        return ConfigurationError(said, where=what, todo="that container is not ours: rename or remove it")
    return ToolError(f"the container engine refused ({said})", where=what)


def _said(error: APIError) -> str:
    return str(error.explanation or error).strip()


def _short(told: str) -> str:
    return told.rpartition("(")[2].rstrip(")'\" ") or told


__all__ = ["APIError", "ImageNotFound", "NotFound", "calling", "connect"]
