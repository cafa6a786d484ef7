"""Times in Jenkins' format: what Jenkins takes is taken, and what it would refuse is refused here."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from legion_ci.settings import cron

TAKEN = (
    "H 3 * * 1", "H/15 * * * *", "@daily", "@midnight", "0 0 1 1 0", "* * * * 7", "H(0-29)/10 H(1-4) * * 1-5", "1,15,H/20 * * * *",
    "TZ=Europe/Berlin\nH 3 * * *", "# at night\nH 3 * * *\nH 15 * * 6",
)  # fmt: skip
REFUSED = {
    "": "names no time", "# nothing": "names no time", "H 3 * *": "has 4 fields", "H 25 * * *": "'25' is no hour, which is 0 to 23",
    "60 * * * *": "is no minute", "* * 0 * *": "is no day of the month", "* * * 13 *": "is no month", "* * * * MON": "is no day of the week",
    "5-1 * * * *": "ends before it begins", "H(9-3) * * * *": "ends before it begins", "*/0 * * * *": "is no minute", "@often": "has 1 fields",
}  # fmt: skip


@pytest.mark.parametrize("text", TAKEN)
def test_what_jenkins_takes_is_taken_as_it_is(text):
    assert cron.checked(text) == text


@pytest.mark.parametrize("text", REFUSED)
def test_what_jenkins_would_refuse_is_refused_with_the_reason(text):
    with pytest.raises(ValueError, match=REFUSED[text].replace("(", r"\(")):
        cron.checked(text)


def taken(text):
    try:
        cron.checked(text)
    except ValueError:
        return False
    return True


PARTS = st.sampled_from(["*", "H", "H/15", "0", "5", "1-5", "61", "x", "H(0-29)", "*/2", "9-3", ""])


@given(st.lists(PARTS, min_size=4, max_size=6).map(" ".join))
def test_whatever_is_taken_has_five_fields_that_jenkins_knows(line):
    if taken(line):
        assert len(line.split()) == 5
        assert not {"61", "x", "9-3"} & set(line.split())
