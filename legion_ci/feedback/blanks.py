"""Blanks lines of a log that another process goes on appending to: same size, in place, spaces for what they said."""

from __future__ import annotations

import os
from collections.abc import Set
from pathlib import Path

import msgspec


class _Line(msgspec.Struct):
    unit: str | None = None
    request_id: str | None = None


def blank(log: Path, unit: str, ids: Set[str]) -> int:
    """Blank the lines about the unit or one of the requests; returns how many. Other lines stay byte for byte."""
    try:
        fd = os.open(log, os.O_RDWR)
    except FileNotFoundError:  # moved aside meanwhile
        return 0
    try:
        return _blank(fd, unit, ids)
    finally:
        os.close(fd)


def _blank(fd: int, unit: str, ids: Set[str]) -> int:
    count = start = 0
    with os.fdopen(os.dup(fd), "rb") as file:
        for line in file:
            if line.endswith(b"\n") and _is_about(line, unit, ids):
                os.pwrite(fd, b" " * (len(line) - 1), start)
                count += 1
            start += len(line)
    if count:
        os.fsync(fd)
    return count


def _is_about(line: bytes, unit: str, ids: Set[str]) -> bool:
    try:
        told = msgspec.json.decode(line, type=_Line)
    except (msgspec.DecodeError, msgspec.ValidationError):
        return False
    return (told.unit or told.request_id) == unit or told.request_id in ids
