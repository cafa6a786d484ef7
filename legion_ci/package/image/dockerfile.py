"""The same image as a folder for ``docker build``: a Dockerfile and the layers that it adds."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from legion_ci.core.files import write_atomic
from legion_ci.oci.blobs import Blobs
from legion_ci.oci.image import Built

_SECOND = 1_000_000_000


def write(folder: Path, blobs: Blobs, built: Built, below: str) -> None:
    """Write ``Dockerfile`` and ``layers/``. below: reference of the base by digest; "": its layers are added, too.

    What is built from it has the same files and the same settings, but its builder's own digest.
    """
    history = [h["created_by"].removeprefix("legion-ci: ") for h in built.document["history"]]
    first = history.index("locked packages") if below else 0
    added = []
    for number, (what, layer) in enumerate(zip(history, built.manifest.layers, strict=True)):
        if number >= first:
            added.append(f"layers/{number}-{what.replace(' ', '-').lower()}.tar.gz")
            blobs.lend_to(layer.digest, folder / added[-1])
    lines = [f"FROM {below or 'scratch'}", *(f"ADD {name} /" for name in added), *_settings(built.document["config"])]
    write_atomic(folder / "Dockerfile", "\n".join(lines) + "\n")


def _settings(config: Mapping[str, Any]) -> Iterator[str]:
    for name, value in sorted(config["Labels"].items()):
        yield f"LABEL {name}={json.dumps(value)}"
    for line in config["Env"]:
        name, _, value = line.partition("=")
        yield f"ENV {name}={json.dumps(value)}"
    yield from (f"EXPOSE {port.removesuffix('/tcp')}" for port in config["ExposedPorts"])
    yield f"USER {config['User']}"
    if health := config.get("Healthcheck"):
        times = (("interval", "Interval"), ("timeout", "Timeout"), ("start-period", "StartPeriod"))
        options = " ".join(f"--{option}={health[key] // _SECOND}s" for option, key in times)
        yield f"HEALTHCHECK {options} --retries={health['Retries']} CMD {json.dumps(health['Test'][1:])}"
    yield f"STOPSIGNAL {config['StopSignal']}"
    yield f"ENTRYPOINT {json.dumps(config['Entrypoint'])}"
