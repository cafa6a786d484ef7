"""The Open Inference Protocol and CSV, asked of real servers by clients of others."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import requests
import serving_artefacts
import tritonclient.http as triton
from serving_process import Server, serving
from tritonclient.utils import InferenceServerException

Artefacts = Callable[[str], Path]
ARTEFACT = "wine"
WINE = serving_artefacts.WINE
NAMES = list(WINE.feature_names)


@pytest.fixture(scope="module")
def mixed(artefacts: Artefacts, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(artefacts("mixed"), tmp_path_factory.mktemp("v2") / "server.log") as running:
        yield running


def _client(server: Server) -> triton.InferenceServerClient:
    return triton.InferenceServerClient(f"127.0.0.1:{server.port}")


def _tensor(name: str, values: Any, datatype: str) -> triton.InferInput:
    tensor = triton.InferInput(name, list(values.shape), datatype)
    tensor.set_data_from_numpy(values, binary_data=False)
    return tensor


def test_tritons_client_finds_the_server_and_the_models_columns(server: Server) -> None:
    with _client(server) as client:
        assert client.is_server_live()
        assert client.is_server_ready()
        assert client.is_model_ready("wine")
        assert client.is_model_ready("wine", "1.2")
        assert client.get_server_metadata()["name"] == "legion-ci"
        told = client.get_model_metadata("wine", "1.2")
    assert [t["name"] for t in told["inputs"]] == NAMES
    assert {t["datatype"] for t in told["inputs"]} == {"FP64"}
    assert told["outputs"][0] == {"name": "prediction", "datatype": "INT64", "shape": [-1]}


@pytest.mark.parametrize("version", ["", "1.2"])
def test_tritons_client_predicts_with_one_tensor_and_with_one_a_column(server: Server, version: str) -> None:
    rows = WINE.data[::30]
    expected = server.post("/api/model/invoke", {"data": rows.tolist()}).json["prediction"]
    with _client(server) as client:
        whole = client.infer("wine", [_tensor("input", rows, "FP64")], model_version=version, request_id="r-1")
        apart = [_tensor(name, rows[:, i], "FP64") for i, name in enumerate(NAMES)]
        single = client.infer("wine", apart[::-1], model_version=version)
    for found in (whole, single):
        assert found.as_numpy("prediction").tolist() == [row[0] for row in expected]
        np.testing.assert_array_equal(found.as_numpy("probability_2"), [row[3] for row in expected])
    assert whole.get_response()["id"] == "r-1"


def test_only_the_outputs_that_are_asked_for_are_answered_and_unknown_ones_refused(server: Server) -> None:
    tensors = [_tensor("input", WINE.data[:2], "FP64")]
    with _client(server) as client:
        wanted = [triton.InferRequestedOutput("probability_0", binary_data=False)]
        assert [o["name"] for o in client.infer("wine", tensors, outputs=wanted).get_response()["outputs"]] == [
            "probability_0"
        ]
        with pytest.raises(InferenceServerException, match="has no output nothing; known are prediction"):
            client.infer("wine", tensors, outputs=[triton.InferRequestedOutput("nothing", binary_data=False)])


def test_binary_tensors_are_refused_with_what_to_do(server: Server) -> None:
    tensor = triton.InferInput("input", [2, 13], "FP64")
    tensor.set_data_from_numpy(WINE.data[:2], binary_data=True)
    with _client(server) as client, pytest.raises(InferenceServerException, match="send them as JSON"):
        client.infer("wine", [tensor])


def test_strings_truth_values_and_numbers_come_as_tensors_of_their_own_type(mixed: Server) -> None:
    frame = serving_artefacts.mixed_frame(6)
    types = {"carrier": "BYTES", "distance": "INT64", "wind": "FP64", "seats": "INT32", "night": "BOOL"}
    inputs = [
        {
            "name": name,
            "datatype": kind,
            "shape": [6],
            "data": frame[name].astype(object).where(frame[name].notna(), None).tolist(),
        }
        for name, kind in types.items()
    ]
    answer = mixed.post("/v2/models/mixed/infer", {"inputs": inputs}).json
    records = mixed.post("/invocations", {"dataframe_records": [
        dict(zip(types, row, strict=True)) for row in zip(*(t["data"] for t in inputs), strict=True)
    ]}).json  # fmt: skip
    assert answer["outputs"][0]["datatype"] == "BYTES"
    assert answer["outputs"][0]["data"] == records["predictions"]


@pytest.mark.parametrize(
    ("inputs", "problems"),
    [
        (None, {"inputs": "is missing"}),
        ([], {"inputs": "must hold at least one row"}),
        ([7], {"inputs[0]": "must be an object with name, datatype, shape and data, not an integer"}),
        ([{}], {"inputs[0].name": "is missing", "inputs[0].datatype": "is missing", "inputs[0].shape": "is missing",
                "inputs[0].data": "is missing"}),
        ([{"name": "input", "datatype": "FP64", "shape": [1, 13], "data": [1.0]}],
         {"inputs[0].data": "must hold 13 values for the shape [1, 13] (found 1)"}),
        ([{"name": "input", "datatype": "FP64", "shape": [-1, 13], "data": []}],
         {"inputs[0].shape": "must be a list of 1 to 8 whole numbers above 0"}),
        ([{"name": "input", "datatype": "BYTES", "shape": [1, 13], "data": ["1"] * 13}],
         {"inputs[0].datatype": "must be FP64, not BYTES"}),
    ],
)  # fmt: skip
def test_every_problem_of_a_tensor_is_told_with_its_path(server: Server, inputs: Any, problems: dict[str, str]) -> None:
    answer = server.post("/v2/models/wine/infer", {} if inputs is None else {"inputs": inputs})
    assert answer.status == 400
    assert {p["path"]: p["problem"] for p in answer.json["problems"]} == problems
    assert all(f"{path}: {problem}" in answer.json["error"] for path, problem in problems.items())


def test_another_model_or_version_is_not_found(server: Server) -> None:
    assert server.get("/v2/models/beer").status == 404
    assert server.get("/v2/models/wine/versions/9/ready").status == 404
    assert "error" in server.get("/v2/models/beer").json


def test_csv_as_mlflow_documents_it_gives_the_same_predictions(server: Server, mixed: Server) -> None:
    frame = pd.DataFrame(WINE.data[::40], columns=NAMES)
    for running, rows in ((server, frame), (mixed, serving_artefacts.mixed_frame(6))):
        url = f"http://127.0.0.1:{running.port}/invocations"
        text = requests.post(url, data=rows.to_csv(index=False), headers={"Content-Type": "text/csv"}, timeout=30)
        split = '{"dataframe_split": ' + rows.to_json(orient="split") + "}"
        json = requests.post(url, data=split, headers={"Content-Type": "application/json"}, timeout=30)
        assert text.status_code == json.status_code == 200, text.text
        assert text.json() == json.json()


def test_what_is_wrong_in_csv_is_told_with_the_row(server: Server) -> None:
    out = io.StringIO()
    frame = pd.DataFrame(WINE.data[:2], columns=NAMES).astype(object)
    frame.iloc[1, 3] = "lots"
    frame.to_csv(out, index=False)
    answer = server.post("/invocations", out.getvalue().encode(), {"Content-Type": "text/csv"})
    assert (answer.status, answer.json["problems"]) == (
        400, [{"path": "rows[1][3]", "problem": "alcalinity_of_ash must be a number, not a string"}],
    )  # fmt: skip
    for body, wrong in (
        (b"", "is empty"),
        (b'a,"b', "is not CSV"),
        (b"\xff", "is not UTF-8"),
        (b"a,b\n1", "must hold 2"),
    ):
        answer = server.post("/invocations", body, {"Content-Type": "text/csv"})
        assert answer.status == 400
        assert wrong in answer.json["problems"][0]["problem"]


def test_mlflows_own_scoring_client_gets_predictions(server: Server) -> None:
    from mlflow.pyfunc.scoring_server.client import ScoringServerClient

    client = ScoringServerClient("127.0.0.1", server.port)
    client.wait_server_ready(timeout=60)
    frame = pd.DataFrame(WINE.data[::40], columns=NAMES)
    found = client.invoke(frame)
    assert found.get_predictions()[0].tolist() == WINE.target[::40].tolist()
