"""The accelerated form of a model, by choice: made and proved in the model's own environment, packaged beside it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec

from legion_ci.core import environments
from legion_ci.core.errors import ToolError
from legion_ci.core.tools import Tools
from legion_ci.package import locks
from legion_ci.results import Acceleration, AccelerationGain
from legion_ci.settings.schema import PackageSettings

FOLDER, LOCK, _FACTS, _GAIN = "accelerated", "requirements.lock", "accelerated.json", "gain.json"
_SERVE = ("onnxruntime",)
_CONVERT = ("onnxruntime", "onnx", "skl2onnx")
_MAKE = "legion_ci.serving.accelerated"
_REFUSED = 3


def make(settings: PackageSettings, artefact: Path, work: Path, tools: Tools, links: Sequence[str]) -> Acceleration:
    """Write ``work/accelerated`` (graph, facts, lock) and tell what was proved and gained.

    Raises ToolError when no form is equal, unless ``package.when_unequal`` is ``plain``: then ``refused`` tells why and
    there is no folder.
    """
    base = artefact / "legion_model" / LOCK
    scratch = work / "converting"
    python = environments.ensure(locks.extend(base, _CONVERT, scratch / "convert.lock", tools, links), tools, links)
    tools.progress.say(f"making the {settings.accelerate} form, equal within {settings.tolerance:g}")
    with tools.progress.waiting("the accelerated form"):
        reason = _run(python, settings, artefact, work, tools)
    if reason:
        return _refused(settings, reason, tools)
    locks.extend(base, _SERVE, work / FOLDER / LOCK, tools, links)
    made = _told(settings, work)
    tools.progress.say(f"accelerated: {sentence(made)}")
    return made


def sentence(made: Acceleration) -> str:
    """The proof and the gain in one line."""
    if made.refused:
        return f"not accelerated ({made.refused})"
    gains = ", ".join(f"{g.ratio:.1f}× [{g.lower:.1f}, {g.upper:.1f}] for {_rows(g.rows)}" for g in made.gains)
    return f"{made.kind} equal on {made.rows:,} rows within {made.largest:.1g}, faster {gains}"


def _rows(count: int) -> str:
    return "1 row" if count == 1 else f"{count} rows"


def _run(python: Path, settings: PackageSettings, artefact: Path, work: Path, tools: Tools) -> str:
    """Make the form; "" when it is there, else why it was refused."""
    command: list[str | Path] = [python, "-m", _MAKE, "--model", artefact, "--output", work]
    done = tools.shell.run([*command, "--tolerance", repr(settings.tolerance)], check=False)
    last = (done.stdout.strip().splitlines() or ["no output"])[-1]
    if done.returncode not in (0, _REFUSED):
        raise ToolError(f"the accelerated form could not be made ({last})", where="package.accelerate")
    return last if done.returncode else ""


def _refused(settings: PackageSettings, reason: str, tools: Tools) -> Acceleration:
    if settings.when_unequal == "fail":
        raise ToolError(
            f"no {settings.accelerate} form predicts as the model does within {settings.tolerance:g} ({reason})",
            where="package.accelerate",
            todo="raise package.tolerance, set package.when_unequal to plain, or leave out package.accelerate",
        )
    tools.progress.say(f"the model is packaged as it is, not accelerated: {reason}")
    return Acceleration(kind=str(settings.accelerate), tolerance=settings.tolerance, refused=reason)


def _told(settings: PackageSettings, work: Path) -> Acceleration:
    proof = msgspec.json.decode((work / FOLDER / _FACTS).read_bytes())["proof"]
    gains = msgspec.json.decode((work / _GAIN).read_bytes(), type=tuple[AccelerationGain, ...])
    rows = proof["sample_rows"] + proof["random_rows"] + proof["split_rows"]
    return Acceleration(kind=str(settings.accelerate), tolerance=settings.tolerance, rows=rows, ties=proof["ties"],
                        largest=proof["largest"], gains=gains)  # fmt: skip
