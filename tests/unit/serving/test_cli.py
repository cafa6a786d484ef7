import io
import json
import sys

import pandas as pd
import pytest
from serving_artefacts import WINE, gppi, wine

from legion_ci.serving import cli, tables

FRAME = pd.DataFrame(WINE.data[:25], columns=[n.replace("/", "_") for n in WINE.feature_names])


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return wine(tmp_path_factory.mktemp("model") / "wine")


@pytest.fixture(scope="module")
def frame(model):
    """25 rows under the model's own column names."""
    names = json.loads((model / "legion_model" / "head_input.json").read_text())["columns"]
    return FRAME.set_axis(names, axis=1)


@pytest.fixture
def written(frame, tmp_path):
    """The rows as a file of each form."""
    folder = tmp_path / "in"
    folder.mkdir()
    frame.to_csv(folder / "rows.csv", index=False)
    frame.to_parquet(folder / "rows.parquet")
    (folder / "rows.json").write_text(json.dumps({"columns": list(frame), "data": frame.to_numpy().tolist()}))
    return folder


def run(model, *words: object) -> int:
    return cli.main(["--model", str(model), *map(str, words)])


def test_every_form_gives_the_same_predictions_in_the_order_of_the_rows(model, written, tmp_path):
    assert run(model, "predict", written, tmp_path / "out") == 0
    told = json.loads((tmp_path / "out" / "rows.json").read_text())
    from_json = pd.DataFrame(told["prediction"], columns=told["columns"])
    assert len(from_json) == 25
    pd.testing.assert_frame_equal(pd.read_csv(tmp_path / "out" / "rows.csv"), from_json)
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "out" / "rows.parquet"), from_json, check_dtype=False)


def test_files_that_are_read_in_pieces_give_the_same(model, written, tmp_path, monkeypatch):
    run(model, "predict", written, tmp_path / "whole")
    monkeypatch.setattr("legion_ci.serving.cli.Limits.max_rows", 4)
    run(model, "predict", written, tmp_path / "pieces")
    for name in ("rows.csv", "rows.json"):
        assert (tmp_path / "pieces" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
    pd.testing.assert_frame_equal(
        pd.read_parquet(tmp_path / "pieces" / "rows.parquet"), pd.read_parquet(tmp_path / "whole" / "rows.parquet")
    )


def test_standard_input_is_answered_on_standard_output(model, written, monkeypatch, capfdbinary):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO((written / "rows.csv").read_bytes())))
    assert run(model, "predict", "-", "--format", "csv") == 0
    assert capfdbinary.readouterr().out.count(b"\n") == 26


def test_records_are_answered_by_records(model, frame, tmp_path):
    (tmp_path / "rows.json").write_text(frame.head(3).to_json(orient="records"))
    assert run(model, "predict", tmp_path / "rows.json", tmp_path / "out") == 0
    answered = json.loads((tmp_path / "out" / "rows.json").read_text())
    assert len(answered) == 3
    assert "prediction" in answered[0]


def test_every_row_that_is_wrong_is_told_and_nothing_is_left(model, frame, tmp_path, capsys):
    wrong = frame.head(3).astype(object)
    wrong.iloc[1, 0], wrong.iloc[2, 3] = "much", "little"
    wrong.to_csv(tmp_path / "rows.csv", index=False)
    assert run(model, "predict", tmp_path / "rows.csv", tmp_path / "out") == 2
    said = capsys.readouterr().err
    assert "rows[1][0]" in said
    assert "rows[2][3]" in said
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("x.csv", b"", "has no rows"),
        ("x.csv", b'a,b\n"1', "is not CSV"),
        ("x.json", b"{", "is not JSON"),
        ("x.parquet", b"PAR", "is not a Parquet file"),
        ("x.txt", b"", "say --format"),
        ("missing.csv", None, "there is no such file"),
    ],
)
def test_a_file_that_cannot_be_read_says_why(model, tmp_path, capsys, name, content, told):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    assert run(model, "predict", tmp_path / name, tmp_path / "out") == 2
    assert told in capsys.readouterr().err


def test_a_column_that_is_missing_in_parquet_is_named(model, frame, tmp_path, capsys):
    frame.iloc[:, 1:].to_parquet(tmp_path / "rows.parquet")
    assert run(model, "predict", tmp_path / "rows.parquet", tmp_path / "out") == 2
    assert f"lacks the model's columns {frame.columns[0]}" in capsys.readouterr().err


def test_the_models_own_error_is_a_failure_of_the_tool(tmp_path, capsys, monkeypatch):
    monkeypatch.delitem(sys.modules, "entrypoint", raising=False)  # of another model that this process has loaded
    (tmp_path / "rows.csv").write_text("a,b\n13,1\n")
    assert run(gppi(tmp_path / "model"), "predict", tmp_path / "rows.csv", tmp_path / "out") == 5
    assert "RuntimeError" in capsys.readouterr().err


def test_info_and_self_check_tell_of_the_model(model, capsys):
    assert run(model, "info") == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["name"], told["version"], len(told["input"])) == ("wine", "1.2", 13)
    assert run(model, "self_check") == 0
    assert "5 rows predicted as at training" in capsys.readouterr().out


def test_known_forms_are_told_by_the_extension(tmp_path):
    (tmp_path / "a.CSV").write_text("")
    assert tables.known(tmp_path / "a.CSV")
    assert not tables.known(tmp_path / "a.txt")
