"""Laws of the builder: any text comes out as it went in, and what the policy blocks cannot be built."""

import xml.etree.ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st
from report_html import Page

from legion_ci.report import markdown
from legion_ci.report.markup import clean, document, element, html, xml

TEXT = st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=60)


@given(TEXT)
def test_any_text_is_shown_as_it_is(text):
    parsed = Page(document(html("p", {"title": text}, "a", html("b", {}, text), text)))
    assert [t for t, _ in parsed.tags] == ["p", "b"]
    expected = clean(text).replace("\r\n", "\n").replace("\r", "\n")
    assert parsed.text.replace("\r\n", "\n").replace("\r", "\n").removeprefix("\n").rstrip(
        "\n"
    ) == f"a{expected}{expected}".rstrip("\n")
    assert (parsed.tags[0][1]["title"] or "").replace("\r", "\n") == clean(text).replace("\r", "\n")


@given(TEXT)
def test_any_text_makes_well_formed_xml(text):
    root = ET.fromstring(xml(element("a", {"b": text}, text), indented=False))
    assert (root.text or "") == clean(text).replace("\r\n", "\n").replace("\r", "\n")


@pytest.mark.parametrize(
    ("tag", "attributes"),
    [
        ("script", {}), ("style", {}), ("iframe", {}), ("p", {"style": "color:red"}), ("p", {"onclick": "x"}), ("meta", {"http-equiv": "refresh"}),
        ("a", {"href": "javascript:alert(1)"}), ("a", {"href": " https://x"}), ("img", {"src": "data:image/png;base64,"}), ("a", {"href": "../x"}),
        ("img", {"src": "//evil.example/x.svg"}), ("a", {"href": "a.html\n"}),
    ],
)  # fmt: skip
def test_what_the_policy_blocks_cannot_be_built(tag, attributes):
    with pytest.raises(ValueError, match="is blocked in Jenkins"):
        html(tag, attributes)


@given(TEXT)
def test_any_text_stays_one_line_of_markdown_without_tags(text):
    told = markdown.text(text)
    assert "\n" not in told
    assert "<" not in told
    assert ">" not in told.replace("&gt;", "")
