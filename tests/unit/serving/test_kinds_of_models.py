"""LightGBM, strings, times, several outputs and a serializer of its own, each trained here and served by a real server."""

from __future__ import annotations

from pathlib import Path

import cloudpickle
import pytest
import serving_artefacts
import serving_kinds
from serving_process import serving

from legion_ci.serving.signature import read_sample

cloudpickle.register_pickle_by_value(serving_kinds)


@pytest.mark.parametrize("kind", ["boosted", "several"])
def test_what_was_trained_is_what_every_protocol_answers(kind: str, tmp_path: Path) -> None:
    root = getattr(serving_kinds, kind)(tmp_path / "artefact")
    body = serving_artefacts.head_rows(root)
    names, rows = body["columns"], body["data"]
    sample = read_sample(root / "legion_model" / "head_output.json")
    with serving(root, tmp_path / "server.log") as server:
        told = server.post("/api/model/invoke", body).json
        assert told["columns"] == sample.columns
        for found, expected in zip(told["prediction"], sample.data, strict=True):
            assert found == pytest.approx(expected)
        split = server.post("/invocations", {"dataframe_split": body}).json["predictions"]
        records = [dict(zip(names, row, strict=True)) for row in rows]
        assert split == server.post("/invocations", {"dataframe_records": records}).json["predictions"]
        model = f"/v2/models/{server.get('/v2/health/live').headers['model-name']}"
        tensors = [
            {"name": t["name"], "datatype": t["datatype"], "shape": [len(rows)], "data": [r[i] for r in rows]}
            for i, t in enumerate(server.get(model).json["inputs"])
        ]
        outputs = server.post(f"{model}/infer", {"inputs": tensors}).json["outputs"]
        assert [list(row) for row in zip(*(o["data"] for o in outputs), strict=True)] == told["prediction"]


def test_a_serializer_of_its_own_writes_what_json_has_no_word_for(tmp_path: Path) -> None:
    with serving(serving_kinds.serializer(tmp_path / "artefact"), tmp_path / "server.log") as server:
        answer = server.post("/api/model/invoke", {"data": [[1, 3], [2, 4]]})
        assert answer.json == {"prediction": [["1/3"], ["1/2"]], "columns": ["ratio"]}
        assert server.post("/api/model/invoke", {"data": [[1, 0]]}).status == 500
