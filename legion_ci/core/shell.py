"""The one way to run other programs: by list, never through a shell, secrets redacted from what is reported."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from legion_ci.core.errors import PluginError, ToolError
from legion_ci.core.secrets import Secrets

_LAST_LINES = 15


@dataclass(frozen=True)
class Shell:
    """Runs programs in the foreground, in a process group of their own that ends with us."""

    secrets: Secrets = field(default_factory=Secrets)

    def run(
        self,
        command: Sequence[str | Path],
        *,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        timeout_s: float | None = None,
        check: bool = True,
        capture: bool = True,
    ) -> subprocess.CompletedProcess[str]:
        """Run ``command``; its output comes back as text (or goes to ours when ``capture`` is false).

        env: added to our own environment. Raises ToolError on a status other than 0 when ``check``, on a
        time-out, and PluginError when the program is not there.
        """
        words = [str(w) for w in command]
        out = subprocess.PIPE if capture else None
        try:
            child = subprocess.Popen(
                words,
                cwd=cwd,
                env={**os.environ, **(env or {})},
                text=True,
                errors="replace",
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT if capture else None,
                start_new_session=os.name == "posix",
            )
        except FileNotFoundError as error:
            raise PluginError(f"the program {words[0]} is not there", todo="install it or put it on PATH") from error
        try:
            output, _ = child.communicate(timeout=timeout_s)
        except subprocess.TimeoutExpired as error:
            end_group(child)
            raise ToolError(f"{self._show(words)} did not end within {timeout_s:g} s and was stopped") from error
        except BaseException:  # Ctrl-C: nothing of ours goes on running
            end_group(child)
            raise
        if check and child.returncode != 0:
            raise ToolError(self._failure(words, child.returncode, output or ""))
        return subprocess.CompletedProcess(words, child.returncode, output or "", "")

    def _show(self, words: Sequence[str]) -> str:
        return self.secrets.redact(" ".join(words))

    def _failure(self, words: Sequence[str], status: int, output: str) -> str:
        last = "\n".join(f"  | {line}" for line in output.rstrip().splitlines()[-_LAST_LINES:])
        return f"{self._show(words)} ended with status {status}" + (f":\n{self.secrets.redact(last)}" if last else "")


def end_group(child: subprocess.Popen[str], grace_s: float = 5.0) -> None:
    """End a child and everything it started: politely, then for good."""
    for sign in (signal.SIGTERM, signal.SIGKILL if os.name == "posix" else signal.SIGTERM):
        try:
            os.killpg(child.pid, sign) if os.name == "posix" else child.terminate()
        except (ProcessLookupError, PermissionError):
            break
        try:
            child.wait(grace_s)
            break
        except subprocess.TimeoutExpired:
            continue
