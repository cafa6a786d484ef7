"""One error class for each exit code, each carrying all problems at once.

A failed gate is a result, not an error: exit codes 1 and 10 come only from a verdict (see ``results``).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong, printed as ``where: what; todo``.

    where: file:line:column, a setting's path, a file; may be empty. todo: what the reader can do about it.
    """

    what: str
    where: str = ""
    todo: str = ""

    def __str__(self) -> str:
        head = f"{self.where}: {self.what}" if self.where else self.what
        return f"{head}; {self.todo}" if self.todo else head


class LegionError(Exception):
    """Something kept the question from being asked; carries one or more problems and an exit code."""

    exit_code = 70

    def __init__(self, problems: str | Problem | Iterable[Problem | str], *, where: str = "", todo: str = "") -> None:
        if isinstance(problems, str):
            problems = [Problem(problems, where, todo)]
        elif isinstance(problems, Problem):
            problems = [problems]
        self.problems = tuple(p if isinstance(p, Problem) else Problem(p) for p in problems)
        super().__init__("\n".join(str(p) for p in self.problems))


class ConfigurationError(LegionError):
    """The configuration, the data or the way a task was called is wrong."""

    exit_code = 2


class OrderError(LegionError):
    """A stage was called before the one it needs, or an artefact is out of reach."""

    exit_code = 3


class PluginError(LegionError):
    """A plug-in or an extra is missing or broken; the message holds the install line."""

    exit_code = 4


class ToolError(LegionError):
    """A tool or the team's own code failed: command, status and last lines, secrets redacted."""

    exit_code = 5


class ServiceError(LegionError):
    """A service (tracking server, gateway, registry) could not be reached."""

    exit_code = 6


EXTRA_OF = {
    "mlflow": "train",
    "duckdb": "train",
    "pandas": "train",
    "sklearn": "train",
    "uv": "train",
    "packaging": "train",
    "papermill": "notebook",
    "nbformat": "notebook",
    "nbconvert": "notebook",
    "ipykernel": "notebook",
    "pygments": "notebook",
    "optuna": "search",
    "pyspark": "spark",
    "scipy": "quality",
    "numpy": "quality",
    "pyarrow": "quality",
    "locust": "perf",
    "hdrh": "perf",
    "envoy": "gateway",
    "psutil": "gateway",
    "granian": "serve",
    "docker": "docker",
    "deflate": "docker",
    "cryptography": "docker",
    "cyclonedx": "docker",
    "packageurl": "docker",
    "kubernetes": "kubernetes",
    "jenkins": "jenkins",
    "sqlalchemy": "data",
    "psycopg": "data",
    "fsspec": "data",
    "openpyxl": "data",
    "onnxruntime": "accelerate",
    "skl2onnx": "accelerate",
}


def missing_package(error: ImportError, where: str = "") -> PluginError:
    """An ImportError told as the install line."""
    package = (error.name or "").split(".")[0]
    extra = EXTRA_OF.get(package, "all")
    return PluginError(
        f"the package {package or error} is not installed", where=where, todo=f"pip install 'legion-ci[{extra}]'"
    )
