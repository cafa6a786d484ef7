"""Writes a trained model for the tools of ODAHU and Legion 1.0: their manifest, pickled samples, our loader inside."""

from __future__ import annotations

import re
import shutil
import sys
import tarfile
import zipfile
from importlib.metadata import version
from pathlib import Path

import yaml

from legion_ci.core import wheel
from legion_ci.core.errors import ConfigurationError
from legion_ci.core.files import write_atomic
from legion_ci.core.tools import Tools
from legion_ci.gppi.opened import Opened
from legion_ci.store import foreign

MODEL_DIR = "odahuflow_model"
_PICKLE = """
import pickle, sys, pyarrow.parquet as pq
from pathlib import Path
given, made = map(Path, sys.argv[1:])
for name in ("head_input", "head_output"):
    frame = pq.read_table(given / f"{name}.parquet").to_pandas()
    (made / f"{name}.pkl").write_bytes(pickle.dumps(frame, protocol=4))
"""


def write(found: Opened, target: Path, tools: Tools) -> None:
    """A folder, or the compressed tar that their tools unpack when the name ends with .zip, .tgz or .tar.gz."""
    if not found.ours:
        todo = "convert it without --for first"
        raise ConfigurationError("is no trained model of legion-ci", where=found.what, todo=todo)
    from legion_ci.gppi.convert import place

    made = found.scratch / "odahu"
    inside = made / MODEL_DIR
    shutil.copytree(found.model_dir, inside, ignore=shutil.ignore_patterns("__pycache__"))
    _own_loader(inside, found.scratch)
    _pickled_samples(found, inside, tools)
    read = foreign.read(found.folder)
    content = {
        "odahuflowVersion": "1.0",
        "binaries": {"type": "python", "dependencies": "conda", "conda_path": f"{MODEL_DIR}/conda.yaml"},
        "model": {"name": read.name, "version": read.version, "workDir": MODEL_DIR, "entrypoint": read.entrypoint},
        "toolchain": {"name": read.toolchain or "legion-ci", "version": "1.0"},
        "output": {"run_id": read.run_id},
    }
    write_atomic(made / foreign.MANIFESTS[1], yaml.safe_dump(content, sort_keys=False))
    packed = target.name.endswith((".zip", ".tgz", ".tar.gz"))
    place(_packed(made, found.scratch / "archive") if packed else made, target)


def _own_loader(inside: Path, scratch: Path) -> None:
    """Our code beside the model: their environments know no legion-ci."""
    with zipfile.ZipFile(wheel.write(scratch / "wheel")) as archive:
        for name in (n for n in archive.namelist() if n.startswith("legion_ci/")):
            write_atomic(inside / name, archive.read(name))


def _pickled_samples(found: Opened, inside: Path, tools: Tools) -> None:
    """DataFrames, pickled by the pandas that will open them: the model's own where it has one, else ours, which it gets."""
    own = "\npandas==" in "\n" + (found.model_dir / "requirements.lock").read_text()
    words: list[str | Path] = [found.python if own else sys.executable, "-P", "-c", _PICKLE, found.model_dir, inside]
    tools.shell.run(words, cwd=found.scratch)
    path = inside / "conda.yaml"
    content = yaml.safe_load(path.read_bytes())
    pip = next(d["pip"] for d in content["dependencies"] if isinstance(d, dict))
    loader = {"pandas": "pandas" if own else f"pandas=={version('pandas')}", "pydantic": "pydantic", "pyyaml": "pyyaml"}
    named = {re.split(r"[^a-z0-9-]", str(line).lower().replace("_", "-"))[0] for line in pip}
    pip.extend(line for name, line in loader.items() if name not in named)
    write_atomic(path, yaml.safe_dump(content, sort_keys=False))


def _packed(folder: Path, path: Path) -> Path:
    """As their trainer packs: a compressed tar, whatever it is called."""
    with tarfile.open(path, "w:gz") as archive:
        for item in sorted(folder.iterdir()):
            archive.add(item, item.name)
    return path
