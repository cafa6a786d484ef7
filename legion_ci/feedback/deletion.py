"""``feedback.delete``: removes every stored row about one subject, and proves it by looking again.

Stored units are hashes salted by experiment, so that a subject is found by hashing its unit with each row's experiment.
Answers go with their requests, outcomes and mirrored copies by request id. Then the gateway's logs are gone over.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from legion_ci.core.errors import ConfigurationError, ToolError
from legion_ci.core.site import Site
from legion_ci.core.tools import Tools
from legion_ci.feedback import access, blanks
from legion_ci.feedback.closing import Disk, freeze, tidy, upkeep
from legion_ci.feedback.database import connected, opened
from legion_ci.feedback.events import FIELDS, of_files, quoted, source
from legion_ci.feedback.layout import ANSWER, CLOSED, OUTCOME, REQUEST, TAGS, day_folders, every_day, visible
from legion_ci.settings.load import FILE, load

Event = tuple[str, str, float]  # request id, deployment, time


@dataclass(frozen=True)
class Subject:
    """One subject's rows. own: captures that carry its unit; captures: these and copies of them; ids: of its requests."""

    own: frozenset[Event]
    captures: frozenset[Event]

    @property
    def ids(self) -> frozenset[str]:
        """By these the outcomes are found."""
        return frozenset(name for name, _, _ in self.captures)

    @property
    def copies(self) -> Subject:
        """The copies alone."""
        return Subject(frozenset(), self.captures - self.own)

    def has(self, tag: str, record: dict[str, object]) -> bool:
        """Whether a record of that tag is about the subject."""
        if tag == OUTCOME:
            return record.get("request_id") in self.ids
        return (record.get("request_id"), record.get("deployment"), record.get("time_unix")) in self.captures


@dataclass
class Deleted:
    """What was done. rows: by tag. files: rewritten. log_lines: blanked in the gateway's logs."""

    rows: dict[str, int] = field(default_factory=lambda: dict.fromkeys(TAGS, 0))
    files: int = 0
    log_lines: int = 0


def find(store: Path, unit: str) -> Subject:
    """The subject's rows in the store as readers see it."""
    with opened(store, "looking for the unit") as db:
        names = ("request_id", "deployment", "time_unix", "unit", "experiment", "purpose")
        requests = source(store, REQUEST, None, 0.0, names)
        db.execute(
            f"""CREATE TEMP TABLE mine AS SELECT request_id, deployment, time_unix FROM {requests}
            WHERE unit = sha256(coalesce(experiment, '') || ':' || $1)[:16] AND request_id IS NOT NULL""",  # noqa: S608 - paths are quoted
            [unit],
        )
        copies = source(store, REQUEST, None, 0.0, names)
        found = db.execute(f"""SELECT * FROM mine UNION SELECT request_id, deployment, time_unix FROM {copies}
            SEMI JOIN mine USING (request_id) WHERE purpose = 'shadow'""").fetchall()  # noqa: S608
        own = db.execute("SELECT * FROM mine").fetchall()
    return Subject(_events(own), _events(found))


def _events(rows: list[tuple[object, object, float]]) -> frozenset[Event]:
    return frozenset((str(r), str(d), float(t)) for r, d, t in rows)


def delete(store: Path, unit: str, logs: Iterable[Path] = (), disk: Disk | None = None) -> Deleted:
    """Remove the subject's rows everywhere. Run again after an interruption, it goes on. Raises ToolError when some stay.

    What is found by the subject's own captures goes before them, so that after an interruption all is found again.
    """
    used, done = disk or Disk(), Deleted()
    with upkeep(store):
        subject = find(store, unit)
        done.log_lines = sum(blanks.blank(log, unit, subject.ids) for log in logs)
        for tag, rows in ((OUTCOME, subject), (ANSWER, subject), (REQUEST, subject.copies), (REQUEST, subject)):
            for folder in day_folders(store, tag):
                _clean_day(store, tag, folder, rows, used, done)
        left = remains(store, unit, subject)
    if left:
        raise ToolError(
            f"{left} rows about the unit are still stored", where=str(store), todo="run feedback.delete again"
        )
    return done


