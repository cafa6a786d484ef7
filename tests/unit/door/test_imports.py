"""The door is light: listing tasks imports invoke and the standard library only."""

import json
import subprocess
import sys

HEAVY = {
    "pydantic",
    "msgspec",
    "yaml",
    "numpy",
    "pandas",
    "mlflow",
    "sklearn",
    "pyarrow",
    "duckdb",
    "locust",
    "gevent",
    "docker",
    "scipy",
    "granian",
}


def imported(code: str) -> set[str]:
    out = subprocess.run(
        [
            sys.executable,
            "-c",
            f"{code}\nimport sys, json; print(json.dumps(sorted({{m.split('.')[0] for m in sys.modules}})))",
        ],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    return set(json.loads(out.splitlines()[-1]))


def test_the_tasks_import_invoke_and_the_standard_library_only():
    new = imported("import legion_ci.tasks, legion_ci.program") - imported("import invoke") - sys.stdlib_module_names
    assert new <= {"legion_ci"}, new
    assert not imported("import legion_ci.tasks") & HEAVY - {"yaml"}


def test_settings_and_pipeline_import_nothing_heavy():
    found = imported("import legion_ci.door, legion_ci.settings.load") & (HEAVY - {"pydantic", "msgspec", "yaml"})
    assert not found, found


def test_loading_a_configuration_with_the_built_in_plug_ins_imports_nothing_heavy(tmp_path):
    (tmp_path / "legion.yaml").write_text(
        "model: {name: m}\ndata: {train: {path: x}}\nquality: {checks: [{metric: accuracy, min: 0.5}]}\n"
    )
    found = imported(
        f"from pathlib import Path; from legion_ci.settings.load import load; load(Path({str(tmp_path / 'legion.yaml')!r}))"
    )
    assert not found & (HEAVY - {"pydantic", "msgspec", "yaml"}), found
