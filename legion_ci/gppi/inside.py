"""Tries a trained model through its entry point, in the model's own environment: ``python -m legion_ci.gppi.inside``.

Of legion-ci it imports nothing, and of others only what the model's own samples need.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import json
import math
import os
import pickle
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

TYPES = ("integer", "number", "string", "boolean", "datetime")
_NUMBERS = ("integer", "number", "boolean")


class Stop(Exception):
    """Nothing further can be tried."""


class Trial:
    """What was tried, in order: step, whether it went well, what to say about it."""

    def __init__(self) -> None:
        self.steps: list[dict[str, Any]] = []

    def said(self, step: str, ok: bool, said: str = "") -> None:
        """Note how a step went."""
        self.steps.append({"step": step, "ok": ok, "said": said})

    def call(self, step: str, function: Callable[[], Any], *, needed: bool = False) -> Any:
        """What the function returns; its error is noted, and ends the trial when it is needed."""
        try:
            return function()
        except BaseException as error:
            self.said(step, False, f"{type(error).__name__}: {' '.join(str(error).split())[:500]}{_at(error)}")
            if needed or isinstance(error, KeyboardInterrupt):
                raise Stop from error
            return None


def run(model_dir: Path, entrypoint: str, trial: Trial) -> None:
    """Import, init, info, the samples against the signature, predictions of the samples against those of training."""
    os.environ["MODEL_LOCATION"] = str(model_dir)
    sys.dont_write_bytecode = True
    sys.path[:0] = [str(model_dir), str(model_dir / "code")]
    module = trial.call("import", lambda: importlib.import_module(entrypoint), needed=True)
    lacking = [f for f in ("init", "predict_on_matrix") if not callable(getattr(module, f, None))]
    trial.said(
        "import", not lacking, f"{entrypoint} has no function {' and no function '.join(lacking)}" if lacking else ""
    )
    if lacking:
        return
    kind = trial.call("init", module.init, needed=True)
    trial.said("init", kind == "matrix", "" if kind == "matrix" else f"returned {kind!r}; only 'matrix' can be served")
    inputs = _info(module, trial)
    given = trial.call("samples", lambda: sample(model_dir, "head_input"))
    if given is not None and kind == "matrix":
        _predict(module, trial, model_dir, inputs, given)
    elif given is None and trial.steps[-1]["step"] != "samples":
        trial.said("samples", True, "there are none, so that no prediction was tried")


def _info(module: Any, trial: Trial) -> list[dict[str, Any]]:
    if not callable(getattr(module, "info", None)):
        trial.said("info", True, "there is none: requests cannot be checked")
        return []
    told = trial.call("info", module.info)
    if told is None and trial.steps[-1]["step"] == "info":
        return []
    try:
        inputs, outputs = ([dict(c) for c in side] for side in told)
    except (TypeError, ValueError):
        trial.said("info", False, f"returned {type(told).__name__}, not (inputs, outputs), each a list of mappings")
        return []
    wrong = [
        c for c in [*inputs, *outputs] if not isinstance(c.get("name"), str) or c.get("type", "number") not in TYPES
    ]
    trial.said(
        "info",
        not wrong,
        f"{wrong[0]!r} lacks a name, or a type of {', '.join(TYPES)}" if wrong else _count(inputs, outputs),
    )
    return [] if wrong else inputs


def _count(inputs: list[Any], outputs: list[Any]) -> str:
    return f"{len(inputs)} inputs, {len(outputs)} outputs"


def _predict(module: Any, trial: Trial, model_dir: Path, inputs: list[dict[str, Any]], given: dict[str, Any]) -> None:
    problems = misfits(inputs, given)
    trial.said(
        "samples", not problems, "; ".join(problems) or f"{len(given['data'])} rows of {len(given['columns'])} columns"
    )
    names = given["columns"] or None
    told = trial.call(
        "predict_on_matrix", lambda: module.predict_on_matrix(given["data"], provided_columns_names=names)
    )
    if told is None and trial.steps[-1]["step"] == "predict_on_matrix":
        return
    try:
        matrix, columns = told
        rows = [_row(row) for row in matrix]
        columns = [str(c) for c in columns] if columns is not None else []
    except (TypeError, ValueError):
        trial.said("predict_on_matrix", False, f"returned {type(told).__name__}, not (rows, names of columns)")
        return
    wrong = _shape(rows, columns, len(given["data"]))
    trial.said("predict_on_matrix", not wrong, wrong or f"{len(rows)} rows: {', '.join(columns) or 'without names'}")
    known = trial.call("as at training", lambda: sample(model_dir, "head_output"))
    if known is not None and not wrong:
        different = difference(rows, known["data"])
        trial.said("as at training", not different, different)


def _shape(rows: list[list[Any]], columns: list[str], count: int) -> str:
    if len(rows) != count:
        return f"returned {len(rows)} rows for {count}"
    widths = {len(row) for row in rows}
    return (
        f"named {len(columns)} columns and returned {sorted(widths)} values a row"
        if columns and widths - {len(columns)}
        else ""
    )


def misfits(inputs: list[dict[str, Any]], given: dict[str, Any]) -> list[str]:
    """Where the samples do not match the signature: columns that lack or are not in it, values of another type."""
    names, known = given["columns"], {c["name"]: c for c in inputs}
    if not inputs or not names:
        return []
    lacking = [n for n, c in known.items() if n not in names and c.get("required", True)]
    found = [f"the samples lack the input {n!r}" for n in lacking]
    found += [f"the samples' column {n!r} is no input" for n in names if n not in known]
    for index, name in enumerate(names):
        wanted = known.get(name, {}).get("type")
        bad = next((row[index] for row in given["data"] if wanted and not _fits(row[index], wanted)), None)
        if bad is not None:
            found.append(f"the samples' column {name!r} holds {bad!r}, the signature says {wanted}")
    return found


def _fits(value: Any, wanted: str) -> bool:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return True
    number = isinstance(value, int | float) or hasattr(value, "__float__")
    return (
        number
        if wanted in _NUMBERS
        else isinstance(value, str) or not number
        if wanted == "datetime"
        else isinstance(value, str)
    )


def difference(rows: list[list[Any]], known: list[list[Any]]) -> str:
    """What is predicted other than at training; numbers within rounding."""
    for i, (row, before) in enumerate(zip(rows, known, strict=False)):
        for value, was in zip(row, before, strict=False):
            numbers = isinstance(value, int | float) and isinstance(was, int | float)
            same = math.isclose(value, was, rel_tol=1e-6, abs_tol=1e-9) or value != value if numbers else value == was
            if not same:
                return f"row {i} gives {value!r}, at training {was!r}"
    return "" if len(rows) == len(known) else f"{len(rows)} rows, at training {len(known)}"


def sample(model_dir: Path, name: str) -> dict[str, Any] | None:
    """Sample rows beside the model: ours in JSON, else others' pickle, which only the model's own environment opens."""
    if (path := model_dir / f"{name}.json").is_file():
        told = json.loads(path.read_bytes())
        return {"columns": told["columns"], "data": told["data"]}
    if not (path := model_dir / f"{name}.pkl").is_file():
        return None
    with path.open("rb") as file:
        found = pickle.load(file)  # noqa: S301 - in the model's own environment
    if hasattr(found, "columns") and hasattr(found, "values"):
        return {"columns": [str(c) for c in found.columns], "data": [_row(r) for r in found.itertuples(index=False)]}
    return {"columns": [], "data": [_row(row) for row in found]}


def _row(row: Any) -> list[Any]:
    plain = row.tolist() if hasattr(row, "tolist") else row
    values = list(plain) if isinstance(plain, list | tuple) else [plain]
    return [_value(v.item() if hasattr(v, "item") else v) for v in values]


def _value(value: Any) -> Any:
    return value.isoformat() if hasattr(value, "isoformat") else value


def _at(error: BaseException) -> str:
    """File and line of the model's own code where it went wrong."""
    home, frame, found = os.environ["MODEL_LOCATION"], error.__traceback__, ""
    while frame is not None:
        file = frame.tb_frame.f_code.co_filename
        if file.startswith(home):
            found = f" ({os.path.relpath(file, home)}:{frame.tb_lineno})"
        frame = frame.tb_next
    return found


def main(words: list[str]) -> int:
    """Try the model, or with ``--samples`` only read its pickled samples; the result is written as JSON."""
    parser = argparse.ArgumentParser(prog="python -m legion_ci.gppi.inside")
    parser.add_argument("--model-dir", type=Path, required=True)
    parser.add_argument("--entrypoint", default="entrypoint")
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--samples", action="store_true")
    told = parser.parse_args(words)
    if told.samples:
        sys.path[:0] = [str(told.model_dir)]
        found: Any = sample(told.model_dir, "head_input")
    else:
        trial = Trial()
        with contextlib.suppress(Stop):
            run(told.model_dir.resolve(), told.entrypoint, trial)
        found = trial.steps
    told.output.write_text(json.dumps(found, default=str))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
