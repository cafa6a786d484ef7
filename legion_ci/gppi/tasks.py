"""The tasks ``gppi.…``; imports nothing but invoke and the standard library."""

from __future__ import annotations

from collections.abc import Sequence

from invoke.context import Context

from legion_ci.declare import COMMON, JSON, call, declare

_MODEL = {"model": "A folder or archive (default: the newest trained run of this repository)."}


@declare(**COMMON, **JSON, **_MODEL)
def test(
    context: Context, settings: str = "", set_: Sequence[str] | None = None, run_: str = "", model: str = "",
    json: bool = False, verbose: bool = False,
) -> None:  # fmt: skip
    """Make a trained model's environment and try its entry point and samples in it, step by step."""
    call(
        "gppi.stage:test", model=model, json=json, settings=settings, sets=tuple(set_ or ()), run=run_, verbose=verbose
    )


@declare(
    **COMMON, **_MODEL,
    in_="A file or folder of csv, json or parquet, - (standard input), or data:NAME of legion.yaml.",
    out="A file or folder, - (standard output), or sinks:NAME of legion.yaml.",
    format_="csv, json or parquet (default: by the file's ending).",
)  # fmt: skip
def predict(
    context: Context, in_: str, out: str, settings: str = "", set_: Sequence[str] | None = None, run_: str = "",
    model: str = "", format_: str = "", verbose: bool = False,
) -> None:  # fmt: skip
    """Predict files or a data set with a trained model, in its own environment."""
    call("gppi.predict:predict", in_=in_, out=out, model=model, format_=format_, settings=settings, sets=tuple(set_ or ()),
         run=run_, verbose=verbose)  # fmt: skip


@declare(
    in_="An MLflow model (folder, models:/name/1, runs:/…), .pkl, .joblib, .skops, .onnx, or Legion's or ODAHU's folder or archive.",
    out="The folder to write, which is not there yet; for ODAHU also a .zip or .tgz.",
    for_="odahu: from a trained model of legion-ci, for the tools of ODAHU and Legion.",
    samples="A csv, json or parquet file with a few rows of the inputs, where the model has none.",
    requirements="What describes its environment (conda.yaml, requirements.txt, …), where nothing beside the model does.",
    here="Open it in this environment and give it the versions that are used here.",
    name="The model's name (default: what its manifest or file says).",
    model_version="Its version (default: what its manifest says, else 1).",
    verbose="Show tracebacks of errors.",
)
def convert(
    context: Context, in_: str, out: str, for_: str = "", samples: str = "", requirements: str = "", here: bool = False,
    name: str = "", model_version: str = "", verbose: bool = False,
) -> None:  # fmt: skip
    """Make a trained model of a model that was made elsewhere, or one for ODAHU's tools."""
    call("gppi.convert:convert", in_=in_, out=out, for_=for_, samples=samples, requirements=requirements, here=here,
         name=name, version=model_version, verbose=verbose)  # fmt: skip
