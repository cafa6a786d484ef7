import pytest

from legion_ci.settings.schema import parse_size


@pytest.mark.parametrize(
    ("text", "size"),
    [("512m", 512 << 20), ("2g", 2 << 30), ("2GiB", 2 << 30), ("1.5k", 1536), ("500MB", 500_000_000), ("1.5TB", 15 * 10**11),
     ("7", 7), ("7B", 7), (" 6 MiB ", 6 << 20), (42, 42)],
)  # fmt: skip
def test_a_size_is_read_in_powers_of_1024_unless_it_ends_in_plain_bytes(text, size):
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["much", "", "m", "1,5g", "-1m", "1mm", "0x10"])
def test_what_is_no_size_says_how_to_write_one(text):
    with pytest.raises(ValueError, match="is not a size such as 512m, 500MB or 2GiB"):
        parse_size(text)
