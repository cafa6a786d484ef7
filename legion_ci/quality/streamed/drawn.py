"""Of a stream: the rows that are drawn for what cannot be added up, and the classes of all rows."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from legion_ci.data.stream import Stream
from legion_ci.quality import labels
from legion_ci.quality.labels import Classes, classes_of
from legion_ci.quality.sql import quoted

_PART = 8  # of the memory is what drawn rows, or rows being added up, may take
_LEAST, _MOST = 10_000, 2_000_000


def room(stream: Stream) -> int:
    """Rows, with all columns, that are held at a time."""
    return int(np.clip(stream.memory // (_PART * stream.row_bytes(stream.schema.names)), _LEAST, _MOST))


def rows(stream: Stream, seed: int) -> pa.Table:
    """So many rows, each as likely as any other, in their order; the same seed draws the same."""
    size = min(stream.n_rows, room(stream))
    chosen = np.sort(np.random.default_rng(seed & 0xFFFFFFFF).choice(stream.n_rows, size, replace=False, shuffle=False))
    found, start = [], 0
    for batch in stream.batches(stream.schema.names, 1 << 17):
        low, high = np.searchsorted(chosen, (start, start + batch.num_rows))
        found.append(batch.take(pa.array(chosen[low:high] - start)))
        start += batch.num_rows
    return pa.concat_tables(found).combine_chunks()


def classes(stream: Stream, target: str, drawn: pa.Table) -> Classes:
    """The classes of the target; where the drawn rows have more values than can be classes, theirs."""
    some = classes_of(drawn.column(target))
    if len(some.names) > labels.MOST:
        return some
    with stream.connected() as connection:
        query = (
            f"SELECT DISTINCT {quoted(target)} AS c FROM (SELECT {quoted(target)} FROM rows) LIMIT {labels.MOST + 2}"  # noqa: S608 - a quoted name
        )
        found = connection.sql(query).to_arrow_table()
    return classes_of(found.column("c").cast(stream.schema.field(target).type))
