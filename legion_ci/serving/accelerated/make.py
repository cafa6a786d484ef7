"""Makes the accelerated form of an artefact: convert, prove, take the first width of numbers that is equal."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from legion_ci.core.files import digest_bytes
from legion_ci.serving.accelerated import convert, draws, gain, proof, splits
from legion_ci.serving.accelerated.form import Form, Gain, Proof
from legion_ci.serving.artefact import ModelFolder
from legion_ci.serving.flavors import onnx, sklearn
from legion_ci.serving.inputs import ArrayInputs
from legion_ci.serving.load import load
from legion_ci.serving.rows import Rows
from legion_ci.serving.signature import Sample

SEED, RANDOM_ROWS, SPLIT_ROWS = 20261121, 10_000, 20_000
_GAIN_ROWS = (1, 32)


class Refused(Exception):
    """There is no form that is equal; the message says why for each that was tried."""


@dataclass(frozen=True)
class Made:
    """A proved form and its graph."""

    form: Form
    model: bytes
    gains: tuple[Gain, ...]


@dataclass(frozen=True)
class Trial:
    """What all widths are tried on."""

    digest: str
    plain: sklearn.SklearnModel
    sample: Sample
    tolerance: float
    rows: tuple[list[Any], list[Any], list[Any]]  # sample, random, splits


def make(folder: ModelFolder, sample: Sample, tolerance: float) -> Made:
    """The form and its gain; raises Refused, or LegionError when the model itself does not load."""
    plain = load(replace(folder, accelerated=None))
    if not isinstance(plain, sklearn.SklearnModel):
        raise Refused(f"the model's flavour is {folder.flavor}; only scikit-learn's can be converted")
    rows = (list(sample.data), draws.rows(sample, RANDOM_ROWS, SEED), _split_rows(plain, sample))
    return _first_equal(Trial(folder.digest, plain, sample, tolerance, rows))


def _first_equal(trial: Trial) -> Made:
    reasons = []
    for width in convert.WIDTHS:
        try:
            fast, form, model = _proved(trial, width)
        except (convert.NotConverted, proof.NotEqual) as error:
            reasons.append(f"{width}: {error}")
            continue
        some = [trial.rows[1][:n] for n in _GAIN_ROWS]
        return Made(form, model, tuple(gain.measure(trial.plain, fast, Rows(r)) for r in some))
    raise Refused("; ".join(reasons))


def _proved(trial: Trial, width: convert.Width) -> tuple[onnx.OnnxModel, Form, bytes]:
    plain = trial.plain
    matrix = isinstance(plain.inputs, ArrayInputs)
    model = convert.to_onnx(plain.estimator, plain.signature, plain.inputs.names, matrix, width)
    outputs = plain.predict(Rows(trial.rows[0][:1])).columns
    form = Form(artefact=trial.digest, sha256=digest_bytes(model), inputs=plain.inputs.names, outputs=outputs,
                matrix=matrix, width=width, tolerance=trial.tolerance, proof=_nothing())  # fmt: skip
    fast = _loaded(trial, form, model)
    if proof.compare(plain, fast, trial.rows[0], trial.tolerance).ties:
        raise proof.NotEqual("rounding decides on the class of a sample row")  # and would at every start
    found = proof.compare(plain, fast, [row for rows in trial.rows for row in rows], trial.tolerance)
    counts = dict(zip(("sample_rows", "random_rows", "split_rows"), map(len, trial.rows), strict=True))
    told = Proof(**counts, largest=found.largest, ties=found.ties, seed=SEED)
    return fast, _with_proof(form, told), model


def _loaded(trial: Trial, form: Form, model: bytes) -> onnx.OnnxModel:
    try:
        fast = onnx.of_bytes(trial.plain.signature, form, model)
        fast.predict(Rows(trial.rows[0][:1]))
    except Exception as error:
        raise convert.NotConverted(f"onnxruntime: {' '.join(str(error).split())[:200]}") from error
    return fast


def _split_rows(plain: sklearn.SklearnModel, sample: Sample) -> list[Any]:
    """As rows in the signature's order, for models that take an array in that order."""
    if not isinstance(plain.inputs, ArrayInputs) or plain.inputs.names != plain.signature.names or not sample.data:
        return []
    if any(c.kind != "number" for c in plain.signature.columns):
        return []  # whole numbers lie on no split
    found: list[Any] = splits.rows(plain.estimator, plain.inputs.of_rows(sample.data), SPLIT_ROWS, SEED).tolist()
    return found


def _nothing() -> Proof:
    return Proof(sample_rows=0, random_rows=0, split_rows=0, largest=0.0, ties=0, seed=SEED)


def _with_proof(form: Form, told: Proof) -> Form:
    import msgspec

    return msgspec.structs.replace(form, proof=told)
