"""``python -m legion_ci.serving.cli --model DIR predict IN OUTDIR | info | self_check``: a model without a server.

IN is a file, a folder of files, or ``-``; a prediction of ``x.csv`` is ``OUTDIR/x.csv``, of ``-`` on standard output. The
format is the file's extension (csv, json, parquet) or ``--format``; the predictions have the rows of the input in order.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path

from legion_ci.core.errors import ConfigurationError, LegionError
from legion_ci.serving import artefact, check, imports, load, tables
from legion_ci.serving.artefact import ModelFolder
from legion_ci.serving.model import Model
from legion_ci.serving.options import Limits
from legion_ci.serving.problems import Refused
from legion_ci.serving.protocols import Protocols
from legion_ci.serving.signature import read_sample

_ALL_ROWS = 1 << 62  # a file may be as long as it likes: it is read in pieces


def main(words: list[str]) -> int:
    """Do what the words say; the exit status: 0, or 2 when the input, the model or the words are wrong."""
    imports.forget_working_folder()
    told = _parser().parse_args(words)
    try:
        folder = artefact.read(told.model)
        model = load.load(folder)
        return int(told.run(told, folder, model) or 0)
    except Refused as error:
        sys.stderr.write("".join(f"{told.input}: {p.path}: {p.problem}\n" for p in error.problems))
    except LegionError as error:
        sys.stderr.write("".join(f"{problem}\n" for problem in error.problems))
        return error.exit_code
    except BrokenPipeError:
        sys.stderr.close()
        return 0
    return ConfigurationError.exit_code


def _predict(told: argparse.Namespace, folder: ModelFolder, model: Model) -> None:
    protocols = Protocols(model.signature, _ALL_ROWS)
    for source, target in _files(told.input, told.output, told.format):
        tables.predict(model, protocols, source, target, told.format or tables.format_of(source), Limits.max_rows)


def _files(given: str, out: Path | None, named: str | None) -> Iterator[tuple[Path | None, Path | None]]:
    """(source, target); None: standard input and output."""
    if given == "-":
        if named is None:
            raise ConfigurationError(
                "standard input has no extension", where="--format", todo="say csv, json or parquet"
            )
        yield None, (out / f"predictions.{named}" if out else None)
        return
    source = Path(given)
    files = sorted(p for p in source.iterdir() if tables.known(p)) if source.is_dir() else [source]
    if not files or not source.exists():
        what = (
            "there is no such file or folder" if not source.exists() else "there is no csv, json or parquet file in it"
        )
        raise ConfigurationError(what, where=given, todo="name a file, a folder with some, or -")
    for file in files:
        yield file, (out / file.name if out else None)


def _info(told: argparse.Namespace, folder: ModelFolder, model: Model) -> None:
    samples = [read_sample(folder.model_dir / f"head_{side}.json") for side in ("input", "output")]
    facts = {"name": folder.name, "version": folder.version, "digest": folder.digest, "flavor": folder.flavor}
    columns = [
        {"name": c.name, "type": str(c.kind), "nullable": c.nullable, "example": c.example}
        for c in (model.signature.columns if model.signature else ())
    ]
    print(json.dumps({**facts, "input": columns, "output": samples[1].columns if samples[1] else []}, indent=2))


def _self_check(told: argparse.Namespace, folder: ModelFolder, model: Model) -> int:
    samples = [read_sample(folder.model_dir / f"head_{side}.json") for side in ("input", "output")]
    if different := check.run(model, Protocols(model.signature, Limits.max_rows), *samples):
        raise ConfigurationError(f"the model predicts other than at training: {different}", where=str(folder.root))
    print(f"ok: {len(samples[0].data) if samples[0] else 0} rows predicted as at training")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="predict", description="Predict files with a packaged model.")
    parser.add_argument("--model", type=Path, required=True, metavar="DIR", help="the artefact folder")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    predict = commands.add_parser("predict", help="predict a file, all files of a folder, or standard input (-)")
    predict.add_argument("input", metavar="IN")
    predict.add_argument("output", metavar="OUTDIR", nargs="?", type=Path, help="folder; none: standard output")
    predict.add_argument("--format", choices=tables.FORMATS, help="instead of the file's extension")
    predict.set_defaults(run=_predict)
    for name, run, text in (("info", _info, "what the model takes and gives"),
                            ("self_check", _self_check, "predict the model's own sample")):  # fmt: skip
        commands.add_parser(name, help=text).set_defaults(run=run, input="-")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
