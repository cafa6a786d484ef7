import pytest
from hypothesis import given
from hypothesis import strategies as st

from legion_ci.core.errors import ConfigurationError
from legion_ci.oci.reference import Reference, parse

PART = st.from_regex(r"[a-z0-9]+([._-][a-z0-9]+){0,2}", fullmatch=True)
TAG = st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,20}", fullmatch=True)
DIGEST = st.from_regex(r"sha256:[0-9a-f]{64}", fullmatch=True)
REGISTRY = st.sampled_from(["", "localhost", "registry.example", "127.0.0.1:5000"])


@given(REGISTRY, st.lists(PART, min_size=2, max_size=4), TAG | st.just(""), DIGEST | st.just(""))
def test_what_is_written_is_read_again(registry, parts, tag, digest):
    if "." in parts[0]:
        parts = ["models", *parts]  # a first part with a dot is a registry
    reference = Reference(registry, "/".join(parts), tag, digest)
    assert parse(str(reference)) == reference


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("Wine:1", "lower-case"),
        ("wine:", "tag ''"),
        ("wine:a b", "tag 'a b'"),
        ("wine@sha256:12", "64 hexadecimal"),
        ("reg.example/", "repository ''"),
        ("", "repository ''"),
    ],
)
def test_a_wrong_name_says_what_is_wrong(text, told):
    with pytest.raises(ConfigurationError, match=told):
        parse(text, "package.image")
