"""Requests that the gateway answered with 5xx: kept with the experiment, as the access log does not stay for long."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec

from legion_ci.core.files import write_atomic
from legion_ci.core.site import Site


class _Entry(msgspec.Struct):
    request_id: str = ""
    experiment: str = ""
    arm: str = ""
    code: int = 0


def keep(site: Site, experiment: str) -> Path:
    """The file of an experiment's refused requests, with those added that the access log holds now."""
    path = site.promotion / f"{experiment}.refused.jsonl"
    known = dict(_refused(path, experiment)) if path.is_file() else {}
    found = dict(known)
    for log in sorted(site.gateway.glob("access.log*"), reverse=True):  # older ones first
        for name, line in _refused(log, experiment):
            found.setdefault(name, line)
    if found != known:
        write_atomic(path, b"".join(line + b"\n" for line in found.values()))
    return path


def _refused(log: Path, experiment: str) -> Iterator[tuple[tuple[str, str], bytes]]:
    mark = experiment.encode()
    try:
        lines = log.read_bytes().split(b"\n")
    except FileNotFoundError:  # it was moved aside meanwhile
        return
    for line in lines:
        if mark not in line:
            continue
        try:
            entry = msgspec.json.decode(line, type=_Entry)
        except (msgspec.DecodeError, msgspec.ValidationError):
            continue  # torn, or without a code
        if entry.experiment == experiment and entry.code >= 500 and entry.request_id:
            yield (entry.request_id, entry.arm), line
