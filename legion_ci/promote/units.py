"""From rows to units: what was randomised is what is counted, by its first exposure, with outcomes frozen at W."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from legion_ci.promote.evidence import SHADOW, Flags, Floats, Ints, Rows

SETTLE_S = 1.0  # until what happened is in the store: captures are written every tenth of a second
_DAY_S = 86400.0


@dataclass(frozen=True)
class Units:
    """One entry a unit, in the order of first exposure.

    id, time, treated, share: of the first exposure. stratum: number of its step and UTC day. mature: its window is over.
    covered: an outcome of the window is known. score, latency: means over the window (NaN: none). one, other: whether
    its outcomes hold the most frequent class, and any other. error: any in the window.
    """

    id: Ints
    time: Floats
    treated: Flags
    share: Floats
    stratum: Ints
    mature: Flags
    covered: Flags
    score: Floats
    latency: Floats
    one: Flags
    other: Flags
    error: Flags

    def __len__(self) -> int:
        return len(self.id)

    def at(self, chosen: Flags) -> Units:
        """The chosen units."""
        return Units(**{n: v[chosen] for n, v in self.__dict__.items()})


def live(rows: Rows, window_s: float, now: float, step: str | None = None) -> Units:
    """Units of the live steps (or of one of them) by their first exposure there. now: seconds since the epoch."""
    chosen = ~rows.copy & (rows.step != SHADOW if step is None else rows.step == step)
    return _units(rows.at(chosen & (rows.time <= now - SETTLE_S)), window_s, now)


@dataclass(frozen=True)
class Pairs:
    """Shadowed units: the same requests answered by both. ``champion`` and ``challenger`` have the same units in order.

    copied: share of the champion's requests (of mature units) that have the challenger's copy.
    """

    champion: Units
    challenger: Units
    copied: float


def shadow(rows: Rows, window_s: float, now: float) -> Pairs:
    """Pairs of the shadow step; a unit counts with its requests that both have seen."""
    settled = rows.time <= now - SETTLE_S
    here = rows.at((rows.step == SHADOW) & settled)
    originals, copies = here.at(~here.copy & ~here.treated), here.at(here.copy)
    begun = _units(originals, window_s, now)
    key, copied_key = _pair_key(originals), _pair_key(copies)
    _, mine, theirs = np.intersect1d(key, copied_key, return_indices=True)
    order = np.argsort(mine, kind="stable")
    pair, copy = originals.at(mine[order]), copies.at(theirs[order])
    twin = replace(copy, unit=pair.unit, time=pair.time, step=pair.step, share=pair.share)
    both_scored = np.isfinite(pair.score) & np.isfinite(twin.score)
    champion = _units(_score_only(pair, both_scored), window_s, now, begun)
    challenger = _units(_score_only(twin, both_scored), window_s, now, begun)
    ripe = np.isin(originals.unit, begun.id[begun.mature])
    copied = float(np.isin(originals.request[ripe], copies.request).mean()) if ripe.any() else 1.0
    return Pairs(champion, challenger, copied)


def _pair_key(rows: Rows) -> Ints:
    return rows.request * (int(rows.row.max(initial=0)) + 1_000_000) + rows.row if len(rows) else rows.request


def _score_only(rows: Rows, scored: Flags) -> Rows:
    return replace(rows, score=np.where(scored, rows.score, np.nan))


def _units(rows: Rows, window_s: float, now: float, begun: Units | None = None) -> Units:
    """begun: when and where the units began, if these rows do not hold their first exposure."""
    ids, first = np.unique(rows.unit, return_index=True)  # rows are in the order of time
    start = rows.time[first]
    if begun is not None:
        start = begun.time[np.argsort(begun.id)][np.searchsorted(np.sort(begun.id), ids)]
    code = np.searchsorted(ids, rows.unit)
    end = start + window_s
    inside = (
        (rows.time <= end[code]) & (rows.treated == rows.treated[first][code]) & (rows.step == rows.step[first][code])
    )
    known = inside & (rows.outcome != "") & (rows.answered | rows.error)
    in_time = known & ((rows.outcome_time <= end[code]) | (rows.outcome == "\0negative"))
    scored = in_time & np.isfinite(rows.score)
    most = _most_frequent(rows, in_time)
    n = len(ids)
    steps = np.unique(rows.step[first].astype(str), return_inverse=True)[1]
    units = Units(
        id=ids, time=start, treated=rows.treated[first], share=rows.share[first],
        stratum=(steps * 1_000_000 + start // _DAY_S).astype(np.int64), mature=end + SETTLE_S <= now,
        covered=_any(code, in_time & (rows.outcome_time <= end[code]), n), score=_mean(code, rows.score, scored, n),
        latency=_mean(code, rows.latency, inside & rows.answered, n),
        one=_any(code, in_time & (rows.outcome == most), n), other=_any(code, in_time & (rows.outcome != most), n),
        error=_any(code, inside & rows.error, n),
    )  # fmt: skip
    order = np.lexsort((ids, start))
    return Units(**{name: v[order] for name, v in units.__dict__.items()})


def _any(code: Ints, flags: Flags, n: int) -> Flags:
    return np.bincount(code[flags], minlength=n) > 0


def _mean(code: Ints, values: Floats, chosen: Flags, n: int) -> Floats:
    count = np.bincount(code[chosen], minlength=n)
    total = np.bincount(code[chosen], weights=values[chosen], minlength=n)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _most_frequent(rows: Rows, chosen: Flags) -> str:
    values, counts = np.unique(rows.outcome[chosen].astype(str), return_counts=True)
    return str(values[counts.argmax()]) if len(values) else ""


@dataclass(frozen=True)
class Events:
    """Units' first errors in the order of time: whose they were, and the challenger's share then (½ in a pair)."""

    treated: Flags
    share: Floats


def first_errors(rows: Rows, pairs: Pairs, now: float) -> Events:
    """First errors of all units of the experiment; pairs in which both erred say nothing. A unit counts once."""
    differs = pairs.champion.mature & (pairs.champion.error != pairs.challenger.error)
    erred = set(pairs.champion.id[pairs.champion.error | pairs.challenger.error].tolist())
    live_errors = rows.at(~rows.copy & rows.error & (rows.step != SHADOW) & (rows.time <= now - SETTLE_S))
    _, first = np.unique(live_errors.unit, return_index=True)
    fresh = [i for i in np.sort(first) if int(live_errors.unit[i]) not in erred]
    return Events(
        np.concatenate((pairs.challenger.error[differs], live_errors.treated[fresh])).astype(np.bool_),
        np.concatenate((np.full(int(differs.sum()), 0.5), live_errors.share[fresh])),
    )
