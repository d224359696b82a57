"""The names in lines about connections are marked, whatever words they look like."""

import pytest

from bot.wording.connections import pieces


@pytest.mark.parametrize(
    ("line", "marked"),
    [
        (
            "new: cart may call payment on eu-1 from eu-2",
            "new: [cart] may call [payment] on [eu-1] from [eu-2]",
        ),
        (
            "web may call pay:8080 on a, b, c and 9 more from d, e and 1 more",
            "[web] may call [pay:8080] on [a], [b], [c] and 9 more from [d], [e] and 1 more",
        ),
        (
            "no longer: namespace monitoring may call payment:80 on eu-1",
            "no longer: namespace [monitoring] may call [payment:80] on [eu-1]",
        ),
        (
            "new: 0.0.0.0/0 may call payment as shop.example.com (203.0.113.9) on eu-1",
            "new: [0.0.0.0/0] may call [payment] as [shop.example.com] ([203.0.113.9]) on [eu-1]",
        ),
        ("on may call as on from from on", "[on] may call [as] on [from] from [on]"),
        ("and 4 more", "and 4 more"),
    ],
)
def test_names_are_told_from_words(line: str, marked: str) -> None:
    shown = [f"[{each.text}]" if each.is_name else each.text for each in pieces(line)]

    assert "".join(shown) == marked
