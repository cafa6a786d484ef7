"""Two runs side by side: parameters, metrics, data, code, environment, verdicts and predictions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec

from legion_ci import runs
from legion_ci.core.errors import ConfigurationError, LegionError, Problem
from legion_ci.core.tools import Tools
from legion_ci.results import TrainResult
from legion_ci.runs import Run
from legion_ci.settings.load import Loaded
from legion_ci.settings.schema import STAGES
from legion_ci.store import artefacts

_SHOWN = 12  # rows of a group
_SAMPLE = "legion_model/head_output.json"


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One thing in both runs; empty where a run does not have it."""

    group: str
    name: str
    one: str
    other: str

    @property
    def same(self) -> bool:
        """Whether both say the same."""
        return self.one == self.other


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """All rows of two runs."""

    one: str
    other: str
    rows: tuple[Row, ...]

    def text(self) -> str:
        """A table for people: what differs, group by group, and what is the same in one line."""
        width = min(44, max([len(r.name) for r in self.rows] + [8]))
        wide = min(40, max([len(_cut(r.one)) for r in self.rows] + [len(self.one)]))
        lines = [f"  {'':{width}}  {self.one:{wide}}  {self.other}"]
        for group in dict.fromkeys(r.group for r in self.rows):
            rows = [r for r in self.rows if r.group == group]
            differ = [r for r in rows if not r.same]
            lines.append(f"{group}: {f'{len(differ)} of {len(rows)} differ' if differ else 'the same'}")
            lines += [f"  {r.name:{width}}  {_cut(r.one):{wide}}  {_cut(r.other)}" for r in differ[:_SHOWN]]
            lines += [f"  … and {len(differ) - _SHOWN} more; --json has all"] if len(differ) > _SHOWN else []
        return "\n".join(line.rstrip() for line in lines)


def compare(loaded: Loaded, one: str, other: str, tools: Tools) -> Comparison:
    """Compare two runs by their ids. Raises ConfigurationError naming every id that is none, with the nearest."""
    left, right = _runs(loaded, one, other)
    groups = list(zip(_groups(left, tools), _groups(right, tools), strict=True))
    rows = [row for (group, a), (_, b) in groups for row in _rows(group, a, b)]
    return Comparison(one=left.id, other=right.id, rows=tuple(rows))


def _runs(loaded: Loaded, *asked: str) -> list[Run]:
    import difflib

    known = {r.id: r for r in runs.existing(loaded.folder)}
    problems = [
        Problem(
            f"there is no run {name!r}",
            str(runs.home(loaded.folder)),
            f"did you mean {near[0]}?" if (near := difflib.get_close_matches(name, known)) else _newest(list(known)),
        )
        for name in asked
        if name not in known
    ]
    if problems:
        raise ConfigurationError(problems)
    return [known[name] for name in asked]


def _newest(known: list[str]) -> str:
    return f"the newest are {', '.join(known[-3:])}" if known else "run legion-ci train first"


def _groups(run: Run, tools: Tools) -> Iterator[tuple[str, Mapping[str, str]]]:
    trained = run.result("train")
    t = trained if isinstance(trained, TrainResult) else None
    p = t.provenance if t else None
    yield "model", {"version": t.model.version, "artefact": t.model.artefact.digest[:12]} if t else {}
    yield "parameters", dict(t.parameters) if t else {}
    yield "metrics", {k: f"{v:.6g}" for k, v in t.metrics.items()} if t else {}
    yield "data", {**{k: v[:12] for k, v in p.data.items()}, "rows": str(t.n_rows)} if t and p else {}
    yield "code", {"commit": p.commit[:12], "code": p.code[:12], "settings": p.settings[:12]} if p else {}
    yield "packages", _packages(t, tools)
    yield "predictions of the sample", _predictions(t, tools)
    yield "verdicts", {s: str(r.verdict) for s in STAGES if (r := run.result(s))}


def _rows(group: str, one: Mapping[str, str], other: Mapping[str, str]) -> Iterator[Row]:
    for name in dict.fromkeys([*one, *other]):
        yield Row(group=group, name=name, one=one.get(name, ""), other=other.get(name, ""))


def _packages(trained: TrainResult | None, tools: Tools) -> dict[str, str]:
    """Package -> version of the model's lock."""
    text = _read(trained, "legion_model/requirements.lock", tools)
    pins = (line.split(";")[0].strip(" \\").partition("==") for line in text.splitlines() if "==" in line[:80])
    return {name.strip(): version.split(" ")[0] for name, _, version in pins if not name.lstrip().startswith("#")}


def _predictions(trained: TrainResult | None, tools: Tools) -> dict[str, str]:
    """Row -> prediction of the training-time sample."""
    text = _read(trained, _SAMPLE, tools)
    if not text:
        return {}
    sample = msgspec.json.decode(text)
    return {f"row {i}": ", ".join(_short(v) for v in row) for i, row in enumerate(sample.get("data", ()))}


def _read(trained: TrainResult | None, name: str, tools: Tools) -> str:
    if trained is None:
        return ""
    try:
        return (artefacts.fetch(trained.model.artefact, tools) / name).read_text(encoding="utf-8")
    except (LegionError, OSError):
        return ""  # the artefact is out of reach here; what the records hold is compared


def _short(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _cut(text: str) -> str:
    return text if len(text) <= 40 else text[:37] + "…"
