"""Extends a model's lock by packages that its accelerated form needs, without changing a line of it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

from legion_ci.core import uv
from legion_ci.core.errors import PluginError, ToolError
from legion_ci.core.files import write_atomic
from legion_ci.core.tools import Tools

_PIN = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)==(\S+)", re.MULTILINE)
_NAME = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._-]*")


def extend(lock: Path, wanted: Sequence[str], out: Path, tools: Tools, links: Sequence[str] = ()) -> Path:
    """Write ``out``: the lock's own text, then the wanted packages and what they need, by hash.

    Their versions are those that are installed here, so that packaging again gives the same. Raises PluginError when one
    is not installed here, ToolError when the model's pinned packages do not go with them.
    """
    base = lock.read_text()
    pinned = {_normal(name): f"{name}=={found}" for name, found in _PIN.findall(base)}
    more = {name: f"{name}=={found}" for name, found in _closure(wanted) if name not in pinned}
    stated = out.with_suffix(".in")
    write_atomic(stated, "\n".join([*pinned.values(), *more.values()]) + "\n")
    whole = out.with_suffix(".whole")
    try:
        uv.compile_lock(stated, whole, tools, links)
    except ToolError as error:
        what = f"the model's locked packages do not go with {', '.join(wanted)} ({_last(error)})"
        raise ToolError(what, where="package.accelerate", todo="train with newer train.requirements") from error
    added = [block for block in _blocks(whole.read_text()) if _name(block) not in pinned]
    write_atomic(out, base.rstrip("\n") + "\n" + "".join(added))
    stated.unlink()
    whole.unlink()
    return out


def _closure(wanted: Sequence[str]) -> Iterator[tuple[str, str]]:
    """(name, version) of these packages and of all that they need, as installed here."""
    seen: set[str] = set()
    waiting = [_normal(name) for name in wanted]
    while waiting:
        name = waiting.pop(0)
        if name in seen:
            continue
        seen.add(name)
        try:
            yield name, version(name)
        except PackageNotFoundError:
            if name in map(_normal, wanted):
                raise PluginError(
                    f"the package {name} is not installed", where="package.accelerate",
                    todo="pip install 'legion-ci[accelerate]'",
                ) from None  # fmt: skip
            continue  # needed on other platforms only
        waiting += [_name(r) for r in requires(name) or [] if "extra ==" not in r]


def _blocks(text: str) -> list[str]:
    """A lock's entries: a pin with the hashes below it."""
    starts = [match.start() for match in _PIN.finditer(text)]
    return [text[a:b] for a, b in zip(starts, [*starts[1:], len(text)], strict=True)]


def _name(text: str) -> str:
    found = _NAME.match(text)
    return _normal(found.group() if found else text)


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _last(error: ToolError) -> str:
    return str(error).strip().splitlines()[-1].strip(" |")
