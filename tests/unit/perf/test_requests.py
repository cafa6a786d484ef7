"""What is sent: three protocols, captured traffic, recorded arrivals."""

import itertools
import json

import pytest
from perf_runs import write_sample
from promote_events import capture, write

from legion_ci.core.errors import ConfigurationError
from legion_ci.perf import captured, requests, samples, trace


def sent(tmp_path, name):
    return samples.requests(write_sample(tmp_path), None, requests.protocol(name, "wine"))


def test_rows_are_asked_about_in_mlflows_protocol(tmp_path):
    first = sent(tmp_path, "mlflow")[0]
    assert (first.path, first.answer) == ("/invocations", '"predictions"')
    assert json.loads(first.body) == {"dataframe_split": {"columns": ["a", "b"], "data": [[1.5, "x"]]}}


def test_rows_are_asked_about_in_the_open_inference_protocol(tmp_path):
    first = sent(tmp_path, "v2")[0]
    assert (first.path, first.answer) == ("/v2/models/wine/infer", '"outputs"')
    assert json.loads(first.body)["inputs"] == [
        {"name": "a", "shape": [1, 1], "datatype": "FP64", "data": [1.5]},
        {"name": "b", "shape": [1, 1], "datatype": "BYTES", "data": ["x"]},
    ]


def test_several_generators_send_different_requests_in_turn(tmp_path):
    requests.write(tmp_path / "r", [requests.Request("/", str(i)) for i in range(4)])
    turns = [[r.body for r in itertools.islice(requests.read(tmp_path / "r", index=i, of=2), 4)] for i in range(2)]
    assert turns == [["0", "2", "0", "2"], ["1", "3", "1", "3"]]


def traffic(store):
    body = b'{"columns": ["a"],\n "data": [[1]]}'
    at = 1_700_000_000.0
    write(store, [
        capture("late", at=at + 5, request=body),
        capture("early", at=at, request=b'{"inputs": [[2]]}', uri="/invocations"),
        capture("load", at=at + 1, request=body, purpose="perf"),
        capture("copy", at=at + 2, request=body, purpose="shadow"),
        capture("refused", at=at + 3, request=body, status=400),
        capture("cut", at=at + 4, request=b'{"data": [[1'),
        capture("elsewhere", at=at + 4, request=body, uri="/healthcheck"),
    ])  # fmt: skip


def test_captured_traffic_is_what_users_sent_and_was_answered_at_its_own_path(tmp_path):
    traffic(tmp_path)
    found = captured.requests(tmp_path, "wine")
    assert [(r.path, r.answer) for r in found] == [
        ("/invocations", '"predictions"'), ("/api/model/invoke", '"prediction"'),
    ]  # fmt: skip
    assert trace.offsets(captured.times(tmp_path, "wine"), 2.0, "t") == [0.0, 2.5]


def test_no_captured_traffic_is_told(tmp_path):
    with pytest.raises(ConfigurationError, match="no request of a user is captured yet"):
        captured.requests(tmp_path, "wine")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("t.txt", "3\n1.5\n\n2\n"),
        ("t.csv", "id,time\n1,3\n2,1.5\n3,2\n"),
        ("t.jtl", "timeStamp,elapsed\n3000,1\n1500,1\n2000,2\n"),
        ("t.jsonl", '{"time_unix": 3}\n{"time_unix": 1.5}\n{"time_unix": 2}\n'),
        ("t.log", "1970-01-01T00:00:03+00:00\n1970-01-01T00:00:01.5+00:00\n1970-01-01T00:00:02+00:00\n"),
    ],
)
def test_recorded_arrivals_are_replayed_from_the_first_on(tmp_path, name, content):
    (tmp_path / name).write_text(content)
    assert trace.offsets(trace.read(tmp_path / name), 0.5, name) == [0.0, 1.0, 3.0]


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("t.txt", "1\nsoon\n", "t.txt:2: 'soon' is no moment"),
        ("t.csv", "a\n1\n", "none of the columns"),
        ("t.jsonl", "{\n", "t.jsonl:1: is not JSON"),
        ("t.txt", "1\n", "too few moments"),
    ],
)
def test_a_trace_that_cannot_be_replayed_is_told_with_its_place(tmp_path, name, content, told):
    (tmp_path / name).write_text(content)
    with pytest.raises(ConfigurationError) as caught:
        trace.offsets(trace.read(tmp_path / name), 1.0, name)
    assert told in str(caught.value)
