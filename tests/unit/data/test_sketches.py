import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from legion_ci.data.sketches.counts import Counts
from legion_ci.data.sketches.quantiles import Quantiles
from legion_ci.data.sketches.table import TableSketch, decode, encode

RANK_ERROR = 0.01


def worst_rank(sketch, values):
    points = np.quantile(values, np.linspace(0.01, 0.99, 99))
    exact = np.searchsorted(np.sort(values), points, side="right")
    return np.max(np.abs(sketch.below(points) - exact)) / len(values)


def of(values, k=1024):
    found = Quantiles(k)
    found.update(values)
    return found


@pytest.mark.parametrize("kind", ["normal", "sorted", "heavy", "far"])
def test_ranks_are_right_within_one_percent_in_a_few_k_numbers(kind):
    values = np.random.default_rng(1).normal(size=300_000)
    values = {"normal": values, "sorted": np.sort(values), "heavy": np.exp(3 * values), "far": 1.6e9 + values}[kind]
    sketch = of(values)
    assert worst_rank(sketch, values) < RANK_ERROR
    assert sum(map(len, sketch.levels)) < 20 * 1024


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(1, 6000), min_size=1, max_size=6), st.integers(0, 99))
def test_parts_merged_are_as_good_as_the_whole(sizes, seed):
    parts = [np.random.default_rng((seed, i)).normal(i, 1, n) for i, n in enumerate(sizes)]
    merged = Quantiles(256)
    for part in parts:
        merged.merge(of(part, 256))
    whole = np.concatenate(parts)
    assert (merged.n, merged.minimum, merged.maximum) == (len(whole), whole.min(), whole.max())
    assert merged.weighted()[1].sum() == len(whole)
    assert worst_rank(merged, whole) < 4 * RANK_ERROR


@settings(max_examples=50, deadline=None)
@given(st.lists(st.dictionaries(st.sampled_from("abcdef"), st.integers(1, 9)), max_size=4), st.randoms())
def test_counts_merge_in_any_order(parts, random):
    def merged(order):
        found = Counts()
        for part in order:
            other = Counts()
            other.update(part)
            found.merge(other)
        return found.to_dict()

    assert merged(parts) == merged(random.sample(parts, len(parts)))


def test_too_many_values_are_counted_together_and_none_is_lost():
    found = Counts(cap=3)
    found.update({f"v{i}": i + 1 for i in range(40)})
    assert (found.n, sum(found.counts.values()) + found.other, len(found.counts)) == (820, 820, 3)


def test_a_table_survives_json_and_the_same_rows_give_the_same_bytes():
    rows = pa.table({
        "x": [1.5, None, float("nan"), float("inf")], "t": ["a", None, "b", "a"], "n": [1, 2, 3, None],
        "at": pa.array([0, 1_000_000, None, 5], pa.timestamp("us")), "ok": [True, False, None, True],
    })  # fmt: skip
    sketch = TableSketch.of(rows.to_batches())
    assert {c: s.missing for c, s in sketch.columns.items()} == {"x": 3, "t": 1, "n": 1, "at": 1, "ok": 1}
    assert all(s.n == 4 for s in sketch.columns.values())
    assert encode(decode(encode(sketch))) == encode(TableSketch.of(rows.to_batches())) == encode(sketch)


def test_what_is_no_sketch_is_refused():
    for told in (b"{}", b"[1]", b"x", b'{"schema_version": 99, "columns": {}}'):
        with pytest.raises(ValueError):
            decode(told)
