"""Runs Maven in the folder of the Groovy tests."""

import os
import re
import subprocess
from pathlib import Path

from requirements_of_tests import need

HERE = Path(__file__).resolve().parents[1] / "groovy"
_BUILD = f"target/{os.environ.get('PYTEST_XDIST_WORKER', 'alone')}"  # tests side by side compile for themselves
TARGET = HERE / _BUILD


def maven(*words: str) -> subprocess.CompletedProcess[str]:
    program = need("mvn", "apt-get install maven default-jdk-headless")
    for offline in (["-o"], []):  # what is there already is enough most of the time
        done = subprocess.run(
            [program, "-B", "-q", *offline, f"-Dlibrary.target={_BUILD}", *words],
            cwd=HERE,
            capture_output=True,
            text=True,
            timeout=2800,
        )
        if done.returncode == 0 or not re.search(
            r"offline mode|has not been downloaded|No plugin found", done.stdout + done.stderr
        ):
            break
    return done
