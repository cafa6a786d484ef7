"""What must not be stored never reaches the disk, however a body is written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from promote_events import capture, outcome

from legion_ci.feedback import policy, redaction
from legion_ci.feedback.policy import Policy, PolicyFile, Unreadable
from legion_ci.feedback.store import StoreSink

SECRET = "s3cret"
BODIES = [
    {"columns": ["x", "name"], "data": [[1, SECRET], [2, SECRET]]},
    {"dataframe_split": {"columns": ["name", "x"], "data": [[SECRET, 1]]}},
    {"dataframe_records": [{"x": 1, "name": SECRET}]},
    {"inputs": {"x": [1], "name": [SECRET]}},
    {"inputs": [{"name": "name", "shape": [1], "datatype": "BYTES", "data": [SECRET]}]},
    {"prediction": [[1, SECRET]], "columns": ["prediction", "name"]},
    {"deep": [{"er": {"name": {"first": SECRET}}}]},
]  # fmt: skip


@pytest.mark.parametrize("body", BODIES)
def test_values_of_redacted_fields_are_null_in_every_protocol(body: Any) -> None:
    told = redaction.body(json.dumps(body).encode(), {"name"})
    assert SECRET.encode() not in told
    assert json.loads(told).keys() == body.keys()


def test_other_values_stay() -> None:
    told = redaction.body(json.dumps(BODIES[0]).encode(), {"name"})
    assert json.loads(told) == {"columns": ["x", "name"], "data": [[1, None], [2, None]]}


def test_csv_is_redacted_by_its_header_and_what_cannot_be_read_is_not_kept() -> None:
    assert redaction.body(b"x,name\n1,s3cret\n", {"name"}) == b"x,name\n1,\n"
    assert redaction.body(b"\xff\xfe", {"name"}) == b""
    assert redaction.body(b"s3cret in no form", {"name"}) == b""
    assert redaction.body(b"s3cret in no form", set()) == b"s3cret in no form"


def test_the_query_of_an_address_is_redacted() -> None:
    assert redaction.uri("/api?x=1&name=s3cret", {"name"}) == "/api?x=1&name="


JSON = st.recursive(st.none() | st.integers() | st.text(max_size=5), lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
    st.sampled_from(["a", "b", "name", "columns", "data"]), inner, max_size=3), max_leaves=12)  # fmt: skip


@given(JSON)
def test_nothing_changes_where_nothing_is_to_be_redacted(value: Any) -> None:
    assert redaction.value(value, frozenset()) == value


@given(JSON)
def test_no_named_field_keeps_a_value_at_any_depth(value: Any) -> None:
    def holds(told: Any) -> bool:
        if isinstance(told, dict):
            return told.get("name") is not None or any(map(holds, told.values()))
        return isinstance(told, list) and any(map(holds, told))

    assert not holds(redaction.value(value, frozenset({"name"})))


def stored(folder: Path) -> str:
    return "".join(p.read_text() for p in sorted((folder / "model_log").rglob("*.jsonl")))


def sent(folder: Path, *names: str) -> StoreSink:
    sink = StoreSink(folder, "w")
    body = json.dumps(BODIES[0]).encode()
    for name in names:
        sink.put(capture(name, request=body, uri="/api/model/invoke?name=s3cret"))
    sink.close()
    return sink


def test_a_server_stores_no_redacted_value(tmp_path: Path) -> None:
    policy.write(tmp_path, Policy(redact=("name",)))
    assert sent(tmp_path, "r1").dropped == 0
    assert "r1" in stored(tmp_path)
    assert SECRET not in stored(tmp_path)


def test_a_policy_that_cannot_be_read_lets_nothing_be_kept(tmp_path: Path) -> None:
    (tmp_path / "policy.json").write_text("{")
    assert sent(tmp_path, "r1", "r2").dropped == 2
    assert not (tmp_path / "model_log").exists()
    with pytest.raises(Unreadable):
        PolicyFile(tmp_path).current()


def test_a_changed_policy_is_obeyed_without_a_restart(tmp_path: Path) -> None:
    file = PolicyFile(tmp_path)
    assert file.current() == Policy()
    policy.write(tmp_path, Policy(sample=0.5))
    assert file.current().sample == 0.5
    policy.write(tmp_path, Policy())
    assert file.current() == Policy()


def test_a_sample_keeps_bodies_of_a_share_of_requests_and_rows_of_all(tmp_path: Path) -> None:
    policy.write(tmp_path, Policy(sample=0.25))
    names = [f"r{i}" for i in range(400)]
    sent(tmp_path, *names)
    rows = [
        json.loads(line) for p in (tmp_path / "model_log" / "request_response").rglob("*.jsonl") for line in p.open()
    ]
    kept = {r["request_id"] for r in rows if r["request_content"]}
    answers = {
        json.loads(line)["request_id"]
        for p in (tmp_path / "model_log" / "response_body").rglob("*.jsonl")
        for line in p.open()
    }
    assert (len(rows), kept) == (400, answers)
    assert 60 <= len(kept) <= 140  # 100, give or take 4.6 standard deviations
    assert all("s3cret" not in r["request_uri"] for r in rows if r["request_id"] not in kept)


def test_outcomes_are_redacted_too() -> None:
    assert Policy(redact=("name",)).outcome(outcome("r", {"late": 1, "name": SECRET})).payload == {
        "late": 1,
        "name": None,
    }
