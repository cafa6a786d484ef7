"""The application called without a server: captures, failures, what a sink sees."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from serving_rsgi import Served

from legion_ci.serving.captures import purpose
from legion_ci.serving.model import Model
from legion_ci.serving.options import Limits
from legion_ci.serving.predictions import Predictions

GATEWAY = {
    "x-legion-arm": "demo-1", "x-legion-share": "0.25", "x-legion-experiment": "salt", "x-legion-step": "25",
    "request-id": "r-1", "x-legion-unit": "N123AA",
}  # fmt: skip


@pytest.fixture
def served(models: Callable[[str], Model], artefacts: Callable[[str], Path]) -> Served:
    return Served(models("regressor"), artefacts("regressor") / "legion_model", unit_header="x-legion-unit")


def _body(artefacts: Callable[[str], Path]) -> dict[str, Any]:
    sample = json.loads((artefacts("regressor") / "legion_model" / "head_input.json").read_text())
    return {"columns": sample["columns"], "data": sample["data"][:1]}


def test_a_request_through_the_gateway_is_captured_with_its_arm_and_share(
    served: Served, artefacts: Callable[[str], Path]
) -> None:
    with served:
        answer = served.post("/api/model/invoke", _body(artefacts), GATEWAY)
    [kept] = served.sink.kept
    assert (kept.request_id, kept.deployment, kept.arm, kept.purpose) == ("r-1", "demo-1", "demo-1", "")
    assert (kept.experiment, kept.share, kept.step) == ("salt", 0.25, "25")
    assert kept.unit == hashlib.sha256(b"salt:N123AA").hexdigest()[:16]
    assert (kept.status, kept.method, kept.uri) == (200, "POST", "/api/model/invoke")
    assert json.loads(kept.request) == _body(artefacts)
    assert kept.response == answer.answer
    assert kept.latency_us > 0
    assert (kept.model_name, kept.model_version, kept.digest) == ("demo", "1", "d" * 64)


def test_without_the_unit_header_the_request_id_is_the_unit(served: Served, artefacts: Callable[[str], Path]) -> None:
    with served:
        served.post("/invocations", {"dataframe_split": _body(artefacts)}, {**GATEWAY, "x-legion-unit": ""})
    assert served.sink.kept[0].unit == hashlib.sha256(b"salt:r-1").hexdigest()[:16]


def test_refused_failed_and_busy_requests_are_captured_too_and_pages_are_not(served: Served) -> None:
    with served:
        served.post("/api/model/invoke", b"{", GATEWAY)
        served.get("/healthcheck")
        served.get("/api/model/info")
    loading = Served(None)
    loading.post("/invocations", b"{}")
    assert [k.status for k in served.sink.kept] == [400]
    assert [k.status for k in loading.sink.kept] == [503]


@pytest.mark.parametrize(
    ("arm", "said", "expected"),
    [
        ("", "", "direct"), ("", "perf", "perf"), ("", "shadow", "direct"), ("me", "", ""), ("me", "perf", "perf"),
        ("me", "direct", "direct"), ("me", "nonsense", "direct"), ("other", "", "shadow"), ("other", "perf", "shadow"),
    ],
)  # fmt: skip
def test_only_what_the_gateway_sent_to_this_arm_is_live(arm: str, said: str, expected: str) -> None:
    assert purpose(arm, "me", said) == expected


@pytest.mark.parametrize("share", ["", "x", "nan", "2", "-1", "inf"])
def test_a_share_that_is_none_counts_as_zero(served: Served, artefacts: Callable[[str], Path], share: str) -> None:
    with served:
        served.post("/api/model/invoke", _body(artefacts), {**GATEWAY, "x-legion-share": share})
    assert served.sink.kept[0].share == 0.0


class Unwritable:
    """A model whose predictions are no JSON."""

    signature = None
    row_wise = True

    def predict(self, rows: Any) -> Predictions:
        return Predictions(("prediction",), ([object()] * len(rows.data),))


def test_predictions_that_are_no_json_are_a_500_and_the_server_lives() -> None:
    with Served(Unwritable()) as served:  # type: ignore[arg-type]
        assert [served.post("/api/model/invoke", {"data": [[1]]}).status for _ in range(2)] == [500, 500]


def test_a_body_longer_than_allowed_is_not_read(served: Served) -> None:
    with Served(Unwritable(), limits=Limits(max_body_bytes=10)) as small:  # type: ignore[arg-type]
        answer = small.ask("POST", "/api/model/invoke", b"", {"content-length": "11"})
        assert answer.status == 413


def test_missing_predictions_are_null_and_numpy_values_plain() -> None:
    import numpy as np

    from legion_ci.serving.predictions import encode

    when = np.array(["2013-06-30T17:45:00"], dtype="datetime64[us]")
    assert (
        encode([np.float32(1.5), float("nan"), np.int64(3), np.bool_(True), np.array([1, 2])])
        == b"[1.5,null,3,true,[1,2]]"
    )
    assert encode(Predictions(("prediction",), (when,)).rows()) == b'[["2013-06-30T17:45:00"]]'
