"""A short, seeded run of the fuzzer in tests/fuzz."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

FUZZER = Path(__file__).parents[2] / "fuzz" / "fuzz_request_parsers.py"


def test_the_parsers_take_or_refuse_whatever_comes(tmp_path: Path) -> None:
    (tmp_path / "corpus").mkdir()
    before = sorted(p.name for p in (FUZZER.parent / "corpus").iterdir())
    command = [sys.executable, str(FUZZER), "--runs", "5000", "--corpus", str(tmp_path / "corpus")]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-3000:]
    assert "Done 5000" in done.stderr
    assert sorted(p.name for p in (FUZZER.parent / "corpus").iterdir()) == before
    assert any((tmp_path / "corpus").iterdir())
