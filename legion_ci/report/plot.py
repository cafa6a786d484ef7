"""CSV files for Jenkins' Plot plug-in: one row a run, one file a scale, so that each makes one readable picture."""

from __future__ import annotations

import csv
import io

from legion_ci.report import wording
from legion_ci.report.records import Story


def files(story: Story) -> dict[str, str]:
    """File name and content; a file only where there are figures."""
    told = {
        "plot-quality.csv": _metrics(story),
        "plot-latency.csv": _latency(story),
        "plot-seconds.csv": _seconds(story),
    }
    return {name: _csv(row) for name, row in told.items() if row}


def _metrics(story: Story) -> dict[str, float]:
    """The candidate's metrics on all rows."""
    checks = story.quality.checks if story.quality else ()
    return {c.metric: c.candidate for c in checks if not c.slice and c.candidate is not None}


def _latency(story: Story) -> dict[str, float]:
    return dict(story.perf.percentiles_ms) if story.perf else {}


def _seconds(story: Story) -> dict[str, float]:
    return {g.stage: g.record.seconds for g in story.gates if g.record and not g.record.skipped}


def _csv(row: dict[str, float]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([wording.clip(k, 80) for k in row])
    writer.writerow([f"{v:.10g}" for v in row.values()])
    return out.getvalue()
