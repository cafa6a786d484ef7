"""The page of the quality gate with many slices: the worst are open, the others folded, all within the limit."""

import msgspec
import pytest
import report_records
from report_html import page

from legion_ci.report import stage
from legion_ci.results import CheckResult, Outcome

ASSESSED = [o for o in Outcome if o is not Outcome.NOT_ASSESSED]


def check(i: int, outcome: Outcome, text: str = "") -> CheckResult:
    return CheckResult(
        name="recall versus champion", outcome=outcome, role="alarm", metric="recall", versus="champion",
        slice=f"carrier={i:03}{text}", effect=0.0, lower=-i / 1000, upper=0.1, bound=0.0, n=900, message=text,
    )  # fmt: skip


def quality_page(folder, checks):
    result = msgspec.structs.replace(report_records.quality(), checks=tuple(checks))
    return stage.write(report_records.write(folder, result), folder / "report").parent / "quality.html"


def rows_before_and_in_details(path):
    """How many table rows are open, and how many folded."""
    tags = [t for t, _ in page(path).tags]
    first = tags.index("details")
    return tags[:first].count("tr"), tags[first:].count("tr")


def test_the_worst_sixty_are_open_and_the_others_are_folded(tmp_path):
    path = quality_page(tmp_path, [check(i, Outcome.NO_ALARM) for i in range(200)])
    assert rows_before_and_in_details(path) == (1 + 60, 1 + 140)
    text = page(path).text
    assert "140 more slices: 140 no alarm" in text
    assert text.index("carrier=140") < text.index("more slices") < text.index("carrier=139")


def test_sixty_slices_are_not_folded(tmp_path):
    path = quality_page(tmp_path, [check(i, Outcome.NO_ALARM) for i in range(60)])
    assert "more slice" not in page(path).text


def test_what_is_folded_says_how_much_of_it_failed(tmp_path):
    path = quality_page(tmp_path, [check(i, Outcome.FAIL if i < 70 else Outcome.PASS) for i in range(100)])
    assert "40 more slices: 10 fail, 30 pass" in page(path).text


@pytest.mark.parametrize("length", [0, 100, 5_000])
def test_four_hundred_slices_with_long_names_stay_within_the_limit(tmp_path, length):
    checks = [check(i, ASSESSED[i % len(ASSESSED)], "<&>" * (length // 3)) for i in range(400)]
    path = quality_page(tmp_path, checks)
    assert path.stat().st_size <= stage.MOST_BYTES
    assert "carrier=" in page(path).text
    assert "more slices" in page(path).text
