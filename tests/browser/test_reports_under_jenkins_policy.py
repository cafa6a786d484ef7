"""Every page of the report, opened in Chromium under Jenkins' default Content-Security-Policy: nothing refused, nothing blank."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

import pypdfium2 as pdfium
import pytest
import report_browser
import report_records
from PIL import Image
from report_html import page
from requirements_of_tests import need

from legion_ci.report import stage

pytestmark = pytest.mark.browser
PAGES = {
    "promoted": ("index", "quality", "deploy", "perf", "promote", "lineage"),
    "compared": ("index", "lineage"),
    "undecided": ("index", "quality", "perf", "promote"),
    "extreme": ("index", "quality", "deploy", "perf"),
    "refused": ("index",),
    "first": ("index",),
}
LIGHT_AND_DARK = [(k, p, False) for k, pages in PAGES.items() for p in pages] + [
    ("promoted", p, True) for p in PAGES["promoted"]
]


@pytest.fixture(scope="session")
def chromium() -> str:
    return need("chromium", "apt-get install -y --no-install-recommends chromium")


@pytest.fixture(scope="session")
def sites(tmp_path_factory):
    """Kind of run -> its report, being served."""
    folder = tmp_path_factory.mktemp("reports")
    for kind in PAGES:
        run = getattr(report_records, kind)(tmp_path_factory.mktemp(kind))
        memory = run.parent / "promoted.json"
        stage.write(run, folder / kind, memory=memory if memory.is_file() else None)
    with report_browser.serving(folder) as site:
        yield folder, site


@pytest.fixture(scope="session")
def kept(tmp_path_factory) -> Path:
    """Where pictures go: LEGION_SCREENSHOTS, to look at them, else a temporary folder."""
    named = os.environ.get("LEGION_SCREENSHOTS")
    folder = Path(named) if named else tmp_path_factory.mktemp("screenshots")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@dataclass(frozen=True)
class Seen:
    """What a picture holds: distinct colours, the part that is not background, mean brightness 0..255."""

    colours: int
    ink: float
    brightness: float


def measure(picture: Path) -> Seen:
    image = Image.open(picture).convert("RGB")
    counted = image.getcolors(1 << 24)
    grey = image.convert("L").histogram()
    ink = 1 - max(n for n, _ in counted) / (image.width * image.height)
    return Seen(len(counted), ink, sum(i * n for i, n in enumerate(grey)) / sum(grey))


@pytest.fixture(scope="session")
def bare(chromium, sites, tmp_path_factory) -> Seen:
    """What a page looks like on this machine when its styles and pictures are not shown."""
    folder, made = sites[0], tmp_path_factory.mktemp("bare")
    shutil.copy(folder / "promoted" / "index.html", made)
    with report_browser.serving(made) as site:
        report_browser.look(chromium, f"{site.url}/index.html", made / "bare.png", made / "profile")
    return measure(made / "bare.png")


@pytest.mark.parametrize(("kind", "name", "dark"), LIGHT_AND_DARK)
def test_a_page_is_whole_under_the_policy(chromium, sites, kept, tmp_path, bare, kind, name, dark):
    folder, site = sites
    site.fetched.clear()
    site.violations.clear()
    picture = kept / f"{kind}-{name}{'-dark' if dark else ''}.png"
    flags = [report_browser.DARK] if dark else []
    refused = report_browser.look(chromium, f"{site.url}/{kind}/{name}.html", picture, tmp_path / "profile", *flags)
    assert (refused, site.violations) == ([], [])
    shown = page(folder / kind / f"{name}.html")
    wanted = {f"/{kind}/{a['src']}" for a in shown.all("img")} | {f"/{kind}/legion.css"}
    assert wanted <= {path for path, status in site.fetched if status == 200}
    assert {path for path, status in site.fetched if status != 200} <= {"/favicon.ico"}
    seen = measure(picture)
    assert seen.colours > 2 * bare.colours
    assert seen.ink > 3 * bare.ink
    assert (seen.brightness < 90) if dark else (seen.brightness > 200)


def test_a_picture_is_not_blank_in_either_scheme(chromium, sites, kept, tmp_path):
    folder, site = sites
    for file in ("quality-checks.svg", "perf-load.svg", "promote-claim-1.svg"):
        for flags in ([], [report_browser.DARK]):
            picture = tmp_path / f"{file}{len(flags)}.png"
            report_browser.look(chromium, f"{site.url}/promoted/{file}", picture, tmp_path / "profile", *flags)
            assert (folder / "promoted" / file).is_file()
            assert measure(picture).colours > 20


@pytest.mark.parametrize(("kind", "name"), [("compared", "index"), ("promoted", "quality"), ("extreme", "quality")])
def test_a_page_prints_whole_on_paper(chromium, sites, kept, tmp_path, kind, name):
    """Printed to PDF and back to pictures: text to the last line, the verdict's colour, nothing wider than the paper."""
    folder, site = sites
    paper = tmp_path / "page.pdf"
    report_browser.print_to(chromium, f"{site.url}/{kind}/{name}.html", paper, tmp_path / "profile")
    with pdfium.PdfDocument(paper) as document:
        told = " ".join(sheet.get_textpage().get_text_range() for sheet in document)
        for i, sheet in enumerate(document):
            sheet.render(scale=96 / 72).to_pil().save(kept / f"print-{kind}-{name}-{i + 1}.png")
    sheets = sorted(kept.glob(f"print-{kind}-{name}-*.png"))
    assert sheets
    for sheet in sheets:
        image = Image.open(sheet).convert("L")
        right = image.crop((image.width - 6, 0, image.width, image.height)).getextrema()
        assert right == (255, 255), f"{sheet.name} goes over the edge"
        assert image.getextrema()[0] < 160, f"{sheet.name} is empty"
    assert measure(sheets[0]).colours > 50
    assert "written by legion-ci" in told
    if "<details" in (folder / kind / f"{name}.html").read_text():
        assert "How to read this" in told
        assert "NO ALARM is no proof of equality" in " ".join(told.split()), (
            "what is folded on the screen is open on paper"
        )


def test_these_tests_would_see_a_violation(chromium, tmp_path):
    (tmp_path / "bad.html").write_text(
        "<!doctype html><title>x</title><style>p{color:red}</style><p style='color:blue'>x</p><script>1</script>"
        "<img src='data:image/gif;base64,R0lGODlhAQABAAAAACw='>"
    )
    with report_browser.serving(tmp_path) as site:
        refused = report_browser.look(chromium, f"{site.url}/bad.html", tmp_path / "x.png", tmp_path / "profile")
    assert len(refused) >= 3
    assert len(site.violations) >= 3
