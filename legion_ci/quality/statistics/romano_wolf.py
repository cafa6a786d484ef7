"""Many slices tested at once by one bootstrap: step-down of the largest loss, which keeps their dependence.

J. P. Romano and M. Wolf, Exact and approximate stepdown methods for multiple hypothesis testing, JASA 100 (2005).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from legion_ci.quality.statistics.bootstrap import centred_moments, studentised
from legion_ci.quality.statistics.resampling import resampled_sums
from legion_ci.quality.statistics.smooth import Smooth

Floats = NDArray[np.float64]

_KEPT_BYTES = 1 << 28  # of tables that are made once; larger ones are made anew for every piece


def slice_errors(
    metric: Smooth, rows: Floats, slices: Sequence[NDArray[np.intp]], replicates: int, rng: np.random.Generator
) -> Floats:
    """Studentised errors of every slice in common resamples, (replicates, slices). slices: row numbers, sorted."""
    means = [rows[members].mean(axis=0) for members in slices]
    moments = [centred_moments(rows[members]) for members in slices]
    width = moments[0].shape[1]
    kept: dict[tuple[int, int], NDArray[np.float32]] = {}

    def columns(first: int, end: int) -> NDArray[np.float32]:
        if (first, end) not in kept:
            if len(rows) * width * len(slices) * 4 > _KEPT_BYTES:
                kept.clear()
            kept[first, end] = filled(first, end)
        return kept[first, end]

    def filled(first: int, end: int) -> NDArray[np.float32]:
        table = np.zeros((end - first, width * len(slices)), dtype=np.float32)
        for s, members in enumerate(slices):
            low, high = np.searchsorted(members, (first, end))
            table[members[low:high] - first, s * width : (s + 1) * width] = moments[s][low:high]
        return table

    pieces = []
    with threadpool_limits(1):  # products of this shape are slower on several threads when others use them too
        for sums in resampled_sums(len(rows), columns, replicates, rng):
            own = np.split(sums, len(slices), axis=1)
            pieces.append(np.stack([studentised(metric, m, o) for m, o in zip(means, own, strict=True)], axis=1))
    return np.concatenate(pieces)


def step_down(seen: Floats, errors: Floats) -> list[float]:
    """Adjusted p of each slice's loss. seen: (effect + margin)/se, small for a loss; errors: as of ``slice_errors``."""
    order = np.argsort(seen, kind="stable")
    losses = -errors[:, order]
    largest = np.maximum.accumulate(losses[:, ::-1], axis=1)[:, ::-1]  # over the slices not yet stepped over
    p = (1 + np.sum(largest >= -seen[order], axis=0)) / (len(errors) + 1)
    result = np.empty(len(seen))
    result[order] = np.maximum.accumulate(p)
    return [float(v) for v in result]
