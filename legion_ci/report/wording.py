"""Figures, times and names as people read them: the same on every page, deterministic, without a locale."""

from __future__ import annotations

import math
import re
import unicodedata
from datetime import datetime

NONE = "–"
MINUS = "−"


def number(value: float | None, decimals: int | None = None, *, signed: bool = False) -> str:
    """A figure with four significant digits, or with the decimals told; a true minus sign."""
    if value is None or not math.isfinite(value):
        return NONE if value is None or math.isnan(value) else ("∞" if value > 0 else f"{MINUS}∞")
    if abs(value) >= 1e9 or (0 < abs(value) < 1e-4 and decimals is None):
        text = f"{abs(value):.2e}"
    else:
        text = f"{abs(value):,.{_decimals(value) if decimals is None else decimals}f}"
    if decimals is None and "." in text and "e" not in text:
        text = text.rstrip("0").rstrip(".")
    zero = float(text.replace(",", "")) == 0
    sign = "" if zero else MINUS if value < 0 else "+" if signed else ""
    return sign + text


def _decimals(value: float) -> int:
    return 4 if value == 0 else min(6, max(0, 3 - math.floor(math.log10(abs(value)))))


def decimals_of(lower: float | None, upper: float | None) -> int | None:
    """As many decimals as show the first two digits of an interval's width; None when there is no width."""
    if lower is None or upper is None or not (math.isfinite(lower) and math.isfinite(upper)) or upper <= lower:
        return None
    return min(6, max(0, 1 - math.floor(math.log10(upper - lower)))) if upper - lower < 1e9 else None


def interval(lower: float | None, upper: float | None, *, signed: bool = False) -> str:
    """``[0.6940, 0.7053]``; an open end is infinite; nothing known is a dash."""
    if lower is None and upper is None:
        return NONE
    places = decimals_of(lower, upper)
    low = f"{MINUS}∞" if lower is None else number(lower, places, signed=signed)
    high = "∞" if upper is None else number(upper, places, signed=signed)
    return f"[{low}, {high}]"


def share(value: float | None) -> str:
    """A share of one as a percentage."""
    return NONE if value is None else f"{number(value * 100)} %"


def quantity(value: float | None, unit: str, decimals: int | None = None) -> str:
    """A figure with the unit of a budget: ms, ratio (as a percentage) or 1/s."""
    if value is None:
        return NONE
    decimals = None if value == 0 else decimals
    return f"{number(value * 100, decimals)} %" if unit == "ratio" else f"{number(value, decimals)} {unit}".rstrip()


def quantities(lower: float | None, upper: float | None, unit: str) -> str:
    """An interval with the unit of a budget."""
    lower, upper = _scaled(lower, upper, unit)
    told = interval(lower, upper)
    return told if told == NONE else f"{told} {'%' if unit == 'ratio' else unit}".rstrip()


def tick(value: float) -> str:
    """A figure at an axis: short, whatever its size."""
    return f"{value:.0e}".replace("e+0", "e").replace("e+", "e") if abs(value) >= 1e6 else number(value)


def p_value(value: float) -> str:
    """A p value: four decimals are enough."""
    return f"p {number(value)}" if value >= 1e-4 else "p < 0.0001"


def measured(value: float | None, lower: float | None, upper: float | None, unit: str) -> tuple[str, str]:
    """(figure, interval) with the unit of a budget and the same decimals."""
    return quantity(value, unit, decimals_of(*_scaled(lower, upper, unit))), quantities(lower, upper, unit)


def _scaled(lower: float | None, upper: float | None, unit: str) -> tuple[float | None, float | None]:
    factor = 100 if unit == "ratio" else 1
    return None if lower is None else lower * factor, None if upper is None else upper * factor


def count(value: int | None) -> str:
    """A whole number in groups of three."""
    return NONE if value is None else f"{value:,}"


def plural(value: int, noun: str) -> str:
    """``1 check``, ``2 checks``."""
    return f"{value:,} {noun}" + ("" if value == 1 else "s")


def duration(seconds: float) -> str:
    """``0.4 s``, ``45.3 s``, ``2 min 14 s``, ``1 h 03 min``."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"


def moment(stamp: str) -> str:
    """An ISO time as ``2026-11-21 05:27:47 UTC``; what is none is left as it is."""
    try:
        return datetime.fromisoformat(stamp).strftime("%Y-%m-%d %H:%M:%S UTC")
    except ValueError:
        return stamp


def short(digest: str) -> str:
    """The first twelve digits of a digest."""
    return digest[:12] or NONE


def clip(text: str, length: int) -> str:
    """At most ``length`` characters on one line, the cut shown."""
    line = " ".join(text.split())
    return line if len(line) <= length else line[: length - 1].rstrip() + "…"


def width(text: str) -> float:
    """Width of a line in units of the font's size, roughly: what pictures leave room for."""
    return sum(1.0 if unicodedata.east_asian_width(c) in "WF" else 0.3 if c in "iljt.,:;|'!() " else 0.56 for c in text)


def fit(text: str, room: float) -> str:
    """As much of a line as fits into ``room`` units of the font's size."""
    line = " ".join(text.split())
    while line and width(line) > room:
        line = line.removesuffix("…")[:-1].rstrip() + "…"
        if line == "…":
            break
    return line


def without_secrets(uri: str) -> str:
    """A URI without the user and password that it may hold."""
    return re.sub(r"(?<=://)[^/@\s]*@", "", uri)
