"""The examples' configuration: valid, and word for word what the documentation shows."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from example_modules import EXAMPLES

from legion_ci.settings.load import load

DOCS = EXAMPLES.parent / "docs"
BLOCK = re.compile(r"^```yaml\n(.*?)^```", re.DOTALL | re.MULTILINE)

# design.md §1, with the one correction that YAML needs: a bracket inside {…} must be quoted.
DESIGN = """
model: {name: flight-delay}
data:
  train: {use: parquet, path: "data/2013-0[1-5].parquet", target: late}
  eval:  {use: parquet, path: data/2013-06.parquet, target: late}
train:   {use: function, entrypoint: "model:train", parameters: {max_iter: 200}}
quality:
  checks:
    - {metric: roc_auc, min: 0.62}
    - {metric: brier, versus: champion, margin: 0.005}              # not worse than the live model, by a paired test
    - {metric: recall, versus: champion, slices: [carrier, origin]} # alarm: fails where a loss is shown, after Holm
package: {use: bundle}              # or docker-rest, docker-cli
deploy:  {use: local}               # or docker, kubernetes
perf:    {rate: 200, duration: 30s, budgets: ["p99 < 50ms", "errors < 0.2%"]}
promote: {steps: [shadow, 5, 25, 50, 100], outcome: late, metric: brier, margin: 0.01, guardrails: ["errors not worse by 1%"]}
"""


def test_the_flight_delay_example_is_configured_as_the_design_says():
    written = yaml.safe_load((EXAMPLES / "flight-delay" / "legion.yaml").read_text())
    assert written == yaml.safe_load(DESIGN)


def shown() -> list[tuple[Path, str]]:
    """What pages show of the flight-delay example's configuration."""
    pages = [EXAMPLES.parent / "README.md", *sorted(DOCS.rglob("*.md"))]
    blocks = [(page, block) for page in pages for block in BLOCK.findall(page.read_text())]
    return [(page, block) for page, block in blocks if "name: flight-delay" in block]


def part_of(shown: Any, written: Any) -> bool:
    """Whether a page leaves out at most: every key and every entry that it shows is there, with that value."""
    if isinstance(shown, dict) and isinstance(written, dict):
        return all(k in written and part_of(v, written[k]) for k, v in shown.items())
    if isinstance(shown, list) and isinstance(written, list):
        return all(any(part_of(s, w) for w in written) for s in shown)
    return bool(shown == written)


def test_every_page_that_shows_the_example_shows_what_runs():
    written = yaml.safe_load((EXAMPLES / "flight-delay" / "legion.yaml").read_text())
    wrong = {str(page): block for page, block in shown() if not part_of(yaml.safe_load(block), written)}
    assert wrong == {}


def test_the_first_page_shows_the_whole_example():
    written = yaml.safe_load((EXAMPLES / "flight-delay" / "legion.yaml").read_text())
    assert [yaml.safe_load(block) for page, block in shown() if page == DOCS / "index.md"] == [written]


def test_the_tutorial_shows_the_whole_wine_example():
    written = yaml.safe_load((EXAMPLES / "wine" / "legion.yaml").read_text())
    blocks = BLOCK.findall((DOCS / "tutorial.md").read_text())
    assert [yaml.safe_load(b) for b in blocks] == [written]


@pytest.mark.parametrize("name", ["flight-delay", "wine"])
def test_an_examples_configuration_is_valid(name):
    loaded = load(EXAMPLES / name / "legion.yaml", (), {})
    assert loaded.settings.model.name == name


@pytest.mark.parametrize("name", ["flight-delay", "wine"])
def test_an_examples_jenkinsfile_is_the_shipped_template(name):
    template = EXAMPLES.parent / "templates" / "Jenkinsfile"
    assert (EXAMPLES / name / "Jenkinsfile").read_bytes() == template.read_bytes()
