"""The reports of fixed records, byte for byte; LEGION_GOLDEN_UPDATE=1 takes a change over."""

from pathlib import Path

import golden
import pytest

HERE = Path(__file__).parent / "golden"
WANTED = {
    "promoted": (
        "index.html", "lineage.html", "issues.json", "quality.html", "deploy.html", "perf.html", "promote.html", "junit-quality.xml", "junit-deploy.xml",
        "junit-perf.xml", "junit-promote.xml", "findings.sarif", "summary.md", "badge.svg", "plot-quality.csv", "plot-latency.csv",
        "plot-seconds.csv", "quality-checks.svg", "quality-slices-1.svg", "perf-budgets.svg", "perf-latency.svg", "perf-load.svg",
        "promote-claims.svg", "promote-traffic.svg", "promote-claim-1.svg", "promote-split.svg", "mark-fail.svg",
    ),
    "refused": ("index.html", "quality.html", "findings.sarif", "junit-quality.xml", "summary.md", "badge.svg"),
    "undecided": ("index.html", "perf.html", "promote.html", "junit-perf.xml", "junit-promote.xml", "findings.sarif", "summary.md"),
    "first": ("index.html", "promote.html"),
    "extreme": ("index.html", "summary.md", "badge.svg"),
    "compared": ("index.html", "lineage.html", "findings.sarif", "issues.json"),
}  # fmt: skip


@pytest.mark.parametrize(("kind", "name"), [(k, n) for k, names in WANTED.items() for n in names])
def test_the_report_is_as_it_was_approved(reports, kind, name):
    golden.check(HERE / kind / name, (reports[kind] / name).read_text(encoding="utf-8"))
