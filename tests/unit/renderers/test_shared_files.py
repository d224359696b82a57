"""What clusters of a fleet share is rendered once, and each cluster still gets its own answer."""

from hypothesis import given
from hypothesis import strategies as st

from renderers import yaml
from tests.fakes.examples import examples

names = st.one_of(
    st.from_regex(r"[a-z0-9]([a-z0-9.-]{0,12}[a-z0-9])?", fullmatch=True),
    st.sampled_from(
        ("no", "y", "1e3", "0x1f", "12", "1.5", "2026-01-02", "null", "inf", "a: b", "")
    ),
)


@given(name=names)
@examples(150)
def test_a_name_is_told_plain_as_it_is_written(name: str) -> None:
    assert yaml.is_plain(name) is (yaml.dump(name) == f"{name}\n".encode())
