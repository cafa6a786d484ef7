"""Atheris on the parsers of requests: ``python tests/fuzz/fuzz_request_parsers.py [--runs N] [--seconds S] [--corpus DIR]``.

A parser may take a body or refuse it; anything else that it raises is a bug, and atheris writes the body to a file.
The corpus beside this file is what it starts from; ``--corpus DIR`` keeps what it finds in a folder of yours.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["legion_ci.serving", "csv"]):
    from legion_ci.serving.captures import Identity
    from legion_ci.serving.problems import Refused
    from legion_ci.serving.protocols import Protocols
    from legion_ci.serving.rows import Rows
    from legion_ci.serving.signature import Column, Signature
    from legion_ci.serving.v2 import Inference

CORPUS = Path(__file__).parent / "corpus"
SIGNATURE = Signature(
    (
        Column(name="n", kind="number"), Column(name="i", kind="integer"), Column(name="s", kind="string"),
        Column(name="b", kind="boolean", nullable=True), Column(name="d", kind="datetime", required=False, nullable=True),
    )
)  # fmt: skip
KNOWN = {"number": float, "integer": int, "string": str, "boolean": bool}


def readers() -> list:
    """Every parser, of a model that tells its columns and of one that does not."""
    found = []
    for signature in (SIGNATURE, Signature(SIGNATURE.columns[:2]), None):
        protocols = Protocols(signature, 50)
        inference = Inference(Identity("d", "m", "1", ""), protocols, signature, None)
        for read in (protocols.read_invoke, protocols.read_invocations, protocols.read_csv):
            found.append((signature, read))
        found.append((signature, lambda data, inference=inference: inference.read(data)[0]))
    return found


READERS = readers()


def ask(data: bytes) -> None:
    """The first byte chooses the parser, the rest is the body; what is taken must be rows of the model's types."""
    if not data:
        return
    signature, read = READERS[data[0] % len(READERS)]
    refusal = None
    try:
        taken = read(data[1:])
    except Refused as wrong:
        refusal = wrong
    if refusal is not None:
        assert 400 <= refusal.status < 500
        assert refusal.problems
        return
    assert isinstance(taken, Rows)
    assert 0 < len(taken.data) <= 50
    for row in taken.data if signature else ():
        for value, column in zip(row, signature.columns, strict=True):
            assert value is None or column.kind not in KNOWN or isinstance(value, KNOWN[column.kind])
            assert value is not None or column.nullable


def main() -> None:
    """Fuzz."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=-1)
    parser.add_argument("--seconds", type=int, default=0)
    parser.add_argument("--seed", type=int, default=4)
    parser.add_argument("--corpus", type=Path)
    told = parser.parse_args()
    scratch = told.corpus or Path(tempfile.mkdtemp(prefix="legion-fuzz-"))  # the first folder is written to
    limits = [f"-atheris_runs={told.runs}", f"-max_total_time={told.seconds}", f"-seed={told.seed}", "-max_len=4096"]
    atheris.Setup([sys.argv[0], *limits, str(scratch), str(CORPUS)], ask)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
