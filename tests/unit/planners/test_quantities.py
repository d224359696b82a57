"""Quantities are parsed like Kubernetes parses them, exactly."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planners.model.quantities import MOST, NANO, parse, write


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0", "0"),
        ("0.1", "0.1"),
        ("100m", "0.1"),
        (".5", "0.5"),
        ("5.", "5"),
        ("+2", "2"),
        ("-1.5", "-1.5"),
        ("1e3", "1000"),
        ("1E3", "1000"),
        ("12e-3", "0.012"),
        ("1E", "1000000000000000000"),
        ("7u", "0.000007"),
        ("9n", "0.000000009"),
        ("1k", "1000"),
        ("1Ki", "1024"),
        ("1.5Gi", "1610612736"),
        ("-3Mi", "-3145728"),
        ("2Ei", "2305843009213693952"),
        (12, "12"),
        (0.5, "0.5"),
    ],
)
def test_every_notation_is_exact(text: object, number: str) -> None:
    assert parse(text) == Fraction(number) * NANO


@pytest.mark.parametrize(
    ("text", "nanos"), [("0.1n", 1), ("-1e-12", -1), ("1.0000000001", NANO + 1)]
)
def test_fractions_of_a_nano_unit_are_rounded_away_from_zero(text: str, nanos: int) -> None:
    assert parse(text) == nanos


@pytest.mark.parametrize("text", ["9223372036854775808", "8Ei", "1e999", "99999E"])
def test_large_values_are_capped(text: str) -> None:
    assert parse(text) == MOST
    assert parse(f"-{text}") == -MOST


@pytest.mark.parametrize(
    "text",
    [
        "",
        " 1",
        "1 ",
        "1ki",
        "1KI",
        "Ki",
        ".",
        "1.1.1",
        "1e",
        "1ee3",
        "0x10",
        "1_000",
        "1Kii",
        "\u0661",
    ],
)
def test_invalid_quantities_are_rejected(text: str) -> None:
    with pytest.raises(ValueError, match=r"invalid quantity .*; expected e\.g\. 500m"):
        parse(text)


@pytest.mark.parametrize("value", [True, None, [], "9" * 201])
def test_other_types_and_overlong_numbers_are_rejected(value: object) -> None:
    with pytest.raises(ValueError, match="invalid quantity"):
        parse(value)


@given(st.integers(-(10**30), 10**30))
def test_written_quantities_parse_to_the_same_value(nanos: int) -> None:
    held = max(-MOST, min(MOST, nanos))

    assert parse(write(held)) == held


@given(
    st.integers(0, 10**15),
    st.integers(0, 10**9),
    st.sampled_from(["", "m", "k", "M", "G", "Ki", "Mi", "Gi"]),
)
def test_decimals_agree_with_exact_arithmetic(whole: int, part: int, suffix: str) -> None:
    scale = {"": 1, "m": Fraction(1, 1000), "k": 10**3, "M": 10**6, "G": 10**9}
    scale |= {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30}
    exact = (whole + Fraction(part, 10 ** len(str(part)))) * scale[suffix] * NANO
    rounded = -(-exact // 1)

    assert parse(f"{whole}.{part}{suffix}") == min(rounded, MOST)


def test_round_binary_numbers_are_written_short() -> None:
    assert write(parse("1536Mi")) == "1.5Gi"
    assert write(parse("250m")) == "250m"
    assert write(parse("3000000001")) == "3000000001"
