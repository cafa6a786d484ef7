"""A real server of a numeric scikit-learn model: both protocols, headers, refusals."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import requests
import serving_artefacts
from serving_process import Server

from legion_ci.core.files import digest_tree

ARTEFACT = "wine"
OPTIONS = ("--deployment", "wine-blue", "--max-rows", "50", "--max-body-mib", "1")
NAMES = list(serving_artefacts.WINE.feature_names)
ROW = serving_artefacts.WINE.data[0].tolist()


def test_it_predicts_what_scikit_learn_predicts(server: Server) -> None:
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    data, target = serving_artefacts.WINE.data, serving_artefacts.WINE.target
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=500)).fit(data, target)
    answer = server.post("/api/model/invoke", {"columns": NAMES, "data": data[::4].tolist()}).json
    assert answer["columns"] == ["prediction", "probability_0", "probability_1", "probability_2"]
    assert [row[0] for row in answer["prediction"]] == model.predict(data[::4]).tolist()
    np.testing.assert_allclose([row[1:] for row in answer["prediction"]], model.predict_proba(data[::4]), rtol=1e-9)


def test_columns_may_come_in_any_order_or_not_at_all(server: Server) -> None:
    told = server.post("/api/model/invoke", {"columns": NAMES, "data": [ROW]}).json
    assert server.post("/api/model/invoke", {"columns": NAMES[::-1], "data": [ROW[::-1]]}).json == told
    assert server.post("/api/model/invoke", {"data": [ROW]}).json == told


@pytest.mark.parametrize(
    "body",
    [
        {"dataframe_split": {"columns": NAMES, "data": [ROW], "index": [0]}},
        {"dataframe_records": [dict(zip(NAMES, ROW, strict=True))]},
        {"instances": [ROW]},
        {"instances": [dict(zip(NAMES, ROW, strict=True))]},
        {"inputs": [ROW]},
        {"inputs": {name: [value] for name, value in zip(NAMES, ROW, strict=True)}},
        {"inputs": [ROW], "params": {}},
    ],
)
def test_every_format_of_mlflow_gives_the_class(server: Server, body: object) -> None:
    answer = server.post("/invocations", body)
    assert (answer.status, answer.json) == (200, {"predictions": [0]})


def test_mlflows_own_client_format_is_understood_by_requests(server: Server) -> None:
    url = f"http://127.0.0.1:{server.port}"
    answer = requests.post(f"{url}/invocations", json={"instances": [ROW, ROW]}, timeout=30)
    assert answer.json() == {"predictions": [0, 0]}
    assert requests.get(f"{url}/ping", timeout=30).status_code == 200
    assert requests.get(f"{url}/version", timeout=30).text


def test_answers_name_the_model_and_echo_the_request_id(server: Server, artefacts: Callable[[str], Path]) -> None:
    headers = server.post("/api/model/invoke", {"data": [ROW]}, {"Request-Id": "order-66"}).headers
    assert headers["request-id"] == "order-66"
    assert (headers["model-name"], headers["model-version"]) == ("wine", "1.2")
    assert headers["model-digest"] == digest_tree(artefacts("wine"))


@pytest.mark.parametrize("sent", [{}, {"Request-Id": ""}, {"Request-Id": "x" * 500}, {"Request-Id": "a b"}])
def test_a_request_without_a_usable_id_gets_one(server: Server, sent: dict[str, str]) -> None:
    assert uuid.UUID(server.get("/healthcheck").headers["request-id"]).version == 4
    assert uuid.UUID(server.post("/api/model/invoke", {"data": [ROW]}, sent).headers["request-id"]).version == 4


def test_all_problems_come_in_one_answer_with_the_path_to_each(server: Server) -> None:
    wrong = [[*ROW[:3], None, *ROW[4:]], ["x", *ROW[1:]], ROW[:-1], 7]
    answer = server.post("/api/model/invoke", {"columns": ["alcohl", *NAMES[1:]], "data": wrong})
    assert answer.status == 400
    assert answer.json["message"] == "the request has 5 problems"
    assert {p["path"]: p["problem"] for p in answer.json["problems"]} == {
        "columns[0]": "the model has no column alcohl; did you mean alcohol?",
        "columns": "the column alcohol is missing",
        "data[0][3]": "alcalinity_of_ash must be a number, not null",
        "data[2]": "must hold 13 values (found 12)",
        "data[3]": "must be a list of 13 values, not an integer",
    }


@pytest.mark.parametrize(
    ("body", "status", "path", "problem"),
    [
        (b"", 400, "body", "is empty"),
        (b"{]", 400, "body", "is not JSON"),
        (b'{"data": [[NaN]]}', 400, "body", "is not JSON"),
        (b"\xff\xfe", 400, "body", "is not"),
        (b"[" * 50_000, 400, "body", "is nested too deeply"),
        (b"[]", 400, "body", "must be an object, not a list"),
        (b"{}", 400, "data", "is missing"),
        (b'{"data": []}', 400, "data", "must hold at least one row"),
        (b'{"data": {"a": 1}}', 400, "data", "must be a list of rows, not an object"),
        (b'{"dta": [[1]]}', 400, "body.dta", "is not known here; known are columns, data"),
        (b'{"data": [' + b"[1]," * 50 + b"[1]]}", 413, "data", "must hold at most 50 rows (found 51)"),
        (b'{"data": [[1]]}' + b" " * (1 << 20), 413, "body", "must hold at most 1048576 bytes"),
    ],
)
def test_a_request_that_cannot_be_read_is_refused(
    server: Server, body: bytes, status: int, path: str, problem: str
) -> None:
    answer = server.post("/api/model/invoke", body)
    assert answer.status == status
    assert answer.json["problems"][0]["path"] == path
    assert problem in answer.json["problems"][0]["problem"]


def test_a_body_of_untold_length_is_read_and_bounded(server: Server) -> None:
    body = b'{"data": [' + str(ROW).encode() + b"]}"
    assert server.post("/api/model/invoke", body, chunked=True).status == 200
    assert server.post("/api/model/invoke", body + b" " * (1 << 20), chunked=True).status == 413


def test_wrong_paths_methods_and_encodings_are_said(server: Server) -> None:
    assert server.get("/nowhere").status == 404
    assert "/api/model/invoke" in server.get("/nowhere").json["problems"][0]["problem"]
    answer = server.get("/api/model/invoke")
    assert (answer.status, answer.headers["allow"]) == (405, "POST")
    assert server.post("/healthcheck", {}).status == 405
    assert server.post("/invocations", b"a,b", {"Content-Type": "text/html"}).status == 415
    assert server.post("/api/model/invoke", b"a,b", {"Content-Type": "text/csv"}).status == 415
    assert server.post("/invocations", b"\x1f\x8b", {"Content-Encoding": "gzip"}).status == 415


def test_headers_in_other_alphabets_do_no_harm(server: Server) -> None:
    answer = server.post("/api/model/invoke", {"data": [ROW]}, {"Request-Id": "é", "x-legion-experiment": "ü"})
    assert answer.status == 200


def test_the_document_holds_the_models_own_fields(server: Server) -> None:
    document = server.get("/api/model/info").json
    assert document["openapi"].startswith("3.1")
    assert document["info"] == {"title": "wine", "version": "1.2"}
    schema = document["paths"]["/api/model/invoke"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert schema["properties"]["columns"]["example"] == NAMES
    assert schema["properties"]["data"]["example"][0] == ROW
    assert [c["name"] for c in document["x-legion"]["inputs"]] == NAMES
    assert document["x-legion"]["outputs"][0] == {
        "name": "prediction",
        "type": "integer",
        "example": 0,
        "required": True,
    }


def test_metrics_count_requests_errors_and_latency(server: Server) -> None:
    before = _metrics(server)
    server.post("/api/model/invoke", {"data": [ROW]})
    server.post("/api/model/invoke", {"data": [1]})
    after = _metrics(server)
    for status in ("200", "400"):
        name = f'legion_requests_total{{route="/api/model/invoke",status="{status}"}}'
        assert after[name] - before.get(name, 0) == 1
    assert after["legion_request_seconds_count"] - before["legion_request_seconds_count"] == 2
    assert after["legion_dropped_captures_total"] == 0


def test_the_log_holds_one_line_an_event_and_no_access_log(server: Server) -> None:
    server.post("/api/model/invoke", {"data": [ROW]})
    assert [re.sub(r"^\S+ legion-serving\[\d+\] (\S+).*", r"\1", line) for line in server.lines] == [
        "listening",
        "ready",
    ]


def _metrics(server: Server) -> dict[str, float]:
    lines = [line for line in server.get("/metrics").body.decode().splitlines() if not line.startswith("#")]
    return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines)}
