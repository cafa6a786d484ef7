"""How a task is declared and how its body reaches the code; imports nothing but invoke and the standard library."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from typing import Any

from invoke.exceptions import Exit
from invoke.tasks import task

SETTINGS = {
    "settings": "The configuration file (default: legion.yaml in this folder).",
    "set_": "A setting for this call, like quality.alpha=0.01; may be given several times.",
    "verbose": "Show tracebacks of errors.",
}
COMMON = {**SETTINGS, "run_": "The run to work in (default: LEGION_RUN, else the newest unfinished run)."}
FIRST = {"first": "This is the first model: there is no champion to compare with."}
JSON = {"json": "Print JSON."}


def declare(**help_texts: str) -> Callable[[Callable[..., None]], Any]:
    """A task with these help texts; ``set_`` and ``parameter`` may be given several times."""
    many = [name for name in ("set_", "parameter") if name in help_texts]

    def decorate(body: Callable[..., None]) -> Any:
        return task(help={**help_texts}, iterable=many or None, auto_shortflags=False)(body)

    return decorate


def call(function: str, **options: Any) -> None:
    """Call ``function``, either the name of one in ``legion_ci.door`` or ``module:function`` below ``legion_ci``.

    It gets ``tools`` and the options and returns an exit code; every error becomes its exit code, and nothing shows
    a traceback unasked.
    """
    code = importlib.import_module("legion_ci.door").enter(function, options)
    sys.stdout.flush()
    if code:
        raise Exit(code=code)
