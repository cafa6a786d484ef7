import os
import time

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from legion_ci.core.errors import ConfigurationError
from legion_ci.data.files import FileSettings
from legion_ci.data.source import load, open_source


def write(folder, **columns):
    (folder / "data").mkdir(exist_ok=True)
    pq.write_table(pa.table(columns), folder / "data" / "2013-01.parquet")


def settings(**more):
    return FileSettings(**{"path": "data/2013-01.parquet", "target": "y", **more})


def test_features_are_all_columns_but_target_and_ignored_ones(tmp_path):
    write(tmp_path, a=[1, 2], b=["x", "y"], unit=["p", "q"], y=[0, 1])
    data = load("train", settings(ignore=("unit",)), tmp_path)
    assert list(data.features.columns) == ["a", "b"]
    assert list(data.target) == [0, 1]


def test_a_pattern_with_a_class_reads_the_files_it_names_in_order(tmp_path):
    (tmp_path / "data").mkdir()
    for month in (1, 2, 3, 6):
        pq.write_table(pa.table({"y": [month]}), tmp_path / "data" / f"2013-0{month}.parquet")
    assert load("train", settings(path="data/2013-0[1-3].parquet"), tmp_path).table.column("y").to_pylist() == [1, 2, 3]


def test_csv_types_are_found(tmp_path):
    (tmp_path / "d.csv").write_text("a,b,y\n1,x,0\n2.5,y,1\n")
    data = load("train", FileSettings(use="csv", path="d.csv", target="y"), tmp_path)
    assert data.features.a.tolist() == [1.0, 2.5]


def test_all_column_problems_are_told_at_once(tmp_path):
    write(tmp_path, late=[1], carrier=["AA"])
    with pytest.raises(ConfigurationError) as caught:
        load("train", settings(target="lat", ignore=("carier", "zzz")), tmp_path)
    told = str(caught.value)
    assert "data.train.target: there is no column 'lat'; did you mean late?" in told
    assert "did you mean carrier?" in told
    assert "there is no column 'zzz'; there are late, carrier" in told


@pytest.mark.parametrize("gap", [None, float("nan")])
def test_gaps_in_the_target_are_counted(tmp_path, gap):
    write(tmp_path, a=[1, 2, 3], y=[0.0, gap, 1.0])
    with pytest.raises(ConfigurationError, match="'y' is missing in 1 of 3 rows"):
        load("train", settings(), tmp_path)


def test_an_empty_data_set_is_refused(tmp_path):
    write(tmp_path, a=pa.array([], pa.int64()), y=pa.array([], pa.int64()))
    with pytest.raises(ConfigurationError, match="empty"):
        load("train", settings(), tmp_path)


@pytest.mark.parametrize(
    ("path", "hint"),
    [("data/2013-02.parquet", "did you mean 2013-01.parquet"), ("nodata/x.parquet", "no folder 'nodata'")],
)
def test_a_missing_file_names_the_nearest_one(tmp_path, path, hint):
    write(tmp_path, y=[1])
    with pytest.raises(ConfigurationError, match=hint):
        load("train", settings(path=path), tmp_path)


def test_a_file_that_is_no_parquet_is_told(tmp_path):
    (tmp_path / "x.parquet").write_text("no parquet at all")
    with pytest.raises(ConfigurationError, match="cannot be read"):
        load("train", settings(path="x.parquet"), tmp_path)


def test_the_digest_follows_content_not_time_and_is_remembered(tmp_path):
    write(tmp_path, a=[1], y=[1])
    file = tmp_path / "data" / "2013-01.parquet"
    old = time.time() - 100
    os.utime(file, (old, old))
    first = open_source("train", settings(), tmp_path).digest()
    assert (tmp_path / ".legion" / "cache" / "digests.json").is_file()
    os.utime(file, (old + 5, old + 5))
    assert open_source("train", settings(), tmp_path).digest() == first
    write(tmp_path, a=[2], y=[1])
    assert open_source("train", settings(), tmp_path).digest() != first
    assert (
        open_source("train", settings(where="a > 1"), tmp_path).digest()
        != open_source("train", settings(), tmp_path).digest()
    )
