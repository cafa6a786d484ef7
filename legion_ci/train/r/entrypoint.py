"""The model's entry point of the General Python Prediction Interface: asks an R process, which it keeps.

``MODEL_LOCATION`` (or this file's folder) has ``r/`` with the model and ``head_input.json`` with its columns. Settings from
the environment: ``LEGION_R_TIMEOUT_S`` (of one call, 60), ``LEGION_R_MEMORY_MB`` (of the process; none),
``LEGION_R_RESTARTS`` (at most so many a minute, 5). Needs ``Rscript`` with the packages of ``r/packages.json``.
"""

from __future__ import annotations

import json
import math
import os
import resource
import select
import shutil
import subprocess
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

FOLDER = Path(os.environ.get("MODEL_LOCATION") or Path(__file__).parent).resolve()
_START_S = 120.0
_MOST_BYTES = 512 * 1024 * 1024  # of one answer


class RFailed(RuntimeError):
    """R did not answer; the next call gets a new process."""


class RProcess:
    """One R process: started when first asked, started again when it died, ended with us (its questions end then)."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._lock = folder, threading.Lock()
        self._child: subprocess.Popen[bytes] | None = None
        self._answers, self._buffer = -1, b""
        self._starts: list[float] = []
        self.timeout_s = float(os.environ.get("LEGION_R_TIMEOUT_S", "60"))
        self.memory_mb = int(os.environ.get("LEGION_R_MEMORY_MB", "0"))
        self.restarts = int(os.environ.get("LEGION_R_RESTARTS", "5"))

    def ask(self, question: dict[str, Any]) -> dict[str, list[Any]]:
        """The answer to a question; raises ValueError with R's own words, RFailed when there was no answer."""
        line = (json.dumps(question) + "\n").encode()
        with self._lock:
            was_running = self._child is not None and self._child.poll() is None
            try:
                answer = self._exchange(line)
            except (BrokenPipeError, EOFError):
                self.end()
                if not was_running:
                    raise RFailed("the R process ended while it predicted") from None
                answer = self._again(line)  # it may have died between calls, for which this one is not to blame
        if "error" in answer:
            raise ValueError(f"R: {answer['error'][0]}")
        columns: dict[str, list[Any]] = answer["columns"]
        return columns

    def start(self) -> None:
        """Start R and wait until it has loaded the model."""
        with self._lock:
            self._running()

    def end(self) -> None:
        """End the process, if there is one."""
        child, self._child = self._child, None
        if child is not None:
            child.kill()
            child.wait()
            if child.stdin is not None:
                child.stdin.close()
            os.close(self._answers)

    @property
    def pid(self) -> int | None:
        """The process's id, None when there is none."""
        return None if self._child is None else self._child.pid

    def _again(self, line: bytes) -> dict[str, Any]:
        try:
            return self._exchange(line)
        except (BrokenPipeError, EOFError):
            self.end()
            raise RFailed("the R process ended while it predicted") from None

    def _exchange(self, line: bytes) -> dict[str, Any]:
        questions = self._running().stdin
        assert questions is not None
        try:
            questions.write(line)
            questions.flush()
            return self._answer(self.timeout_s)
        except (TimeoutError, ValueError):
            self.end()
            raise

    def _running(self) -> subprocess.Popen[bytes]:
        if self._child is not None and self._child.poll() is None:
            return self._child
        self.end()
        now = time.monotonic()
        self._starts = [t for t in self._starts if now - t < 60.0]
        if len(self._starts) > self.restarts:
            raise RFailed(f"the R process died {len(self._starts)} times within a minute; it is not started again yet")
        self._starts.append(now)
        return self._start()

    def _start(self) -> subprocess.Popen[bytes]:
        program = _rscript()
        ours, theirs = os.pipe()
        words = [program, "--vanilla", str(self._folder / "serve.R"), str(self._folder), str(theirs)]
        try:
            self._child = child = subprocess.Popen(
                words,
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                pass_fds=(theirs,),
                preexec_fn=self._limit if self.memory_mb else None,
            )
        finally:
            os.close(theirs)
        self._answers, self._buffer = ours, b""
        try:
            said = self._answer(_START_S)
        except (EOFError, TimeoutError, ValueError) as error:
            self.end()
            raise RFailed(f"the R process did not start ({error or 'it ended'})") from None
        if "error" in said:
            self.end()
            raise RuntimeError(f"R cannot load the model: {said['error'][0]}")
        return child

    def _limit(self) -> None:
        size = self.memory_mb * 1024 * 1024
        resource.setrlimit(resource.RLIMIT_AS, (size, size))

    def _answer(self, timeout_s: float) -> dict[str, Any]:
        """The next line from R, read until it ends or the time is over."""
        end = time.monotonic() + timeout_s
        while b"\n" not in self._buffer:
            left = end - time.monotonic()
            if left <= 0 or not select.select([self._answers], [], [], left)[0]:
                raise TimeoutError(f"R did not answer within {timeout_s:g} s and was ended")
            piece = os.read(self._answers, 1 << 20)
            if not piece:
                raise EOFError
            self._buffer += piece
            if len(self._buffer) > _MOST_BYTES:
                raise ValueError("R's answer is longer than any that is taken")
        line, _, self._buffer = self._buffer.partition(b"\n")
        answer: dict[str, Any] = json.loads(line)
        return answer


