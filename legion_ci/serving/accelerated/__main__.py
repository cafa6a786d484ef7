"""``python -m legion_ci.serving.accelerated --model DIR --output DIR --tolerance T``: make and prove the faster form."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import msgspec

from legion_ci.core.errors import LegionError
from legion_ci.core.files import write_atomic
from legion_ci.serving import artefact, imports
from legion_ci.serving.accelerated import form as forms
from legion_ci.serving.signature import read_sample

REFUSED = 3


def main(arguments: list[str]) -> int:
    """0; 3 when there is no equal form, the reason in the last line of standard error; 1 on any other error."""
    imports.forget_working_folder()
    told = _parser().parse_args(arguments)
    from legion_ci.serving.accelerated import make

    try:
        folder = artefact.read(told.model)
        sample = read_sample(folder.model_dir / "head_input.json")
        if sample is None or not sample.data:
            raise make.Refused("the artefact has no sample rows to prove it on")
        made = make.make(folder, sample, told.tolerance)
        forms.write(told.output / forms.FOLDER, made.form, made.model)
        write_atomic(told.output / forms.GAIN, msgspec.json.encode(made.gains))
    except make.Refused as error:
        sys.stderr.write(f"{error}\n")
        return REFUSED
    except LegionError as error:
        sys.stderr.write("; ".join(" ".join(str(p).split()) for p in error.problems) + "\n")
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m legion_ci.serving.accelerated", description="Make and prove the accelerated form of a model."
    )
    parser.add_argument("--model", type=Path, required=True, metavar="DIR", help="the artefact folder")
    parser.add_argument("--output", type=Path, required=True, metavar="DIR", help="where the form is written")
    parser.add_argument("--tolerance", type=float, required=True, help="the difference that is accepted")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
