"""Batch prediction of Arrow files through its command line, and the GPPI entry point."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import serving_artefacts

from legion_ci.serving import predict

Artefacts = Callable[[str], Path]


def _run(model: Path, table: pa.Table, folder: Path) -> tuple[subprocess.CompletedProcess[str], Path]:
    source, target = serving_artefacts.write_arrow(table, folder / "in.arrow"), folder / "out.arrow"
    words = ["--model", str(model), "--input", str(source), "--output", str(target)]
    done = subprocess.run(
        [sys.executable, "-m", "legion_ci.serving.predict", *words],
        capture_output=True,
        text=True,
        timeout=120,
        cwd=folder,
    )
    return done, target


def test_a_table_is_predicted_and_other_columns_are_ignored(artefacts: Artefacts, tmp_path: Path) -> None:
    table = serving_artefacts.wine_rows(60).append_column("other", pa.array(["x"] * 60))
    done, target = _run(artefacts("wine"), table, tmp_path)
    assert done.returncode == 0, done.stderr
    found = serving_artefacts.read_arrow(target)
    assert found.column_names == ["prediction", "probability_0", "probability_1", "probability_2"]
    assert found.num_rows == 60
    np.testing.assert_allclose(np.sum([found.column(i).to_numpy() for i in (1, 2, 3)], axis=0), 1)


def test_missing_columns_are_named(artefacts: Artefacts, tmp_path: Path) -> None:
    done, target = _run(artefacts("wine"), serving_artefacts.wine_rows(3).drop_columns(["ash", "hue"]), tmp_path)
    assert done.returncode == 1
    assert "lacks the model's columns ash, hue" in done.stderr.splitlines()[-1]
    assert not target.exists()


def test_a_model_that_raises_ends_in_one_clear_last_line(artefacts: Artefacts, tmp_path: Path) -> None:
    frame = serving_artefacts.mixed_frame(5)
    frame.loc[3, "carrier"] = "ZZ"
    done, target = _run(artefacts("mixed"), pa.Table.from_pandas(frame), tmp_path)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("the model failed: ValueError: Found unknown categories")
    assert not target.exists()


def test_gaps_that_training_did_not_have_are_named_when_the_model_fails(artefacts: Artefacts, tmp_path: Path) -> None:
    table = serving_artefacts.wine_rows(3)
    table = table.set_column(1, "malic_acid", pa.array([1.0, None, 2.0]))
    done, _ = _run(artefacts("wine"), table, tmp_path)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].endswith("(missing values, though there were none in training, in malic_acid)")


def test_columns_of_another_type_are_all_named(artefacts: Artefacts, tmp_path: Path) -> None:
    frame = serving_artefacts.mixed_frame(5).astype({"distance": str, "seats": str})
    frame["distance"] = "far"
    frame["seats"] = "many"
    done, _ = _run(artefacts("mixed"), pa.Table.from_pandas(frame), tmp_path)
    assert done.returncode == 1
    assert "distance is" in done.stderr.splitlines()[-1]
    assert "seats is" in done.stderr.splitlines()[-1]


def test_a_model_that_answers_another_number_of_rows_is_an_error(tmp_path: Path) -> None:
    source = (
        "def init(): return 'matrix'\ndef predict_on_matrix(m, provided_columns_names=None): return [[1]], ('p',)\n"
    )
    done, _ = _run(serving_artefacts.gppi(tmp_path / "artefact", source), pa.table({"a": [1, 2]}), tmp_path)
    assert done.returncode == 1
    assert "returned 1 predictions for 2 rows" in done.stderr.splitlines()[-1]


def test_a_table_without_rows_gives_predictions_without_rows(artefacts: Artefacts, tmp_path: Path) -> None:
    source = serving_artefacts.write_arrow(serving_artefacts.wine_rows(3).slice(0, 0), tmp_path / "in.arrow")
    assert predict.predict_file(artefacts("wine"), source, tmp_path / "out.arrow") == 0
    assert serving_artefacts.read_arrow(tmp_path / "out.arrow").schema.names[0] == "prediction"


def test_chunks_make_no_difference(artefacts: Artefacts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = serving_artefacts.write_arrow(
        pa.Table.from_pandas(serving_artefacts.mixed_frame(50)), tmp_path / "in.arrow"
    )
    predict.predict_file(artefacts("mixed"), source, tmp_path / "whole.arrow")
    monkeypatch.setattr(predict, "CHUNK_ROWS", 7)
    predict.predict_file(artefacts("mixed"), source, tmp_path / "chunks.arrow")
    assert serving_artefacts.read_arrow(tmp_path / "chunks.arrow") == serving_artefacts.read_arrow(
        tmp_path / "whole.arrow"
    )


def test_a_file_and_a_server_get_the_same_predictions(artefacts: Artefacts, tmp_path: Path) -> None:
    """head_output.json was written by the file's way; the server's self-check compares with it at every start."""
    from legion_ci.serving import artefact, check, load, protocols, signature

    for name in ("wine", "mixed", "regressor"):
        folder = artefact.read(artefacts(name))
        model = load.load(folder)
        head = [signature.read_sample(folder.model_dir / f"head_{side}.json") for side in ("input", "output")]
        assert head[1] is not None
        assert check.run(model, protocols.Protocols(model.signature, 100), *head) == ""


@pytest.mark.parametrize(
    ("name", "wrong"), [("nothing.arrow", "there is no such file"), ("text.arrow", "is not an Arrow IPC file")]
)
def test_a_file_that_cannot_be_read_is_said(
    artefacts: Artefacts, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, wrong: str
) -> None:
    (tmp_path / "text.arrow").write_text("no arrow")
    words = [
        "--model",
        str(artefacts("wine")),
        "--input",
        str(tmp_path / name),
        "--output",
        str(tmp_path / "out.arrow"),
    ]
    assert predict.main(words) == 1
    assert wrong in capsys.readouterr().err.splitlines()[-1]


@pytest.mark.parametrize("with_location", [True, False])
def test_the_generated_entry_point_follows_the_interface(artefacts: Artefacts, with_location: bool) -> None:
    model_dir = artefacts("wine") / "legion_model"
    code = (
        "import sys, json; sys.path.insert(0, sys.argv[1]); import entrypoint as e\n"
        "kind = e.init(); inputs, outputs = e.info()\n"
        "row = [i['example'] for i in inputs]; names = [i['name'] for i in inputs]\n"
        "one = e.predict_on_matrix([row]); two = e.predict_on_matrix([row[::-1]], provided_columns_names=names[::-1])\n"
        "assert one == two, (one, two)\n"
        "print(json.dumps([kind, len(inputs), sorted(inputs[0]), [o['name'] for o in outputs], one[0][0][0], list(one[1])]))\n"
    )
    env = {k: v for k, v in os.environ.items() if k != "MODEL_LOCATION"} | (
        {"MODEL_LOCATION": str(model_dir)} if with_location else {}
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(model_dir)], capture_output=True, text=True, timeout=120, env=env
    )
    names = '["prediction", "probability_0", "probability_1", "probability_2"]'
    expected = f'["matrix", 13, ["example", "name", "required", "type"], {names}, 0, {names}]'
    assert done.stdout.strip() == expected, done.stderr
