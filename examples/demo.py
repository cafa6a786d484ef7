"""The main job on real data, as ``make demo`` runs it: a champion goes live, a challenger is taken through all stages.

Every step is a ``legion-ci`` command that you could type yourself; each is printed before it runs. Nothing here knows
who wins: the pipeline's exit codes and records decide. Run it again and it goes on where it was.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import json
import os
import shlex
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
EXAMPLE = ROOT / "examples" / "flight-delay"
SITE = ROOT / ".demo" / "site"
CHAMPION, CHALLENGER = "champion", "challenger"
PASS, FAIL, INCONCLUSIVE, INTERRUPTED = 0, 1, 10, 130
MARK = "made-by-demo"  # in the site's folder: --fresh removes no folder without it
JUDGED = ("quality", "package", "deploy", "perf", "promote")

INTRODUCTION = """\
The main job of legion-ci, on the {flights:,} flights that left New York in 2013.
Question: will a flight arrive more than 15 minutes late, judged by what is known before it departs?

  1 champion    trained on January to March, taken live as the first model
  2 challenger  trained on January to May: trained, judged on June against the champion, packaged, deployed beside it
                at 0 % of the traffic, load-tested
  3 promotion   July's flights are replayed as live traffic, each with its real outcome; the challenger's share grows
                step by step, stays, or goes back to 0 %, by the evidence alone

All of it runs on this machine, on loopback addresses only. The models live in {site}.
"""


@dataclass(frozen=True)
class Demo:
    """The commands of one demo, all against one model repository and one site."""

    site: Path
    example: Path = EXAMPLE

    def command(self, task: str, *arguments: str) -> list[str]:
        """A ``legion-ci`` command line."""
        return [str(program()), task, "--set", f"site.path={self.site}", *arguments]

    def legion(self, task: str, *arguments: str) -> int:
        """Show and run a command; its output is the user's. Returns the exit code."""
        command = self.command(task, *arguments)
        print(f"\n$ {shown(command)}", flush=True)
        return subprocess.run(command, cwd=self.example, check=False).returncode

    def status(self) -> dict[str, Any]:
        """What ``legion-ci status --json`` says; empty when nothing can be said."""
        done = subprocess.run(
            self.command("status", "--json"), cwd=self.example, check=False, capture_output=True, text=True
        )
        return json.loads(done.stdout) if done.returncode == 0 else {}

    def result(self, run: str, stage: str) -> dict[str, Any]:
        """What a stage left behind; empty when it has not run."""
        try:
            record = json.loads((self.run(run) / f"{stage}.json").read_bytes())
        except FileNotFoundError:
            return {}
        return dict(record["result"])

    def run_id(self, name: str) -> str:
        """The id of the champion's or challenger's run; each site has runs of its own."""
        mark = "" if self.site == SITE else f"-{hashlib.sha256(str(self.site).encode()).hexdigest()[:6]}"
        return f"demo{mark}-{name}"

    def run(self, name: str) -> Path:
        """A run's folder."""
        return self.example / ".legion" / "runs" / self.run_id(name)

    def decided(self) -> bool:
        """Whether the challenger's story has ended: promoted, rolled back, or refused by a gate."""
        verdicts = [self.result(CHALLENGER, stage).get("verdict") for stage in JUDGED]
        return "FAIL" in verdicts or verdicts[-1] == "PASS"


def program() -> Path:
    """The ``legion-ci`` of this environment."""
    return Path(sys.executable).with_name("legion-ci.exe" if os.name == "nt" else "legion-ci")


def shown(command: list[str]) -> str:
    """A command line for people: the program by its name."""
    return shlex.join([Path(command[0]).name, *command[1:]])


def prepare(demo: Demo) -> None:
    """Write the months as Parquet files; a few seconds, the same bytes each time."""
    print("\n$ python prepare_data.py", flush=True)
    subprocess.run([sys.executable, "prepare_data.py"], cwd=demo.example, check=True)
    demo.site.mkdir(parents=True, exist_ok=True)
    (demo.site / MARK).touch()


def start_over(demo: Demo) -> None:
    """End the site's processes and remove the demo's site and runs, and nothing else."""
    if demo.site.is_dir() and any(demo.site.iterdir()):
        if not (demo.site / MARK).is_file():
            sys.exit(f"demo: {demo.site} was not made by this demo; name another with --site")
        if code := demo.legion("undeploy", "--all"):
            sys.exit(code)
        shutil.rmtree(demo.site)
    for run in (CHAMPION, CHALLENGER):
        shutil.rmtree(demo.run(run), ignore_errors=True)


def take_champion_live(demo: Demo) -> int:
    """Train on January to March and take it live as the site's first model, after a short load test."""
    heading("1 champion")
    return demo.legion(
        "pipeline", "--run", demo.run_id(CHAMPION), "--first", "--set", "data.train.path=data/2013-0[1-3].parquet",
        "--set", "deploy.tests=tests", "--set", "perf.duration=10s", "--set", 'perf.budgets=["errors < 1%"]',
    )  # fmt: skip


def bring_challenger(demo: Demo) -> int:
    """Everything in legion.yaml as it stands; ends at promote's first look, which finds no traffic yet."""
    heading("2 challenger")
    return demo.legion("pipeline", "--run", demo.run_id(CHALLENGER), "--set", "deploy.tests=tests")


