"""What images cost as they grow: a 500 MB model (memory; push speed against ``skopeo copy``), and 100 versions (disk, registry).

The model is random bytes beside an entry point that adds two numbers. Both push the same layout into a new, empty registry (Debian's
``docker-registry``), in turn. Needs skopeo.

python bench/package_growth.py [--megabytes 500] [--versions 100] [--pairs 5]
"""

from __future__ import annotations

import argparse
import json
import math
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from scipy import stats

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests" / "support"))

from image_models import QUIET, adder, job, rest  # noqa: E402
from image_registry import registry  # noqa: E402

from legion_ci.oci import layout  # noqa: E402
from legion_ci.oci.blobs import Blobs  # noqa: E402
from legion_ci.oci.reference import parse  # noqa: E402
from legion_ci.oci.registry import Registry  # noqa: E402


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--megabytes", type=int, default=500)
    parser.add_argument("--versions", type=int, default=100)
    parser.add_argument("--pairs", type=int, default=5)
    told = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["LEGION_CACHE"] = f"{folder}/cache"
        scratch = Path(folder)
        rest(job(adder(scratch / "small", scratch), scratch / "warm"))  # base and packages are there
        found = large(scratch, told.megabytes, told.pairs) | versions(scratch, told.versions)
    print(json.dumps(found, indent=2))


def large(scratch: Path, megabytes: int, pairs: int) -> dict:
    """Memory that packaging adds, and seconds of each push."""
    artefact = adder(scratch / "large", scratch)
    with (artefact / "legion_model" / "weights.bin").open("wb") as out:
        for _ in range(megabytes):
            out.write(os.urandom(1 << 20))
    before = resident()
    with Peak() as peak:
        rest(job(artefact, scratch / "packed"))
    say(f"packaging {megabytes} MB: {peak.highest - before:.0f} MB more memory")
    place = scratch / "packed" / "image" / "layout"
    took: dict[str, list[float]] = {"ours": [], "skopeo": []}
    for i in range(pairs):
        for who in ("ours", "skopeo") if i % 2 else ("skopeo", "ours"):
            store = scratch / f"registry-{who}-{i}"
            with registry(
                store
            ) as address:  # its own each time: skopeo has a registry mount what it pushed there before
                took[who].append(push(who, place, f"{address}/large:1"))
            shutil.rmtree(store)
            say(f"{who}: {took[who][-1]:.2f} s")
    logs = [math.log(a / b) for a, b in zip(took["ours"], took["skopeo"], strict=True)]
    half = float(stats.t.ppf(0.975, pairs - 1)) * statistics.stdev(logs) / math.sqrt(pairs)
    mean = statistics.fmean(logs)
    return {
        "memory_mb": peak.highest - before,
        "push_s": took,
        "push_ratio": [math.exp(x) for x in (mean - half, mean, mean + half)],
        "rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def push(who: str, place: Path, name: str) -> float:
    """Seconds that a push of a layout takes."""
    began = time.monotonic()
    if who == "ours":
        blobs, reference = Blobs(place), parse(name)
        Registry(reference).push(blobs, layout.top_of(place), reference.tag, QUIET)
    else:
        words = ["skopeo", "copy", "-q", "--dest-tls-verify=false", f"oci:{place}:adder:1", f"docker://{name}"]
        subprocess.run(words, check=True)
    return time.monotonic() - began


def versions(scratch: Path, count: int) -> dict:
    """Bytes that each further version adds to the cache and to the registry, over the bytes of its model."""
    with registry(scratch / "versions") as address:
        sizes = []
        for i in range(count):
            artefact = adder(scratch / f"v{i}", scratch, str(i))
            (artefact / "legion_model" / "weights.bin").write_bytes(os.urandom(1 << 20))
            rest(job(artefact, scratch / f"t{i}", str(i)), image=f"{address}/adder:{{version}}", push=True)
            if i in (0, count - 1):
                sizes.append({p: used(scratch / p) for p in ("cache/oci/blobs", "versions/data")})
    first, last = sizes
    each = {place: (last[place] - first[place]) / (count - 1) / (1 << 20) for place in first}
    say(f"{count} versions of 1 MiB: MiB each {each}")
    return {"mib_each_of_1": each}


class Peak:
    """The highest resident memory of this process while the block runs, in MB."""

    def __enter__(self) -> Peak:
        self.highest, self._ended = resident(), threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._ended.wait(0.01):
            self.highest = max(self.highest, resident())


def resident() -> float:
    """Resident memory in MB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def used(folder: Path) -> int:
    """Bytes on the disk."""
    return sum(p.stat().st_blocks * 512 for p in folder.rglob("*") if p.is_file())


def say(text: str) -> None:
    """A line for people."""
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
