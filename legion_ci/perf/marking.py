"""Marks every request of a load test, so that none ever counts as evidence for a promotion; and carries the JWT."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, MutableMapping
from typing import Any

from locust import FastHttpUser, User

from legion_ci.perf.purpose import HEADERS, MARK

_headers: dict[str, str] = {}


def headers() -> dict[str, str]:
    """The headers of every request of this process: who starts the generator decides, else the plain mark."""
    return {**MARK, **json.loads(os.environ.get(HEADERS, "{}")), **_headers}


def carry(more: dict[str, str]) -> None:
    """Send these with every request of users that are made from now on."""
    _headers.update(more)


def marked(user_class: type[User], on_unmarked: Callable[[str], None]) -> type[User]:
    """A subclass of ``user_class``, of the same name, whose clients send the headers with every request.

    on_unmarked: told the class's name when its client has no ``headers`` to mark.
    """
    fast = issubclass(user_class, FastHttpUser)

    def begin(self: Any, *args: Any, **kwargs: Any) -> None:
        if fast:
            self.default_headers = {**(self.default_headers or {}), **headers()}
        user_class.__init__(self, *args, **kwargs)
        kept = getattr(getattr(self, "client", None), "headers", None)
        if not fast and isinstance(kept, MutableMapping):
            kept.update(headers())
        elif not fast:
            on_unmarked(user_class.__name__)

    facts = {"__init__": begin, "__module__": user_class.__module__, "__doc__": user_class.__doc__}
    subclass: type[User] = type(user_class)(user_class.__name__, (user_class,), facts)  # type: ignore[misc]
    return subclass
