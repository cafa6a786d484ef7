"""Loads the model of an artefact folder, whatever its flavour."""

from __future__ import annotations

from legion_ci.core.errors import ConfigurationError, LegionError
from legion_ci.serving.artefact import ModelFolder
from legion_ci.serving.imports import make_importable
from legion_ci.serving.model import Model
from legion_ci.serving.signature import Sample, read_sample


def load(folder: ModelFolder) -> Model:
    """The loaded model, its own code importable.

    Raises LegionError when it cannot be loaded; the error that the model's code raised is its cause.
    """
    own_modules = [folder.model_dir] if folder.flavor == "gppi" else []
    make_importable(folder.model_dir, folder.model_dir / "code", *own_modules)
    sample = read_sample(folder.model_dir / "head_input.json")
    try:
        return _of_flavor(folder, sample)
    except LegionError:
        raise
    except (Exception, SystemExit) as error:
        reason = f"the model cannot be loaded ({type(error).__name__}: {error})"
        raise ConfigurationError(
            reason, where=str(folder.model_dir), todo="train it again, or correct its code"
        ) from error


def _of_flavor(folder: ModelFolder, sample: Sample | None) -> Model:
    if folder.accelerated is not None:
        from legion_ci.serving.flavors import onnx

        return onnx.load(folder.accelerated, folder.digest, sample)
    if folder.flavor == "sklearn":
        from legion_ci.serving.flavors import sklearn

        return sklearn.load(folder, sample)
    if folder.flavor == "pyfunc":
        from legion_ci.serving.flavors import mlflow

        return mlflow.load(folder, sample)
    from legion_ci.serving.flavors import gppi

    return gppi.load(folder, sample)
