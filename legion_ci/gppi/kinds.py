"""What kinds of models can be converted, and how each becomes the folder ``legion_model``; no pickle is opened here."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

import yaml

from legion_ci.core.errors import ConfigurationError
from legion_ci.core.files import write_atomic
from legion_ci.core.tools import Tools
from legion_ci.data.files import FileSettings
from legion_ci.gppi.opened import unpacked
from legion_ci.settings.schema import DataSettings
from legion_ci.store import foreign, laid_out

_PICKLES = {".pkl": "pickle", ".pickle": "pickle", ".joblib": "joblib", ".skops": "skops"}
_DESCRIBED = ("conda.yaml", "python_env.yaml", "requirements.txt")
_CACHES = shutil.ignore_patterns("__pycache__", "requirements.lock", "head_input.*", "head_output.*", "reference_sketch.json")  # fmt: skip


@dataclass(frozen=True)
class Kind:
    """A model that was put into a folder. flavor: as serving names it. described: what tells its environment.

    has_example: it holds a table of MLflow's as input example. pickled: folder with others' pickled samples.
    """

    name: str
    flavor: str
    described: Path | None = None
    has_example: bool = False
    pickled: Path | None = None
    model: str = ""
    version: str = ""


def look(told: str, scratch: Path, model_dir: Path, tools: Tools) -> Kind:
    """Put the model into ``model_dir`` (not there yet); raises ConfigurationError for what is none that is known."""
    if told.startswith(("models:/", "runs:/")) or "://" in told:
        return _mlflow(_downloaded(told, scratch, tools), model_dir)
    path = Path(told)
    if path.is_file() and path.suffix.lower() in _PICKLES:
        return _pickle(path, model_dir)
    if path.is_file() and path.suffix.lower() == ".onnx":
        return _onnx(path, model_dir)
    if (path / "MLmodel").is_file():
        return _mlflow(path, model_dir)
    return _gppi(foreign.read(unpacked(path, scratch)), scratch, model_dir)


def of_samples(path: Path) -> DataSettings:
    """The samples that were read in the model's environment, as a data set."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    from legion_ci.data import arrow

    found = json.loads(path.read_bytes())
    if found is None or not found["columns"]:
        todo = "say --samples FILE with a few rows of its inputs"
        raise ConfigurationError("there are no samples with names of columns", where="the model", todo=todo)
    table: pa.Table = arrow.of_rows(found["columns"], found["data"], "the model's samples")
    pq.write_table(table, path.with_suffix(".parquet"))
    return FileSettings(path=str(path.with_suffix(".parquet")))


def _downloaded(uri: str, scratch: Path, tools: Tools) -> Path:
    from legion_ci.store import mlflow

    tools.progress.say(f"fetching {uri}")
    return mlflow.download(uri, scratch / "fetched")


def _mlflow(folder: Path, model_dir: Path) -> Kind:
    links = [p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_symlink()]
    if links:
        what = f"holds symbolic links ({', '.join(links[:3])})"
        raise ConfigurationError(what, where=str(folder), todo="copy the files instead")
    shutil.copytree(folder, model_dir, ignore=_CACHES)
    content = yaml.safe_load((folder / "MLmodel").read_bytes())
    flavors = content.get("flavors") if isinstance(content, dict) else None
    if not isinstance(flavors, dict) or "python_function" not in flavors:
        todo = "log it with a flavour that has python_function"
        raise ConfigurationError("has no flavour python_function", where=str(folder / "MLmodel"), todo=todo)
    example = bool(content.get("saved_input_example_info"))
    flavor = "sklearn" if "sklearn" in flavors else "pyfunc"
    return Kind("mlflow", flavor, _beside(model_dir), has_example=example)


def _pickle(path: Path, model_dir: Path) -> Kind:
    """The flavour that loads any pickled object with ``predict``; joblib's needs joblib, which opens its own files."""
    form = _PICKLES[path.suffix.lower()]
    model_dir.mkdir(parents=True)
    name = f"model{path.suffix.lower()}"
    shutil.copyfile(path, model_dir / name)
    if form == "joblib":
        write_atomic(model_dir / "entrypoint.py", _template("joblib"))
        return Kind("joblib", "gppi", _beside(path.parent))
    told = {"pickled_model": name, "serialization_format": form}
    write_atomic(model_dir / "MLmodel", yaml.safe_dump({"flavors": {"sklearn": told}}))
    return Kind(form, "sklearn", _beside(path.parent))


def _onnx(path: Path, model_dir: Path) -> Kind:
    model_dir.mkdir(parents=True)
    shutil.copyfile(path, model_dir / "model.onnx")
    data = path.with_name(path.name + ".data")
    if data.is_file():  # weights outside of the graph
        shutil.copyfile(data, model_dir / data.name)
    write_atomic(model_dir / "entrypoint.py", _template("onnx"))
    needs = model_dir / "requirements.txt"
    write_atomic(needs, "onnxruntime\nnumpy\n")
    return Kind("onnx", "gppi", _beside(path.parent) or needs)


def _gppi(model: foreign.Foreign, scratch: Path, model_dir: Path) -> Kind:
    if model.ours:
        todo = f"it can be used as it is; --for {'odahu'} makes one for ODAHU's tools"
        raise ConfigurationError("is a trained model of legion-ci already", where=model.root.name, todo=todo)
    laid = laid_out.lay_out(model, scratch / "laid")
    shutil.copytree(laid / "legion_model", model_dir)
    described = model_dir / "conda.yaml"
    return Kind(
        "gppi",
        laid_out.flavor_of(model_dir),
        described,
        pickled=model.model_dir,
        model=model.name,
        version=model.version,
    )


def _beside(folder: Path) -> Path | None:
    return next((folder / name for name in _DESCRIBED if (folder / name).is_file()), None)


def _template(name: str) -> str:
    return (Path(__file__).parent / "entrypoints" / f"{name}.py").read_text()
