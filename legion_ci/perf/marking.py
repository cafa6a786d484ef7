"""Marks every request of a load test, so that none ever counts as evidence for a promotion."""

from __future__ import annotations

from collections.abc import Callable, MutableMapping
from typing import Any

from locust import FastHttpUser, User

MARK = {"x-legion-purpose": "perf"}


def marked(user_class: type[User], on_unmarked: Callable[[str], None]) -> type[User]:
    """``user_class`` or a subclass of the same name whose clients send the mark with every request.

    on_unmarked: told the class's name when its client has no ``headers`` to mark.
    """
    if issubclass(user_class, FastHttpUser):
        user_class.default_headers = {**(user_class.default_headers or {}), **MARK}
        return user_class

    def begin(self: Any, *args: Any, **kwargs: Any) -> None:
        user_class.__init__(self, *args, **kwargs)
        headers = getattr(getattr(self, "client", None), "headers", None)
        if isinstance(headers, MutableMapping):
            headers.update(MARK)
        else:
            on_unmarked(user_class.__name__)

    facts = {"__init__": begin, "__module__": user_class.__module__, "__doc__": user_class.__doc__}
    subclass: type[User] = type(user_class)(user_class.__name__, (user_class,), facts)  # type: ignore[misc]
    return subclass
