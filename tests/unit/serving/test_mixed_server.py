"""A real server of a pipeline that takes strings, whole numbers, gaps and truth values by name."""

from __future__ import annotations

from typing import Any

import pytest
import serving_artefacts
from serving_process import Server

ARTEFACT = "mixed"
FRAME = serving_artefacts.mixed_frame()
NAMES = list(FRAME.columns)


def _rows(count: int) -> list[list[Any]]:
    rows = FRAME.head(count).astype(object).to_numpy().tolist()
    return [[None if value != value else value for value in row] for row in rows]


def test_it_predicts_what_the_pipeline_predicts_on_the_training_frame(server: Server, models: Any) -> None:
    import pyarrow as pa

    expected = models("mixed").predict_table(pa.Table.from_pandas(FRAME, preserve_index=False)).rows()
    answer = server.post("/api/model/invoke", {"columns": NAMES, "data": _rows(len(FRAME))})
    assert answer.status == 200
    assert answer.json["columns"] == ["prediction", "probability_late", "probability_on time"]
    assert [tuple(row) for row in answer.json["prediction"]] == [pytest.approx(row) for row in expected]


def test_a_gap_is_taken_only_where_training_had_gaps(server: Server) -> None:
    assert server.post("/api/model/invoke", {"data": [["AA", 100, None, 50, True]]}).status == 200
    answer = server.post("/api/model/invoke", {"data": [[None, None, None, None, None]]})
    assert [p["path"] for p in answer.json["problems"]] == ["data[0][0]", "data[0][1]", "data[0][3]", "data[0][4]"]


def test_every_type_is_checked(server: Server) -> None:
    problems = server.post("/api/model/invoke", {"data": [[1, 1.5, "x", True, "yes"]]}).json["problems"]
    assert [p["problem"] for p in problems] == [
        "carrier must be a string, not an integer",
        "distance must be an integer, not the fraction 1.5",
        "wind must be a number, not a string",
        "seats must be an integer, not true or false",
        "night must be true or false, not a string",
    ]


def test_whole_numbers_may_be_written_with_a_point(server: Server) -> None:
    one = server.post("/api/model/invoke", {"data": [["AA", 100.0, 3, 50, True]]})
    assert one.json == server.post("/api/model/invoke", {"data": [["AA", 100, 3.0, 50, True]]}).json


def test_a_number_that_does_not_fit_the_models_type_is_refused_or_fails_without_harm(server: Server) -> None:
    answer = server.post("/api/model/invoke", {"data": [["AA", 1 << 70, 3, 50, True]]})
    assert answer.json["problems"] == [{"path": "data[0][1]", "problem": "distance must be an integer of 64 bits"}]


def test_records_and_columns_tell_problems_by_name(server: Server) -> None:
    record = dict(zip(NAMES, ["AA", 100, None, 50, True], strict=True))
    wrong = {**record, "wind": "high", "wnd": 1}
    del wrong["seats"]
    problems = server.post("/invocations", {"dataframe_records": [record, wrong]}).json["problems"]
    assert {p["path"]: p["problem"] for p in problems} == {
        "dataframe_records[1].wnd": "the model has no column wnd; did you mean wind?",
        "dataframe_records[1].seats": "is missing",
        "dataframe_records[1].wind": "wind must be a number, not a string",
    }
    columns = {name: [value, value] for name, value in record.items()}
    assert server.post("/invocations", {"inputs": columns}).status == 200
    problems = server.post("/invocations", {"inputs": {**columns, "night": [True], "wind": [1, "x"]}}).json["problems"]
    assert [p["path"] for p in problems] == ["inputs.night", "inputs.wind[1]"]


def test_the_models_own_error_is_a_500_that_leaks_nothing(server: Server) -> None:
    answer = server.post("/api/model/invoke", {"data": [["ZZ", 100, 1, 50, True]]}, {"Request-Id": "find-me"})
    assert answer.status == 500
    assert answer.json["request_id"] == "find-me"
    assert "ZZ" not in answer.body.decode()
    assert "Traceback" not in answer.body.decode()
    [line] = [line for line in server.lines if "find-me" in line]
    assert "unknown categories" in line
    assert "Traceback" in line
