"""What every page and picture must keep to, whatever the records hold."""

import itertools
import re
import xml.etree.ElementTree as ET

import pytest
from report_html import page

from legion_ci.report.stage import MOST_BYTES

FORBIDDEN = {"script", "style", "iframe", "object", "embed", "form", "base", "video", "audio", "font"}
LOCAL = re.compile(r"[\w-]+(\.[\w-]+)*")


def pages(report):
    return [(p, page(p)) for p in sorted(report.glob("*.html"))]


def test_nothing_that_the_policy_blocks_is_on_a_page(report):
    for path, parsed in pages(report):
        for tag, attributes in parsed.tags:
            assert tag not in FORBIDDEN, path
            assert not [a for a in attributes if a == "style" or a.startswith("on") or a == "http-equiv"], (path, tag)
            assert not [v for v in attributes.values() if v and v.startswith(("data:", "javascript:"))], (path, tag)


def test_all_that_a_page_shows_lies_beside_it(report):
    for path, parsed in pages(report):
        used = [a["src"] for a in parsed.all("img")] + [a["href"] for a in parsed.all("link")]
        used += [a["href"] for a in parsed.all("a") if not a["href"].startswith(("https://", "http://", "#"))]
        for name in used:
            assert LOCAL.fullmatch(name), (path, name)
            assert (report / name).is_file(), (path, name)
        assert [a["href"] for a in parsed.all("link") if a["rel"] == "stylesheet"] == ["legion.css"]


def test_pages_are_whole_and_tags_are_closed(report):
    for path, parsed in pages(report):
        assert (parsed.unclosed, parsed.broken) == ([], []), path


def test_no_page_is_larger_than_300_kb(report):
    assert [p.name for p in report.glob("*.html") if p.stat().st_size > MOST_BYTES] == []


def test_a_screen_reader_finds_its_way(report):
    for path, parsed in pages(report):
        for landmark in ("header", "nav", "main", "footer", "h1", "title"):
            assert len(parsed.all(landmark)) == 1, (path, landmark)
        assert parsed.all("html")[0]["lang"] == "en"
        assert sum(a.get("aria-current") == "page" for a in parsed.all("a")) == 1
        assert all("alt" in a for a in parsed.all("img")), path
        assert all(a.get("scope") in ("col", "row") for a in parsed.all("th")), path
        assert len(parsed.all("table")) == len(parsed.all("caption")), path
        levels = [int(t[1]) for t, _ in parsed.tags if re.fullmatch("h[1-6]", t)]
        assert levels[0] == 1
        assert all(b - a <= 1 for a, b in itertools.pairwise(levels)), path


def test_a_verdict_is_a_word_and_not_only_a_colour(reports):
    for kind, word in (("promoted", "PASS"), ("refused", "FAIL"), ("undecided", "INCONCLUSIVE")):
        for path, parsed in pages(reports[kind]):
            assert path.name in ("deploy.html", "lineage.html") or word in parsed.text
    for path in reports["promoted"].glob("mark-*.svg"):
        shapes = ET.fromstring(path.read_text()).iter("{http://www.w3.org/2000/svg}path")
        assert len({s.get("d") for s in shapes}) == 2
    signs = {"".join(re.findall(r' d="([^"]+)"', p.read_text())) for p in reports["promoted"].glob("mark-*.svg")}
    assert len(signs) == 5


def test_pictures_are_well_formed_and_say_what_they_show(report):
    for path in sorted(report.glob("*.svg")):
        root = ET.fromstring(path.read_text(encoding="utf-8"))
        tags = {e.tag.split("}")[1] for e in root.iter()}
        assert tags <= {
            "svg",
            "title",
            "style",
            "g",
            "path",
            "rect",
            "line",
            "circle",
            "text",
            "polyline",
            "polygon",
        }, path
        assert not [a for e in root.iter() for a in e.attrib if a.startswith("on") or "href" in a], path
        assert root.find("{http://www.w3.org/2000/svg}title").text
        numbers = " ".join(v for e in root.iter() for k, v in e.attrib.items() if k not in ("class", "aria-label"))
        assert "nan" not in numbers.lower(), path
        assert "inf" not in numbers.lower(), path


def test_a_picture_knows_light_and_dark(report):
    for path in report.glob("*.svg"):
        assert path.name == "badge.svg" or "prefers-color-scheme:dark" in path.read_text(), path


def colours(css, dark):
    blocks = re.findall(r"(?:\{|;)\s*--([\w-]+):\s*(#[0-9a-f]{6})", css)
    named = {}
    for name, value in blocks:
        if dark or name not in named:
            named[name] = value
    return named


def contrast(a, b):
    def light(colour):
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        r, g, b = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
        return 0.2126 * r + 0.7152 * g + 0.0722 * b

    high, low = sorted((light(a), light(b)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("dark", [False, True])
def test_text_has_enough_contrast_for_everybody(reports, dark):
    found = colours((reports["promoted"] / "legion.css").read_text().split("@media print")[0], dark)
    pairs = [
        (ink, paper)
        for ink in ("ink", "soft", "accent", "pass", "fail", "inconclusive", "neutral")
        for paper in ("paper", "page")
    ]
    pairs += [(v, f"{v}-soft") for v in ("pass", "fail", "inconclusive", "neutral")]
    pairs += [("ink", f"{v}-soft") for v in ("pass", "fail", "inconclusive", "neutral")]
    assert {
        p: round(contrast(found[p[0]], found[p[1]]), 2) for p in pairs if contrast(found[p[0]], found[p[1]]) < 4.5
    } == {}


def test_a_name_that_attacks_is_only_shown(reports):
    for path, parsed in pages(reports["extreme"]):
        assert (
            path.name in ("perf.html", "promote.html", "lineage.html") or '<script>alert("x")</script>' in parsed.text
        ), path
        assert "\u202e" not in parsed.text
        assert "\x00" not in path.read_text()
