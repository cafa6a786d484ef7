"""Another maker's trained model in our layout, beside a manifest of ours, so that everything here can use it."""

from __future__ import annotations

import shutil
from pathlib import Path

from legion_ci.core.errors import ConfigurationError
from legion_ci.core.files import write_atomic
from legion_ci.results import Provenance
from legion_ci.store import manifest
from legion_ci.store.foreign import Foreign

ENTRYPOINT = "entrypoint"
_OURS = "from legion_ci.serving.gppi import"  # in an entry point that training here wrote
_SHIM = '''"""The model's own entry point is {name}."""

import {name} as _theirs

globals().update({{k: getattr(_theirs, k) for k in dir(_theirs) if not k.startswith("_")}})
'''
_CACHES = shutil.ignore_patterns("__pycache__", "*.pyc")


def lay_out(model: Foreign, target: Path) -> Path:
    """Copy the model into ``target`` (not there yet) with a manifest of ours; pickles stay closed.

    Raises ConfigurationError when its module ``entrypoint`` is not the entry point that it names.
    """
    inside = target / manifest.MODEL_DIR
    shutil.copytree(model.model_dir, inside, ignore=_CACHES)
    if model.conda.resolve() != (model.model_dir / "conda.yaml").resolve():
        shutil.copyfile(model.conda, inside / "conda.yaml")
    if model.entrypoint != ENTRYPOINT:
        if (inside / f"{ENTRYPOINT}.py").exists():
            what = f"has a module {ENTRYPOINT}, which is not its entry point {model.entrypoint}"
            raise ConfigurationError(what, where=model.root.name, todo=f"rename {ENTRYPOINT}.py")
        write_atomic(inside / f"{ENTRYPOINT}.py", _SHIM.format(name=model.entrypoint))
    manifest.write_manifest(
        target, name=model.name, version=model.version, run_id=model.run_id, flavor=flavor_of(inside),
        trainer=model.toolchain or "other", provenance=Provenance(),
    )  # fmt: skip
    return target


def flavor_of(model_dir: Path) -> str:
    """How it is served: through its entry point, unless that is ours over a model of MLflow's."""
    mlmodel, entrypoint = model_dir / "MLmodel", model_dir / f"{ENTRYPOINT}.py"
    if _OURS not in entrypoint.read_text(errors="replace") or not mlmodel.is_file():
        return "gppi"
    return "sklearn" if "\n  sklearn:" in mlmodel.read_text() else "pyfunc"
