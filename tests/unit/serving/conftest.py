from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import serving_artefacts
from serving_process import Server, serving

from legion_ci.serving import artefact
from legion_ci.serving.load import load
from legion_ci.serving.model import Model


@pytest.fixture(scope="session")
def artefacts(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Artefact folders by the name of their maker, each made once."""
    made: dict[str, Path] = {}

    def get(name: str) -> Path:
        if name not in made:
            made[name] = getattr(serving_artefacts, name)(tmp_path_factory.mktemp(name) / "artefact")
        return made[name]

    return get


@pytest.fixture(scope="session")
def models(artefacts: Callable[[str], Path]) -> Callable[[str], Model]:
    """Models loaded in this process, each once."""
    loaded: dict[str, Model] = {}

    def get(name: str) -> Model:
        if name not in loaded:
            loaded[name] = load(artefact.read(artefacts(name)))
        return loaded[name]

    return get


@pytest.fixture(scope="module")
def server(
    artefacts: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory, request: Any
) -> Iterator[Server]:
    """A real server of the artefact that the module names in ``ARTEFACT``."""
    log = tmp_path_factory.mktemp("server") / "server.log"
    with serving(artefacts(request.module.ARTEFACT), log, *getattr(request.module, "OPTIONS", ())) as running:
        yield running