_R = RProcess(FOLDER / "r")


def init() -> str:
    """Start R with the model, having checked that it is the R that trained it."""
    _check()
    _R.start()
    return "matrix"


def predict_on_matrix(
    input_matrix: Sequence[Sequence[Any]], provided_columns_names: Sequence[str] | None = None
) -> tuple[list[list[Any]], tuple[str, ...]]:
    """Predictions of rows, and the names of their columns."""
    sample = _sample("head_input")
    names = list(provided_columns_names or sample["columns"])
    columns = {name: [_plain(row[i]) for row in input_matrix] for i, name in enumerate(names)}
    if not len(input_matrix):
        return [], tuple(_sample("head_output")["columns"])
    types = {name: sample["types"][name] for name in sample["columns"]}
    answer = _R.ask({"columns": {name: columns[name] for name in types}, "types": types})
    return [list(row) for row in zip(*answer.values(), strict=True)], tuple(answer)


def info() -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Inputs and outputs, each a list of ``{name, type, example, required}``."""
    return _told("head_input"), _told("head_output")


def _plain(value: Any) -> Any:
    if hasattr(value, "isoformat"):
        return value.isoformat()
    if isinstance(value, float) and math.isnan(value):
        return None
    return value.item() if hasattr(value, "item") else value


def _sample(name: str) -> dict[str, Any]:
    path = FOLDER / f"{name}.json"
    if not path.is_file():
        return {"columns": [], "types": {}, "nullable": {}, "data": []}
    sample: dict[str, Any] = json.loads(path.read_text())
    return sample


def _told(name: str) -> list[dict[str, Any]]:
    sample = _sample(name)
    first = sample["data"][0] if sample["data"] else [None] * len(sample["columns"])
    return [
        {"name": c, "type": sample["types"][c], "example": first[i], "required": True}
        for i, c in enumerate(sample["columns"])
    ]


def _check() -> None:
    """The same minor version of R, and the packages that the model was trained with."""
    wanted = json.loads((FOLDER / "r" / "packages.json").read_text())
    program = _rscript()
    code = "cat(paste(R.version$major, R.version$minor, sep='.'), rownames(installed.packages()))"
    found = subprocess.run([program, "--vanilla", "-e", code], capture_output=True, text=True, timeout=_START_S)
    version, *packages = found.stdout.split() or [""]
    if version.split(".")[:2] != wanted["r"].split(".")[:2]:
        raise RuntimeError(f"the model was trained with R {wanted['r']}, and this is R {version or 'unknown'}")
    absent = sorted(set(wanted["packages"]) - set(packages))
    if absent:
        raise RuntimeError(f"R lacks {', '.join(absent)}; install them as where the model was trained")


def _rscript() -> str:
    program = shutil.which("Rscript")
    if program is None:
        raise RuntimeError("Rscript is not on PATH; install R (Debian: r-base-core r-cran-jsonlite)")
    return program