def remains(store: Path, unit: str, subject: Subject) -> int:
    """How many rows about the subject any file of the store still holds, also files that no reader sees."""
    left = len(find(store, unit).captures)
    for tag, folder in every_day(store):
        for path in folder.iterdir():
            left += _count(tag, path, subject)
    return left


def _clean_day(store: Path, tag: str, folder: Path, subject: Subject, disk: Disk, done: Deleted) -> None:
    tidy(store, folder, disk)
    if not any(_count(tag, p, subject) for p in visible(folder)):
        return
    freeze(store, folder, disk)
    for path in visible(folder):
        if count := _count(tag, path, subject):
            made = path.with_name(f".{path.name}.tmp")
            _without(tag, path, subject, made)
            disk.sync(made)
            with access.alone(store):
                disk.rename(made, path)
            done.rows[tag] += count
            done.files += 1


def _count(tag: str, path: Path, subject: Subject) -> int:
    if not subject.ids or not path.is_file():
        return 0
    if path.suffix == CLOSED or path.name.endswith(f"{CLOSED}.tmp"):
        names = [n for n in ("request_id", "deployment", "time_unix") if n in FIELDS[tag]]
        with connected(f"reading {path}") as db:
            rows = db.execute(f"SELECT {', '.join(names)} FROM {_parquet(path)}").fetchall()  # noqa: S608 - quoted
        return sum(subject.has(tag, dict(zip(names, r, strict=True))) for r in rows)
    with path.open("rb") as file:
        return sum(subject.has(tag, _record(line)) for line in file)


def _without(tag: str, path: Path, subject: Subject, target: Path) -> None:
    """Write the file again without the subject's rows."""
    if path.suffix != CLOSED:
        with path.open("rb") as old, target.open("wb") as new:
            new.writelines(line for line in old if not subject.has(tag, _record(line)))
        return
    with connected(f"writing {path} again", ordered=True) as db:
        db.execute("CREATE TEMP TABLE ids (request_id VARCHAR)")
        db.execute("CREATE TEMP TABLE captures (request_id VARCHAR, deployment VARCHAR, time_unix DOUBLE)")
        db.executemany("INSERT INTO ids VALUES ($1)", [[i] for i in sorted(subject.ids)])
        db.executemany("INSERT INTO captures VALUES ($1, $2, $3)", [list(c) for c in sorted(subject.captures)])
        others = "ids USING (request_id)" if tag == OUTCOME else "captures USING (request_id, deployment, time_unix)"
        query = f"SELECT * FROM {of_files([path], FIELDS[tag])} ANTI JOIN {others} ORDER BY time_unix, request_id"  # noqa: S608
        db.execute(f"COPY ({query}) TO {quoted(str(target))} (FORMAT parquet, COMPRESSION zstd)")


def _parquet(path: Path) -> str:
    return f"read_parquet({quoted(str(path))}, hive_partitioning=false)"


def _record(line: bytes) -> dict[str, object]:
    """A line's record; a torn one has none."""
    try:
        told = msgspec.json.decode(line)
    except msgspec.DecodeError:
        return {}
    return told if isinstance(told, dict) else {}


def run(tools: Tools, settings: str, sets: Sequence[str], unit: str) -> int:
    """Delete, and print the proof."""
    if not unit:
        raise ConfigurationError("is empty", where="--unit", todo="say whose rows are to go, as its requests say it")
    site = load(Path(settings or FILE), sets).site
    done = delete(site.feedback, unit, logs(site)) if site.feedback.is_dir() else Deleted()
    counts = ", ".join(
        f"{n:,} {w}" for n, w in zip((done.rows[t] for t in TAGS), ("requests", "answers", "outcomes"), strict=True)
    )
    print(
        f"removed {counts} of the unit from {done.files:,} files; {done.log_lines:,} lines of the gateway's logs blanked"
    )
    print("looked again: no file of the store holds a row of this unit")
    return 0


def logs(site: Site) -> list[Path]:
    """Logs that name units or request ids: the gateway's, and what experiments keep of it."""
    return [*sorted(site.gateway.glob("access.log*")), *sorted(site.promotion.glob("*.refused.jsonl"))]
