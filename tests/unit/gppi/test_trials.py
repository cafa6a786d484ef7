"""What is found out about a model through its entry point; each in a process of its own, as in its environment."""

import json
import subprocess
import sys

import pytest
from foreign_models import ENTRYPOINT, adder


def tried(folder, *words):
    out = folder / "tried.json"
    command = [
        sys.executable,
        "-P",
        "-m",
        "legion_ci.gppi.inside",
        "--model-dir",
        folder / "odahuflow_model",
        "--output",
        out,
    ]
    done = subprocess.run([*command, *words], capture_output=True, text=True, check=False)
    assert "Traceback" not in done.stderr
    return {s["step"]: s for s in json.loads(out.read_bytes())}


def test_a_good_model_passes_every_step_and_leaves_no_byte_code(tmp_path):
    folder = adder(tmp_path / "m")
    steps = tried(folder)
    assert list(steps) == ["import", "init", "info", "samples", "predict_on_matrix", "as at training"]
    assert all(s["ok"] for s in steps.values())
    assert not list(folder.rglob("__pycache__"))


@pytest.mark.parametrize(("change", "failed", "said"), [
    (lambda t: "import no_such_package\n" + t, "import", "ModuleNotFoundError: No module named 'no_such_package' (entrypoint.py:1)"),
    (lambda t: t.replace("def predict_on_matrix", "def predict"), "import", "has no function predict_on_matrix"),
    (lambda t: t.replace('"matrix"', '"objects"'), "init", "returned 'objects'; only 'matrix' can be served"),
    (lambda t: t.replace("weights.json", "wights.json"), "init", "FileNotFoundError"),
    (lambda t: t.replace('("total",)', '("total", "more")'), "predict_on_matrix", "named 2 columns and returned [1] values a row"),
    (lambda t: t.replace("for row in input_matrix]", "for row in input_matrix[:1]]"), "predict_on_matrix", "returned 1 rows for 2"),
    (lambda t: t.replace('_by["b"] *', '3.0 *'), "as at training", "row 0 gives 6.0, at training 4.0"),
    (lambda t: t.replace('"type": "number", "example": 1.5', '"type": "real"'), "info", "lacks a name, or a type of integer"),
    (lambda t: t.replace("return ([{", "return None\n    ([{"), "info", "returned NoneType, not (inputs, outputs)"),
    (lambda t: t.replace("a, b = names", "raise SystemExit(3)\n    a, b = names"), "predict_on_matrix", "SystemExit: 3 (entrypoint.py:"),
])  # fmt: skip
def test_what_goes_wrong_is_told_by_its_step(tmp_path, change, failed, said):
    code = change(ENTRYPOINT)
    assert code != ENTRYPOINT
    steps = tried(adder(tmp_path / "m", code=code))
    assert not steps[failed]["ok"]
    assert said in steps[failed]["said"]


def test_samples_that_do_not_match_the_signature_are_told_all_at_once(tmp_path):
    folder = adder(tmp_path / "m")
    sample = {"columns": ["a", "c"], "types": {}, "data": [["x", 1.0]]}
    (folder / "odahuflow_model" / "head_input.json").write_text(json.dumps(sample))
    said = tried(folder)["samples"]["said"]
    assert (
        said
        == "the samples lack the input 'b'; the samples' column 'c' is no input; the samples' column 'a' holds 'x', the signature says number"
    )


def test_a_model_without_samples_is_told_to_have_none(tmp_path):
    assert "there are none" in tried(adder(tmp_path / "m", samples=False))["samples"]["said"]


def test_pickled_tables_of_pandas_are_read_with_their_columns(tmp_path):
    import pandas as pd

    folder = adder(tmp_path / "m")
    rows = pd.DataFrame({"b": [1.0], "a": [1.5], "when": [pd.Timestamp("2026-01-02")]})
    rows.to_pickle(folder / "odahuflow_model" / "head_input.pkl")
    out = tmp_path / "samples.json"
    command = [
        sys.executable,
        "-m",
        "legion_ci.gppi.inside",
        "--samples",
        "--model-dir",
        folder / "odahuflow_model",
        "--output",
        out,
    ]
    subprocess.run(command, check=True)
    assert json.loads(out.read_bytes()) == {"columns": ["b", "a", "when"], "data": [[1.0, 1.5, "2026-01-02T00:00:00"]]}
