"""What the pipeline itself costs: a run in which nothing changed, and records and digests on a large data file.

The run is timed against ``legion-ci plan``, which only starts and reads the configuration; the data file against
``sha256sum``.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from timing import pairs

WINE = Path(__file__).resolve().parent.parent / "examples" / "wine"
LEGION = str(Path(sys.executable).with_name("legion-ci"))
UNCHANGED_GOAL_S = 2.0
_BLOCK = 1 << 20


def run(folder: Path, *words: str) -> str:
    """A ``legion-ci`` command in the folder; its output. Fails when it does."""
    environment = {**os.environ, "LEGION__SITE__PATH": str(folder.with_name(folder.name + "-site"))}
    done = subprocess.run([LEGION, *words], cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"legion-ci {' '.join(words)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout


def unchanged(folder: Path, count: int) -> None:
    """The wine example, taken live once and then run again and again."""
    shutil.copytree(WINE, folder, ignore=shutil.ignore_patterns(".legion", "data", "__pycache__"), dirs_exist_ok=True)
    subprocess.run([sys.executable, "prepare_data.py"], cwd=folder, check=True, capture_output=True)
    try:
        run(folder, "pipeline", "--first")
        run(folder, "pipeline")  # now there is a champion: quality is asked anew, once

        def again() -> str:
            return run(folder, "pipeline")

        told = again()
        ratio = pairs.measure(again, lambda: run(folder, "plan"), count)
        goal = "within" if ratio.ours_s < UNCHANGED_GOAL_S else "over"
        pairs.tell("pipeline run in which nothing changed, against plan", ratio, mlflow_imported=imports_mlflow(folder))
        print(
            f"  {ratio.ours_s:.2f} s, {goal} the goal of {UNCHANGED_GOAL_S:g} s on an idle machine\n{told}",
            file=sys.stderr,
        )
    finally:
        run(folder, "undeploy", "--all")


def imports_mlflow(folder: Path) -> bool:
    """Whether such a run imports mlflow in its own process."""
    script = (
        "import sys\nfrom legion_ci import program\n"
        "try: program.main(['legion-ci', 'pipeline'])\nexcept SystemExit: pass\n"
        "sys.exit(3 if any(m.partition('.')[0] == 'mlflow' for m in sys.modules) else 0)"
    )
    environment = {**os.environ, "LEGION__SITE__PATH": str(folder.with_name(folder.name + "-site"))}
    done = subprocess.run([sys.executable, "-c", script], cwd=folder, env=environment, capture_output=True, check=False)
    return done.returncode == 3


def large_file(folder: Path, megabytes: int, count: int) -> None:
    """The digest of one large file as the train stage takes it, and the record that keeps it, against sha256sum."""
    path = write_file(folder / "data" / "large.parquet", megabytes)
    program = shutil.which("sha256sum") or shutil.which("shasum")
    if program is None:
        sys.exit("pipeline_overhead: neither sha256sum nor shasum is there to compare with")
    ours = digest_and_record(folder)
    hash_it = [program, str(path)] if program.endswith("sha256sum") else [program, "-a", "256", str(path)]
    ratio = pairs.measure(ours, lambda: subprocess.run(hash_it, check=True, capture_output=True), count)
    again_s = pairs.seconds(digest_and_record(folder, keep=True))
    pairs.tell(f"digest and record of {megabytes} MB, against {Path(program).name}", ratio, unchanged_file_s=again_s)
    print(f"  the same file again: {again_s * 1000:.1f} ms", file=sys.stderr)


def write_file(path: Path, megabytes: int) -> Path:
    """A file of that size, old enough for its digest to be remembered."""
    path.parent.mkdir(parents=True, exist_ok=True)
    block = os.urandom(_BLOCK)
    with path.open("wb") as out:
        for _ in range(megabytes):
            out.write(block)
    old = path.stat().st_mtime - 60
    os.utime(path, (old, old))
    return path


def digest_and_record(folder: Path, *, keep: bool = False) -> Callable[[], object]:
    """What a run does about its data: the source's digest and a record that names it; keep: from the cache."""
    import msgspec

    from legion_ci.core.files import digest_pairs
    from legion_ci.data.files import FileSettings
    from legion_ci.data.source import open_source
    from legion_ci.results import SCHEMA_VERSION, Record
    from legion_ci.runs import start

    source = open_source("train", FileSettings(path="data/large.parquet"), folder)

    def work() -> None:
        if not keep:
            shutil.rmtree(folder / ".legion", ignore_errors=True)
        inputs = {"data.train": source.digest()}
        start(folder).write(
            Record(
                schema_version=SCHEMA_VERSION, stage="train", run="bench", started_at="", ended_at="", seconds=0.0,
                host="", inputs=inputs, input_digest=digest_pairs(inputs.items()), tools={}, result=msgspec.Raw(b"{}"),
            )
        )  # fmt: skip

    return work


def main() -> int:
    """Both measurements, in a temporary folder."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--pairs", type=int, default=20, help="pairs of the unchanged run (default: 20)")
    parser.add_argument("--megabytes", type=int, default=1024, help="size of the data file (default: 1024)")
    parser.add_argument("--only", choices=["unchanged", "file"], help="one of the two")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        if chosen.only != "unchanged":
            large_file(Path(name) / "large", chosen.megabytes, max(5, chosen.pairs // 2))
        if chosen.only != "file":
            unchanged(Path(name) / "wine", chosen.pairs)
    return 0


if __name__ == "__main__":
    sys.exit(main())
