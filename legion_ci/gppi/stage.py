"""What ``gppi.test`` does: the model's environment, its entry point, its samples, step by step."""

from __future__ import annotations

import json as jsonlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from legion_ci.core.errors import Problem, ToolError
from legion_ci.core.tools import Tools
from legion_ci.gppi.opened import Opened, Wanted, opened

_PATIENCE_S = 900.0


def test(tools: Tools, model: str, json: bool, settings: str, sets: Sequence[str], run: str) -> int:
    """Try the model and print each step; raises ToolError with every step that failed."""
    with opened(Wanted(model, settings, sets, run), tools) as found:
        steps = tried(found, tools)
        what = found.what
    if json:
        print(jsonlib.dumps({"model": what, "steps": steps}, indent=2))
    else:
        for step in steps:
            print(f"{step['step']:18}{'ok' if step['ok'] else 'FAILED':8}{step['said']}")
    failed = [s for s in steps if not s["ok"]]
    if failed:
        raise ToolError([Problem(f"{s['step']}: {s['said']}", what, "correct the model") for s in failed])
    if not json:
        print(f"{what} can be packaged and deployed", flush=True)
    return 0


def tried(found: Opened, tools: Tools) -> list[dict[str, Any]]:
    """What was tried of the model, in its own environment; what it prints goes to the terminal."""
    out = found.scratch / "tried.json"
    words: list[str | Path] = [
        found.python,
        "-P",
        "-m",
        "legion_ci.gppi.inside",
        "--model-dir",
        found.model_dir,
        "--output",
        out,
    ]
    done = tools.shell.run(words, cwd=found.scratch, timeout_s=_PATIENCE_S, check=False)
    if not out.is_file():
        last = "; ".join(done.stdout.strip().splitlines()[-3:]) or "it said nothing"
        what = f"the model ended its process with status {done.returncode} ({last})"
        raise ToolError(what, where=found.what, todo="an entry point must not exit")
    return list(jsonlib.loads(out.read_bytes()))
