import json
from pathlib import Path

import jsonschema
import msgspec
import pytest
from report_values import quality

from legion_ci.results import Artefact, ModelRef, Outcome, Record, SelfTestCheck, SelfTestResult

SCHEMA = json.loads((Path(__file__).parents[3] / "resources/org/legion/ci/records.schema.json").read_text())
MODEL = ModelRef(name="m", version="1", artefact=Artefact(uri="file:///m", digest="d"))
SELFTEST = SelfTestResult(candidate=MODEL, checks=(SelfTestCheck(name="c", outcome=Outcome.PASS, role="require"),))


def record(stage, result):
    made = Record(
        schema_version=1, stage=stage, run="r", started_at="", ended_at="", seconds=0.1, host="h", inputs={},
        input_digest="", tools={}, result=msgspec.Raw(msgspec.json.encode(result)),
    )  # fmt: skip
    return json.loads(msgspec.json.encode(made))


@pytest.mark.parametrize(("stage", "result"), [("quality", quality()), ("quality-selftest", SELFTEST)])
def test_the_published_schema_holds_for_records(stage, result):
    jsonschema.validate(record(stage, result), SCHEMA)


def test_the_published_schema_refuses_another_verdict():
    told = record("quality", quality())
    told["result"]["verdict"] = "MAYBE"
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(told, SCHEMA)
