"""The program ``legion-ci``: invoke with our tasks and our exit codes."""

from __future__ import annotations

import os
import sys

from invoke.exceptions import Exit, ParseError
from invoke.program import Program

import legion_ci
from legion_ci import tasks

USAGE = 2


class LegionProgram(Program):
    """invoke's program, but a usage error is 2 and names the nearest word, since 1 means that a gate failed."""

    def parse_core(self, argv: list[str] | None) -> None:
        """Parse our own flags."""
        self._usage(lambda: super(LegionProgram, self).parse_core(argv))

    def parse_tasks(self) -> None:
        """Parse the tasks and their flags."""
        self._usage(super().parse_tasks)

    def _usage(self, parse: object) -> None:
        try:
            parse()  # type: ignore[operator]
        except ParseError as error:
            raise Exit(f"legion-ci: {error}{self._hint(str(error))}", USAGE) from None

    def _hint(self, message: str) -> str:
        import difflib

        word = next((w.strip("'\"") for w in message.split() if w.startswith(("'", '"'))), "")
        known = list(self.collection.task_names) if getattr(self, "collection", None) else []
        known += [f"--{n.lstrip('-')}" for c in getattr(self, "contexts", ()) for n in getattr(c, "flags", ())]
        near = difflib.get_close_matches(word, known, n=1)
        return (
            f"; did you mean {near[0]}?"
            if near
            else "; legion-ci --list shows every task, legion-ci --help TASK its options"
        )


def main(argv: list[str] | None = None) -> None:
    """Entry point of the command."""
    arguments = sys.argv if argv is None else argv
    program = LegionProgram(
        name="legion-ci",
        binary="legion-ci",
        binary_names=["legion-ci"],
        version=legion_ci.__version__,
        namespace=tasks.ours(),
    )
    try:
        program.run(["legion-ci", *arguments[1:]])
        sys.stdout.flush()
    except BrokenPipeError:  # whoever read the list has gone
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)


if __name__ == "__main__":
    main()