def promote(demo: Demo, rate: float) -> int:
    """Replay July in the background and look at the evidence until it decides.

    The window is short because a replayed outcome follows its answer at once.
    """
    heading("3 promotion")
    with replay(demo, rate):
        code = demo.legion(
            "promote", "--run", demo.run_id(CHALLENGER), "--set", "promote.window=5s", "--set", "promote.in_build=5m",
            "--set", "promote.look_every=2s",
        )  # fmt: skip
    demo.legion("report", "--run", demo.run_id(CHALLENGER))
    return code


@contextlib.contextmanager
def replay(demo: Demo, rate: float) -> Iterator[None]:
    """July's flights as live traffic for the time of the block; then the totals, or what went wrong."""
    command = [sys.executable, "replay.py", demo.status()["url"], "--rate", f"{rate:g}"]
    log = demo.run(CHALLENGER) / "replay.json"
    print(f"\n$ python {shlex.join(command[1:])} > {log.relative_to(demo.example)} &", flush=True)
    with log.open("w") as output:
        child = subprocess.Popen(command, cwd=demo.example, stdout=output, stderr=subprocess.STDOUT)
    try:
        yield
    finally:
        child.terminate()
        child.wait()
        print(
            "replayed " + (" ".join(log.read_text().split()) or "nothing: stopped before the first flight"), flush=True
        )


def heading(text: str) -> None:
    """A line between the parts."""
    print(f"\n── {text} " + "─" * (76 - len(text)), flush=True)


def close(demo: Demo) -> None:
    """The verdicts, the report, a request to try, and how to stop everything."""
    heading("verdicts")
    for stage in JUDGED:
        result = demo.result(CHALLENGER, stage)
        print(f"{stage:8} {result.get('verdict', 'not run'):13} {result.get('summary', '')}")
    print(f"\nreport   {demo.run(CHALLENGER) / 'report' / 'index.html'}")
    if url := demo.status().get("url"):
        example = body(demo)
        print(f"try it   {curl(url, example)}")
        print(f"         {ask(url, example)}")
    print(f"stop it  (cd {shlex.quote(str(demo.example))} && {shlex.join(demo.command('undeploy', '--all'))})")


def body(demo: Demo) -> str:
    """A request about the first flight of July."""
    import pyarrow.parquet as pq

    row = pq.read_table(demo.example / "data" / "live" / "2013-07.parquet").slice(0, 1).to_pylist()[0]
    known = {k: v for k, v in row.items() if k not in ("request_id", "tailnum", "time", "late")}
    return json.dumps({"columns": list(known), "data": [list(known.values())]})


def curl(url: str, content: str) -> str:
    """The same request for a terminal."""
    return f"curl -s {url}/api/model/invoke -H 'Content-Type: application/json' -d {shlex.quote(content)}"


def ask(url: str, content: str) -> str:
    """The live model's answer to it."""
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(f"{url}/api/model/invoke", content.encode(), headers)
    try:
        with urllib.request.urlopen(request, timeout=10) as response:
            return str(response.read().decode())
    except (urllib.error.URLError, OSError) as error:
        return f"does not answer now ({error}); legion-ci up brings it back"


def play(demo: Demo, rate: float) -> int:
    """The three parts; stops where a gate says FAIL or something breaks."""
    if demo.decided():
        print("This site has seen the demo to its end; here is how it ended. --fresh starts over.")
        return demo.legion("up")
    prepare(demo)
    if not demo.status().get("champion"):
        code = take_champion_live(demo)
        if code not in (PASS, INCONCLUSIVE):
            return code
    else:
        print("The champion is live already; going on with the challenger.")
        if code := demo.legion("up"):
            return code
    code = bring_challenger(demo)
    return promote(demo, rate) if code in (PASS, INCONCLUSIVE) and not demo.decided() else code


def main() -> int:
    """Play, and end with what came of it. The exit code is that of the last legion-ci command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--site", type=Path, default=SITE, help="where the models live")
    parser.add_argument("--rate", type=float, default=300.0, help="replayed flights a second (default: 300)")
    parser.add_argument("--fresh", action="store_true", help="stop and remove what an earlier demo left, then begin")
    parser.add_argument("--stop", action="store_true", help="stop everything that the demo left running, and no more")
    chosen = parser.parse_args()
    demo = Demo(chosen.site.resolve())
    if chosen.stop:
        return demo.legion("undeploy", "--all") if demo.site.is_dir() else PASS
    began = time.monotonic()
    try:
        print(INTRODUCTION.format(flights=336_776, site=demo.site))
        if chosen.fresh:
            start_over(demo)
        code = play(demo, chosen.rate)
        close(demo)
    except KeyboardInterrupt:
        print("\ninterrupted; the same command goes on from here, and this stops what runs:")
        print(f"  (cd {shlex.quote(str(demo.example))} && {shlex.join(demo.command('undeploy', '--all'))})")
        return INTERRUPTED
    print(f"took     {time.monotonic() - began:.0f} s")
    return code


if __name__ == "__main__":
    sys.exit(main())
