"""Laws of the request parsers: any JSON gets an answer, the fast way and the slow way agree."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from serving_rsgi import Served

from legion_ci.serving.fast import FastReader
from legion_ci.serving.predictions import Predictions
from legion_ci.serving.problems import Refused
from legion_ci.serving.protocols import Protocols
from legion_ci.serving.rows import Rows
from legion_ci.serving.signature import Column, Signature

KINDS = ("integer", "number", "string", "boolean", "datetime")
SIGNATURE = Signature(
    (
        Column(name="a", kind="number"),
        Column(name="b", kind="integer", nullable=True),
        Column(name="c", kind="string", nullable=True),
        Column(name="d", kind="boolean"),
        Column(name="e", kind="datetime"),
    )
)
NAMES = list(SIGNATURE.names)

scalars = st.one_of(
    st.none(), st.booleans(), st.integers(), st.integers(-5, 5), st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=5), st.sampled_from(["2013-06-30", "2013-06-30T17:45:00+02:00", "0001-01-01T00:00:00+14:00"]),
)  # fmt: skip
anything = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=6) | st.dictionaries(st.sampled_from([*NAMES, "x"]), inner, max_size=6),
    max_leaves=30,
)  # fmt: skip
keys = st.sampled_from(
    ["columns", "data", "dataframe_split", "dataframe_records", "instances", "inputs", "params", "index", "zz"]
)
bodies = st.one_of(
    anything,
    st.dictionaries(keys, anything, max_size=3),
    st.fixed_dictionaries({"data": st.lists(st.lists(scalars, min_size=4, max_size=6), max_size=4)},
                          optional={"columns": st.permutations(NAMES) | st.lists(st.sampled_from([*NAMES, "x"]), max_size=6)}),
    st.fixed_dictionaries({"dataframe_records": st.lists(st.dictionaries(st.sampled_from([*NAMES, "x"]), scalars), max_size=3)}),
    st.fixed_dictionaries({"inputs": st.dictionaries(st.sampled_from([*NAMES, "x"]), st.lists(scalars, max_size=3))}),
)  # fmt: skip


class RowCounter:
    """A model that checks what it is given and answers the number of the row."""

    row_wise = True

    def __init__(self, signature: Signature | None) -> None:
        self.signature = signature

    def predict(self, rows: Rows) -> Predictions:
        if self.signature:
            types = {"number": float, "integer": int, "string": str, "boolean": bool}
            for row in rows.data:
                for column, value in zip(self.signature.columns, row, strict=True):
                    assert value is not None or column.nullable
                    assert value is None or column.kind == "datetime" or type(value) is types[column.kind]
        return Predictions(("prediction",), (list(range(len(rows.data))),))


@pytest.mark.parametrize("path", ["/api/model/invoke", "/invocations"])
@pytest.mark.parametrize(
    "signature", [SIGNATURE, Signature(SIGNATURE.columns[:4]), Signature(SIGNATURE.columns[:1]), None]
)
def test_any_json_is_answered_or_refused_with_every_problem(path: str, signature: Signature | None) -> None:
    with Served(RowCounter(signature)) as served:  # type: ignore[arg-type]

        @settings(max_examples=150, deadline=None)
        @given(bodies)
        def ask(body: Any) -> None:
            answer = served.post(path, body)
            assert answer.status in (200, 400, 413), answer.answer
            if answer.status != 200:
                assert answer.json["problems"]
                assert all(p["path"] and p["problem"] for p in answer.json["problems"])

        ask()


@pytest.mark.parametrize("path", ["/api/model/invoke", "/invocations"])
def test_any_bytes_are_answered_or_refused(path: str) -> None:
    with Served(RowCounter(SIGNATURE)) as served:  # type: ignore[arg-type]

        @settings(max_examples=200, deadline=None)
        @given(st.binary(max_size=200) | st.text().map(lambda t: json.dumps({"data": [[t]]}).encode()[:-2]))
        def ask(body: bytes) -> None:
            assert served.post(path, body).status == 400

        ask()


TYPED = Signature(SIGNATURE.columns[:4])
typed_scalars = st.one_of(st.none(), st.booleans(), st.integers(-(1 << 64), 1 << 64), st.floats(), st.text(max_size=3))


@settings(max_examples=500, deadline=None)
@given(rows=st.lists(st.tuples(st.floats() | st.integers(), st.integers() | st.none(), st.text(max_size=3) | st.none(), st.booleans())
                     | st.lists(typed_scalars, min_size=3, max_size=5), min_size=1, max_size=4),
       columns=st.sampled_from([None, NAMES[:4], NAMES[3::-1]]))  # fmt: skip
def test_what_the_fast_way_takes_the_slow_way_takes_to_the_same_rows(
    rows: list[Any], columns: list[str] | None
) -> None:
    told = [[None if isinstance(v, float) and not math.isfinite(v) else v for v in row] for row in rows]
    body = json.dumps({"data": told, "columns": columns}).encode()
    fast = FastReader.of(TYPED, 100)
    assert fast is not None
    found = fast.invoke(body)
    slow = Protocols(TYPED, 100)
    slow._fast = None
    if found is not None:
        expected = slow.read_invoke(body)
        assert [list(row) for row in found.data] == [list(row) for row in expected.data]
        assert [[type(v) for v in row] for row in found.data] == [[type(v) for v in row] for row in expected.data]


@given(st.permutations(NAMES), st.integers(1, 3))
@settings(max_examples=50, deadline=None)
def test_the_order_of_named_columns_does_not_matter(order: list[str], count: int) -> None:
    values = {"a": 1.5, "b": 2, "c": "x", "d": True, "e": "2013-06-30T17:45:00"}
    protocols = Protocols(SIGNATURE, 10)
    body = json.dumps({"columns": order, "data": [[values[n] for n in order]] * count}).encode()
    assert list(map(tuple, protocols.read_invoke(body).data)) == list(
        map(tuple, protocols.read_invocations(json.dumps({"dataframe_records": [values] * count}).encode()).data)
    )


def test_thousands_of_problems_are_counted_and_a_hundred_are_listed() -> None:
    with pytest.raises(Refused) as refused:
        Protocols(SIGNATURE, 10_000).read_invoke(json.dumps({"data": [[None] * 5] * 5000}).encode())
    assert refused.value.message == "the request has 15000 problems, the first 100 are listed"
    assert len(refused.value.problems) == 100


def test_times_with_an_offset_become_utc() -> None:
    rows = Protocols(SIGNATURE, 10).read_invoke(b'{"data": [[1, null, null, true, "2013-06-30T17:45:00+02:00"]]}')
    assert rows.data[0][4].isoformat() == "2013-06-30T15:45:00"


def test_a_model_of_one_column_may_be_given_bare_values() -> None:
    protocols = Protocols(Signature((Column(name="text", kind="string"),)), 10)
    assert [list(r) for r in protocols.read_invocations(b'{"instances": ["a", "b"]}').data] == [["a"], ["b"]]
