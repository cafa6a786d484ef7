"""The ``console`` blocks of a page: commands that a reader types, and what the page says they print.

A shown line stands for any line that differs only in numbers and ids; ``…`` stands for anything. ``(exit code 1)`` after
the output is the command's exit code, 0 unless said. A line ``^C`` ends a command that goes on until then: the reader presses
Ctrl-C when the lines above it have been printed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

_BLOCK = re.compile(r"^```console\n(.*?)^```", re.DOTALL | re.MULTILINE)
INTERRUPT = "^C"
_EXIT = re.compile(r"\(exit code (\d+)\)")
_VARIES = re.compile(r"(…|\d{8}T\d{6}Z-[0-9a-f]{4}|[0-9a-f]{8,}|\d[\d.,]*)")


@dataclass(frozen=True)
class Command:
    """One command of a page. shown: the lines that it is said to print. interrupted: Ctrl-C ends it after them."""

    page: Path
    line: int
    text: str
    shown: tuple[str, ...]
    code: int = 0
    interrupted: bool = False

    def missing(self, output: str) -> list[str]:
        """Shown lines that nothing in the output stands for."""
        printed = [" ".join(line.split()) for line in output.splitlines()]
        return [s for s in self.shown if s.strip() and not any(pattern(s).fullmatch(p) for p in printed)]


def pattern(shown: str) -> re.Pattern[str]:
    """What a shown line stands for; runs of blanks are one."""
    parts = _VARIES.split(" ".join(shown.split()))
    texts = (re.escape(p) if n % 2 == 0 else ".*" if p == "…" else r"[0-9a-fTZ.,:-]+" for n, p in enumerate(parts))
    return re.compile("".join(texts))


def commands(page: Path) -> list[Command]:
    """All commands of a page, in order. A line that ends with a backslash goes on."""
    text = page.read_text()
    found: list[Command] = []
    for block in _BLOCK.finditer(text):
        first = text.count("\n", 0, block.start(1)) + 1
        found += _of_block(page, first, block.group(1).replace("\\\n", " ").splitlines())
    return found


def _of_block(page: Path, first: int, lines: list[str]) -> list[Command]:
    starts = [n for n, line in enumerate(lines) if line.startswith("$ ")]
    made = []
    for start, end in zip(starts, [*starts[1:], len(lines)], strict=True):
        rest = lines[start + 1 : end]
        codes = [m for line in rest if (m := _EXIT.fullmatch(line.strip()))]
        shown = tuple(line for line in rest if line != INTERRUPT and not _EXIT.fullmatch(line.strip()))
        code = int(codes[-1][1]) if codes else 0
        made.append(Command(page, first + start, lines[start][2:], shown, code, INTERRUPT in rest))
    return made
