"""What ``gppi.predict`` does: files, standard input and data sets in; files, standard output and sinks out."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from legion_ci.core import plugins
from legion_ci.core.errors import ConfigurationError, ToolError
from legion_ci.core.tools import Tools
from legion_ci.data import source
from legion_ci.data.sinks.protocol import open_sink
from legion_ci.gppi.opened import Opened, Wanted, opened
from legion_ci.settings.load import FILE, Loaded, load
from legion_ci.settings.schema import DataSettings, SinkSettings

if TYPE_CHECKING:
    import pyarrow as pa

_DATA, _SINKS = "data:", "sinks:"
_FORMATS = ("csv", "json", "parquet")


def predict(
    tools: Tools, in_: str, out: str, model: str, format_: str, settings: str, sets: Sequence[str], run: str
) -> int:
    """Predict ``in_`` into ``out`` in the model's own environment; nothing is left at ``out`` after an error."""
    if format_ and format_ not in _FORMATS:
        raise ConfigurationError(f"is unknown (found {format_!r})", where="--format", todo=f"say {', '.join(_FORMATS)}")
    named = in_.startswith(_DATA) or out.startswith(_SINKS)
    loaded = load(Path(settings or FILE), sets) if named else None
    with opened(Wanted(model, settings, sets, run), tools) as found:
        if loaded is None:
            _files(found, in_, out, format_, tools)
        else:
            _tables(found, in_, out, format_, loaded, tools)
    return 0


def _files(found: Opened, in_: str, out: str, format_: str, tools: Tools) -> None:
    """By the model's own command line: rows that do not fit are told by their place in the file."""
    form = format_ or _form(in_, out)
    given = _from_stdin(found.scratch, form) if in_ == "-" else Path(in_).resolve()
    folder = found.scratch / "out"
    words: list[str | Path] = ["-P", "-m", "legion_ci.serving.cli", "--model", found.folder, "predict", given, folder]
    done = tools.shell.run(
        [found.python, *words, *(["--format", form] if form else [])], cwd=found.scratch, check=False
    )
    if done.returncode:
        said = done.stdout.strip().replace(str(given), in_) or f"the model ended with status {done.returncode}"
        error = ToolError if done.returncode == ToolError.exit_code else ConfigurationError
        raise error(said)
    _deliver(sorted(folder.iterdir()), out, is_folder=Path(in_).is_dir())


def _form(in_: str, out: str) -> str:
    """Of standard input the format that OUT's ending says."""
    if in_ != "-":
        return ""
    if (form := Path(out).suffix[1:].lower()) in _FORMATS:
        return form
    raise ConfigurationError("standard input has no ending", where="--format", todo="say csv, json or parquet")


def _from_stdin(scratch: Path, form: str) -> Path:
    path = scratch / f"input.{form}"
    with path.open("wb") as file:
        shutil.copyfileobj(sys.stdin.buffer, file, 1 << 20)
    return path


def _deliver(made: list[Path], out: str, *, is_folder: bool) -> None:
    if out == "-":
        for path in made:
            with path.open("rb") as file:
                shutil.copyfileobj(file, sys.stdout.buffer, 1 << 20)
        sys.stdout.buffer.flush()
        return
    target = Path(out)
    for path in made:
        place = target / path.name if is_folder or target.is_dir() else target
        place.parent.mkdir(parents=True, exist_ok=True)
        part = place.with_name(f".{place.name}.part")
        shutil.copyfile(path, part)  # from another file system, perhaps; then whole
        part.replace(place)


def _tables(found: Opened, in_: str, out: str, format_: str, loaded: Loaded, tools: Tools) -> None:
    """By Arrow files: data sets in pieces, sinks whole or not at all."""
    given, name, sink = (
        _given(in_, format_, loaded),
        in_.removeprefix(_DATA),
        _sink(out, format_, loaded, found.scratch),
    )
    rows, answers = found.scratch / "rows.arrow", found.scratch / "answers.arrow"
    pieces = source.Dataset(name, source.open_source(name, given, loaded.folder), given).chunks()
    _write((p.table for p in pieces), rows)
    words: list[str | Path] = [
        "-P",
        "-m",
        "legion_ci.serving.predict",
        "--model",
        found.folder,
        "--input",
        rows,
        "--output",
        answers,
    ]
    done = tools.shell.run([found.python, *words], cwd=found.scratch, check=False)
    if done.returncode:
        raise ToolError((done.stdout.strip().splitlines() or ["it said nothing"])[-1], where=found.what)
    count = open_sink(out.removeprefix(_SINKS), sink, loaded.folder).write(_read(answers))
    if not out.startswith(_SINKS):
        _deliver([Path(str(getattr(sink, "path", "")))], out, is_folder=False)
    tools.progress.say(f"{count:,} rows predicted into {out}")


def _given(in_: str, format_: str, loaded: Loaded) -> DataSettings:
    """Settings of the rows to predict: all columns, no target."""
    if not in_.startswith(_DATA):
        return _of_file("data_sources", format_ or Path(in_).suffix[1:].lower(), in_, Path(in_).resolve())  # type: ignore[no-any-return]
    name = in_.removeprefix(_DATA)
    if name not in loaded.settings.data:
        todo = f"there are {', '.join(sorted(loaded.settings.data)) or 'none'}"
        raise ConfigurationError(f"there is no data set {name!r}", where="data", todo=todo)
    settings = loaded.settings.data[name]
    if settings.tags and "predict" not in settings.tags:
        raise ConfigurationError("is not for predictions", where=f"data.{name}.tags", todo="add predict to them")
    return settings.model_copy(update={"target": None, "ignore": (), "features": None})


def _sink(out: str, format_: str, loaded: Loaded, scratch: Path) -> SinkSettings:
    if not out.startswith(_SINKS):
        form = format_ or Path(out).suffix[1:].lower()
        return _of_file("data_sinks", form, out, scratch / f"answers.{form}")  # type: ignore[no-any-return]
    name = out.removeprefix(_SINKS)
    if name not in loaded.settings.sinks:
        todo = f"there are {', '.join(sorted(loaded.settings.sinks)) or 'none'}"
        raise ConfigurationError(f"there is no sink {name!r}", where="sinks", todo=todo)
    return loaded.settings.sinks[name]


def _of_file(group: str, form: str, told: str, path: Path) -> Any:
    if form not in _FORMATS:
        raise ConfigurationError("has no ending csv, json or parquet", where=told, todo="say --format")
    return plugins.load(group, form).Settings(use=form, path=str(path))


def _write(tables: Iterator[pa.Table], path: Path) -> None:
    import pyarrow as pa

    first = next(tables)
    with pa.OSFile(str(path), "wb") as out, pa.ipc.new_file(out, first.schema) as writer:
        writer.write_table(first)
        for table in tables:
            writer.write_table(table.cast(first.schema))


def _read(path: Path) -> Iterator[pa.Table]:
    import pyarrow as pa

    with pa.memory_map(str(path)) as file:
        reader = pa.ipc.open_file(file)
        if not reader.num_record_batches:
            yield reader.schema.empty_table()
        for index in range(reader.num_record_batches):
            yield pa.Table.from_batches([reader.get_batch(index)])
