"""Checks times in Jenkins' cron format, so that a mistake is told here and not by a build that never starts."""

from __future__ import annotations

import re

_FIELDS = (("minute", 0, 59), ("hour", 0, 23), ("day of the month", 1, 31), ("month", 1, 12), ("day of the week", 0, 7))
_NAMED = {"@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly"}
_RANGE = re.compile(
    r"(?:(?P<star>\*)|(?P<hash>H)(?:\((?P<h_low>\d+)-(?P<h_high>\d+)\))?|(?P<low>\d+)(?:-(?P<high>\d+))?)(?:/(?P<step>\d+))?"
)


def checked(text: str) -> str:
    """The lines as they are. Raises ValueError with what Jenkins would not understand."""
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.strip().startswith(("#", "TZ="))]
    if not lines:
        raise ValueError(f"{text!r} names no time; like H 3 * * 1")
    for line in lines:
        if line not in _NAMED:
            _line(line)
    return text


def _line(line: str) -> None:
    fields = line.split()
    if len(fields) != len(_FIELDS):
        names = ", ".join(name for name, _, _ in _FIELDS)
        raise ValueError(f"{line!r} has {len(fields)} fields, a time has five: {names}; like H 3 * * 1")
    for field, about in zip(fields, _FIELDS, strict=True):
        for part in field.split(","):
            _part(part, *about)


def _part(part: str, name: str, least: int, most: int) -> None:
    found = _RANGE.fullmatch(part)
    if not found:
        raise ValueError(f"{part!r} is no {name}: a number, a range like 1-5, *, H or H/15")
    told = {k: int(v) for k, v in found.groupdict().items() if v and v.isdigit()}
    step = told.pop("step", 1)
    if any(not least <= v <= most for v in told.values()) or not 1 <= step <= most:
        raise ValueError(f"{part!r} is no {name}, which is {least} to {most}")
    if told.get("low", 0) > told.get("high", most) or told.get("h_low", 0) > told.get("h_high", most):
        raise ValueError(f"{part!r} is a range that ends before it begins")
