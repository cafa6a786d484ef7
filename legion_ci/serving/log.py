"""The server's log: one line an event on standard error, fields as ``key=value``."""

from __future__ import annotations

import json
import os
import re
import sys
import traceback
import warnings
from datetime import UTC, datetime
from typing import TextIO

_PLAIN = re.compile(r"[^\s\"=\\]+")


def event(name: str, **fields: object) -> None:
    """Write one line: time, process, event, fields; values with spaces or line breaks are quoted as in JSON."""
    now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    told = "".join(f" {key}={_shown(value)}" for key, value in fields.items() if value != "")
    sys.stderr.write(f"{now} legion-serving[{os.getpid()}] {name}{told}\n")
    sys.stderr.flush()


def failure(name: str, error: BaseException, **fields: object) -> None:
    """Write an event with the whole traceback in one quoted field."""
    event(
        name, **fields, error=f"{type(error).__name__}: {error}", traceback="".join(traceback.format_exception(error))
    )


def warnings_as_events() -> None:
    """Python warnings of the model's libraries become events too."""

    def show(
        message: Warning | str, category: type[Warning], filename: str, lineno: int,
        file: TextIO | None = None, line: str | None = None,
    ) -> None:  # fmt: skip
        event("warning", category=category.__name__, message=str(message), where=f"{filename}:{lineno}")

    warnings.showwarning = show


def _shown(value: object) -> str:
    text = str(value)
    return text if _PLAIN.fullmatch(text) else json.dumps(text, ensure_ascii=False)
