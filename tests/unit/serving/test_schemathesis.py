"""Schemathesis asks real servers whatever their own OpenAPI documents allow, and some that they do not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import positive_data_acceptance
from serving_process import Server, serving

Artefacts = Callable[[str], Path]


@pytest.fixture(scope="module", params=["wine", "mixed", "gppi"])
def described(artefacts: Artefacts, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest):
    log = tmp_path_factory.mktemp("schemathesis") / "server.log"
    with serving(artefacts(request.param), log) as server:
        yield server


def test_what_fits_the_document_is_answered_as_the_document_says(described: Server) -> None:
    url = f"http://127.0.0.1:{described.port}"
    schema = schemathesis.openapi.from_url(f"{url}/api/model/info")
    operations = [found.ok() for found in schema.get_all_operations()]
    assert {o.path for o in operations} >= {"/api/model/invoke", "/invocations", "/v2", "/metrics", "/health"}
    total = described.get("/version").headers["model-name"] == "wine"  # the others fail on values they never saw
    for operation in operations:

        @seed(20261121)
        @settings(
            max_examples=15,
            deadline=None,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy(), data=st.none())
        def ask(case: schemathesis.Case, data: None) -> None:
            answer = case.call(base_url=url)
            fits = case.media_type != "text/csv"  # a schema cannot say what CSV holds
            case.validate_response(
                answer, excluded_checks=[not_a_server_error, *([] if fits else [positive_data_acceptance])]
            )
            assert answer.status_code in ((200,) if fits and total else (200, 400, 500))
            assert {"request-id", "model-name", "model-version", "model-digest"} <= {h.lower() for h in answer.headers}

        ask()
