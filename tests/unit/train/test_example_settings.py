"""The trainers' examples are configured as their trainers want it."""

from __future__ import annotations

import pytest
from example_modules import EXAMPLES

from legion_ci.settings.load import load

USES = {
    "script": "script", "notebook": "notebook", "mlflow-project": "mlflow-project", "existing": "existing", "r": "r",
    "search": "function", "libraries": "function",
}  # fmt: skip


@pytest.mark.parametrize("example", USES)
def test_its_settings_are_valid_and_name_the_trainer(example):
    settings = load(EXAMPLES / example / "legion.yaml").settings
    assert settings.train.use == USES[example]
    assert (settings.train.search is not None) == (example == "search")
    assert {"train", "eval"} <= set(settings.data)
